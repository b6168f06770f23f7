"""A payment request as the text of an EMV code, signed by the payee's bank. Format: docs/spec/payment-qr.md."""

import re
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anyascii import anyascii
from eth_hash.auto import keccak

from contracts.client import typed_data
from contracts.client.artifacts import checksummed
from contracts.client.deployment import Deployment
from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.money import Money
from node.participants.directory import Directory, Institution
from node.payment_requests import emv
from node.payment_requests.errors import NotPrintableError, PayloadError, RequestExpiredError, RequestSignatureError
from node.payment_requests.limits import (
    AMOUNT_CHARS_MAX,
    CITY_CHARS_MAX,
    NAME_CHARS_MAX,
    REFERENCE_CHARS_MAX,
)
from node.web.schemas import rfc3339
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

PRIMARY_TYPE: Final = "PaymentRequest"
SCHEME: Final = "66e63df618fb5ea8b1641f1628d71105"
"""Says that a template is ours: a UUID without its hyphens, as section 4.5 has it."""
_DYNAMIC: Final = "12"
_NO_CATEGORY: Final = "0000"
_ACCOUNT, _CATEGORY, _CURRENCY, _AMOUNT, _COUNTRY, _NAME, _CITY, _MORE = "26", "52", "53", "54", "58", "59", "60", "62"
_INITIATION: Final = "01"
_EXPIRY, _SIGNATURE_1, _SIGNATURE_2 = "80", "81", "82"
_SCHEME: Final = "00"
_LEI, _NUMBER = "01", "02"
_BILL, _LABEL = "01", "05"
_VALUE: Final = "01"
_SIGNATURE_BYTES: Final = 65
_HALF: Final = 44
# Printable ASCII: what every scanner hands on unchanged.
_TEXT: Final = re.compile(r"[ -~]+", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)

Sign = Callable[[dict[str, Any]], bytes]
"""Signs an EIP-712 message of type PaymentRequest with the bank's transaction key: 65 bytes r, s, v."""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What somebody asks to be paid."""

    bank: str
    """LEI of the payee's institution, which signs."""
    account: str
    """Of the payee, an address."""
    amount: Money
    name: str
    """Of the payee, as the code has it."""
    city: str
    country: str
    reference: str
    """The payee's own, an invoice's number for instance."""
    label: str
    """Random: two requests for the same are two requests."""
    expires_at_s: int
    """Last second in which it may be paid."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with the text of its code."""

    request: PaymentRequest
    id: bytes
    """32 bytes, what was signed; the nonce of the payment's authorization."""
    payload: str


def write(request: PaymentRequest, deployment: Deployment, sign: Sign) -> SignedRequest:
    """Return a request with its code's text.

    Raises:
        NotPrintableError: something of it does not fit the code.
    """
    text = _unsigned(request)
    message = _message(request, text)
    encoded = urlsafe_b64encode(sign(message)).decode().rstrip("=")
    halves = ((_SIGNATURE_1, encoded[:_HALF]), (_SIGNATURE_2, encoded[_HALF:]))
    signed = text + emv.write_objects((name, _template((_VALUE, half))) for name, half in halves)
    digest = typed_data.digest(deployment.token_domain(request.amount.currency.code), PRIMARY_TYPE, message)
    return SignedRequest(request, digest, emv.close(signed))


def read(payload: str, deployment: Deployment, directory: Directory, now_s: int) -> SignedRequest:
    """Return the request of a code, checked: form, signature, and time.

    Raises:
        PayloadError: it is no request of this network.
        RequestSignatureError: it is not signed by the bank it names, or that bank is suspended.
        RequestExpiredError: it is past its time.
    """
    objects = emv.open_payload(payload)
    if not payload.isascii():
        raise PayloadError("text", "printable ASCII, as our codes are written in", "other characters")
    request = _request(objects)
    currency = request.amount.currency.code
    if currency not in deployment.tokens:
        raise PayloadError("currency", f"one of {', '.join(sorted(deployment.tokens))}", currency)
    text = _signed_text(payload, objects)
    digest = typed_data.digest(deployment.token_domain(currency), PRIMARY_TYPE, _message(request, text))
    _check_signer(_bank(directory, request.bank), digest, objects)
    if now_s > request.expires_at_s:
        raise RequestExpiredError(rfc3339(request.expires_at_s), rfc3339(now_s))
    return SignedRequest(request, digest, payload)


def _unsigned(request: PaymentRequest) -> str:
    amount = request.amount.plain()
    if request.amount.amount_minor <= 0 or len(amount) > AMOUNT_CHARS_MAX:
        raise NotPrintableError("amount", f"more than 0, in at most {AMOUNT_CHARS_MAX} characters", amount)
    account = b32encode(bytes.fromhex(request.account.removeprefix("0x"))).decode()
    more = [(_LABEL, request.label)]
    if request.reference:
        more.insert(0, (_BILL, _fitting("reference", request.reference, REFERENCE_CHARS_MAX)))
    return emv.write_objects(
        [
            (emv.FORMAT, "01"),
            (_INITIATION, _DYNAMIC),
            (_ACCOUNT, _template((_LEI, request.bank), (_NUMBER, account))),
            (_CATEGORY, _NO_CATEGORY),
            (_CURRENCY, _number_of(request.amount.currency.code)),
            (_AMOUNT, amount),
            (_COUNTRY, request.country),
            (_NAME, _fitting("name", request.name, NAME_CHARS_MAX)),
            (_CITY, _fitting("city", request.city, CITY_CHARS_MAX)),
            (_MORE, emv.write_objects(more)),
            (_EXPIRY, _template((_VALUE, str(request.expires_at_s)))),
        ]
    )


def _request(objects: Mapping[str, str]) -> PaymentRequest:
    if _wanted(objects, _INITIATION) != _DYNAMIC:
        raise PayloadError("initiation", f"a code for one payment, {_DYNAMIC}", objects[_INITIATION])
    account = _ours(objects, _ACCOUNT)
    more = emv.read_objects(_wanted(objects, _MORE), "additional data")
    expiry = _wanted(_ours(objects, _EXPIRY), _VALUE)
    if not _DIGITS.fullmatch(expiry):
        raise PayloadError("expiry", "unix seconds", expiry)
    return PaymentRequest(
        bank=_wanted(account, _LEI),
        account=_address(_wanted(account, _NUMBER)),
        amount=_money(_wanted(objects, _AMOUNT), _wanted(objects, _CURRENCY)),
        name=_wanted(objects, _NAME),
        city=_wanted(objects, _CITY),
        country=_wanted(objects, _COUNTRY),
        reference=more.get(_BILL, ""),
        label=_wanted(more, _LABEL),
        expires_at_s=int(expiry),
    )


def _signed_text(payload: str, objects: Mapping[str, str]) -> str:
    """Return what the signature covers: all before it. What followed it would not be signed, so nothing may."""
    signature = emv.write_objects((name, objects.get(name, "none")) for name in (_SIGNATURE_1, _SIGNATURE_2))
    body = payload[: -emv.CHECKSUM_CHARS]
    if not body.endswith(signature):
        raise PayloadError("signature", f"objects {_SIGNATURE_1} and {_SIGNATURE_2} last", list(objects)[-1])
    return body.removesuffix(signature)


def _check_signer(bank: Institution, digest: bytes, objects: Mapping[str, str]) -> None:
    encoded = "".join(_wanted(_ours(objects, name), _VALUE) for name in (_SIGNATURE_1, _SIGNATURE_2))
    try:
        signature = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        signer = secp256k1.recover(digest, signature)
    except (ValueError, PqcRejectedError) as error:
        raise RequestSignatureError(bank.id, "no signature that can be read") from error
    if signer != bank.address:
        raise RequestSignatureError(f"{bank.id}, {bank.address}", signer)
    if not bank.is_active:
        raise RequestSignatureError("an active institution", f"{bank.id}, which is suspended")


def _bank(directory: Directory, lei: str) -> Institution:
    found = next((one for one in directory if one.lei == lei), None)
    if found is None:
        raise PayloadError("bank", "the LEI of an institution of this network", lei)
    return found


def _message(request: PaymentRequest, text: str) -> dict[str, Any]:
    """Return what the bank signs: the text, and beside it what a person has to see on a signing device."""
    return {
        "account": request.account,
        "amount": request.amount.amount_minor,
        "expires_at": request.expires_at_s,
        "text_hash": keccak(text.encode("ascii")),
    }


def _template(*objects: tuple[str, str]) -> str:
    return emv.write_objects([(_SCHEME, SCHEME), *objects])


def _ours(objects: Mapping[str, str], name: str) -> Mapping[str, str]:
    template = emv.read_objects(_wanted(objects, name), f"template {name}")
    if template.get(_SCHEME) != SCHEME:
        raise PayloadError(f"template {name}", f"the scheme {SCHEME}", template.get(_SCHEME))
    return template


def _wanted(objects: Mapping[str, str], name: str) -> str:
    found = objects.get(name)
    if found is None or not _TEXT.fullmatch(found):
        raise PayloadError(f"object {name}", "printable ASCII", "none" if found is None else repr(found))
    return found


def _fitting(field: str, text: str, chars_max: int) -> str:
    if not _TEXT.fullmatch(text) or len(text) > chars_max:
        raise NotPrintableError(field, f"1 to {chars_max} characters of printable ASCII", repr(text))
    return text


def _address(number: str) -> str:
    try:
        raw = b32decode(number)
    except ValueError as error:
        raise PayloadError("account", "32 letters and digits of base32", number) from error
    if len(raw) != 20 or b32encode(raw).decode() != number:
        raise PayloadError("account", "32 letters and digits of base32", number)
    return checksummed(raw)


def _money(amount: str, number: str) -> Money:
    import iso4217

    code = next((one.code for one in iso4217.Currency if f"{one.number:03}" == number), None)
    if code is None or not _DECIMAL.fullmatch(amount) or len(amount) > AMOUNT_CHARS_MAX:
        raise PayloadError("amount", "a decimal number in a currency of ISO 4217", f"{amount} {number}")
    try:
        money = Money.parse(amount, code)
    except FxRejectedError as error:
        raise PayloadError("amount", "one that the currency can have", f"{amount} {code}") from error
    if money.amount_minor <= 0:
        raise PayloadError("amount", "more than 0", amount)
    return money


def _number_of(code: str) -> str:
    import iso4217

    return f"{iso4217.Currency(get_currency(code).code).number:03}"


def latin(text: str, chars_max: int) -> str:
    """Return a name in the letters that a code carries, cut to its length."""
    carried = anyascii(text)
    return "".join(character for character in carried if _TEXT.fullmatch(character))[:chars_max].strip() or "."
