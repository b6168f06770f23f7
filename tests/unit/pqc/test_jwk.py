import json
from hashlib import sha256

import pytest

from pqc.errors import InvalidKeyError
from pqc.jwk import decode, encode, thumbprint, to_jwk


def test_thumbprint_is_the_hash_of_the_required_members_when_the_key_has_others():
    key = to_jwk("ML-DSA-65", b"\x00\xff public", "sig")
    required = {name: key[name] for name in ("alg", "kty", "pub")}
    written = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    assert decode("kid", key["kid"]) == sha256(written).digest() == thumbprint("ML-DSA-65", b"\x00\xff public")


def test_thumbprint_differs_when_only_the_algorithm_differs():
    assert thumbprint("ML-DSA-65", b"key") != thumbprint("X-Wing", b"key")


@pytest.mark.parametrize("data", [b"", b"\x00", b"ab", b"abc", bytes(range(256))])
def test_decode_returns_what_was_encoded_when_the_text_is_ours(data: bytes):
    assert "=" not in encode(data)
    assert decode("pub", encode(data)) == data


@pytest.mark.parametrize("text", ["YQ==", "YR", "Y", "YWI+", "Y W", "YQ\n", "é", "YWJ/"])
def test_decode_refuses_when_the_text_is_another_spelling(text: str):
    assert decode("pub", "YQ") == b"a"
    with pytest.raises(InvalidKeyError, match="pub: expected base64url"):
        decode("pub", text)
