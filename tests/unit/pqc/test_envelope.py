from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pqc import base64url, qkd, sealing, signatures
from pqc.envelope import (
    ENVELOPE_BYTES_MAX,
    OUTER_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    TOKEN_BYTES_MAX,
    Allowed,
    ClockLimits,
    Header,
    Protection,
    read_outer,
)
from pqc.errors import (
    AlgorithmNotAllowedError,
    InvalidSignatureError,
    MalformedError,
    MessageTimeError,
    NotForUsError,
    QuantumKeyMissingError,
    QuantumRequiredError,
    RejectedError,
    SizeLimitError,
    UnknownAlgorithmError,
    UnknownSignerError,
    UnsealError,
)
from pqc.jws import HEADER_BYTES_MAX, parse, verify
from pqc.qkd import QuantumKey
from tests.unit.pqc.envelopes import (
    ALLOWED,
    HEADER,
    NOW_S,
    PAYEE,
    PAYER,
    PAYLOAD,
    QUANTUM,
    STRANGER,
    dumped,
    forged,
    opened,
    outer_members,
    packed,
    sealed_line,
    signed_by,
    signed_members,
)


@pytest.mark.parametrize("kem", sealing.kems())
@pytest.mark.parametrize("alg", [signatures.MESSAGE_ALGORITHM, "ML-DSA-65", "id-MLDSA87-ECDSA-P384-SHA512"])
def test_unpack_returns_the_message_when_pack_made_it(alg: str, kem: str):
    payer, key = signed_by(PAYER, alg), sealing.generate(kem)
    data = packed(key=payer.signing, seal_to=key.public_half)
    message = opened(
        data,
        sealing_keys={key.public_half.key_id: key},
        verify_keys=lambda sender, key_id: payer.signing.verifying_key,
        allowed=Allowed(frozenset({alg}), frozenset({kem})),
    )
    assert (message.header, message.payload) == (HEADER, PAYLOAD)
    expected = Protection(alg, payer.signing.verifying_key.key_id, kem, key.public_half.key_id, None)
    assert message.protection == expected


def test_unpack_returns_the_message_when_it_has_no_thread_no_uetr_and_no_payload():
    header = replace(HEADER, thread=None, uetr=None)
    message = opened(packed(header, b""))
    assert (message.header, message.payload) == (header, b"")


def test_unpack_opens_by_either_key_when_the_recipient_keeps_a_retired_one():
    new = sealing.generate("X-Wing")
    keys = {one.public_half.key_id: one for one in (PAYEE.sealing, new)}
    for one in (PAYEE.sealing, new):
        assert opened(packed(seal_to=one.public_half), sealing_keys=keys).payload == PAYLOAD


def test_pack_gives_another_envelope_when_called_twice():
    assert packed() != packed()


def test_the_token_shows_others_what_was_said_when_kept_with_the_payload():
    message = opened(packed())
    token = parse(message.token, message.payload)
    verify(token, PAYER.signing.verifying_key)
    assert (token.header["recipient"], token.header["message_id"]) == (PAYEE.lei, "pay/17")
    with pytest.raises(InvalidSignatureError):
        verify(parse(message.token, message.payload + b" "), PAYER.signing.verifying_key)


def test_read_outer_tells_where_to_look_for_keys_when_nothing_is_opened():
    outer = read_outer(packed(quantum=QUANTUM))
    assert (outer.kem, outer.sender, outer.recipient) == ("X-Wing", PAYER.lei, PAYEE.lei)
    assert (outer.recipient_key, outer.qkd_key_id) == (PAYEE.sealing.public_half.key_id, QUANTUM.key_id)
    assert read_outer(packed()).qkd_key_id is None


def test_nothing_of_the_message_is_readable_when_it_is_not_opened():
    data = packed(payload=b"confidential" * 20)
    for secret in (b"confidential", base64url.encode(b"confidential"), b"pay/17", b"pacs.008", b"trade/17"):
        assert secret not in data


# Every byte, every length.


@pytest.mark.parametrize("bit", [0x01, 0x20])
def test_unpack_refuses_when_any_byte_is_changed(bit: int):
    data = packed(quantum=QUANTUM) if bit == 0x20 else packed()
    quantum = QUANTUM if bit == 0x20 else None
    assert opened(data, quantum=quantum).payload == PAYLOAD
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        with pytest.raises(RejectedError):
            opened(changed, quantum=quantum)


def test_unpack_refuses_when_cut_or_grown_anywhere():
    data = packed()
    for length in range(len(data)):
        with pytest.raises(RejectedError):
            opened(data[:length])
    with pytest.raises(UnsealError):
        opened(data + b"\x00")
    with pytest.raises(MalformedError):
        opened(b"\n" + data)


# Another reader.


def test_unpack_refuses_when_delivered_to_another_institution():
    with pytest.raises(NotForUsError, match="recipient: expected one of this institution"):
        opened(packed(), STRANGER)


def test_unpack_refuses_when_sealed_to_a_key_that_is_not_ours():
    with pytest.raises(NotForUsError, match="recipient_key"):
        opened(packed(seal_to=STRANGER.sealing.public_half))


def test_unpack_refuses_when_the_recipient_forwards_it_as_the_senders_word_to_another():
    message = opened(packed())
    line = dumped(outer_members(STRANGER))
    forwarded = sealed_line(line, message.token + b"\n" + message.payload, STRANGER)
    with pytest.raises(MalformedError, match="outer header: expected the members that were signed"):
        opened(forwarded, STRANGER)


def test_unpack_refuses_when_the_recipient_forwards_it_under_its_old_line():
    message = opened(packed())
    line = dumped(outer_members() | {"recipient_key": STRANGER.sealing.public_half.key_id})
    forwarded = sealed_line(line, message.token + b"\n" + message.payload, STRANGER)
    with pytest.raises(NotForUsError, match="recipient"):
        opened(forwarded, STRANGER)


def test_unpack_refuses_when_the_line_names_another_key_of_the_recipient_than_was_signed():
    new = sealing.generate("X-Wing")
    message = opened(packed())
    line = dumped(outer_members() | {"recipient_key": new.public_half.key_id})
    info = b"landfall-envelope/1\x00" + sha256(line).digest()
    plaintext = message.token + b"\n" + message.payload
    data = line + b"\n" + sealing.seal("X-Wing", new.public_key, plaintext, info)
    with pytest.raises(MalformedError, match="members that were signed"):
        opened(data, sealing_keys={new.public_half.key_id: new})


# Another signer.


def test_forged_returns_what_pack_would_when_nothing_is_changed():
    message = opened(forged())
    assert (message.header, message.payload) == (HEADER, PAYLOAD)


def test_unpack_refuses_when_a_stranger_signs_as_the_sender():
    signed = signed_members() | {"kid": STRANGER.signing.verifying_key.key_id}
    with pytest.raises(UnknownSignerError, match=PAYER.lei):
        opened(forged(signed=dumped(signed), key=STRANGER.signing))


def test_unpack_refuses_when_a_stranger_signs_under_the_senders_key_id():
    with pytest.raises(InvalidSignatureError):
        opened(forged(key=STRANGER.signing))


def test_unpack_refuses_when_the_directory_returns_another_key_than_named():
    with pytest.raises(MalformedError, match=r"header\.kid"):
        opened(packed(), verify_keys=lambda sender, key_id: STRANGER.signing.verifying_key)


def test_unpack_refuses_when_the_signature_is_stripped_or_of_another_message():
    token = opened(packed()).token
    header, _, signature = token.split(b".")
    other = opened(packed(replace(HEADER, message_id="pay/18"))).token.split(b".")
    for wrong in (header + b"..", header + b".." + other[2], other[0] + b".." + signature):
        with pytest.raises(InvalidSignatureError):
            opened(forged(token=wrong))


def test_unpack_refuses_when_the_payload_is_swapped():
    token = opened(packed()).token
    with pytest.raises(InvalidSignatureError):
        opened(forged(token=token, payload=b"<Document>pay me</Document>"))


def test_unpack_refuses_when_a_half_of_a_composite_signature_is_swapped_or_missing():
    payer = signed_by(PAYER, signatures.MESSAGE_ALGORITHM)

    def read(data: bytes) -> object:
        return opened(data, verify_keys=lambda sender, key_id: payer.signing.verifying_key)

    first, second = (read(packed(key=payer.signing)).token.split(b".") for _ in range(2))
    signature, other = base64url.decode("", first[2]), base64url.decode("", second[2])
    assert read(forged(token=b".".join(first))).payload == PAYLOAD
    ed25519 = bytes(64)
    for wrong in (signature[:3309], signature[:3309] + ed25519, bytes(3309) + signature[3309:], other[:3309]):
        with pytest.raises(InvalidSignatureError):
            read(forged(token=first[0] + b".." + base64url.encode(wrong)))


# Downgrades.


def test_unpack_refuses_when_the_peer_may_not_use_the_kem():
    with pytest.raises(AlgorithmNotAllowedError, match="kem: expected one of MLKEM1024-P384, got 'X-Wing'"):
        opened(packed(), allowed=replace(ALLOWED, kems=frozenset({"MLKEM1024-P384"})))


def test_unpack_refuses_when_the_line_names_another_kem_than_the_keys():
    named = outer_members() | {"kem": "MLKEM1024-P384"}
    allowed = replace(ALLOWED, kems=frozenset({"MLKEM1024-P384"}))
    with pytest.raises(MalformedError, match="kem: expected X-Wing, the KEM of recipient_key"):
        opened(forged(outer=dumped(named), signed=dumped(signed_members(named))), allowed=allowed)


def test_unpack_refuses_when_the_peer_may_not_use_the_signature():
    with pytest.raises(AlgorithmNotAllowedError, match="alg: expected one of id-MLDSA65-Ed25519-SHA512, got 'Ed25519'"):
        opened(packed(), allowed=replace(ALLOWED, signatures=frozenset({signatures.MESSAGE_ALGORITHM})))


@pytest.mark.parametrize(
    "alg", ["none", "HS256", "", "id-MLDSA65-Ed25519-SHA512", "landfall.2.id-MLDSA65-Ed25519-SHA512"]
)
def test_unpack_refuses_when_the_algorithm_is_none_we_know(alg: str):
    with pytest.raises(UnknownAlgorithmError):
        opened(forged(signed=dumped(signed_members() | {"alg": alg})))


def test_unpack_refuses_when_the_key_is_of_another_algorithm_than_the_header_says():
    with pytest.raises(MalformedError, match=r"header\.alg"):
        opened(forged(signed=dumped(signed_members() | {"alg": "landfall.1.id-MLDSA65-Ed25519-SHA512"})))


# The quantum layer.


def test_unpack_opens_the_quantum_layer_when_the_key_is_at_hand():
    data = packed(quantum=QUANTUM)
    message = opened(data, quantum=QUANTUM)
    assert (message.payload, message.protection.qkd_key_id) == (PAYLOAD, QUANTUM.key_id)


def test_unpack_refuses_when_the_quantum_key_is_missing_or_another():
    data = packed(quantum=QUANTUM)
    for quantum in (None, QuantumKey("11111111-7d60-487f-adc1-4ddcc177c139", QUANTUM.key)):
        with pytest.raises(QuantumKeyMissingError):
            opened(data, quantum=quantum)
    with pytest.raises(UnsealError, match="quantum"):
        opened(data, quantum=QuantumKey(QUANTUM.key_id, bytes(32)))


def test_unpack_refuses_when_the_quantum_layer_is_stripped_from_what_was_signed():
    signed = signed_members() | {"qkd_key_id": QUANTUM.key_id}
    with pytest.raises(MalformedError, match="members that were signed"):
        opened(forged(signed=dumped(signed)))


def test_unpack_refuses_when_a_quantum_layer_is_required_and_there_is_none():
    required = replace(ALLOWED, is_quantum_required=True)
    assert opened(packed(quantum=QUANTUM), quantum=QUANTUM, allowed=required).payload == PAYLOAD
    with pytest.raises(QuantumRequiredError):
        opened(packed(), allowed=required)


def test_the_quantum_layer_never_stands_alone_when_the_seal_is_removed():
    line = dumped(outer_members() | {"qkd_key_id": QUANTUM.key_id})
    layered = qkd.add_layer(QUANTUM, opened(packed()).token + b"\n" + PAYLOAD, line)
    with pytest.raises(RejectedError):
        opened(line + b"\n" + layered, quantum=QUANTUM)


# Time.


@pytest.mark.parametrize(
    ("age_s", "is_taken"), [(-301, False), (-300, True), (0, True), (604_800, True), (604_801, False)]
)
def test_unpack_takes_a_message_only_when_its_time_is_within_the_limits(age_s: int, is_taken: bool):
    data = packed()
    if is_taken:
        assert opened(data, now_s=NOW_S + age_s).header.created_at_s == NOW_S
    else:
        with pytest.raises(MessageTimeError, match="created_at_s"):
            opened(data, now_s=NOW_S + age_s)


def test_unpack_uses_the_callers_limits_when_given():
    with pytest.raises(MessageTimeError):
        opened(packed(), now_s=NOW_S + 11, clock=ClockLimits(ahead_s=5, age_s=10))


# Sizes and forms.


def test_pack_refuses_when_the_payload_is_over_its_limit():
    largest = bytes(PAYLOAD_BYTES_MAX)
    assert opened(packed(payload=largest)).payload == largest
    with pytest.raises(SizeLimitError, match="payload: expected 0 to 1048576 bytes, got 1048577"):
        packed(payload=largest + b"\x00")


def test_unpack_refuses_when_the_sealed_payload_is_over_its_limit():
    data = forged(payload=bytes(PAYLOAD_BYTES_MAX + 1))
    assert len(data) < ENVELOPE_BYTES_MAX
    with pytest.raises(SizeLimitError, match="payload"):
        opened(data)


def test_read_outer_refuses_when_envelope_or_line_is_over_its_limit():
    line = dumped(outer_members())
    with pytest.raises(SizeLimitError, match="envelope"):
        read_outer(line + b"\n" + bytes(ENVELOPE_BYTES_MAX - len(line)))
    assert read_outer(line + b"\n" + bytes(ENVELOPE_BYTES_MAX - len(line) - 1)).sender == PAYER.lei
    with pytest.raises(MalformedError, match="outer header: expected a line of at most 1024 bytes"):
        read_outer(b" " * OUTER_BYTES_MAX + b" \n")


def test_unpack_refuses_when_token_or_header_is_over_its_limit():
    with pytest.raises(MalformedError, match="token: expected a line"):
        opened(forged(token=b"A" * (TOKEN_BYTES_MAX + 1)))
    with pytest.raises(MalformedError, match="header: expected at most 2048 bytes"):
        opened(forged(signed=dumped(signed_members() | {"thread": "t" * HEADER_BYTES_MAX})))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 1000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        dumped(outer_members() | {"extra": "x"}),
        dumped({name: value for name, value in outer_members().items() if name != "sender"}),
        dumped(outer_members() | {"typ": "landfall-envelope/2"}),
        dumped(outer_members() | {"typ": 1}),
        dumped(outer_members() | {"kem": 7}),
        dumped(outer_members() | {"kem": True}),
        dumped(outer_members() | {"kem": None}),
        dumped(outer_members()).replace(b'"kem"', b'"kem":"X-Wing","kem"'),
        dumped(outer_members()).replace(b",", b", "),
        dumped(outer_members()).replace(b"X-Wing", b"X\\u002dWing"),
        dumped(outer_members()).replace(b"X-Wing", b"\\ud800"),
        dumped(outer_members()).replace(b"X-Wing", b"\xff"),
        dumped(outer_members()).replace(b'"X-Wing"', b"1e400"),
        dumped(outer_members()).replace(b'"X-Wing"', b"9" * 500),
        dumped(outer_members()).replace(b'"X-Wing"', b"NaN"),
    ],
)
def test_read_outer_refuses_when_the_line_is_in_another_form(line: bytes):
    with pytest.raises(MalformedError):
        read_outer(sealed_line(line, b""))


@pytest.mark.parametrize(
    "signed",
    [
        b"",
        b"{" * 1500,
        dumped(signed_members() | {"crit": "exp"}),
        dumped({name: value for name, value in signed_members().items() if name != "kind"}),
        dumped(signed_members() | {"created_at_s": "now"}),
        dumped(signed_members() | {"created_at_s": -1}),
        dumped(signed_members() | {"message_id": 17}),
        dumped(signed_members() | {"message_id": ""}),
        dumped(signed_members() | {"uetr": "7A562C67-CA16-48BA-B074-65581BE6F001"}),
        dumped(signed_members() | {"kid": 1}),
        dumped(signed_members()).replace(b'"kind"', b'"kind":"pacs.004.001.09","kind"'),
    ],
)
def test_unpack_refuses_when_the_signed_header_is_in_another_form(signed: bytes):
    with pytest.raises(MalformedError):
        opened(forged(signed=signed))


@pytest.mark.parametrize(
    "token", [b"", b"a", b"a.b", b"a.b.c.d", b"....", b"e30..e30", b"e30=..", b"\xff..", b"e30.e30."]
)
def test_unpack_refuses_when_the_token_is_in_another_form(token: bytes):
    with pytest.raises(MalformedError):
        opened(forged(token=token))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_id", ""),
        ("message_id", "a" * 201),
        ("message_id", "a b"),
        ("message_id", "a\n"),
        ("sender", "9999DEV01PAYERBANK6"),
        ("recipient", "9999dev02payeebank11"),
        ("kind", "Pacs"),
        ("kind", "a" * 65),
        ("created_at_s", -1),
        ("created_at_s", 253_402_300_800),
        ("created_at_s", True),
        ("created_at_s", 1.5),
        ("thread", ""),
        ("uetr", "7a562c67-ca16-18ba-b074-65581be6f001"),
        ("uetr", 7),
    ],
)
def test_header_refuses_when_a_field_is_in_another_form(field: str, value: object):
    with pytest.raises(MalformedError, match=field):
        replace(HEADER, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("message_id", "a" * 200), ("kind", "a" * 64), ("created_at_s", 0), ("created_at_s", 253_402_300_799)],
)
def test_header_is_made_when_a_field_is_at_its_limit(field: str, value: object):
    assert getattr(replace(HEADER, **{field: value}), field) == value


def test_pack_stays_below_every_limit_when_all_fields_are_at_theirs():
    header = Header("a" * 200, PAYER.lei, PAYEE.lei, "k" * 64, 253_402_300_799, "t" * 200, HEADER.uetr)
    payer = signed_by(PAYER, "id-MLDSA87-ECDSA-P384-SHA512")
    key = sealing.from_seed("MLKEM1024-P384", bytes(32))
    quantum = QuantumKey("a" * 64, bytes(32))
    message = opened(
        packed(header, bytes(PAYLOAD_BYTES_MAX), key=payer.signing, seal_to=key.public_half, quantum=quantum),
        sealing_keys={key.public_half.key_id: key},
        verify_keys=lambda sender, key_id: payer.signing.verifying_key,
        allowed=Allowed(frozenset({payer.signing.alg}), frozenset({key.kem})),
        now_s=header.created_at_s,
        quantum=quantum,
    )
    assert message.header == header


# Anything at all.


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=4096))
def test_unpack_refuses_clearly_when_given_any_bytes(data: bytes):
    with pytest.raises(RejectedError):
        opened(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2048), st.binary(max_size=200))
def test_unpack_refuses_clearly_when_any_bytes_are_sealed(plaintext: bytes, line: bytes):
    for clear in (dumped(outer_members()), line):
        with pytest.raises(RejectedError):
            opened(sealed_line(clear, plaintext))


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
_JSON = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), _SCALARS, max_size=3)
# The sender may choose the rest of the members.
_FIXED = sorted(outer_members() | {"alg": "", "kid": ""})


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(_FIXED) | st.text(max_size=8).filter(lambda name: name not in signed_members()), _JSON)
def test_unpack_refuses_clearly_when_a_signed_member_is_anything(name: str, value: object):
    signed = signed_members()
    assume(signed.get(name) != value)
    with pytest.raises(RejectedError):
        opened(forged(signed=dumped(signed | {name: value})))
