import pytest

from bridge.errors import InvalidProofError
from bridge.proofs.items import SIGNATURE_BYTES, split_item


@pytest.mark.parametrize("raw", [b"\x02\xc0", b"\xf8\x01", b"\x01", b""])
def test_item_is_the_transaction_when_it_is_signed_once(raw: bytes) -> None:
    assert split_item(raw) == (raw, b"")


def test_item_is_split_when_it_is_signed_twice() -> None:
    signature = bytes([1]) * SIGNATURE_BYTES
    assert split_item(b"\x7d\x02\xc0" + signature) == (b"\x02\xc0", signature)


@pytest.mark.parametrize("length", [1, 100, 1 + SIGNATURE_BYTES])
def test_item_is_refused_when_it_cannot_hold_both(length: int) -> None:
    with pytest.raises(InvalidProofError, match=f"item: expected more than {1 + SIGNATURE_BYTES} bytes, got {length}"):
        split_item(b"\x7d" + bytes(length - 1))
