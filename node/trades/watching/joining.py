"""A trade at an assignee's institution: the papers come from the exporter's bank, the rest from the chain.

Nothing is taken on that bank's word: terms have to hash to what the chain has funded or amended, consents to be the
parties', and the chain to say that somebody whose key is kept here holds a milestone.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.quotes.wire import bytes_of, hex_of, integer_of, text_of, word_of
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.agreement.negotiating import CONSENT_TYPE, require_signature
from node.trades.agreement.versions import document_of, new_trade, version_of
from node.trades.context import SIDES, Desk, require_followed
from node.trades.errors import OfferRejectedError
from node.trades.store import Consent, EscrowEvent, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument
from node.trades.watching.chain_view import ChainView, events_of

_BANKS: Final = "a trade whose banks are others; their own messages tell of it"


class Joining:
    """Takes the papers of trades that this institution's people were assigned a part of."""

    def __init__(self, desk: Desk, chain_view: ChainView) -> None:
        self._desk = desk
        self._chain_view = chain_view

    def on_papers(self, session: Session, message: Message) -> None:
        """Keep a version of the terms, and read on what the chain has said of the trade.

        Raises:
            OfferRejectedError: the sender is not the exporter's bank, nobody here holds a milestone, the terms or
                consents are not those of the chain, or another trade has this reference here.
            UnavailableError: the block that assigned or amended is not followed here yet.
        """
        body = message.body
        require_followed(session, body.get("block"))
        document, trade_id = document_of(body), word_of(body.get("trade_id"), "trade_id")
        if self._desk.id in (document.importer.bank, document.exporter.bank):
            raise OfferRejectedError("document", _BANKS, document.reference)
        if message.sender != document.exporter.bank:
            raise OfferRejectedError("sender", document.exporter.bank, message.sender)
        events = events_of(session, trade_id)
        self._require_holder(session, events)
        is_funded = self._require_in_force(document, trade_id, events)
        trade = session.get(Trade, document.reference)
        if trade is not None and trade.trade_id != trade_id:
            expected = f"no other trade {document.reference} here; act on this one at {message.sender}"
            raise OfferRejectedError("reference", expected, hex_of(trade.trade_id or b""))
        version, now_s = version_of(body), booked_until_s(session)
        session.merge(
            TermsVersion(
                reference=document.reference,
                version=version,
                proposed_by=text_of(body.get("side"), "side", length_max=8),
                trade_id=trade_id if is_funded else None,
                document=doc.canonical(document),
                invoice=None,
                proposed_at_s=now_s,
            )
        )
        if trade is None and is_funded:
            trade = self._join(session, document, version, trade_id, body.get("consents"), message.sender)
            self._chain_view.read_on(session, trade)
        elif trade is not None and trade.state == store.UNREAD:
            self._chain_view.read_on(session, trade)

    def _join(
        self, session: Session, document: TermsDocument, version: int, trade_id: bytes, consents: Any, sender: str
    ) -> Trade:
        now_s = booked_until_s(session)
        trade = new_trade(document, now_s)
        trade.state, trade.version, trade.trade_id = store.AGREED, version, trade_id
        session.add(trade)
        if not isinstance(consents, list) or len(consents) != len(SIDES):
            raise OfferRejectedError("consents", "those of both sides", type(consents).__name__)
        for side, consent in zip(SIDES, consents, strict=True):
            session.add(self._consent(document, version, side, consent, sender, now_s))
        session.flush()
        return trade

    def _consent(
        self, document: TermsDocument, version: int, side: str, given: Any, sender: str, now_s: int
    ) -> Consent:
        if not isinstance(given, dict) or given.get("side") != side:
            raise OfferRejectedError("consents", f"the {side}'s", type(given).__name__)
        consent = Consent(
            reference=document.reference,
            version=version,
            side=side,
            kind=CONSENT_TYPE,
            valid_until_s=integer_of(given.get("valid_until"), "consents.valid_until"),
            action=integer_of(given.get("action"), "consents.action"),
            signature=bytes_of(given.get("signature"), "consents.signature"),
            given_by=sender,
            signed_at_s=now_s,
        )
        struct = doc.build_struct(document, self._desk.deployment)
        signed = {"terms": struct, "valid_until": consent.valid_until_s, "action": consent.action}
        require_signature(self._desk, CONSENT_TYPE, signed, consent.signature, document.side(side).account or "")
        return consent

    def _require_holder(self, session: Session, events: Sequence[EscrowEvent]) -> None:
        own = self._desk.participants.account_names(session)
        if not any(event.name == "MilestoneAssigned" and event.args["assignee"] in own for event in events):
            raise OfferRejectedError("trade_id", "a trade of which somebody here holds a milestone", "another")

    def _require_in_force(self, document: TermsDocument, trade_id: bytes, events: Sequence[EscrowEvent]) -> bool:
        """Check that the chain has funded these terms or amended a trade to them; tell whether it is the former."""
        if document.open_accounts():
            raise OfferRejectedError("document", "every account filled in", document.open_accounts()[0])
        if doc.trade_id(document, self._desk.deployment) == trade_id:
            return True
        terms_hash = hex_of(typed_data.hash_struct("Terms", doc.build_struct(document, self._desk.deployment)))
        if not any(event.name == "TradeAmended" and event.args["terms_hash"] == terms_hash for event in events):
            raise OfferRejectedError("document", "the terms that the chain has funded or amended to", "others")
        return False
