"""Decoding is strict, senders are recovered, and eth-account's own transactions are understood."""

from typing import Any

import pytest
import rlp
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.errors import TransactionRejectedError
from node.chain.transactions import decode_transaction, gas_required
from tests.unit.chain.support import CHAIN_ID, STORE, Actor

_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize(
    "fields",
    [
        {"gasPrice": 5},
        {
            "type": 1,
            "gasPrice": 5,
            "accessList": [{"address": "0x" + STORE.hex(), "storageKeys": ["0x" + "00" * 31 + "07"]}],
        },
        {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 2},
    ],
)
def test_decode_agrees_with_eth_account(fields: dict[str, Any]) -> None:
    account = Account.from_key((7).to_bytes(32, "big"))
    base = {"chainId": CHAIN_ID, "nonce": 3, "gas": 90_000, "to": "0x" + "11" * 20, "value": 4, "data": "0x0102"}
    signed = account.sign_transaction(base | fields)
    tx = decode_transaction(bytes(signed.raw_transaction))
    assert tx.hash == bytes(signed.hash)
    assert "0x" + tx.sender.hex() == account.address.lower()
    assert (tx.chain_id, tx.nonce, tx.gas, tx.value, tx.data) == (CHAIN_ID, 3, 90_000, 4, b"\1\2")
    assert tx.max_fee_per_gas == fields.get("gasPrice", 9)
    assert tx.access_list == (((STORE, (7,)),) if "accessList" in fields else ())


def _spoiled(**changes: Any) -> bytes:
    """Return a type 2 transaction with single fields replaced after signing."""
    fields = rlp.decode(Actor(1).sign()[1:])
    names = ["chain", "nonce", "tip", "fee", "gas", "to", "value", "data", "list", "parity", "r", "s"]
    for name, value in changes.items():
        fields[names.index(name)] = value
    encoded: bytes = b"\2" + rlp.encode(fields)
    return encoded


def _nested(size: int) -> bytes:
    """Return RLP lists in lists in lists."""
    raw = b""
    while len(raw) < size:
        length = (len(raw)).to_bytes(3, "big")
        raw = (bytes([0xC0 + len(raw)]) if len(raw) < 56 else b"\xfa" + length) + raw
    return raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "oversized"),
        (b"\2" + bytes(131_072), "oversized"),
        (b"\3" + rlp.encode([1] * 14), "blob"),
        (b"\5\xc0", "expected 0, 1, 2 or 4, got 5"),
        (b"\x7f", "type not supported"),
        (_nested(130_000), "rlp"),
        (b"\2\xc0", "12 fields"),
        (b"\2\x80", "a string"),
        (b"\xc3\x01\x02", "rlp"),
        (b"\xf8\xff", "rlp"),
        (Actor(1).sign() + b"\0", "rlp"),
        (_spoiled(nonce=b"\0\1"), "nonce"),
        (_spoiled(value=b"\1" * 33), "value"),
        (_spoiled(nonce=[]), "nonce"),
        (_spoiled(to=b"\1" * 19), "to"),
        (_spoiled(data=[b"x"]), "data"),
        (_spoiled(list=b"x"), "accessList"),
        (_spoiled(list=[[STORE]]), "accessList"),
        (_spoiled(list=[[STORE, [b"\1"]]]), "storageKeys"),
        (_spoiled(parity=b"\2"), "yParity"),
        (_spoiled(s=b""), "v, r, s"),
        (_spoiled(r=b""), "v, r, s"),
        (_spoiled(s=(_N - 1).to_bytes(32, "big")), "v, r, s"),
        (_spoiled(r=(_N + 1).to_bytes(32, "big")), "v, r, s"),
        (Actor(1).sign_typed(4, [CHAIN_ID, 0, 0, 0, 90_000, STORE, 0, b"", [], []]), "at least one"),
        (Actor(1).sign_typed(4, [CHAIN_ID, 0, 0, 0, 90_000, b"", 0, b"", [], [[1, STORE, 0, 0, 1, 1]]]), "to"),
        (Actor(1).sign_typed(4, [CHAIN_ID, 0, 0, 0, 90_000, STORE, 0, b"", [], [[1, STORE, 0]]]), "six fields"),
    ],
)
def test_decode_rejects_a_malformed_transaction(raw: bytes, message: str) -> None:
    with pytest.raises(TransactionRejectedError, match=message):
        decode_transaction(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=120))
def test_decode_rejects_or_returns_and_never_fails_otherwise(raw: bytes) -> None:
    try:
        assert decode_transaction(raw).raw == raw
    except TransactionRejectedError:
        return


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 115), st.integers(1, 255))
def test_flipped_byte_changes_the_sender_or_is_rejected(position: int, mask: int) -> None:
    raw = Actor(1).sign(data=b"payload")
    position %= len(raw)
    changed = raw[:position] + bytes([raw[position] ^ mask]) + raw[position + 1 :]
    try:
        tx = decode_transaction(changed)
    except TransactionRejectedError:
        return
    assert tx.sender != Actor(1).address


def test_gas_required_counts_calldata_floor_and_init_code_words() -> None:
    plain = decode_transaction(Actor(1).sign(data=b"\0\1"))
    assert gas_required(plain) == 21_000 + 50
    heavy = decode_transaction(Actor(1).sign(data=b"\1" * 1_000, gas=100_000))
    assert gas_required(heavy) == 21_000 + 40_000
    creation = decode_transaction(Actor(1).sign(to=b"", data=bytes(64)))
    assert gas_required(creation) == 21_000 + 32_000 + 64 * 4 + 2 * 2


def test_legacy_without_chain_id_is_decoded_with_none() -> None:
    assert decode_transaction(Actor(1).sign_legacy(chain_id=None)).chain_id is None
    assert decode_transaction(Actor(1).sign_legacy()).chain_id == CHAIN_ID
