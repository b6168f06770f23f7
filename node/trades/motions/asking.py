"""Asking others to sign about a trade: a lock's provider, a financier; and answering, at their desks.

What is asked is the typed message itself, no document and no name: who signs sees what the chain will see. An
institution's own signature counts once it has recorded the digest by its own transaction, so its answer leaves then.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from fx.currencies import get_currency
from fx.money import Money
from node.ledger.store import HoldRow
from node.messages.ports import Message
from node.quotes.wire import address_of, bytes_of, from_json, hex_of, integer_of, text_of, to_json
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.context import ESCROW, PREFIX, Actor, Desk
from node.trades.errors import NotPermittedError, OfferRejectedError, RejectedError, WrongStateError
from node.trades.store import SignatureRequest
from node.trades.terms.document import shown_time

ASK: Final = "trades.ask"
ANSWER: Final = "trades.answer"
KINDS: Final = ("Amend", "Cancel", "Assign")
VALID_S: Final = 7 * 86_400
SUBJECT: Final = "="
"""What a request's id follows in the reference of the transaction that records its digest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A signature under a motion, as it travels."""

    account: str
    valid_until: int
    action: int
    signature: bytes
    increase: dict[str, Any] | None
    """`IncreaseHold` of the account: valid_until and signature, as JSON."""

    @classmethod
    def parse(cls, body: Any) -> "Answer":
        """Read an answer's body.

        Raises:
            MessageRejectedError: a field is missing or malformed.
        """
        if not isinstance(body, dict):
            raise OfferRejectedError("signature", "an object", type(body).__name__)
        increase = body.get("increase")
        if increase is not None:
            if not isinstance(increase, dict):
                raise OfferRejectedError("increase", "an object", type(increase).__name__)
            increase = {
                "valid_until": str(integer_of(increase.get("valid_until"), "increase.valid_until")),
                "signature": hex_of(bytes_of(increase.get("signature"), "increase.signature")),
            }
        return cls(
            account=address_of(body.get("account"), "account"),
            valid_until=integer_of(body.get("valid_until"), "valid_until"),
            action=integer_of(body.get("action"), "action"),
            signature=bytes_of(body.get("signature"), "signature"),
            increase=increase,
        )


class Asking:
    """Requests to sign, sent and received."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.answered: Callable[[Session, str, str, Answer | str, str, int], None] | None = None
        """Takes (reference, name, signature or reason of a refusal, who answers, ledger time)."""

    def ask(self, session: Session, institution: str, body: dict[str, Any]) -> None:
        """Ask an institution, once for each request id; this one itself where it keeps the key."""
        if institution == self._desk.id:
            self._receive(session, self._desk.id, body)
            return
        message_id = f"ask/{body['request_id']}"
        self._desk.messages.send(
            session, to=institution, kind=ASK, message_id=message_id, body=body, thread=body["reference"]
        )

    def on_ask(self, session: Session, message: Message) -> None:
        """Keep what another institution asks for."""
        self._receive(session, message.sender, dict(message.body))

    def on_answer(self, session: Session, message: Message) -> None:
        """Hand an answer to the motion it is about."""
        self._answered(session, message.sender, dict(message.body))

    def waiting(self, actor: Actor) -> Select[SignatureRequest]:
        """Return the query of the requests that `actor` may sign."""
        wanted = select(SignatureRequest).where(SignatureRequest.state == store.ASKED)
        if actor.customer is not None:
            wanted = wanted.where(SignatureRequest.owner == actor.customer)
        return wanted

    def sign(self, session: Session, request_id: str, actor: Actor, now_s: int) -> SignatureRequest:
        """Sign what is asked, declined before or not, for the owner whose key is kept here; twice changes nothing.

        Raises:
            RejectedError: the hold that has to grow is not in these books.
        """
        request = self._own(session, request_id, actor)
        if request.state == store.SIGNED:
            return request
        message = from_json(request.kind, request.message, "message")
        message |= {"valid_until": now_s + VALID_S, "action": secrets.randbits(62)}
        domain = self._desk.deployment.domain(ESCROW)
        signature = self._sign(session, request.owner, domain, request.kind, message, actor, now_s)
        answer = {
            "account": self._desk.participants.address_of(session, request.owner),
            "valid_until": str(message["valid_until"]),
            "action": str(message["action"]),
            "signature": hex_of(signature),
            "increase": self._increase(session, request, message, actor, now_s),
        }
        request.state, request.answer = store.SIGNED, answer
        if request.owner != self._desk.id:
            self._send(session, request, {"signed": answer})
            return request
        outbox.enqueue(
            session,
            contract="ParticipantRegistry",
            function="record",
            args=(typed_data.digest(domain, request.kind, message),),
            reference=f"{PREFIX}{SUBJECT}{request.id}:record",
        )
        return request

    def decline(self, session: Session, request_id: str, reason: str, actor: Actor) -> SignatureRequest:
        """Say no, with a reason.

        Raises:
            WrongStateError: it is signed.
        """
        request = self._own(session, request_id, actor)
        if request.state == store.SIGNED:
            raise WrongStateError("request", "one that is not signed", request.state)
        if request.state == store.ASKED:
            request.state = store.DECLINED
            self._send(session, request, {"declined": reason.strip()[:200] or "no reason given"})
        return request

    def on_outcome(self, session: Session, row: OutboxRow, request_id: str) -> None:
        """Answer once the digest is recorded; ask again where it was not."""
        request = session.get_one(SignatureRequest, request_id)
        if row.state == outbox.CONFIRMED:
            self._send(session, request, {"signed": request.answer})
        else:
            request.state, request.answer = store.ASKED, None

    def _own(self, session: Session, request_id: str, actor: Actor) -> SignatureRequest:
        found = session.get(SignatureRequest, request_id)
        if found is None:
            raise RejectedError("request", "a request to this institution", request_id)
        if actor.customer not in (None, found.owner):
            raise NotPermittedError("actor", f"{found.owner}, or its bank", actor.name)
        return found

    def _sign(
        self,
        session: Session,
        owner: str,
        domain: typed_data.Domain,
        kind: str,
        message: typed_data.Message,
        actor: Actor,
        now_s: int,
    ) -> bytes:
        return self._desk.participants.sign_typed(
            session, signer=owner, domain=domain, primary_type=kind, message=message, given_by=actor.name, now_s=now_s
        )

    def _increase(
        self, session: Session, request: SignatureRequest, message: dict[str, Any], actor: Actor, now_s: int
    ) -> dict[str, Any] | None:
        if request.increase is None:
            return None
        asked = request.increase
        return increase_of(
            self._desk,
            session,
            request.owner,
            message["trade_id"],
            asked["currency"],
            int(asked["added"]),
            int(asked["expires_at"]),
            actor,
            now_s,
        )

    def _receive(self, session: Session, sender: str, body: dict[str, Any]) -> None:
        request_id = text_of(body.get("request_id"), "request_id", length_max=40)
        if not request_id.isalnum():
            raise OfferRejectedError("request_id", "letters and digits", request_id)
        if session.get(SignatureRequest, request_id) is not None:
            return
        kind = text_of(body.get("kind"), "kind", length_max=10)
        if kind not in KINDS:
            raise OfferRejectedError("kind", " or ".join(KINDS), kind)
        message = from_json(kind, body.get("message"), "message")
        account = address_of(body.get("account"), "account")
        owner = self._desk.participants.account_names(session).get(account)
        if owner is None:
            raise OfferRejectedError("account", f"an account of {self._desk.id}", account)
        if kind == "Assign" and message["assignee"] != account:
            raise OfferRejectedError("message.assignee", account, message["assignee"])
        session.add(
            SignatureRequest(
                id=request_id,
                asked_by=sender,
                reference=text_of(body.get("reference"), "reference"),
                name=text_of(body.get("name"), "name", length_max=20),
                kind=kind,
                owner=owner,
                message=to_json(kind, message),
                increase=_asked_increase(self._desk, body.get("increase")),
                summary=_summary(kind, message, self._desk),
                state=store.ASKED,
                answer=None,
                asked_at_s=booked_until_s(session),
            )
        )
        session.flush()

    def _send(self, session: Session, request: SignatureRequest, content: dict[str, Any]) -> None:
        body = {"reference": request.reference, "name": request.name, **content}
        if request.asked_by == self._desk.id:
            self._answered(session, self._desk.id, body)
            return
        action = "declined" if request.answer is None else request.answer["action"]
        self._desk.messages.send(
            session,
            to=request.asked_by,
            kind=ANSWER,
            message_id=f"answer/{request.id}/{action}",
            body=body,
            thread=request.reference,
        )

    def _answered(self, session: Session, sender: str, body: dict[str, Any]) -> None:
        reference = text_of(body.get("reference"), "reference")
        name = text_of(body.get("name"), "name", length_max=20)
        answer: Answer | str
        if "declined" in body:
            answer = text_of(body["declined"], "declined", length_max=200)
        else:
            answer = Answer.parse(body.get("signed"))
        if self.answered is not None:
            self.answered(session, reference, name, answer, sender, booked_until_s(session))


def increase_of(
    desk: Desk,
    session: Session,
    owner: str,
    trade_id: bytes,
    currency: str,
    added: int,
    expires_at_s: int,
    actor: Actor,
    now_s: int,
) -> dict[str, Any]:
    """Sign `IncreaseHold` for the hold that an owner of these books has in a trade.

    Raises:
        RejectedError: there is no such hold, or it lives longer already.
    """
    wanted = select(HoldRow).where(
        HoldRow.owner == owner,
        HoldRow.reference == trade_id,
        HoldRow.notary == desk.deployment.address(ESCROW),
        HoldRow.currency == currency,
    )
    hold = session.scalar(wanted)
    if hold is None:
        raise RejectedError("hold", f"a hold of {owner} in {currency} for the trade", "none")
    if expires_at_s < hold.expires_at_s:
        raise RejectedError("hold_expires", f"not before {hold.expires_at_s}: a hold is never cut short", expires_at_s)
    message = {
        "hold_id": hold.id,
        "amount": hold.rest + max(0, added),
        "expires_at": expires_at_s,
        "valid_until": now_s + VALID_S,
    }
    signature = desk.participants.sign_typed(
        session,
        signer=owner,
        domain=desk.deployment.token_domain(currency),
        primary_type="IncreaseHold",
        message=message,
        given_by=actor.name,
        now_s=now_s,
    )
    return {"valid_until": str(message["valid_until"]), "signature": hex_of(signature)}


def _summary(kind: str, message: typed_data.Message, desk: Desk) -> str:
    """Say what is to be signed, from the message itself: what the asker says of it is not what counts."""
    trade = f"trade 0x{message['trade_id'].hex()}"
    if kind == "Cancel":
        return f"cancel {trade}: every hold of it is given back"
    if kind == "Assign":
        return f"take over milestone {message['milestone'] + 1} of {trade}, in the exporter's place, for good"
    terms = message["terms"]
    currencies = {token.address: token.currency for token in desk.deployment.tokens.values()}
    currency = currencies.get(terms["invoice_token"])
    if currency is None:
        raise OfferRejectedError("message.terms.invoice_token", "a token of this network", terms["invoice_token"])
    amount = Money(terms["invoice_amount"], get_currency(currency))
    deadlines = ", ".join(shown_time(milestone["deadline"]) for milestone in terms["milestones"])
    return f"amend {trade}: {amount}, deadlines {deadlines}, holds until {shown_time(terms['hold_expires_at'])}"


def _asked_increase(desk: Desk, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("currency") not in desk.deployment.tokens:
        raise OfferRejectedError("increase.currency", "a currency of this network", value)
    return {
        "currency": value["currency"],
        "added": str(integer_of(value.get("added"), "increase.added")),
        "expires_at": str(integer_of(value.get("expires_at"), "increase.expires_at")),
    }
