import pytest

from pqc.errors import InvalidKeyError, InvalidSignatureError
from pqc.secp256k1 import ORDER, address_of, checksummed, public_key, recover, sign_digest

DIGEST = bytes(range(32))
SEED = bytes.fromhex("4646464646464646464646464646464646464646464646464646464646464646")
# EIP-155's example key and the address it states.
ADDRESS = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"


def test_address_is_eip155s_when_key_is_eip155s():
    assert address_of(public_key(SEED)) == ADDRESS


@pytest.mark.parametrize(
    "address", ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]
)
def test_checksummed_agrees_with_eip55_when_given_its_examples(address: str):
    assert checksummed(bytes.fromhex(address[2:])) == address


def test_checksummed_raises_when_not_20_bytes():
    with pytest.raises(InvalidKeyError, match="20 bytes"):
        checksummed(bytes(19))


def test_recover_returns_signer_when_signature_is_good():
    signature = sign_digest(SEED, DIGEST)
    assert recover(DIGEST, signature) == ADDRESS
    assert recover(bytes(32), signature) != ADDRESS


def _tampered(kind: str) -> bytes:
    good = sign_digest(SEED, DIGEST)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    return {
        "short": good[:64],
        "long": good + b"\0",
        "compact v": good[:64] + bytes([v - 27]),
        "high s": r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v]),
        "zero s": r + bytes(32) + bytes([v]),
        "zero r": bytes(32) + good[32:],
        "r not below order": ORDER.to_bytes(32, "big") + good[32:],
        # x = 5 is no x coordinate of a point: 5**3 + 7 is no square.
        "r off the curve": (5).to_bytes(32, "big") + good[32:],
    }[kind]


@pytest.mark.parametrize(
    "kind", ["short", "long", "compact v", "high s", "zero s", "zero r", "r not below order", "r off the curve"]
)
def test_recover_raises_when_signature_is(kind: str):
    with pytest.raises(InvalidSignatureError):
        recover(DIGEST, _tampered(kind))


@pytest.mark.parametrize("seed", [bytes(32), ORDER.to_bytes(32, "big"), bytes(31), "1" * 32])
def test_public_key_raises_when_seed_is_out_of_range(seed: bytes):
    with pytest.raises(InvalidKeyError, match="seed"):
        public_key(seed)


def test_sign_digest_raises_when_digest_is_not_32_bytes():
    with pytest.raises(InvalidKeyError, match="digest"):
        sign_digest(SEED, bytes(31))
