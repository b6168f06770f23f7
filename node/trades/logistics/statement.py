"""An inspector's statement: a small signed JSON document about one milestone of one shipment.

Signed with the inspector's institutional ML-DSA key over the canonical JSON (RFC 8785) of the statement without its
`signature`. The signature names its key by RFC 7638 thumbprint, the one anchored in ParticipantRegistry.
Format: docs/spec/terms.md.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import rfc8785
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from node.trades.errors import DocumentRejectedError, EvidenceMismatchError
from node.trades.limits import TEXT_LENGTH_MAX
from node.trades.logistics.bounded_json import parse_bounded_json
from node.trades.logistics.rules import FULFILLED, OUTCOMES, WHOLE_BPS, Claim, Expected, check_time, unix_seconds
from node.trades.terms.problems import first_problem
from pqc import signatures
from pqc.errors import RejectedError as PqcRejectedError

SCHEMA: Final = "landfall-statement/1"
CONTEXT: Final = b"landfall/statement/1"
"""Context string of the ML-DSA signature: a statement's signature is good for nothing else."""

MessageSigner = Callable[[bytes, bytes], bytes]
"""(message, context) -> signature."""


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("expected a date and time with zone, such as 2026-08-12T09:30:00Z")
    return moment


class StatementSignature(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    algorithm: str
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="RFC 7638 thumbprint, hex")]
    public_key: Annotated[str, Field(max_length=6_000, description="base64")]
    value: Annotated[str, Field(max_length=8_000, description="base64")]


class Statement(BaseModel):
    """One statement."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    schema_: Literal["landfall-statement/1"] = Field(alias="schema")
    statement_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,34}$")]
    inspector: str
    shipment: str
    milestone: Literal["loaded", "departed", "arrived", "delivered", "inspected"]
    outcome: Literal["fulfilled", "failed"]
    share_bps: Annotated[int, Field(ge=0, le=WHOLE_BPS)] = WHOLE_BPS
    inspected_at: Annotated[datetime, BeforeValidator(_moment), AfterValidator(_aware)]
    place: Annotated[str, Field(max_length=300)] | None = None
    findings: Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]
    signature: StatementSignature | None = None


def parse_statement(data: bytes) -> tuple[Statement, dict[str, Any]]:
    """Return the statement and its JSON.

    Raises:
        DocumentRejectedError: malformed, too large or too deep; names the field.
    """
    raw = parse_bounded_json(data, what="statement")
    try:
        return Statement.model_validate(raw), raw
    except ValidationError as error:
        raise DocumentRejectedError(*first_problem(error, whole="statement")) from error


def signing_bytes(raw: dict[str, Any]) -> bytes:
    """Return what is signed: the canonical JSON of the statement without its signature."""
    return rfc8785.dumps({key: value for key, value in raw.items() if key != "signature"})


def sign_statement(raw: dict[str, Any], algorithm: str, public_key: bytes, sign: MessageSigner) -> bytes:
    """Return the signed statement as canonical JSON bytes."""
    signature = {
        "algorithm": algorithm,
        "key": signatures.thumbprint(algorithm, public_key).hex(),
        "public_key": base64.b64encode(public_key).decode(),
        "value": base64.b64encode(sign(signing_bytes(raw), CONTEXT)).decode(),
    }
    return rfc8785.dumps({**raw, "signature": signature})


def verify_statement(statement: Statement, raw: dict[str, Any], key_thumbprint: bytes) -> None:
    """Check the signature against the thumbprint that the registry holds for the inspector.

    Raises:
        DocumentRejectedError: no signature, another key, or a signature over something else.
    """
    given = statement.signature
    if given is None:
        raise DocumentRejectedError("signature", "the inspector's signature", "none")
    try:
        public_key = base64.b64decode(given.public_key, validate=True)
        value = base64.b64decode(given.value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DocumentRejectedError("signature", "base64", str(error)) from error
    try:
        named = signatures.thumbprint(given.algorithm, public_key)
        if named != key_thumbprint or named.hex() != given.key:
            raise DocumentRejectedError("signature.key", f"the registered key {key_thumbprint.hex()}", named.hex())
        signatures.verify(given.algorithm, public_key, signing_bytes(raw), value, CONTEXT)
    except PqcRejectedError as error:
        raise DocumentRejectedError("signature.value", "the inspector's signature", str(error)) from error


def claim_from_statement(
    statement: Statement, data: bytes, *, shipment: Sequence[str], milestones: Sequence[Expected], now_s: int
) -> Claim:
    """Return the claim a statement makes about an open milestone of this shipment.

    Raises:
        EvidenceMismatchError: another shipment, no open milestone of this kind, another place or time.
    """
    if statement.shipment not in shipment:
        raise EvidenceMismatchError("shipment", f"one of {', '.join(shipment[:3])}", statement.shipment)
    expected = next((item for item in milestones if item.kind == statement.milestone), None)
    if expected is None:
        open_kinds = ", ".join(item.kind for item in milestones) or "none open"
        raise EvidenceMismatchError("milestone", f"a milestone that waits for it ({open_kinds})", statement.milestone)
    if statement.place is not None and expected.place is not None and statement.place != expected.place:
        raise EvidenceMismatchError("place", expected.place, statement.place)
    happened_at_s = unix_seconds(statement.inspected_at)
    check_time("inspected_at", happened_at_s, expected, now_s)
    outcome = OUTCOMES[statement.outcome]
    if outcome == FULFILLED and statement.share_bps == 0:
        raise EvidenceMismatchError("share_bps", "a share above zero, or outcome failed", 0)
    return Claim(
        milestone=expected.index,
        outcome=outcome,
        share_bps=statement.share_bps if outcome == FULFILLED else 0,
        evidence_hash=sha256(data).digest(),
        replay_key=f"statement:{statement.inspector}:{statement.statement_id}",
        happened_at_s=happened_at_s,
        summary=f"statement {statement.statement_id}: {statement.milestone} {statement.outcome}, {statement.findings}",
    )
