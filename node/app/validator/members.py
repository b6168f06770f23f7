"""A member's file: what a bank tells the others before their network begins. All of it is public.

It is signed with the validator's key, so that whoever hands it on can change nothing.
"""

import json
from pathlib import Path
from typing import Final, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

from node.app.errors import CeremonyError
from node.app.validator.home import NAME, HostPort
from pqc import signatures, whole_file
from pqc.errors import RejectedError as PqcRejectedError

FORMAT: Final = "landfall-member/1"
FILE_BYTES_MAX: Final = 65_536
CURRENCIES_MAX: Final = 16
_PURPOSE: Final = b"landfall member file\n"
_HEX = r"^[0-9a-f]+$"
Role = Literal["central_bank", "bank", "fx_provider", "attester", "arbiter", "reporter", "regulator"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MemberCurrency(_Strict):
    """A currency that the member issues."""

    code: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")
    name: str = Field(min_length=1, max_length=60)
    symbol: str = Field(min_length=1, max_length=12)


class MemberValidator(_Strict):
    """The member's validator: the key it votes with, and where its node is."""

    algorithm: Literal["ML-DSA-65", "Ed25519"]
    public_key: str = Field(pattern=_HEX, max_length=4096)
    node_id: str = Field(pattern=r"^[0-9a-f]{40}$")
    address: HostPort | Literal[""] = ""


class Member(_Strict):
    """An institution of the network to be."""

    format: Literal["landfall-member/1"] = "landfall-member/1"
    id: str = Field(pattern=NAME)
    name: str = Field(min_length=1, max_length=140)
    lei: str = Field(min_length=20, max_length=20)
    bic: str = Field("", max_length=11)
    roles: tuple[Role, ...] = Field((), max_length=7)
    account: str = Field(pattern=r"^0x[0-9a-f]{40}$", description="Its account on the ledger")
    message_key: str = Field(pattern=r"^[0-9a-f]{64}$", description="Thumbprint of its message key")
    currencies: tuple[MemberCurrency, ...] = Field((), max_length=CURRENCIES_MAX)
    validator: MemberValidator | None = None


class SignedMember(_Strict):
    """The file: what is told, and the validator key's signature over it."""

    member: Member
    signature: str = Field(pattern=_HEX, max_length=16_384)


def sign_member(member: Member, key: signatures.KeyPair) -> bytes:
    """Return the member's file."""
    signed = SignedMember(member=member, signature=signatures.sign(key, _signed_bytes(member)).hex())
    return (json.dumps(signed.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


def read_member(path: Path) -> Member:
    """Return the member that a file tells of.

    Raises:
        CeremonyError: not a member's file, or changed after it was signed.
    """
    try:
        data = whole_file.read(path, FILE_BYTES_MAX)
    except OSError as error:
        raise CeremonyError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > FILE_BYTES_MAX:
        raise CeremonyError(f"{path}: expected at most {FILE_BYTES_MAX} bytes, got more")
    try:
        signed = SignedMember.model_validate_json(data)
    except ValueError as error:
        raise CeremonyError(f"{path}: expected a member's file (landfall init bank), got {str(error)[:500]}") from error
    validator = signed.member.validator
    if validator is None:
        raise CeremonyError(f"{path}: member.validator: expected a key that signs the file, got none")
    try:
        signatures.verify(
            validator.algorithm,
            bytes.fromhex(validator.public_key),
            _signed_bytes(signed.member),
            bytes.fromhex(signed.signature),
        )
    except (PqcRejectedError, ValueError) as error:
        raise CeremonyError(
            f"{path}: signature: expected that of {signed.member.id}'s validator key, got another; "
            "the file was changed, ask its bank for it again"
        ) from error
    return signed.member


def _signed_bytes(member: Member) -> bytes:
    return _PURPOSE + bytes(rfc8785.dumps(member.model_dump(mode="json")))
