"""Receipts and their Merkle-Patricia proofs: a transaction did this, under the receipts root of a block header.

A proof is the list of trie nodes from the root to the leaf; the leaf holds the receipt, so the proof carries it.
Receipts are longer than 32 bytes, hence no node is ever embedded in its parent.

Source: Ethereum yellow paper, section 4.4 and appendix D; EIP-2718, EIP-658.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.limits import TRANSACTIONS_MAX
from bridge.proofs import rlp
from bridge.proofs.tries import BRANCH, as_list, nibbles, prove_value
from pqc.secp256k1 import checksummed

_BLOOM_BYTES: Final = 256
_TYPE_MAX: Final = 0x7F


@dataclass(frozen=True, slots=True)
class Log:
    """One event as the chain stores it."""

    address: str
    """Checksummed address of the contract that emitted it."""
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did."""

    succeeded: bool
    logs: tuple[Log, ...]


def encode_receipt(value: Mapping[str, Any]) -> bytes:
    """Return the consensus encoding of one receipt as `eth_getBlockReceipts` returns it.

    Raises:
        InvalidProofError: a field is missing or of the wrong form.
    """
    try:
        logs = [
            [_unhex(log["address"]), [_unhex(topic) for topic in log["topics"]], _unhex(log["data"])]
            for log in value["logs"]
        ]
        status, gas = rlp.encode_int(_number(value["status"])), rlp.encode_int(_number(value["cumulativeGasUsed"]))
        kind = _number(value.get("type", "0x0"))
        body = rlp.encode([status, gas, _unhex(value["logsBloom"]), logs])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidProofError("receipt", "a receipt of eth_getBlockReceipts", repr(error)[:80]) from error
    return bytes([kind]) + body if kind else body


def decode_receipt(data: bytes) -> Receipt:
    """Return the receipt behind its consensus encoding.

    Raises:
        InvalidProofError: not the encoding of a receipt.
    """
    try:
        item = rlp.decode(data[1:] if data[:1] and data[0] <= _TYPE_MAX else data)
        status, gas, bloom, logs = as_list(item, 4)
        if status not in (b"", b"\x01") or not isinstance(bloom, bytes) or len(bloom) != _BLOOM_BYTES:
            raise rlp.RlpError("no status or bloom")
        rlp.decode_int(gas, 8)
        return Receipt(status == b"\x01", tuple(_log(log) for log in as_list(logs)))
    except rlp.RlpError as error:
        raise InvalidProofError("receipt", "the RLP of a receipt", error) from None


def receipts_root(receipts: Sequence[bytes]) -> bytes:
    """Return the root over the encoded receipts of a block, in order."""
    return _build(_entries(receipts), 0, None, [])


def prove_receipt(receipts: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the nodes from the root to the leaf of `receipts[index]`."""
    if not 0 <= index < len(receipts):
        raise InvalidProofError("index", f"0 <= index < {len(receipts)}", index)
    nodes: list[bytes] = []
    _build(_entries(receipts), 0, nibbles(rlp.encode(rlp.encode_int(index))), nodes)
    return tuple(reversed(nodes))


def verify_receipt(root: bytes, index: int, nodes: Sequence[bytes]) -> bytes:
    """Return the encoded receipt of transaction `index`, proven under `root`.

    Raises:
        InvalidProofError: a node is not what its parent refers to, the path is another index, or nodes are left over.
    """
    if not 0 <= index < TRANSACTIONS_MAX:
        raise InvalidProofError("index", f"0 <= index < {TRANSACTIONS_MAX}", index)
    value = prove_value(root, nibbles(rlp.encode(rlp.encode_int(index))), nodes)
    if value is None:
        raise InvalidProofError(f"proof[{len(nodes) - 1}]", "a trie node on the path of this index", "one beside it")
    return value


_Entry = tuple[bytes, bytes]


def _entries(receipts: Sequence[bytes]) -> list[_Entry]:
    return sorted((nibbles(rlp.encode(rlp.encode_int(index))), value) for index, value in enumerate(receipts))


def _build(entries: Sequence[_Entry], depth: int, wanted: bytes | None, nodes: list[bytes]) -> bytes:
    """Return the hash of the trie over `entries`, which agree up to `depth`; append the nodes on the wanted path."""
    if not entries:
        return keccak(rlp.encode(b""))
    first, last = entries[0][0], entries[-1][0]
    on_path = wanted is not None and wanted[:depth] == first[:depth]
    deeper = wanted if on_path else None
    if len(entries) == 1:
        encoded = rlp.encode([_hex_prefix(first[depth:], leaf=True), entries[0][1]])
    else:
        shared = depth
        while first[shared] == last[shared]:
            shared += 1
        if shared > depth:
            child = _build(entries, shared, deeper, nodes)
            encoded = rlp.encode([_hex_prefix(first[depth:shared], leaf=False), child])
        else:
            branch = [b""] * BRANCH
            for nibble in sorted({key[depth] for key, _ in entries}):
                below = [entry for entry in entries if entry[0][depth] == nibble]
                branch[nibble] = _build(below, depth + 1, deeper, nodes)
            encoded = rlp.encode(branch)
    if on_path:
        nodes.append(encoded)
    return keccak(encoded)


def _hex_prefix(path: bytes, *, leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    padded = bytes([flag + 1]) + path if len(path) % 2 else bytes([flag, 0]) + path
    return bytes(padded[at] << 4 | padded[at + 1] for at in range(0, len(padded), 2))


def _log(item: rlp.Item) -> Log:
    address, topics, data = as_list(item, 3)
    if not isinstance(address, bytes) or len(address) != 20 or not isinstance(data, bytes):
        raise rlp.RlpError("no log")
    words = tuple(topic for topic in as_list(topics) if isinstance(topic, bytes) and len(topic) == 32)
    if len(words) != len(as_list(topics)) or len(words) > 4:
        raise rlp.RlpError("no topics")
    return Log(checksummed(address), words, data)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _number(text: str) -> int:
    return int(text, 16)
