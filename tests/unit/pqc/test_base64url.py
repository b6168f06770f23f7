import pytest

from pqc.base64url import decode, encode
from pqc.errors import MalformedError


@pytest.mark.parametrize("data", [b"", b"\x00", b"ab", b"abc", bytes(range(256))])
def test_decode_returns_what_was_encoded_when_the_text_is_ours(data: bytes):
    assert b"=" not in encode(data)
    assert decode("pub", encode(data)) == data


@pytest.mark.parametrize("text", [b"YQ==", b"YR", b"Y", b"YWI+", b"Y W", b"YQ\n", b"\xe9", b"YWJ/"])
def test_decode_refuses_when_the_text_is_another_spelling(text: bytes):
    assert decode("pub", b"YQ") == b"a"
    with pytest.raises(MalformedError, match="pub: expected base64url"):
        decode("pub", text)
