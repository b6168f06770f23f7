"""Payment requests of one institution: made and signed, read and paid, and found again when the money comes.

The payment is an EIP-3009 authorization whose nonce is the request's id: the chain takes it once from the same payer,
and the payee's bank finds the request by it, without a message between the banks.
"""

import secrets
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from fx.currencies import get_currency
from fx.money import Money
from node.ledger.orders import Order, OrderRow, OrderService
from node.ledger.service import LedgerService
from node.participants.addresses import PostalAddress
from node.participants.directory import Institution
from node.participants.errors import CustomerClosedError
from node.participants.service import ParticipantService
from node.payment_requests import payload as codes
from node.payment_requests.errors import NotPrintableError, OtherAmountError, OwnRequestError, UnknownRequestError
from node.payment_requests.limits import CITY_CHARS_MAX, NAME_CHARS_MAX
from node.payment_requests.payload import PaymentRequest, SignedRequest
from node.payment_requests.store import OPEN, PAID, PaymentRequestRow
from node.storage.cursor import booked_until_s
from node.web.events import publish

_LABEL_BYTES = 8
_AUTHORIZED = "AuthorizationUsed"
_TRANSFER = "Transfer"
_PURPOSE = "payment_request"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a payee wants to be paid."""

    owner: str
    amount: Money
    reference: str
    expires_in_s: int


class PaymentRequestService:
    """Makes, reads and pays requests."""

    def __init__(
        self,
        *,
        participants: ParticipantService,
        orders: OrderService,
        ledger: LedgerService,
        deployment: Deployment,
    ) -> None:
        self._participants = participants
        self._orders = orders
        self._ledger = ledger
        self._deployment = deployment
        self._tokens = {token.address: currency for currency, token in deployment.tokens.items()}

    def make(self, session: Session, wanted: Wanted, *, given_by: str) -> PaymentRequestRow:
        """Make a request and sign it with the institution's key.

        Raises:
            UnknownCustomerError, UnknownCurrencyError: there is no such payee or currency here.
            CustomerClosedError: the institution has parted from the payee.
            NotPrintableError: a field does not fit the code, or the payee's town is not known.
        """
        self._ledger.require_currency(wanted.amount.currency.code)
        now_s, own = booked_until_s(session), self._participants.institution
        name, address = self._payee(session, wanted.owner)
        request = PaymentRequest(
            bank=own.lei,
            account=self._participants.address_of(session, wanted.owner),
            amount=wanted.amount,
            name=codes.latin(name, NAME_CHARS_MAX),
            city=codes.latin(address.town, CITY_CHARS_MAX),
            country=address.country,
            reference=wanted.reference,
            label=secrets.token_urlsafe(_LABEL_BYTES),
            expires_at_s=now_s + wanted.expires_in_s,
        )
        signed = codes.write(
            request,
            self._deployment,
            lambda message: self._participants.sign_typed(
                session,
                signer=own.id,
                domain=self._deployment.token_domain(wanted.amount.currency.code),
                primary_type=codes.PRIMARY_TYPE,
                message=message,
                given_by=given_by,
                now_s=now_s,
            ),
        )
        row = PaymentRequestRow(
            id=signed.id.hex(),
            owner=wanted.owner,
            account=request.account,
            currency=wanted.amount.currency.code,
            amount_minor=wanted.amount.amount_minor,
            reference=wanted.reference,
            payload=signed.payload,
            created_at_s=now_s,
            expires_at_s=request.expires_at_s,
            state=OPEN,
        )
        session.add(row)
        session.flush()
        self._tell(session, row, "made", now_s)
        return row

    def request(self, session: Session, request_id: str) -> PaymentRequestRow:
        """Return a request that was made here, or raise UnknownRequestError."""
        found = session.get(PaymentRequestRow, request_id)
        if found is None:
            raise UnknownRequestError(request_id)
        return found

    def requests(self, owner: str | None) -> Select[PaymentRequestRow]:
        """Return the query of the requests of one payee, or of all."""
        wanted = select(PaymentRequestRow)
        return wanted if owner is None else wanted.where(PaymentRequestRow.owner == owner)

    def read(self, session: Session, payload: str) -> SignedRequest:
        """Return the request of a code, checked as of now; see `payload.read` for what it raises."""
        return codes.read(payload, self._deployment, self._participants.directory, booked_until_s(session))

    def bank(self, request: PaymentRequest) -> Institution:
        """Return the bank of a request that was read here."""
        return self._participants.directory.institution(request.bank)

    def pay(self, session: Session, payload: str, *, owner: str, agreed: Money, given_by: str) -> OrderRow:
        """Pay a request from an owner's account.

        Args:
            agreed: What the payer has read and agreed to.

        Raises:
            PayloadError, RequestSignatureError, RequestExpiredError: see `payload.read`.
            OtherAmountError: the request asks for something else.
            OwnRequestError: payer and payee are one.
            OrderedAlreadyError: it was paid from here already.
        """
        signed = self.read(session, payload)
        request = signed.request
        if agreed != request.amount:
            raise OtherAmountError(str(request.amount), str(agreed))
        if self._participants.address_of(session, owner) == request.account:
            raise OwnRequestError(owner)
        order = Order(
            owner=owner,
            payee=request.account,
            currency=request.amount.currency.code,
            amount_minor=request.amount.amount_minor,
            text=", ".join(filter(None, (request.name, request.reference))),
            id=signed.id.hex(),
            valid_until_s=request.expires_at_s,
        )
        return self._orders.transfer(session, order, given_by=given_by)

    def on_block(self, session: Session, block: BlockData) -> None:
        """Find the requests that a block's transfers pay; a block handler, after the ledger's."""
        for event, payment in pairwise(block.events):
            if event.name == _AUTHORIZED and event.address in self._tokens and _is_by(payment, event):
                row = session.get(PaymentRequestRow, event.args["nonce"].hex())
                if row is not None:
                    self._paid(session, row, payment)

    def _paid(self, session: Session, row: PaymentRequestRow, payment: ChainEvent) -> None:
        """Book a payment that carries the request's id; one that is not as asked for is the payee's to settle."""
        currency = self._tokens[payment.address]
        asked = (row.account, row.currency, row.amount_minor)
        if (payment.args["receiver"], currency, payment.args["value"]) != asked:
            self._tell(session, row, "other_amount", payment.block_time_s)
            return
        if row.state == PAID:
            self._tell(session, row, "paid_again", payment.block_time_s)
            return
        row.state, row.payer = PAID, payment.args["sender"]
        row.paid_at_s, row.tx_hash = payment.block_time_s, payment.tx_hash
        self._ledger.add_memo(
            session,
            tx_hash=payment.tx_hash,
            log_index=payment.log_index,
            purpose=_PURPOSE,
            text=row.reference or None,
        )
        self._tell(session, row, "paid", payment.block_time_s)

    def _tell(self, session: Session, row: PaymentRequestRow, what: str, time_s: int) -> None:
        body = {
            "id": row.id,
            "currency": row.currency,
            "amount": str(row.amount_minor),
            "reference": row.reference,
            "payer": row.payer,
        }
        publish(session, kind=f"payment_request.{what}", owner=row.owner, body=body, time_s=time_s)

    def _payee(self, session: Session, owner: str) -> tuple[str, PostalAddress]:
        own = self._participants.institution
        if owner == own.id:
            raise NotPrintableError("owner", "a customer: a code has the payee's town", owner)
        customer = self._participants.customer(session, owner)
        if customer.closed_at_s is not None:
            raise CustomerClosedError(owner)
        address = self._participants.postal_addresses(session).get(owner)
        if address is None:
            raise NotPrintableError("owner", "a customer whose town and country are known", owner)
        return customer.name, address


def amount_of(digits: str, currency: str) -> Money:
    """Return an amount of the API, or raise UnknownCurrencyError of `fx`."""
    return Money(int(digits), get_currency(currency))


def _is_by(payment: ChainEvent, authorization: ChainEvent) -> bool:
    """Tell whether a transfer is the one that an authorization allowed: the token logs it right after."""
    return (
        payment.name == _TRANSFER
        and payment.address == authorization.address
        and payment.tx_hash == authorization.tx_hash
        and payment.args["sender"] == authorization.args["authorizer"]
    )
