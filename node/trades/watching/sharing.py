"""What the exporter's bank sends to an assignee's institution, so that the assignee can act from there.

Papers only: terms with both consents, the quotes, the attestations; the invoice stays with the trade's banks. What
happened is read from the chain there.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from node.quotes.wire import hex_of
from node.trades.agreement.funding import Funding
from node.trades.agreement.negotiating import CONSENT_TYPE
from node.trades.context import SIDES, Desk
from node.trades.logistics.handing_in import HandingIn
from node.trades.store import Attestation, Consent, EscrowEvent, TermsVersion, Trade

PAPERS: Final = "trades.papers"


class Sharing:
    """Shares a trade at the exporter's bank."""

    def __init__(self, desk: Desk, funding: Funding, handing_in: HandingIn) -> None:
        self._desk = desk
        self._funding = funding
        self._handing_in = handing_in

    def on_assigned(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Send everything to the institution of whoever has become the holder of a milestone."""
        for partner in self._desk.assignees_institutions(session, trade):
            for version in self._in_force(session, trade):
                self._send(session, trade, version, partner, event)
            self._funding.share_quotes(session, trade, partner, event.block_number)
            wanted = select(Attestation).where(Attestation.trade_id == trade.trade_id)
            for attestation in session.scalars(wanted.order_by(Attestation.signed_at_s, Attestation.digest)):
                self._handing_in.share(session, trade, attestation, partner, event.block_number)

    def on_amended(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Send the terms that an amendment has put in force."""
        for partner in self._desk.assignees_institutions(session, trade):
            self._send(session, trade, self._desk.version(session, trade), partner, event)

    def _in_force(self, session: Session, trade: Trade) -> list[TermsVersion]:
        """Return the version that was funded, then those that amendments put in force, in their order."""
        of_trade = TermsVersion.trade_id == trade.trade_id
        funded = session.scalars(select(TermsVersion).where(of_trade).order_by(TermsVersion.version)).first()
        wanted = select(EscrowEvent).where(EscrowEvent.trade_id == trade.trade_id, EscrowEvent.name == "TradeAmended")
        events = session.scalars(wanted.order_by(EscrowEvent.block_number, EscrowEvent.log_index))
        hashes = [bytes.fromhex(event.args["terms_hash"].removeprefix("0x")) for event in events]
        found = [funded, *(self._desk.amended_version(session, trade, terms_hash) for terms_hash in hashes)]
        return [version for version in found if version is not None]

    def _send(self, session: Session, trade: Trade, version: TermsVersion, to: str, event: ChainEvent) -> None:
        consents = [
            session.get(Consent, (trade.reference, version.version, side, CONSENT_TYPE))
            for side in (SIDES if version.trade_id is not None else ())
        ]
        body = {
            "trade_id": hex_of(trade.trade_id or b""),
            "version": version.version,
            "side": version.proposed_by,
            "document": version.document.decode(),
            "consents": [
                {
                    "side": consent.side,
                    "valid_until": str(consent.valid_until_s),
                    "action": str(consent.action),
                    "signature": hex_of(consent.signature),
                }
                for consent in consents
                if consent is not None
            ],
            "block": event.block_number,
        }
        message_id = f"papers/{trade.reference}/{version.version}/{to}/{event.block_number}"
        self._desk.messages.send(session, to=to, kind=PAPERS, message_id=message_id, body=body, thread=trade.reference)
