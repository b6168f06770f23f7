"""Ed25519 by the vectors of Project Wycheproof; ECDSA signatures in any other encoding than DER."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pqc.classical import ECDSA_P256, ECDSA_P384, ED25519, Ecdsa
from pqc.errors import InvalidKeyError, RejectedError
from pqc.signatures import from_seed, jwk, sign, thumbprint, verify

VECTORS = Path(__file__).parents[2] / "vectors" / "wycheproof"
CURVES = [ECDSA_P256, ECDSA_P384]


def test_verify_agrees_with_wycheproof_when_given_every_ed25519_case():
    file = json.loads((VECTORS / "ed25519_test.json").read_text())
    cases = [(group, case) for group in file["testGroups"] for case in group["tests"]]
    assert len(cases) == 151
    for group, case in cases:
        public_key = bytes.fromhex(group["publicKey"]["pk"])
        arguments = ("Ed25519", public_key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        if case["result"] == "valid":
            verify(*arguments)
        else:
            with pytest.raises(RejectedError):
                verify(*arguments)


def test_jwk_agrees_with_wycheproof_when_the_key_is_ed25519():
    file = json.loads((VECTORS / "ed25519_test.json").read_text())
    keys = [group for group in file["testGroups"] if "publicKeyJwk" in group]
    assert keys
    for group in keys:
        expected = {member: group["publicKeyJwk"][member] for member in ("crv", "kty", "x")}
        assert jwk("Ed25519", bytes.fromhex(group["publicKey"]["pk"])) == expected


def test_thumbprint_is_that_of_rfc_8037_when_the_key_is_its_example():
    # RFC 8037, appendices A.2 and A.3.
    public_key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    expected = bytes.fromhex("90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89")
    assert thumbprint("Ed25519", public_key) == expected


def test_ed25519_takes_no_context_when_signing_or_verifying():
    key = from_seed("Ed25519", bytes(32))
    signature = sign(key, b"pay")
    verify("Ed25519", key.public_key, b"pay", signature, b"")
    with pytest.raises(InvalidKeyError, match="context: expected none, as Ed25519 knows no context, got 4 bytes"):
        sign(key, b"pay", b"vote")
    with pytest.raises(InvalidKeyError, match="knows no context"):
        verify("Ed25519", key.public_key, b"pay", signature, b"vote")


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_accepts_der_and_no_other_encoding_when_numbers_are_right(scheme: Ecdsa):
    seed = bytes(range(scheme.seed_bytes))
    public_key = scheme.public_key(seed)
    signature = scheme.sign(seed, b"pay")
    assert scheme.is_valid(public_key, b"pay", signature)
    r, s = (integer(number) for number in decode_dss_signature(signature))
    assert sequence(r, s) == signature
    body = r + s
    others = {
        "long length": b"\x30\x81" + bytes([len(body)]) + body,
        "indefinite length": b"\x30\x80" + body + b"\x00\x00",
        "padded r": sequence(b"\x02" + bytes([r[1] + 1]) + b"\x00" + r[2:], s),
        "padded s": sequence(r, b"\x02" + bytes([s[1] + 1]) + b"\x00" + s[2:]),
        "long integer length": sequence(b"\x02\x81" + r[1:], s),
        "trailing byte": signature + b"\x00",
        "trailing byte within": sequence(r, s + b"\x00"),
        "missing byte": signature[:-1],
        "other tag": b"\x31" + signature[1:],
        "three integers": sequence(r, s + s),
        "empty": b"",
    }
    accepted = [name for name, other in others.items() if scheme.is_valid(public_key, b"pay", other)]
    assert accepted == []


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_refuses_numbers_out_of_range_when_well_encoded(scheme: Ecdsa):
    seed = bytes(range(scheme.seed_bytes))
    r, s = decode_dss_signature(scheme.sign(seed, b"pay"))
    order = scheme.curve.group_order
    for numbers in ((0, s), (r, 0), (r + order, s), (r, s + order), (r, -s), (order, s)):
        encoded = sequence(*(integer(number) for number in numbers))
        assert not scheme.is_valid(scheme.public_key(seed), b"pay", encoded)


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_accepts_the_mirrored_signature_when_s_is_subtracted_from_the_order(scheme: Ecdsa):
    # So a signature is no identifier (docs/spec/signatures.md); the draft asks for no lower half.
    seed = bytes(range(scheme.seed_bytes))
    r, s = decode_dss_signature(scheme.sign(seed, b"pay"))
    mirrored = encode_dss_signature(r, scheme.curve.group_order - s)
    assert scheme.is_valid(scheme.public_key(seed), b"pay", mirrored)


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_raises_when_the_public_key_is_no_point(scheme: Ecdsa):
    seed = bytes(range(scheme.seed_bytes))
    public_key = scheme.public_key(seed)
    signature = scheme.sign(seed, b"pay")
    wrong = [
        public_key[:-1] + bytes([public_key[-1] ^ 1]),
        bytes([6 + public_key[-1] % 2]) + public_key[1:],
        bytes(scheme.public_key_bytes),
        b"\x00",
    ]
    for other in wrong:
        with pytest.raises(InvalidKeyError, match="public_key: expected an uncompressed point"):
            scheme.is_valid(other, b"pay", signature)


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_derives_its_scalar_as_fips_186_5_when_given_the_edges_of_the_seed(scheme: Ecdsa):
    # Appendix A.2.1: d = (c mod (n - 1)) + 1, so 0 leads to 1 and n - 1 leads to 1 again.
    order = scheme.curve.group_order
    first = scheme.public_key(bytes(scheme.seed_bytes))
    assert scheme.public_key((order - 1).to_bytes(scheme.seed_bytes, "big")) == first
    assert scheme.public_key((order - 2).to_bytes(scheme.seed_bytes, "big")) != first
    assert scheme.seed_bytes * 8 >= order.bit_length() + 64


@pytest.mark.parametrize("scheme", CURVES, ids=lambda one: one.name)
def test_ecdsa_reads_a_private_key_when_it_is_of_its_curve(scheme: Ecdsa):
    seed = bytes(range(scheme.seed_bytes))
    data = scheme._private(seed).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    read = scheme.parse_private_key(data)
    assert scheme.public_key(read) == scheme.public_key(seed)
    other = ECDSA_P384 if scheme is ECDSA_P256 else ECDSA_P256
    for wrong in (data[:-1], b"", b"\x30\x00"):
        with pytest.raises(InvalidKeyError, match="private_key"):
            scheme.parse_private_key(wrong)
    with pytest.raises(InvalidKeyError, match="a key of another kind"):
        other.parse_private_key(data)


def test_ed25519_reads_a_private_key_when_it_is_32_bytes():
    assert ED25519.parse_private_key(bytes(range(32))) == bytes(range(32))
    with pytest.raises(InvalidKeyError, match="31 bytes"):
        ED25519.parse_private_key(bytes(31))


def integer(number: int) -> bytes:
    content = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    return b"\x02" + bytes([len(content)]) + content


def sequence(first: bytes, second: bytes) -> bytes:
    return b"\x30" + bytes([len(first) + len(second)]) + first + second
