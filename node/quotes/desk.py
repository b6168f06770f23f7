"""The provider's side: a request comes in, a reserve is placed on chain, a firm quote goes out.

A quote leaves only after its reserve is confirmed, so no quote is ever empty, and what this institution quotes
altogether never exceeds what it has. A lock carries the institution's own hold for the escrow, which funding places in
the reserve's stead. What is neither used nor live gives its reserve back, and so does what a use left over.
"""

import secrets
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.keys import MessageKey
from node.participants.service import ParticipantService
from node.quotes import store
from node.quotes.errors import RejectedError, UnavailableError
from node.quotes.keys import QUOTE_CONTEXT, signature_json
from node.quotes.pricing import Pricing, build_quote
from node.quotes.rates import LedgerRates
from node.quotes.requests import ANSWER, ESCROW, LOCK, SETTLEMENT, Wanted, parse_request
from node.quotes.store import IssuedQuote
from node.quotes.wire import from_json, hex_of, text_of, to_json
from node.quotes.wire import signature_of as signature_of
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.web.events import publish

PREFIX: Final = "quotes:"
RESERVE_MARGIN_S: Final = 3_600
"""How long a reserve outlives its quote: FxSettlement wants it later, an hour forgives a slow chain."""
LIVE_QUOTES_MAX: Final = 50
"""Live quotes per requester: each one binds inventory."""
USES: Final = ("QuoteSettled", "LockTaken")
# Asked at every block, so made once.
_EXPIRED: Final = select(IssuedQuote).where(
    IssuedQuote.state == store.OFFERED, IssuedQuote.expires_at_s < bindparam("now_s")
)


class QuoteDesk:
    """Answers requests for quotes with firm quotes."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        participants: ParticipantService,
        messages: MessageService,
        rates: LedgerRates,
        pricing: Pricing,
        message_key: MessageKey | None,
    ) -> None:
        self._deployment = deployment
        self._participants = participants
        self._messages = messages
        self._rates = rates
        self._pricing = pricing
        self._message_key = message_key

    def on_request(self, session: Session, message: Message) -> None:
        """Price a request and start placing its reserve; what cannot be priced is declined with the reason."""
        request_id = text_of(message.body.get("request_id"), "request_id", length_max=80)
        known = select(IssuedQuote).where(IssuedQuote.requester == message.sender, IssuedQuote.request_id == request_id)
        if session.scalar(known) is not None:
            return
        try:
            self._issue(session, message, request_id, booked_until_s(session))
        except (RejectedError, UnavailableError) as error:
            self._decline(session, message.sender, request_id, str(error))

    def on_outcome(self, session: Session, row: OutboxRow) -> None:
        """Go on after a transaction of this desk: sign and send the quote, or book what went back."""
        _, digest_hex, step = row.reference.split(":")
        issued = session.get_one(IssuedQuote, bytes.fromhex(digest_hex))
        confirmed = row.state == outbox.CONFIRMED
        if step == "reserve" and issued.state == store.PLACING:
            if confirmed:
                self._offer(session, issued)
            else:
                issued.state, issued.reason = store.DECLINED, row.reason
                self._decline(session, issued.requester, issued.request_id, f"reserve: {row.reason}")
        elif step == "release" and issued.state == store.RELEASING:
            # Refused means that the reserve is gone already: used at the last second, or expired and claimed.
            issued.state = store.RELEASED
            issued.reason = None if confirmed else row.reason
        self._tell(session, issued)

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Book the use of a quote, and take back what a use of less than the most left in its reserve."""
        if event.contract != SETTLEMENT or event.name not in USES:
            return
        issued = session.get(IssuedQuote, event.args["digest"])
        if issued is None:
            return
        issued.state = store.USED
        self._tell(session, issued)
        quote = from_json("Quote", issued.quote, "quote")
        if event.name == "QuoteSettled" and event.args["buy_amount"] < quote["max_amount"]:
            self._enqueue(session, issued, SETTLEMENT, "release_reserve", (quote,), "rest")

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Take back the reserves of quotes whose time is over."""
        for issued in session.scalars(_EXPIRED, {"now_s": block.time_s}).all():
            issued.state = store.RELEASING
            quote = from_json("Quote", issued.quote, "quote")
            self._enqueue(session, issued, SETTLEMENT, "release_reserve", (quote,), "release")

    def _tell(self, session: Session, issued: IssuedQuote) -> None:
        told = {"digest": "0x" + issued.digest.hex(), "requester": issued.requester, "reason": issued.reason}
        now_s = booked_until_s(session)
        publish(session, kind=f"quote.{issued.state}", owner=None, body=told, time_s=now_s)

    def issued(self, state: str | None = None) -> Select[IssuedQuote]:
        """Return the query of this desk's quotes, in one state or any."""
        wanted = select(IssuedQuote)
        return wanted if state is None else wanted.where(IssuedQuote.state == state)

    def _issue(self, session: Session, message: Message, request_id: str, now_s: int) -> None:
        if Role.BANK not in self._participants.directory.institution(message.sender).roles:
            raise RejectedError("sender", "a bank", message.sender)
        live = select(func.count()).where(
            IssuedQuote.requester == message.sender,
            IssuedQuote.state.in_((store.PLACING, store.OFFERED)),
        )
        if (session.scalar(live) or 0) >= LIVE_QUOTES_MAX:
            raise RejectedError("request", f"at most {LIVE_QUOTES_MAX} live quotes a bank", "one more")
        wanted = parse_request(message.body, self._deployment)
        salt = secrets.token_bytes(32)
        quote = self._quote(wanted, salt, now_s)
        digest = typed_data.digest(self._deployment.domain(SETTLEMENT), "Quote", quote)
        issued = IssuedQuote(
            digest=digest,
            requester=message.sender,
            request_id=request_id,
            quote=to_json("Quote", quote),
            sell_currency=wanted.sell_currency,
            buy_currency=wanted.buy_currency,
            spread_bps=self._pricing.spread_bps,
            expires_at_s=quote["expires_at"],
            state=store.PLACING,
            reason=None,
        )
        session.add(issued)
        notary = self._deployment.address(SETTLEMENT)
        hold = (notary, wanted.max_minor, quote["expires_at"] + RESERVE_MARGIN_S, digest, salt)
        self._enqueue(session, issued, wanted.buy_currency, "hold", hold, "reserve")

    def _quote(self, wanted: Wanted, salt: bytes, now_s: int) -> dict[str, Any]:
        return build_quote(
            self._pricing,
            wanted,
            self._rates.mid(now_s, wanted.sell_currency, wanted.buy_currency),
            provider=self._participants.institution.address,
            deployment=self._deployment,
            reserve_id=self._hold_id(wanted.buy_currency, salt),
            salt=salt,
            now_s=now_s,
        )

    def _hold_id(self, currency: str, salt: bytes) -> bytes:
        """Return the id that the token will give the reserve (docs/spec/contracts.md)."""
        deployment = self._deployment
        parts = (
            deployment.chain_id,
            deployment.address(currency),
            self._participants.institution.address,
            deployment.address(SETTLEMENT),
            salt,
        )
        return keccak(encode(["uint256", "address", "address", "address", "bytes32"], parts))

    def _offer(self, session: Session, issued: IssuedQuote) -> None:
        """Sign the quote and send it: its reserve stands."""
        quote = from_json("Quote", issued.quote, "quote")
        signature = self._sign(session, self._deployment.domain(SETTLEMENT), "Quote", quote)
        key = self._message_key
        issued.state = store.OFFERED
        content = {
            "quote": issued.quote,
            "signature": hex_of(signature),
            "post_quantum": None if key is None else signature_json(key, issued.digest, QUOTE_CONTEXT),
            "spread_bps": str(issued.spread_bps),
        }
        if quote["kind"] == LOCK:
            content |= self._standing(session, issued.buy_currency, quote)
        self._answer(session, issued.requester, issued.request_id, content)

    def _standing(self, session: Session, currency: str, quote: typed_data.Message) -> dict[str, Any]:
        """Sign the hold that stands ready for the escrow; it can be placed with the quote alone, and as long as it."""
        hold = {
            "owner": quote["provider"],
            "notary": self._deployment.address(ESCROW),
            "amount": quote["max_amount"],
            "expires_at": quote["lock_until"],
            "reference": quote["trade_id"],
            "salt": secrets.token_bytes(32),
            "valid_until": quote["expires_at"],
        }
        signature = self._sign(session, self._deployment.token_domain(currency), "Hold", hold)
        return {"hold": to_json("Hold", hold), "hold_signature": hex_of(signature)}

    def _sign(self, session: Session, domain: typed_data.Domain, kind: str, message: typed_data.Message) -> bytes:
        return self._participants.sign_typed(
            session,
            signer=self._participants.institution.id,
            domain=domain,
            primary_type=kind,
            message=message,
            given_by="quotes desk",
            now_s=booked_until_s(session),
        )

    def _decline(self, session: Session, to: str, request_id: str, reason: str) -> None:
        self._answer(session, to, request_id, {"declined": reason[:300]})

    def _answer(self, session: Session, to: str, request_id: str, content: dict[str, Any]) -> None:
        self._messages.send(
            session,
            to=to,
            kind=ANSWER,
            message_id=f"quote-answer/{to}/{request_id}",
            body={"request_id": request_id, **content},
            thread=request_id,
        )

    def _enqueue(
        self, session: Session, issued: IssuedQuote, contract: str, function: str, args: tuple[Any, ...], step: str
    ) -> None:
        reference = f"{PREFIX}{issued.digest.hex()}:{step}"
        outbox.enqueue(session, contract=contract, function=function, args=args, reference=reference)
