"""Routes of payment requests: codes that a payee shows, and that a payer's bank reads and pays."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlalchemy.orm import Session

from node.languages import DEFAULT
from node.ledger.payment_routes import PaymentOut, shown_payment
from node.payment_requests.limits import (
    EXPIRES_IN_DEFAULT_S,
    EXPIRES_IN_MAX_S,
    EXPIRES_IN_MIN_S,
    PAYLOAD_CHARS_MAX,
    REFERENCE_CHARS_MAX,
)
from node.payment_requests.payload import SignedRequest
from node.payment_requests.service import PaymentRequestService, Wanted, amount_of
from node.payment_requests.store import OPEN, PaymentRequestRow
from node.printing import qr
from node.printing.languages import Language, speech
from node.printing.layout import headers_of
from node.storage.cursor import booked_until_s
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Caller, check_owner, needs
from node.web.desk import CallersDesk, Desk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/payment-requests", tags=["payment requests"])

RequestId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["9f" * 32])]
State = Literal["open", "paid", "expired"]
_PAYLOAD_EXAMPLE: Final = "00020101021226960032..."
_CODE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The code",
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}, "example": "<svg ...>...</svg>"},
            "image/png": {"schema": {"type": "string"}, "example": "PNG ..."},
        },
    }
}


class PaymentRequestIn(schemas.Order):
    """What is to be paid."""

    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])
    amount: schemas.DigitsIn
    reference: str = Field(
        "",
        max_length=REFERENCE_CHARS_MAX,
        pattern=r"^[ -~]*$",
        description="The payee's own, in printable ASCII: an invoice's number for instance",
        examples=["INV-2026-0817"],
    )
    expires_in: int = Field(
        EXPIRES_IN_DEFAULT_S, ge=EXPIRES_IN_MIN_S, le=EXPIRES_IN_MAX_S, description="Seconds", examples=[900]
    )
    owner: str | None = Field(
        None, max_length=64, description="The customer who is to be paid; the caller unless stated"
    )


class PaymentRequestOut(schemas.Answer):
    """A payment request that was made here."""

    id: str = Field(examples=["9f" * 32])
    owner: str = Field(description="Who is to be paid")
    account: str
    currency: str
    amount: schemas.Digits
    reference: str
    state: State
    created_at_s: schemas.Time
    expires_at_s: schemas.Time = Field(description="Last second in which it may be paid")
    payload: str = Field(
        description="What the QR code holds (EMV, docs/spec/payment-qr.md)", examples=[_PAYLOAD_EXAMPLE]
    )
    svg: str = Field(
        description="Where the code is as a picture", examples=["/v1/payment-requests/9f9f/code?format=svg"]
    )
    png: str
    payer: str | None = Field(description="Account that has paid")
    paid_at_s: schemas.Time | None
    tx_hash: schemas.HexBytes | None


class PayloadIn(schemas.Order):
    """A code that was scanned."""

    payload: str = Field(max_length=PAYLOAD_CHARS_MAX, examples=[_PAYLOAD_EXAMPLE])


class ReadRequestOut(schemas.Answer):
    """What a code asks for. Its signature is the bank's, and it has not expired."""

    id: str = Field(examples=["9f" * 32])
    bank: str = Field(description="Id of the payee's bank, which has signed")
    bank_name: str
    name: str = Field(description="The payee, in Latin letters")
    city: str
    country: str
    account: str
    currency: str
    amount: schemas.Digits
    reference: str
    expires_at_s: schemas.Time


class PayRequestIn(PayloadIn):
    """A code to be paid, with what the payer has read and agreed to."""

    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])
    amount: schemas.DigitsIn
    owner: str | None = Field(None, max_length=64, description="Whose money; the caller's own unless stated")


@router.post(
    "",
    status_code=201,
    response_model=PaymentRequestOut,
    dependencies=[needs(Permission.PAYMENT_REQUESTS_WRITE)],
)
async def request_payment(
    order: PaymentRequestIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Ask to be paid: a code for one payment, signed by the bank, that expires."""
    owner = order.owner or principal.owner
    check_owner(principal, owner)

    def effect(session: Session) -> PaymentRequestOut:
        wanted = Wanted(owner, amount_of(order.amount, order.currency), order.reference, order.expires_in)
        row = desk.get(PaymentRequestService).make(session, wanted, given_by=principal.name)
        return _shown(row, booked_until_s(session))

    return once.run(effect, 201)


@router.get("", dependencies=[needs(Permission.PAYMENTS_READ)])
async def list_payment_requests(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-created"))],
    owner: Annotated[str | None, Query(max_length=64)] = None,
) -> list[PaymentRequestOut]:
    """Return the requests that were made here, the latest first: a customer's own, or all of the institution's."""
    wanted = owner or principal.customer_id
    if wanted is not None:
        check_owner(principal, wanted)
    query = desk.get(PaymentRequestService).requests(wanted)
    with desk.database.read() as session:
        now_s = booked_until_s(session)
        rows = page.rows(session, query, PaymentRequestRow.created_at_s, PaymentRequestRow.id)
        return [_shown(row, now_s) for row in rows]


@router.get("/{request_id}", dependencies=[needs(Permission.PAYMENTS_READ)])
async def get_payment_request(request_id: RequestId, principal: Caller, desk: CallersDesk) -> PaymentRequestOut:
    """Return a request that was made here, and whether it was paid."""
    with desk.database.read() as session:
        row = desk.get(PaymentRequestService).request(session, request_id)
        check_owner(principal, row.owner)
        return _shown(row, booked_until_s(session))


@router.get(
    "/{request_id}/code", response_class=Response, responses=_CODE, dependencies=[needs(Permission.PAYMENTS_READ)]
)
async def download_code(
    request_id: RequestId,
    principal: Caller,
    desk: CallersDesk,
    form: Annotated[Literal["svg", "png"], Query(alias="format")] = "svg",
    language: Language = DEFAULT,
) -> Response:
    """Return the code of a request as a picture, to be shown or printed."""
    with desk.database.read() as session:
        row = desk.get(PaymentRequestService).request(session, request_id)
        check_owner(principal, row.owner)
    headers = headers_of(f"payment-request-{request_id[:12]}.{form}")
    if form == "png":
        return Response(qr.png(row.payload), media_type="image/png", headers=headers)
    words = speech(language)
    amount = words.minor(row.amount_minor, row.currency)
    title = words.text("Payment request for %(amount)s", amount=amount)
    told = words.text("Valid until %(time)s", time=words.when(row.expires_at_s))
    return Response(qr.svg(row.payload, title, told), media_type="image/svg+xml", headers=headers)


@router.post("/read", dependencies=[needs(Permission.PAYMENTS_READ)])
async def read_payment_request(order: PayloadIn, _caller: Caller, desk: CallersDesk) -> ReadRequestOut:
    """Read a code of any bank of the network: who asks for how much, checked by signature and time. Changes nothing."""
    with desk.database.read() as session:
        return _read(desk, desk.get(PaymentRequestService).read(session, order.payload))


@router.post("/pay", status_code=202, response_model=PaymentOut, dependencies=[needs(Permission.PAYMENTS_WRITE)])
async def pay_payment_request(
    order: PayRequestIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Pay what a code asks for, once; the amount has to be the one that the payer has read."""
    owner = order.owner or principal.owner
    check_owner(principal, owner)
    requests, agreed = desk.get(PaymentRequestService), amount_of(order.amount, order.currency)

    def stake(session: Session) -> Stake:
        request = requests.read(session, order.payload).request
        summary = ": ".join(filter(None, (f"{owner} pays {request.name}", request.reference)))
        return Stake(summary, agreed.amount_minor, order.currency)

    def effect(session: Session) -> PaymentOut:
        row = requests.pay(session, order.payload, owner=owner, agreed=agreed, given_by=principal.name)
        return shown_payment(session, desk, row)

    return once.run(effect, 202, stake=stake)


def _shown(row: PaymentRequestRow, now_s: int) -> PaymentRequestOut:
    code = f"/v1/payment-requests/{row.id}/code?format="
    return PaymentRequestOut(
        id=row.id,
        owner=row.owner,
        account=row.account,
        currency=row.currency,
        amount=row.amount_minor,
        reference=row.reference,
        state="expired" if row.state == OPEN and now_s > row.expires_at_s else row.state,
        created_at_s=row.created_at_s,
        expires_at_s=row.expires_at_s,
        payload=row.payload,
        svg=f"{code}svg",
        png=f"{code}png",
        payer=row.payer,
        paid_at_s=row.paid_at_s,
        tx_hash=row.tx_hash,
    )


def _read(desk: Desk, signed: SignedRequest) -> ReadRequestOut:
    request = signed.request
    bank = desk.get(PaymentRequestService).bank(request)
    return ReadRequestOut(
        id=signed.id.hex(),
        bank=bank.id,
        bank_name=bank.name,
        name=request.name,
        city=request.city,
        country=request.country,
        account=request.account,
        currency=request.amount.currency.code,
        amount=request.amount.amount_minor,
        reference=request.reference,
        expires_at_s=request.expires_at_s,
    )
