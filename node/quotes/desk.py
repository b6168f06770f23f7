"""The provider's side: a request comes in, a reserve is placed on chain, a firm quote goes out.

A quote leaves only after its reserve is confirmed, so no quote is ever empty. What is neither used nor live gives its
reserve back.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from fx.errors import FxError
from fx.quotes import price
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.service import ParticipantService
from node.quotes import store
from node.quotes.errors import RejectedError, UnavailableError
from node.quotes.keys import QUOTE_CONTEXT, MessageKey, signature_json
from node.quotes.rates import LedgerRates
from node.quotes.store import IssuedQuote
from node.quotes.wire import (
    address_of,
    bytes_of,
    from_json,
    hex_of,
    integer_of,
    text_of,
    to_json,
    word_of,
)
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow

REQUEST: Final = "quotes.request"
ANSWER: Final = "quotes.answer"
PREFIX: Final = "quotes:"
RESERVE_MARGIN_S: Final = 3_600
"""How long a reserve outlives its quote: FxSettlement wants it later, an hour forgives a slow chain."""
LIVE_QUOTES_MAX: Final = 50
"""Live quotes per requester: each one binds inventory."""
SPOT: Final = 0


@dataclass(frozen=True, slots=True)
class Pricing:
    """What this provider puts on the mid rate, and for how long it stands behind a quote."""

    spread_bps: int
    fee_bps: int
    valid_s: int = 600


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

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Book the use of a quote."""
        if event.contract == "FxSettlement" and event.name == "QuoteSettled":
            issued = session.get(IssuedQuote, event.args["digest"])
            if issued is not None:
                issued.state = store.USED

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Take back the reserves of quotes whose time is over."""
        expired = select(IssuedQuote).where(IssuedQuote.state == store.OFFERED, IssuedQuote.expires_at_s < block.time_s)
        for issued in session.scalars(expired).all():
            issued.state = store.RELEASING
            quote = from_json("Quote", issued.quote, "quote")
            self._enqueue(session, issued, "FxSettlement", "release_reserve", (quote,), "release")

    def issued(self, session: Session, limit: int = 100) -> list[IssuedQuote]:
        """Return the newest quotes of this desk."""
        newest = select(IssuedQuote).order_by(IssuedQuote.expires_at_s.desc()).limit(limit)
        return list(session.scalars(newest))

    def _issue(self, session: Session, message: Message, request_id: str, now_s: int) -> None:
        body = message.body
        if Role.BANK not in self._participants.directory.institution(message.sender).roles:
            raise RejectedError("sender", "a bank", message.sender)
        live = select(func.count()).where(
            IssuedQuote.requester == message.sender,
            IssuedQuote.state.in_((store.PLACING, store.OFFERED)),
        )
        if (session.scalar(live) or 0) >= LIVE_QUOTES_MAX:
            raise RejectedError("request", f"at most {LIVE_QUOTES_MAX} live quotes a bank", "one more")
        sell = self._currency(body.get("sell_currency"), "sell_currency")
        buy = self._currency(body.get("buy_currency"), "buy_currency")
        buy_minor = integer_of(body.get("buy_minor"), "buy_minor")
        trade_id = bytes(32) if body.get("trade_id") is None else word_of(body["trade_id"], "trade_id")
        salt = secrets.token_bytes(32)
        quote = self._quote(
            sell,
            buy,
            buy_minor,
            address_of(body.get("taker"), "taker"),
            trade_id,
            salt,
            now_s + self._pricing.valid_s,
            now_s,
        )
        digest = typed_data.digest(self._deployment.domain("FxSettlement"), "Quote", quote)
        issued = IssuedQuote(
            digest=digest,
            requester=message.sender,
            request_id=request_id,
            quote=to_json("Quote", quote),
            sell_currency=sell,
            buy_currency=buy,
            spread_bps=self._pricing.spread_bps,
            expires_at_s=quote["expires_at"],
            state=store.PLACING,
            reason=None,
        )
        session.add(issued)
        notary = self._deployment.address("FxSettlement")
        hold = (notary, buy_minor, quote["expires_at"] + RESERVE_MARGIN_S, digest, salt)
        self._enqueue(session, issued, buy, "hold", hold, "reserve")

    def _quote(
        self, sell: str, buy: str, buy_minor: int, taker: str, trade_id: bytes, salt: bytes, expires_at: int, now_s: int
    ) -> dict[str, Any]:
        try:
            priced = price(self._rates.mid(now_s, sell, buy), self._pricing.spread_bps, self._pricing.fee_bps)
        except FxError as error:
            raise RejectedError("request", "a pair this desk can price", str(error)) from error
        if not 0 < buy_minor < 2**72:
            raise RejectedError("buy_minor", "1 to 2^72 - 1 minor units", buy_minor)
        return {
            "provider": self._participants.institution.address,
            "kind": SPOT,
            "lock_until": 0,
            "sell_token": self._deployment.address(sell),
            "buy_token": self._deployment.address(buy),
            "rate_num": priced.all_in.numerator,
            "rate_den": priced.all_in.denominator,
            "fee_bps": priced.fee_bps,
            "premium": 0,
            "cancel_fee": 0,
            "min_amount": buy_minor,
            "max_amount": buy_minor,
            "taker": taker,
            "trade_id": trade_id,
            "reserve_id": self._hold_id(buy, salt),
            "expires_at": expires_at,
            "salt": salt,
        }

    def _hold_id(self, currency: str, salt: bytes) -> bytes:
        """Return the id that the token will give the reserve (docs/spec/contracts.md)."""
        deployment = self._deployment
        parts = (
            deployment.chain_id,
            deployment.address(currency),
            self._participants.institution.address,
            deployment.address("FxSettlement"),
            salt,
        )
        return keccak(encode(["uint256", "address", "address", "address", "bytes32"], parts))

    def _offer(self, session: Session, issued: IssuedQuote) -> None:
        """Sign the quote and send it: its reserve stands."""
        quote = from_json("Quote", issued.quote, "quote")
        signature = self._participants.sign_typed(
            session,
            signer=self._participants.institution.id,
            domain=self._deployment.domain("FxSettlement"),
            primary_type="Quote",
            message=quote,
            given_by="quotes desk",
            now_s=booked_until_s(session),
        )
        key = self._message_key
        issued.state = store.OFFERED
        self._answer(
            session,
            issued.requester,
            issued.request_id,
            {
                "quote": issued.quote,
                "signature": hex_of(signature),
                "post_quantum": None if key is None else signature_json(key, issued.digest, QUOTE_CONTEXT),
                "spread_bps": str(issued.spread_bps),
            },
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
        )

    def _enqueue(
        self, session: Session, issued: IssuedQuote, contract: str, function: str, args: tuple[Any, ...], step: str
    ) -> None:
        reference = f"{PREFIX}{issued.digest.hex()}:{step}"
        outbox.enqueue(session, contract=contract, function=function, args=args, reference=reference)

    def _currency(self, value: Any, path: str) -> str:
        code = text_of(value, path, length_max=3)
        if code not in self._deployment.tokens:
            raise RejectedError(
                path, f"a currency of this network ({', '.join(sorted(self._deployment.tokens))})", code
            )
        return code


def signature_of(value: Any, path: str) -> bytes:
    """Read a signature of 65 bytes."""
    return bytes_of(value, path, size_max=65)
