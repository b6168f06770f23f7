"""A chain in memory for tests of what talks to chains: real signed transactions, blocks on demand, faults on demand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from contracts.client.artifacts import ChainEvent, checksummed
from contracts.client.blocks import BlockData, BlockInfo, TransactionOutcome
from contracts.client.deployment import Deployment
from contracts.client.errors import (
    CallRevertedError,
    ChainUnavailableError,
    TransactionRefusedError,
)

CHAIN_ID = 77001
GENESIS_TIME_S = 1_788_220_800


@dataclass(frozen=True)
class Actor:
    """Someone with a secp256k1 key that follows from the name."""

    name: str

    @property
    def key(self) -> PrivateKey:
        return PrivateKey(keccak(b"landfall unit actor " + self.name.encode()))

    @property
    def address(self) -> str:
        return address_of_key(self.key.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self.key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


def address_of_key(key: PublicKey) -> str:
    return checksummed(keccak(key.format(compressed=False)[1:])[-20:])


def recover(digest: bytes, signature: bytes) -> str:
    """Return who made a signature r, s, v over a digest."""
    plain = signature[:64] + bytes([signature[64] - 27])
    return address_of_key(PublicKey.from_signature_and_message(plain, digest, hasher=None))


async def no_second_signature(tx_hashes: Sequence[bytes]) -> Sequence[bytes]:
    """Sign as a plain account does."""
    return [b""] * len(tx_hashes)


@dataclass(frozen=True)
class FakeTransaction:
    """A signed transaction as the chain understood it."""

    sender: str
    nonce: int
    to: str
    data: bytes
    tx_hash: bytes


def parse(raw: bytes) -> FakeTransaction:
    """Decode a type 2 transaction and recover its sender."""
    assert raw[:1] == b"\x02"
    chain_id, nonce, _, _, _, to, _, data, _, parity, r, s = rlp.decode(raw[1:])
    assert int.from_bytes(chain_id, "big") == CHAIN_ID
    digest = keccak(b"\x02" + rlp.encode(rlp.decode(raw[1:])[:9]))
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([int.from_bytes(parity, "big") + 27])
    return FakeTransaction(recover(digest, signature), int.from_bytes(nonce, "big"), checksummed(to), data, keccak(raw))


@dataclass
class FakeChain:
    """Answers as a chain does; `mine` makes a block of what is pending."""

    blocks: list[BlockData] = field(default_factory=list)
    pending: dict[bytes, FakeTransaction] = field(default_factory=dict)
    executed: list[FakeTransaction] = field(default_factory=list)
    submissions: list[bytes] = field(default_factory=list)
    second_signatures: list[bytes] = field(default_factory=list)
    """One for each submission."""
    reverting: dict[bytes, str] = field(default_factory=dict)
    """Call data to the reason it reverts with."""
    refusing: str | None = None
    """Refuse every submission with this reason."""
    is_away: bool = False
    is_deaf: bool = False
    """Take a submission and lose the answer."""
    head_shown: int | None = None
    """Show the chain as it was at this block."""
    block_reads: int = 0

    def __post_init__(self) -> None:
        self.mine()

    async def chain_id(self) -> int:
        return CHAIN_ID

    async def block_number(self) -> int:
        self._check_there()
        return len(self.blocks) - 1 if self.head_shown is None else self.head_shown

    async def block(self, number: int) -> BlockData:
        self._check_there()
        self.block_reads += 1
        return self.blocks[number]

    async def block_hash(self, number: int) -> bytes:
        return self.blocks[number].info.hash

    async def transaction_count(self, address: str) -> int:
        self._check_there()
        return sum(transaction.sender == address for transaction in self.executed)

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        self._check_there()
        if data in self.reverting:
            raise CallRevertedError("fake", self.reverting[data])

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        self._check_there()
        if self.refusing is not None:
            raise TransactionRefusedError(self.refusing)
        self.submissions.append(raw)
        self.second_signatures.append(second_signature)
        transaction = parse(raw)
        if await self.knows_transaction(transaction.tx_hash):
            return
        taken = {item.nonce for item in [*self.executed, *self.pending.values()] if item.sender == transaction.sender}
        if transaction.nonce in taken:
            raise TransactionRefusedError("nonce too low")
        self.pending[transaction.tx_hash] = transaction
        if self.is_deaf:
            raise ChainUnavailableError("answer lost")

    async def knows_transaction(self, tx_hash: bytes) -> bool:
        self._check_there()
        return tx_hash in self.pending or any(item.tx_hash == tx_hash for item in self.executed)

    def mine(self, events: list[dict[str, Any]] | None = None, seconds: int = 1) -> BlockData:
        """Make a block: executes what is pending and logs `events` besides."""
        number = len(self.blocks)
        parent = self.blocks[-1] if self.blocks else None
        info = BlockInfo(
            number,
            keccak(b"block %d after " % number + (parent.info.hash if parent else b"")),
            (parent.info.time_s if parent else GENESIS_TIME_S) + seconds,
        )
        outcomes = []
        for transaction in sorted(self.pending.values(), key=lambda item: item.nonce):
            reason = self.reverting.get(transaction.data)
            outcomes.append(TransactionOutcome(transaction.tx_hash, transaction.sender, number, reason is None, reason))
            self.executed.append(transaction)
        self.pending.clear()
        logged = tuple(event_of(info, index, **event) for index, event in enumerate(events or []))
        block = BlockData(info, parent.info.hash if parent else bytes(32), logged, tuple(outcomes))
        self.blocks.append(block)
        return block

    def _check_there(self) -> None:
        if self.is_away:
            raise ChainUnavailableError("away")


def event_of(
    info: BlockInfo, log_index: int, *, contract: str, name: str, address: str, tx: int = 0, **args: Any
) -> ChainEvent:
    """Build a decoded log; `tx` tells the block's transactions apart."""
    return ChainEvent(
        contract=contract,
        name=name,
        args=args,
        address=address,
        block_number=info.number,
        block_hash=info.hash,
        block_time_s=info.time_s,
        tx_hash=keccak(info.hash + bytes([tx])),
        tx_index=tx,
        log_index=log_index,
    )


def contract_address(name: str) -> str:
    """Return the address at which `deployment` puts a contract or token."""
    return checksummed(keccak(b"landfall unit contract " + name.encode())[-20:])


def genesis_section() -> dict[str, Any]:
    """Return a genesis section of two banks and a central bank."""
    roles = {"cb-eur": 1, "bank-nl": 2, "bank-ke": 2}
    leis = {
        "cb-eur": "9999DEV00CBEUR000061",
        "bank-nl": "9999DEV02PLDRBANK004",
        "bank-ke": "9999DEV03RIFTBANK006",
    }
    return {
        "network": "landfall-unit",
        "genesis_time_s": GENESIS_TIME_S,
        "validators": [],
        "contracts": {
            name: contract_address(name) for name in ("ParticipantRegistry", "FxOracle", "FxSettlement", "TradeEscrow")
        },
        "tokens": {
            code: {
                "address": contract_address(code),
                "name": f"Settlement {code}",
                "symbol": f"x{code}",
                "decimals": 2,
                "issuer": "cb-eur" if code == "EUR" else "cb-kes",
            }
            for code in ("EUR", "KES")
        },
        "participants": [
            {
                "id": name,
                "name": name.title(),
                "lei": leis[name],
                "bic": "PLDRNL2A",
                "roles": bits,
                "address": Actor(name).address,
                "key_thumbprint": "0x" + "11" * 32,
            }
            for name, bits in roles.items()
        ],
        "pairs": [{"name": "EUR/KES"}],
    }


def deployment() -> Deployment:
    """Return the deployment of `genesis_section`."""
    return Deployment.from_genesis(genesis_section(), CHAIN_ID)
