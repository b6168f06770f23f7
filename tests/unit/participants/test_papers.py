"""Signed papers: form, canonical spelling, self-consistency."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import RejectedError
from node.participants.errors import (
    InvalidIdentifierError,
    PaperFormatError,
    PaperSignatureError,
    PaperTooLargeError,
)
from node.participants.limits import KEYS_MAX, PAPER_BYTES_MAX
from node.participants.papers import Jwk, ParticipantDocument, parse_paper, sign_paper
from pqc import sealing
from tests.unit.participants.network import (
    COMPOSITE,
    document,
    document_fields,
    key,
    notice,
    respelled,
    revocation,
    sealing_jwk,
)

OLD, NEW = key("bank-ke"), key("next")


def jwks_of(*keys: Jwk) -> dict[str, Any]:
    return {"keys": [one.model_dump() for one in keys]}


def message_jwk() -> Jwk:
    return Jwk.of("message", OLD.algorithm, OLD.public_key)


def test_document_is_read_as_it_was_signed_when_whole() -> None:
    signed = document(OLD)
    assert parse_paper(signed.data) == signed
    assert (signed.message_key.kid, signed.signature.alg) == (OLD.kid, COMPOSITE)


def test_notice_and_revocation_are_read_when_whole() -> None:
    for paper in (notice(OLD, NEW), revocation(OLD)):
        assert parse_paper(paper.data) == paper
        paper.verify(OLD.algorithm, OLD.public_key)
        with pytest.raises(PaperSignatureError):
            paper.verify(NEW.algorithm, NEW.public_key)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Drift Bank"},
        {"endpoints": {"messages": "https://thief.example/messages"}},
        {"issued_at_s": 5},
        {"chain_id": 1},
        {"jwks": jwks_of(message_jwk(), sealing_jwk("thief"))},
    ],
)
def test_document_is_refused_when_a_field_was_changed_after_signing(changes: dict[str, Any]) -> None:
    with pytest.raises(PaperSignatureError):
        parse_paper(respelled(document(OLD), **changes))


def test_document_is_refused_when_another_key_signed_it() -> None:
    forged = sign_paper(ParticipantDocument, NEW, document_fields(OLD))
    with pytest.raises(PaperSignatureError, match=r"signature\.kid"):
        parse_paper(forged.data)


def test_document_is_refused_when_its_signature_names_the_key_and_is_by_another() -> None:
    forged = json.loads(document(OLD).data)
    forged["signature"]["value"] = sign_paper(ParticipantDocument, NEW, document_fields(OLD)).signature.value
    with pytest.raises(PaperSignatureError):
        parse_paper(rfc8785.dumps(forged))


def test_notice_is_refused_when_the_new_key_did_not_sign_its_document() -> None:
    inner = sign_paper(ParticipantDocument, OLD, document_fields(NEW))
    with pytest.raises(PaperSignatureError):
        parse_paper(notice(OLD, NEW, document=inner).data)


@pytest.mark.parametrize(
    "spelling",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b'"chain_id":', b'"chain_id": '),
        lambda data: data.replace(b"Rift", b"\\u0052ift"),
        lambda data: data.replace(b'"bic":', b'"bic":"RIFTKEN0","bic":'),
        lambda data: json.dumps(dict(reversed(json.loads(data).items())), separators=(",", ":")).encode(),
        lambda data: data.replace(b'{"messages"', b'{"rest":null,"messages"'),
    ],
)
def test_document_is_refused_when_its_json_is_not_canonical(spelling: Any) -> None:
    data = spelling(document(OLD).data)
    assert json.loads(data)["name"] == "Rift Bank"
    with pytest.raises(PaperFormatError, match="canonical"):
        parse_paper(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 141),
        ("name", "Rift\nBank"),
        ("name", " Rift"),
        ("account", "0x12"),
        ("issued_at_s", -1),
        ("issued_at_s", 2**40),
        ("issued_at_s", True),
        ("issued_at_s", "5"),
        ("network", ""),
        ("chain_id", 0),
        ("endpoints", {"messages": "http://rift.example/messages"}),
        ("endpoints", {"messages": "https://user:secret@rift.example/"}),
        ("endpoints", {"messages": "https://rift.example/?to=thief"}),
        ("endpoints", {"messages": "https://rift.example:99999/"}),
        ("endpoints", {"messages": "file:///etc/passwd"}),
        ("endpoints", {"messages": "https://rift.example/" + "x" * 2048}),
        ("endpoints", {"gopher": "https://rift.example/"}),
        ("jwks", {"keys": []}),
        ("jwks", jwks_of(message_jwk())),
        ("jwks", jwks_of(sealing_jwk("bank-ke"))),
        ("jwks", jwks_of(message_jwk(), message_jwk(), sealing_jwk("bank-ke"))),
        ("jwks", jwks_of(message_jwk(), *(sealing_jwk(str(number)) for number in range(KEYS_MAX)))),
        ("surprise", "x"),
    ],
)
def test_document_is_refused_when_a_field_is_out_of_bounds(field: str, value: Any) -> None:
    fields = document_fields(OLD)
    with pytest.raises(PaperFormatError) as refused:
        sign_paper(ParticipantDocument, OLD, fields | {field: value})
    assert str(refused.value.field).startswith((field, "paper"))
    assert sign_paper(ParticipantDocument, OLD, fields)


@pytest.mark.parametrize("url", ["https://rift.example/messages", "http://127.0.0.1:8700/m", "http://localhost/m"])
def test_endpoint_is_taken_when_it_is_https_or_on_this_machine(url: str) -> None:
    assert document(OLD, endpoints={"messages": url, "rest": url}).endpoints.rest == url


@pytest.mark.parametrize(("field", "value"), [("lei", "9999DEV03RIFTBANK060"), ("bic", "RIFTXXN0")])
def test_document_is_refused_when_an_identifier_has_wrong_check_digits(field: str, value: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        document(OLD, **{field: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "ML-DSA-44"},
        {"alg": "none"},
        {"alg": "Ed25519"},
        {"alg": "X-Wing"},
        {"use": "enc"},
        {"role": "sealing"},
        {"role": "transaction"},
        {"kid": NEW.kid},
        {"pub": "AAAA"},
        {"pub": message_jwk().pub + "="},
        {"priv": "AAAA"},
    ],
)
def test_key_is_refused_when_algorithm_use_or_id_do_not_fit(changes: dict[str, str]) -> None:
    good = message_jwk().model_dump()
    fields = document_fields(OLD, jwks={"keys": [good | changes, sealing_jwk("bank-ke").model_dump()]})
    with pytest.raises(PaperFormatError):
        sign_paper(ParticipantDocument, OLD, fields)


def test_key_of_every_role_is_taken_when_its_algorithm_fits() -> None:
    plain = key("plain", "ML-DSA-87")
    large = sealing.from_seed("MLKEM1024-P384", bytes(32))
    keys = [
        message_jwk(),
        Jwk.of("sealing", large.kem, large.public_key),
        *(Jwk.of(role, plain.algorithm, plain.public_key) for role in ("transaction",)),
    ]
    signed = parse_paper(document(OLD, jwks=jwks_of(*keys)).data)
    assert [one.role for one in signed.jwks.keys] == ["message", "sealing", "transaction"]  # type: ignore[union-attr]


def test_notice_is_refused_when_it_and_its_document_do_not_agree() -> None:
    for changes in ({"network": "other"}, {"document": document(key("third"))}):
        with pytest.raises(PaperFormatError):
            notice(OLD, NEW, **changes)
    with pytest.raises(PaperFormatError):
        notice(NEW, NEW)


def test_paper_is_refused_unread_when_it_is_too_large() -> None:
    with pytest.raises(PaperTooLargeError):
        parse_paper(b" " * (PAPER_BYTES_MAX + 1))
    with pytest.raises(PaperFormatError, match="JSON"):
        parse_paper(b" " * PAPER_BYTES_MAX)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"type":"landfall/participant/1"}',
        b'{"type":"landfall/participant/2"}',
        b'{"type":["landfall/participant/1"]}',
        b'{"type":"landfall/revocation/1","revoked_at_s":' + b"9" * 5_000 + b"}",
        b'{"type":"landfall/revocation/1","revoked_at_s":NaN}',
    ],
)
def test_paper_is_refused_in_plain_words_when_it_is_something_else(data: bytes) -> None:
    with pytest.raises(PaperFormatError) as refused:
        parse_paper(data)
    assert "expected" in str(refused.value)
    assert len(str(refused.value)) < 500


@settings(max_examples=60, deadline=None)
@given(position=st.integers(min_value=0), byte=st.integers(min_value=0, max_value=255))
def test_document_is_refused_when_any_byte_was_changed(position: int, byte: int) -> None:
    data = bytearray(document_bytes())
    index = position % len(data)
    if data[index] == byte:
        return
    data[index] = byte
    with pytest.raises(RejectedError):
        parse_paper(bytes(data))


SIGNED = document(OLD).data


def document_bytes() -> bytes:
    return SIGNED
