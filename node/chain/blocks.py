"""Ethereum blocks as this chain has them: the Prague header, receipts, logs, and their canonical encodings.

Keccak of the encoded header is the block hash, everywhere.

Source: execution-specs, src/ethereum/prague/blocks.py; EIP-1559, EIP-4844, EIP-4788, EIP-7685.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import rlp
from eth_hash.auto import keccak

from node.chain.errors import CorruptChainError
from node.chain.transactions import LEGACY, Transaction
from node.chain.tries import EMPTY_ROOT

EMPTY_UNCLES_HASH: Final = keccak(rlp.encode([]))
EMPTY_REQUESTS_HASH: Final = sha256(b"").digest()
ZERO_HASH: Final = bytes(32)
BLOOM_BYTES: Final = 256
_ELASTICITY: Final = 2
_BASE_FEE_DENOMINATOR: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """A Prague header; `timestamp` in unix seconds, fees in wei."""

    parent_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes = EMPTY_ROOT
    receipts_root: bytes = EMPTY_ROOT
    bloom: bytes = bytes(BLOOM_BYTES)
    number: int
    gas_limit: int
    gas_used: int = 0
    timestamp: int
    extra_data: bytes
    mix_hash: bytes = ZERO_HASH
    base_fee: int = 0
    requests_hash: bytes = EMPTY_REQUESTS_HASH
    payload: bytes = field(init=False, repr=False)
    hash: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "payload", rlp.encode(self._as_list()))
        object.__setattr__(self, "hash", keccak(self.payload))

    def _as_list(self) -> list[Any]:
        return [
            self.parent_hash,
            EMPTY_UNCLES_HASH,
            self.coinbase,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.bloom,
            0,  # difficulty
            self.number,
            self.gas_limit,
            self.gas_used,
            self.timestamp,
            self.extra_data,
            self.mix_hash,
            bytes(8),  # nonce
            self.base_fee,
            EMPTY_ROOT,  # withdrawals
            0,  # blob gas used
            0,  # excess blob gas
            ZERO_HASH,  # parent beacon block root
            self.requests_hash,
        ]

    @classmethod
    def decode(cls, payload: bytes) -> "BlockHeader":
        """Read a header.

        Raises:
            CorruptChainError: `payload` is not exactly what `payload` of some header of this chain would be.
        """
        try:
            raw = rlp.decode(payload)
            header = cls(
                parent_hash=raw[0],
                coinbase=raw[2],
                state_root=raw[3],
                transactions_root=raw[4],
                receipts_root=raw[5],
                bloom=raw[6],
                number=int.from_bytes(raw[8], "big"),
                gas_limit=int.from_bytes(raw[9], "big"),
                gas_used=int.from_bytes(raw[10], "big"),
                timestamp=int.from_bytes(raw[11], "big"),
                extra_data=raw[12],
                mix_hash=raw[13],
                base_fee=int.from_bytes(raw[15], "big"),
                requests_hash=raw[20],
            )
        except (rlp.exceptions.RLPException, IndexError, TypeError, ValueError, RecursionError) as error:
            raise CorruptChainError(f"block header: expected the RLP of a Prague header, got {error}") from error
        if header.payload != payload:
            raise CorruptChainError("block header: expected canonical RLP without uncles, withdrawals or blobs")
        return header


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a contract."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did; `cumulative_gas` counts from the start of the block."""

    type_id: int
    is_success: bool
    cumulative_gas: int
    logs: tuple[Log, ...]
    bloom: bytes

    def encode(self) -> bytes:
        """Return the consensus encoding (EIP-2718)."""
        logs = [[log.address, list(log.topics), log.data] for log in self.logs]
        body: bytes = rlp.encode([b"\1" if self.is_success else b"", self.cumulative_gas, self.bloom, logs])
        return body if self.type_id == LEGACY else bytes([self.type_id]) + body

    @classmethod
    def decode(cls, raw: bytes) -> "Receipt":
        """Read what `encode` wrote."""
        type_id, body = (LEGACY, raw) if raw[0] >= 0xC0 else (raw[0], raw[1:])
        status, gas, bloom, logs = rlp.decode(body)
        return cls(
            type_id,
            status == b"\1",
            int.from_bytes(gas, "big"),
            tuple(Log(address, tuple(topics), data) for address, topics, data in logs),
            bloom,
        )


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """A block and everything that follows from executing it on its parent; not yet stored."""

    header: BlockHeader
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    state_nodes: dict[bytes, bytes] = field(repr=False)

    @property
    def items(self) -> list[bytes]:
        """Return the data of the consensus block: the payload, then every transaction."""
        return [self.header.payload, *(tx.item for tx in self.transactions)]


def logs_bloom(logs: Iterable[Log]) -> bytes:
    """Return the Bloom filter over addresses and topics."""
    bits = 0
    for log in logs:
        bits |= _bloom_bits(log.address)
        for topic in log.topics:
            bits |= _bloom_bits(topic)
    return bits.to_bytes(BLOOM_BYTES, "big")


def merge_blooms(blooms: Iterable[bytes]) -> bytes:
    """Return the Bloom filter of a block from those of its receipts."""
    bits = 0
    for bloom in blooms:
        bits |= int.from_bytes(bloom, "big")
    return bits.to_bytes(BLOOM_BYTES, "big")


def may_contain(bloom: bytes, item: bytes) -> bool:
    """Return False when `item` is certainly not in the filter."""
    bits = _bloom_bits(item)
    return int.from_bytes(bloom, "big") & bits == bits


@lru_cache(maxsize=4096)
def _bloom_bits(item: bytes) -> int:
    digest = keccak(item)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits


def next_base_fee(parent: BlockHeader) -> int:
    """Return the base fee of the block after `parent` (EIP-1559)."""
    target = parent.gas_limit // _ELASTICITY
    if parent.gas_used == target:
        return parent.base_fee
    if parent.gas_used > target:
        delta = parent.base_fee * (parent.gas_used - target) // target // _BASE_FEE_DENOMINATOR
        return parent.base_fee + max(delta, 1)
    delta = parent.base_fee * (target - parent.gas_used) // target // _BASE_FEE_DENOMINATOR
    return parent.base_fee - delta
