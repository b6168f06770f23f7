"""Signed papers: what an institution says about its own keys, in canonical JSON (RFC 8785) with the signature inside.

Three kinds: the participant document (who it is, where it is reached, its public keys), the rotation notice (the old
key names the next one) and the revocation. A signature covers the whole paper but its own value, under the paper's
type as context string, so a paper of one kind or network never counts as another.

Source: docs/spec/participants.md; RFC 8785, RFC 7517 (JWKS), RFC 9964 (AKP), RFC 7638 (thumbprints).
"""

from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import rfc8785
from cryptography.x509 import load_der_x509_certificate
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from node.participants.algorithms import BY_ROLE
from node.participants.errors import PaperFormatError, PaperSignatureError, PaperTooLargeError
from node.participants.identifiers import validate_bic, validate_lei
from node.participants.kids import kid_of
from node.participants.limits import KEYS_MAX, NAME_CHARS_MAX, PAPER_BYTES_MAX, REASON_CHARS_MAX, URL_CHARS_MAX
from pqc import base64url, keys, signatures
from pqc.errors import RejectedError as PqcRejectedError

DOCUMENT: Final = "landfall/participant/1"
ROTATION: Final = "landfall/rotation/1"
REVOCATION: Final = "landfall/revocation/1"
_KINDS: Final = (DOCUMENT, ROTATION, REVOCATION)

# Of a 32-byte thumbprint in base64url.
Kid = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
# The largest public key (ML-DSA-87 and P-384) has 2,689 bytes, the largest signature 4,731.
PublicKeyText = Annotated[str, Field(min_length=1, max_length=4_000)]
SignatureText = Annotated[str, Field(min_length=1, max_length=8_000)]
# A self-signed certificate of a P-256 key has some 400 bytes, of a 4096-bit RSA key 1,300.
CertificateText = Annotated[str, Field(min_length=1, max_length=4_000)]
# Far beyond any ledger time, far below what JSON numbers lose.
TimeS = Annotated[int, Field(ge=0, lt=2**40)]
Role = Literal["message", "sealing", "transaction", "validator", "evidence"]


class PaperKey(Protocol):
    """What signs a paper: a message key of the institution."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes, context: bytes) -> bytes: ...


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Jwk(_Strict):
    """A public key; `role` is what it is used for."""

    kty: Literal["AKP"]
    alg: Annotated[str, Field(max_length=64)]
    kid: Kid
    pub: PublicKeyText
    use: Literal["sig", "enc"]
    role: Role

    @classmethod
    def of(cls, role: str, alg: str, public_key: bytes) -> "Jwk":
        """Return the key as a JSON Web Key."""
        return cls.model_validate(keys.jwk(alg, public_key) | {"role": role})

    @property
    def public_key(self) -> bytes:
        return base64url.decode("pub", self.pub.encode())

    @model_validator(mode="after")
    def _validate(self) -> Self:
        allowed = BY_ROLE[self.role]
        if self.alg not in allowed:
            raise ValueError(f"an alg for role {self.role} ({', '.join(sorted(allowed))})")
        if self.use != _use(self.role):
            raise ValueError(f"use {_use(self.role)} for role {self.role}")
        try:
            named = kid_of(keys.thumbprint(self.alg, self.public_key))
        except PqcRejectedError as error:
            raise ValueError(f"a public key of {self.alg} ({error})") from error
        if self.kid != named:
            raise ValueError(f"kid {named}, the RFC 7638 thumbprint")
        return self


class KeySet(_Strict):
    """A JWKS."""

    keys: Annotated[tuple[Jwk, ...], Field(min_length=1, max_length=KEYS_MAX, strict=False)]


class Endpoints(_Strict):
    """Where the institution is reached; absent what it does not offer."""

    messages: str | None = None
    """Takes sealed messages from other institutions."""
    certificates: Annotated[tuple[CertificateText, ...], Field(min_length=1, max_length=2, strict=False)] | None = None
    """X.509 certificates (DER, base64url) of who sends and takes its messages; two while one follows the other."""
    rest: str | None = None

    @field_validator("messages", "rest")
    @classmethod
    def _validate(cls, url: str | None) -> str | None:
        if url is not None and not _is_endpoint(url):
            raise ValueError(f"an https URL of at most {URL_CHARS_MAX} characters (http on this machine alone)")
        return url

    @field_validator("certificates")
    @classmethod
    def _validate_certificates(cls, texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for text in texts or ():
            if not _is_certificate(text):
                raise ValueError("X.509 certificates in DER, as base64url")
        return texts

    @property
    def certificates_der(self) -> tuple[bytes, ...]:
        """The certificates as TLS shows them."""
        return tuple(base64url.decode("certificates", text.encode()) for text in self.certificates or ())


class PaperSignature(_Strict):
    """Who signed, and the signature in base64url."""

    alg: Annotated[str, Field(max_length=64)]
    kid: Kid
    value: SignatureText


class Paper(_Strict):
    """What every paper has."""

    type: str
    network: Annotated[str, Field(min_length=1, max_length=64)]
    chain_id: Annotated[int, Field(ge=1, lt=2**53)]
    lei: str
    issued_at_s: TimeS
    """Ledger time; of two documents the later one counts."""
    signature: PaperSignature

    @field_validator("lei")
    @classmethod
    def _validate_lei(cls, value: str) -> str:
        validate_lei(value)
        return value

    @property
    def data(self) -> bytes:
        """The paper as it travels."""
        return rfc8785.dumps(self.model_dump(exclude_none=True))

    def verify(self, alg: str, public_key: bytes) -> None:
        """Return when the paper is signed by this key, or raise PaperSignatureError."""
        kid = key_id(alg, public_key)
        if (self.signature.alg, self.signature.kid) != (alg, kid):
            raise PaperSignatureError(
                self.lei, f"signature.kid: expected {alg} key {kid} of {self.lei}, got {self.signature.kid}"
            )
        signed = _signed_bytes(self.model_dump(exclude_none=True))
        try:
            value = base64url.decode("signature.value", self.signature.value.encode())
            signatures.verify(alg, public_key, signed, value, self.type.encode())
        except PqcRejectedError as error:
            raise PaperSignatureError(self.lei, f"{self.type} of {self.lei}: {error}") from error


class ParticipantDocument(Paper):
    """Who an institution is, where it is reached, and its public keys; signed by its message key."""

    type: Literal["landfall/participant/1"]
    bic: str
    name: Annotated[str, Field(min_length=1, max_length=NAME_CHARS_MAX)]
    account: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
    """Of its transaction key, checksummed as the registry's events show it."""
    endpoints: Endpoints
    jwks: KeySet
    """Sealing keys in the order in which the institution prefers them."""

    @field_validator("bic")
    @classmethod
    def _validate_bic(cls, value: str) -> str:
        validate_bic(value)
        return value

    @field_validator("name")
    @classmethod
    def _validate_name(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("printable characters without space around them")
        return value

    @model_validator(mode="after")
    def _validate_keys(self) -> Self:
        if len({key.kid for key in self.jwks.keys}) != len(self.jwks.keys):
            raise ValueError("jwks with every key once")
        if len(self.of_role("message")) != 1:
            raise ValueError("jwks with exactly one key of role message")
        if not self.of_role("sealing"):
            raise ValueError("jwks with a key of role sealing")
        return self

    @property
    def message_key(self) -> Jwk:
        return self.of_role("message")[0]

    def of_role(self, role: Role) -> tuple[Jwk, ...]:
        """Return the keys of a role, in their order."""
        return tuple(key for key in self.jwks.keys if key.role == role)


class RotationNotice(Paper):
    """The next message key of an institution, with the document that it is in; signed by the old key.

    The new key signs the document, which shows that the institution has it.
    """

    type: Literal["landfall/rotation/1"]
    old: Kid
    new: Kid
    starts_at_s: TimeS
    """From here on the new key counts."""
    old_until_s: TimeS
    """Before this the old key still counts."""
    document: ParticipantDocument

    @model_validator(mode="after")
    def _validate_document(self) -> Self:
        inner = self.document
        if (inner.network, inner.chain_id, inner.lei) != (self.network, self.chain_id, self.lei):
            raise ValueError("a document of the same institution and network")
        if self.new != inner.message_key.kid or self.old == self.new:
            raise ValueError("new to name the document's message key, and old another one")
        return self


class Revocation(Paper):
    """A message key that must not be believed any more; signed by itself or by the current key."""

    type: Literal["landfall/revocation/1"]
    kid: Kid
    revoked_at_s: TimeS
    """What it signed from here on does not count."""
    reason: Annotated[str, Field(max_length=REASON_CHARS_MAX)]


AnyPaper = ParticipantDocument | RotationNotice | Revocation
_PAPERS: Final[TypeAdapter[AnyPaper]] = TypeAdapter(Annotated[AnyPaper, Field(discriminator="type")])
Kind = TypeVar("Kind", ParticipantDocument, RotationNotice, Revocation)


def parse_paper(data: bytes) -> AnyPaper:
    """Read a paper; a document, also the one inside a notice, is signed by the message key that it lists.

    A notice's and a revocation's own signature need the pinned key: `Paper.verify`.

    Raises:
        PaperTooLargeError: over PAPER_BYTES_MAX.
        PaperFormatError: not one of the three kinds, a field is wrong, or the JSON is not canonical.
        InvalidIdentifierError: LEI or BIC with wrong check digits.
        PaperSignatureError: the document is not signed by its message key.
    """
    paper = read_paper(data)
    if paper.data != data:
        raise PaperFormatError("paper", "canonical JSON (RFC 8785)", "another spelling of the same values")
    if isinstance(paper, RotationNotice):
        _verify_self(paper.document)
    elif isinstance(paper, ParticipantDocument):
        _verify_self(paper)
    return paper


def read_paper(data: bytes) -> AnyPaper:
    """Read a paper without looking at spelling and signatures: one that was verified before it was kept.

    Raises:
        PaperTooLargeError, PaperFormatError, InvalidIdentifierError: see `parse_paper`.
    """
    if len(data) > PAPER_BYTES_MAX:
        raise PaperTooLargeError(PAPER_BYTES_MAX, len(data))
    try:
        return _PAPERS.validate_json(data)
    except ValidationError as error:
        raise _format_error(error) from error


def sign_paper(kind: type[Kind], key: PaperKey, fields: dict[str, Any]) -> Kind:
    """Sign a paper of `fields`, everything but the signature.

    Raises:
        PaperFormatError: a field is wrong; nothing was signed that anyone could use.
    """
    named = {"alg": key.algorithm, "kid": key_id(key.algorithm, key.public_key)}
    signed = _signed_bytes(fields | {"signature": named})
    value = base64url.encode(key.sign(signed, str(fields["type"]).encode())).decode()
    try:
        return kind.model_validate(fields | {"signature": named | {"value": value}})
    except ValidationError as error:
        raise _format_error(error) from error


def key_id(alg: str, public_key: bytes) -> str:
    """Return the key id of a signature key: its RFC 7638 thumbprint in base64url."""
    return kid_of(signatures.thumbprint(alg, public_key))


def _verify_self(document: ParticipantDocument) -> None:
    document.verify(document.message_key.alg, document.message_key.public_key)


def _signed_bytes(paper: dict[str, Any]) -> bytes:
    named = {name: value for name, value in paper["signature"].items() if name != "value"}
    signed: bytes = rfc8785.dumps(paper | {"signature": named})
    return signed


def _use(role: str) -> Literal["sig", "enc"]:
    return "enc" if role == "sealing" else "sig"


def _is_endpoint(url: str) -> bool:
    if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a port out of range raises here
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname))


def _is_certificate(text: str) -> bool:
    try:
        load_der_x509_certificate(base64url.decode("certificates", text.encode()))
    except (ValueError, PqcRejectedError):
        return False
    return True


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _format_error(error: ValidationError) -> PaperFormatError:
    first = error.errors(include_url=False)[0]
    # The first step is the kind's name, which the reader knows from the file.
    field = ".".join(str(step) for step in first["loc"] if step not in _KINDS) or "paper"
    match first["type"]:
        case "missing":
            return PaperFormatError(field, "a value", "none")
        case "json_invalid":
            return PaperFormatError(field, "JSON", first["ctx"]["error"])
        case "union_tag_not_found" | "union_tag_invalid":
            return PaperFormatError("type", f"one of {', '.join(_KINDS)}", first.get("ctx", {}).get("tag", "none"))
    got = first["input"]
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return PaperFormatError(field, expected, repr(got) if isinstance(got, str | int) else type(got).__name__)
