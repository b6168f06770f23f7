"""The terms document: what both parties sign, as canonical JSON (RFC 8785) and as the contract's struct.

The document is the whole agreement, names and goods included; the struct is its enforced part and names the
document by hash. The struct follows from the document and the network alone, so each side derives it by itself.
Format: docs/spec/terms.md.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import rfc8785
from eth_abi.abi import encode
from eth_hash.auto import keccak
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from contracts.client import typed_data
from contracts.client.artifacts import checksummed
from contracts.client.deployment import Deployment
from fx.rates import Rate
from fx.reprice import FloatTerms, funding_slice, lock_slices
from fx.slices import milestone_slices
from node.participants.addresses import PostalAddress
from node.trades.errors import TermsRejectedError
from node.trades.limits import (
    ATTESTERS_MAX,
    MILESTONES_MAX,
    PAYEES_MAX,
    SHIPMENT_REFERENCES_MAX,
    TERMS_BYTES_MAX,
)
from node.trades.terms.problems import first_problem

SCHEMA: Final = "landfall-terms/1"
Policy = Literal["none", "convert_now", "lock", "float"]
POLICIES: Final[Mapping[str, Policy]] = {
    "none": "none",
    "convert_now": "convert_now",
    "lock": "lock",
    "float": "float",
}
POLICY_NUMBERS: Final = {"none": 0, "convert_now": 1, "lock": 2, "float": 3}
Option = Literal["share", "wait", "refund"]
OPTION_NUMBERS: Final = {"share": 0, "wait": 1, "refund": 2}
FUNDED_VERSION: Final = 1
"""Version of the terms on chain when a trade is funded; each amendment raises it."""
DUE_OUTCOME_STANDS: Final = 0
"""`unawarded_bps` of the struct when the terms set no other split for a dispute without award."""

# Parsing one takes a millisecond; a page of trades shows as many, every time. A document has some 3 KB.
_PARSED_KEPT: Final = 256
_ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")


def checked_address(text: str) -> str:
    """Return an account's address with its checksum (EIP-55), or raise ValueError."""
    if not _ADDRESS.fullmatch(text) or int(text, 16) == 0:
        raise ValueError("expected an address of 20 bytes as 0x and 40 hexadecimal digits")
    found = checksummed(text)
    if text != found and text != text.lower():
        raise ValueError("expected an address whose upper and lower case agree with its checksum")
    return found


def _salt(text: str) -> str:
    if len(text) != 66 or not text.startswith("0x") or text != text.lower():
        raise ValueError("expected 32 bytes as 0x and 64 lower-case hexadecimal digits")
    bytes.fromhex(text[2:])
    return text


def _digits(text: str) -> str:
    if not text.isascii() or not text.isdigit() or text.startswith("0") or len(text) > 22:
        raise ValueError("expected an amount in minor units as a string of digits")
    return text


Address = Annotated[str, AfterValidator(checked_address)]
Seconds = Annotated[int, Field(ge=0, lt=2**40)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Party(_Part):
    """A side of the trade; `account` is open (null) until its bank has filled it in."""

    bank: str
    customer: str
    name: str
    account: Address | None
    address: PostalAddress | None = None
    """For payment messages; left out of the canonical form where it is not known."""

    @model_serializer(mode="wrap")
    def _without_unknown_address(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return written if self.address is not None else {key: written[key] for key in written if key != "address"}


class Institution(_Part):
    institution: str
    account: Address


class Invoice(_Part):
    number: str
    currency: str
    amount_minor: Annotated[str, AfterValidator(_digits)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    """Hash of the invoice document, if one was attached."""


class FloatPart(_Part):
    """What the parties agreed about a rate that moves; a rate is minor units of X for one minor unit of F."""

    rate_num: Annotated[str, AfterValidator(_digits)]
    """Of the agreed rate r0, as digits."""
    rate_den: Annotated[str, AfterValidator(_digits)]
    band_bps: Annotated[int, Field(ge=0, lt=2**16)]
    spread_bps: Annotated[int, Field(ge=0, lt=2**16)]
    """How far below the median a quote may be that settles, fee included."""
    share_bps: Annotated[int, Field(ge=0, lt=2**16)]
    """The importer's share of what is beyond the band."""
    option: Option
    cool_down_s: Seconds
    """From the end of one call for a top-up to the next."""
    calls_max: Annotated[int, Field(ge=0, lt=2**16)]
    """Calls that may stay unpaid."""

    @property
    def rate(self) -> Rate:
        """The agreed rate r0."""
        return Rate(int(self.rate_num), int(self.rate_den))

    @property
    def terms(self) -> FloatTerms:
        """The same as the rule of `fx.reprice` takes it."""
        return FloatTerms(self.rate, self.band_bps, self.spread_bps, self.share_bps)


class Funding(_Part):
    currency: str
    policy: Policy
    float_: FloatPart | None = Field(alias="float")
    """Only of policy `float`."""


class Shipment(_Part):
    references: tuple[str, ...] = Field(min_length=1, max_length=SHIPMENT_REFERENCES_MAX)


class Milestone(_Part):
    kind: str
    weight_bps: Annotated[int, Field(gt=0, le=10_000)]
    deadline_s: Seconds
    quorum: Annotated[int, Field(gt=0)]
    silence: Literal["refund", "pay"]
    attesters: tuple[Institution, ...] = Field(min_length=1, max_length=ATTESTERS_MAX)
    place: str | None


class Payee(_Part):
    name: str
    bank: str
    customer: str | None
    account: Address | None
    share_bps: Annotated[int, Field(gt=0, le=10_000)]
    purpose: Literal["tax", "fee", "financing", "other"]


class Windows(_Part):
    dispute_s: Seconds
    award_s: Seconds
    unawarded_bps: Annotated[int, Field(ge=1, le=10_000)] | None
    call_s: Seconds
    choice_s: Seconds
    grace_s: Seconds


class TermsDocument(_Part):
    """The agreement. Amounts are minor units as digits, times seconds of ledger time."""

    schema_: Literal["landfall-terms/1"] = Field(alias="schema")
    reference: str
    goods: str
    incoterms: str | None
    importer: Party
    exporter: Party
    arbiter: Institution
    invoice: Invoice
    funding: Funding
    shipment: Shipment
    milestones: tuple[Milestone, ...] = Field(min_length=1, max_length=MILESTONES_MAX)
    payees: tuple[Payee, ...] = Field(max_length=PAYEES_MAX)
    windows: Windows
    fund_by_s: Seconds
    hold_expires_at_s: Seconds
    salt: Annotated[str, AfterValidator(_salt)]

    @property
    def amount_minor(self) -> int:
        return int(self.invoice.amount_minor)

    def side(self, name: str) -> Party:
        """Return the `importer` or `exporter`."""
        return self.importer if name == "importer" else self.exporter

    def open_accounts(self) -> list[str]:
        """Return the paths of accounts that their bank has not filled in yet."""
        found = [f"{side}.account" for side in ("importer", "exporter") if self.side(side).account is None]
        return found + [f"payees.{index}.account" for index, payee in enumerate(self.payees) if payee.account is None]


def canonical(document: TermsDocument) -> bytes:
    """Return the document as canonical JSON (RFC 8785), the bytes that `document_hash` covers."""
    return rfc8785.dumps(document.model_dump(mode="json", by_alias=True))


@lru_cache(maxsize=_PARSED_KEPT)
def parse_document(data: bytes) -> TermsDocument:
    """Read a terms document; the bytes must be its canonical form.

    Raises:
        TermsRejectedError: too large, another form, or a field out of shape.
    """
    if len(data) > TERMS_BYTES_MAX:
        raise TermsRejectedError("document", f"at most {TERMS_BYTES_MAX} bytes", f"{len(data)} bytes")
    try:
        document = TermsDocument.model_validate_json(data)
    except ValidationError as error:
        raise TermsRejectedError(*first_problem(error, whole="document")) from error
    if canonical(document) != data:
        raise TermsRejectedError("document", "canonical JSON (RFC 8785)", "another spelling of the same values")
    return document


def document_hash(document: TermsDocument) -> bytes:
    """Return SHA-256 of the canonical JSON: the struct's `document_hash`."""
    return sha256(canonical(document)).digest()


def build_struct(document: TermsDocument, deployment: Deployment) -> dict[str, Any]:
    """Return the enforced part as the EIP-712 message `Terms`.

    Raises:
        TermsRejectedError: an account is still open.
    """
    missing = document.open_accounts()
    if missing:
        raise TermsRejectedError(missing[0], "the account, which its bank fills in", "none yet")
    return {
        "importer": document.importer.account,
        "exporter": document.exporter.account,
        "arbiter": document.arbiter.account,
        "invoice_token": deployment.tokens[document.invoice.currency].address,
        "invoice_amount": document.amount_minor,
        "funding_token": deployment.tokens[document.funding.currency].address,
        "fx": _fx_terms(document),
        "milestones": [milestone_struct(milestone) for milestone in document.milestones],
        "payees": [payee_struct(payee) for payee in document.payees],
        "windows": _windows_struct(document.windows),
        "hold_expires_at": document.hold_expires_at_s,
        "fund_by": document.fund_by_s,
        "document_hash": document_hash(document),
        "salt": bytes.fromhex(document.salt[2:]),
    }


def milestone_struct(milestone: Milestone) -> dict[str, Any]:
    """Return the EIP-712 message `Milestone`."""
    return {
        "kind": milestone.kind.encode("ascii").ljust(32, b"\0"),
        "weight_bps": milestone.weight_bps,
        "deadline": milestone.deadline_s,
        "quorum": milestone.quorum,
        "silence_pays": milestone.silence == "pay",
        "attesters": [attester.account for attester in milestone.attesters],
    }


def payee_struct(payee: Payee) -> dict[str, Any]:
    """Return the EIP-712 message `Payee`."""
    return {"account": payee.account, "share_bps": payee.share_bps}


def trade_id(document: TermsDocument, deployment: Deployment) -> bytes:
    """Return the trade's id: the EIP-712 digest of its terms at this network's TradeEscrow."""
    return typed_data.digest(deployment.domain("TradeEscrow"), "Terms", build_struct(document, deployment))


def milestone_amounts(document: TermsDocument) -> list[int]:
    """Return each milestone's amount in minor units of the invoice currency."""
    return list(milestone_slices(document.amount_minor, [milestone.weight_bps for milestone in document.milestones]))


def funding_slices(document: TermsDocument, price_minor: int = 0) -> list[int]:
    """Return what is held for each milestone, in minor units of the funding currency; empty without such a leg.

    Args:
        price_minor: Of a lock: what its quote asks for the invoice amount, without premium.

    Raises:
        fx.errors.RejectedError: a slice is zero or above 2**72 - 1.
    """
    amounts, agreed = milestone_amounts(document), document.funding.float_
    if agreed is not None:
        return [funding_slice(agreed.terms, amount) for amount in amounts]
    return list(lock_slices(price_minor, amounts)) if document.funding.policy == "lock" else []


def milestone_hash(document: TermsDocument, index: int, version: int = FUNDED_VERSION) -> bytes:
    """Return what attestations of a milestone bind: its terms, its place, its amount and their version."""
    struct, amount = milestone_struct(document.milestones[index]), milestone_amounts(document)[index]
    return bound_milestone(struct, index, amount, version)


def bound_milestone(struct: typed_data.Message, index: int, amount: int, version: int = FUNDED_VERSION) -> bytes:
    """Return keccak(abi.encode(hashStruct(Milestone), index, amount, version)), as TradeEscrow binds a milestone.

    Args:
        version: Version of the terms on chain in which the milestone got its present ones; 1 as funded.
    """
    struct_hash = typed_data.hash_struct("Milestone", struct)
    return keccak(encode(["bytes32", "uint256", "uint256", "uint256"], [struct_hash, index, amount, version]))


def changes(old: TermsDocument, new: TermsDocument) -> list[tuple[str, Any, Any]]:
    """Return (field, old value, new value) where a counter-offer differs; the salt is not an offer."""
    before = dict(_leaves(old.model_dump(mode="json", by_alias=True)))
    after = dict(_leaves(new.model_dump(mode="json", by_alias=True)))
    paths = [*before, *(path for path in after if path not in before)]
    return [
        (path, before.get(path), after.get(path))
        for path in paths
        if path != "salt" and before.get(path) != after.get(path)
    ]


def shown_time(seconds: int) -> str:
    """Return a time as people write it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown_json(data: bytes) -> Any:
    """Return stored canonical JSON as values for a response."""
    return json.loads(data)


def _fx_terms(document: TermsDocument) -> dict[str, int]:
    agreed = document.funding.float_
    return {
        "policy": POLICY_NUMBERS[document.funding.policy],
        "rate_num": 0 if agreed is None else int(agreed.rate_num),
        "rate_den": 0 if agreed is None else int(agreed.rate_den),
        "band_bps": 0 if agreed is None else agreed.band_bps,
        "spread_bps": 0 if agreed is None else agreed.spread_bps,
        "share_bps": 0 if agreed is None else agreed.share_bps,
        "option": 0 if agreed is None else OPTION_NUMBERS[agreed.option],
        "cool_down_s": 0 if agreed is None else agreed.cool_down_s,
        "calls_max": 0 if agreed is None else agreed.calls_max,
    }


def _windows_struct(windows: Windows) -> dict[str, int]:
    unawarded = DUE_OUTCOME_STANDS if windows.unawarded_bps is None else windows.unawarded_bps
    return {
        "dispute_s": windows.dispute_s,
        "award_s": windows.award_s,
        "unawarded_bps": unawarded,
        "call_s": windows.call_s,
        "choice_s": windows.choice_s,
        "grace_s": windows.grace_s,
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}.{index}")
    else:
        yield path, value
