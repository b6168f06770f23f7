"""The contracts in a py-evm state, one transaction a block: the chain of the trade tests, without a server."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import rlp
from eth_hash.auto import keccak

from contracts.client.artifacts import ChainEvent, checksummed, decode_log, decode_revert
from contracts.client.blocks import BlockData, BlockInfo, TransactionOutcome
from contracts.client.deployment import Deployment
from contracts.client.errors import CallRevertedError
from contracts.genesis import GenesisContracts, GovernanceRules, Pair, Participant, Token, build_contracts
from node.app.cast import Cast, InstitutionCast, devnet_seed, load_cast
from node.participants.directory import Role
from pqc import secp256k1, signatures

GAS = 30_000_000
ALGORITHM = signatures.MESSAGE_ALGORITHM


def address_of(owner: str) -> str:
    return secp256k1.address_of(secp256k1.public_key(devnet_seed(owner, "transaction")))


@cache
def message_pair(owner: str) -> signatures.KeyPair:
    return signatures.from_seed(ALGORITHM, devnet_seed(owner, "message"))


@cache
def genesis() -> tuple[Cast, Deployment, GenesisContracts]:
    """The devnet's cast with its contracts deployed; built once per process."""
    cast = load_cast()
    thumbprints = {
        one.id: signatures.thumbprint(ALGORITHM, message_pair(one.id).public_key) for one in cast.institutions
    }
    built = build_contracts(
        chain_id=cast.chain_id,
        genesis_time_s=int(cast.genesis_time.timestamp()),
        governor=_raw(address_of(cast.governor)),
        participants=[
            Participant(
                address=_raw(address_of(one.id)),
                lei=one.lei,
                bic=one.bic,
                roles=_role_bits(one),
                key_thumbprint=thumbprints[one.id],
            )
            for one in cast.institutions
        ],
        validators=(),
        rules=GovernanceRules(),
        tokens=[
            Token(currency=one.code, name=one.name, symbol=one.symbol, decimals=2, issuer=_raw(address_of(one.issuer)))
            for one in cast.currencies
        ],
        pairs=[Pair(**pair.model_dump()) for pair in cast.pairs],
    )
    section = {
        "network": cast.network,
        "genesis_time_s": int(cast.genesis_time.timestamp()),
        "contracts": built.contracts,
        "tokens": {
            one.code: {
                "address": built.tokens[one.code],
                "name": one.name,
                "symbol": one.symbol,
                "decimals": 2,
                "issuer": one.issuer,
            }
            for one in cast.currencies
        },
        "participants": [
            {
                "id": one.id,
                "name": one.name,
                "lei": one.lei,
                "bic": one.bic,
                "roles": _role_bits(one),
                "address": address_of(one.id),
                "key_thumbprint": thumbprints[one.id].hex(),
            }
            for one in cast.institutions
        ],
        "pairs": [pair.name for pair in cast.pairs],
    }
    return cast, Deployment.from_genesis(section, cast.chain_id), built


@dataclass
class Ledger:
    """A `ChainReader` and `ChainWriter` whose every submission is a block of its own, one second later."""

    deployment: Deployment
    blocks: list[BlockData] = field(default_factory=list)

    _nonces: dict[str, int] = field(default_factory=dict)
    _known: set[bytes] = field(default_factory=set)
    _kv: dict[bytes, bytes] = field(default_factory=dict)
    _state: Any = None

    def __post_init__(self) -> None:
        self._artifacts = self.deployment.artifacts_by_address()

    @classmethod
    def fresh(cls) -> "Ledger":
        cast, deployment, built = genesis()
        ledger = cls(deployment)
        ledger._state = _open_state(cast.chain_id, ledger._kv, None)
        _fill(ledger._state, built)
        ledger._append(int(cast.genesis_time.timestamp()), (), ())
        return ledger

    def copy(self) -> "Ledger":
        """Return a ledger that goes on from here by itself."""
        self._state.persist()
        ledger = Ledger(self.deployment, list(self.blocks), dict(self._nonces), set(self._known), dict(self._kv))
        ledger._state = _open_state(self.deployment.chain_id, ledger._kv, self._state.state_root)
        return ledger

    @property
    def now_s(self) -> int:
        return self.blocks[-1].info.time_s

    @property
    def head(self) -> BlockInfo:
        return self.blocks[-1].info

    async def refresh(self) -> None:
        """Look at the head: this one is always known."""

    def advance_to(self, time_s: int) -> None:
        """Make an empty block at that time."""
        assert time_s > self.now_s
        self._append(time_s, (), ())

    async def chain_id(self) -> int:
        return self.deployment.chain_id

    async def block_number(self) -> int:
        return self.blocks[-1].info.number

    async def block(self, number: int) -> BlockData:
        return self.blocks[number]

    async def transaction_count(self, address: str) -> int:
        return int(self._nonces.get(address, 0))

    async def knows_transaction(self, tx_hash: bytes) -> bool:
        return tx_hash in self._known

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        snapshot = self._state.snapshot()
        computation = self._execute(sender, to, data, self.now_s)
        self._state.revert(snapshot)
        if computation.is_error:
            raise CallRevertedError(to, _reason(computation))

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        tx_hash = keccak(raw)
        if tx_hash in self._known:
            return
        fields = rlp.decode(raw[1:])
        sender = _sender(fields)
        assert int.from_bytes(fields[1], "big") == self._nonces.get(sender, 0), "nonce out of order"
        self._nonces[sender] = self._nonces.get(sender, 0) + 1
        self._known.add(tx_hash)
        self.transact(sender, checksummed(fields[5]), fields[7], tx_hash)

    def transact(self, sender: str, to: str, data: bytes, tx_hash: bytes | None = None) -> str | None:
        """Execute one call in a block of its own; return why it reverted, None if it did not."""
        time_s = self.now_s + 1
        tx_hash = tx_hash or keccak(data + time_s.to_bytes(8, "big"))
        computation = self._execute(sender, to, data, time_s)
        if computation.is_error:
            outcome = TransactionOutcome(tx_hash, sender, len(self.blocks), False, _reason(computation))
            self._append(time_s, (), (outcome,))
            return outcome.reason
        self._state.clear_transient_storage()
        self._state.lock_changes()
        events = self._events(computation, tx_hash, time_s)
        self._append(time_s, events, (TransactionOutcome(tx_hash, sender, len(self.blocks), True, None),))
        return None

    def call(self, contract: str, function: str, *args: Any) -> Any:
        from contracts.client.artifacts import decode_result, encode_call

        to = self.deployment.address(contract)
        snapshot = self._state.snapshot()
        computation = self._execute(to, to, encode_call(contract, function, args), self.now_s)
        self._state.revert(snapshot)
        assert not computation.is_error, _reason(computation)
        return decode_result(contract, function, len(args), bytes(computation.output))

    def _execute(self, sender: str, to: str, data: bytes, time_s: int) -> Any:
        from eth.vm.message import Message

        self._state.execution_context._timestamp = time_s
        self._state.execution_context._block_number = len(self.blocks)
        context = self._state.get_transaction_context_class()(gas_price=0, origin=_raw(sender))
        message = Message(
            gas=GAS, value=0, sender=_raw(sender), to=_raw(to), data=data, code=self._state.get_code(_raw(to))
        )
        return self._state.computation_class.apply_message(self._state, message, context)

    def _events(self, computation: Any, tx_hash: bytes, time_s: int) -> tuple[ChainEvent, ...]:
        found = []
        for index, (account, topics, data) in enumerate(computation.get_log_entries()):
            address = checksummed(account)
            artifact = self._artifacts[address]
            decoded = decode_log(artifact, [topic.to_bytes(32, "big") for topic in topics], data)
            assert decoded is not None
            found.append(
                ChainEvent(
                    contract=artifact.name,
                    name=decoded[0],
                    args=decoded[1],
                    address=address,
                    block_number=len(self.blocks),
                    block_hash=_block_hash(len(self.blocks)),
                    block_time_s=time_s,
                    tx_hash=tx_hash,
                    tx_index=0,
                    log_index=index,
                )
            )
        return tuple(found)

    def _append(self, time_s: int, events: tuple[ChainEvent, ...], outcomes: tuple[TransactionOutcome, ...]) -> None:
        number = len(self.blocks)
        info = BlockInfo(number, _block_hash(number), time_s)
        self.blocks.append(BlockData(info, _block_hash(number - 1), events, outcomes))


def _open_state(chain_id: int, kv: dict[bytes, bytes], root: bytes | None) -> Any:
    from eth.constants import BLANK_ROOT_HASH
    from eth.db.atomic import AtomicDB
    from eth.db.backends.memory import MemoryDB
    from eth.vm.execution_context import ExecutionContext
    from eth.vm.forks.prague.state import PragueState

    context: Any = ExecutionContext
    return PragueState(
        AtomicDB(MemoryDB(kv)),
        context(
            coinbase=bytes(20),
            timestamp=0,
            block_number=0,
            difficulty=0,
            mix_hash=bytes(32),
            gas_limit=GAS,
            prev_hashes=(),
            chain_id=chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        ),
        BLANK_ROOT_HASH if root is None else root,
    )


def _fill(state: Any, built: GenesisContracts) -> None:
    for address, account in built.alloc.items():
        state.set_code(_raw(address), bytes.fromhex(account["code"][2:]))
        state.set_nonce(_raw(address), int(account["nonce"], 16))
        for slot, value in account["storage"].items():
            state.set_storage(_raw(address), int(slot, 16), int(value, 16))
    state.lock_changes()


def _sender(fields: list[Any]) -> str:
    signature = (
        fields[10].rjust(32, b"\0") + fields[11].rjust(32, b"\0") + bytes([int.from_bytes(fields[9], "big") + 27])
    )
    return secp256k1.recover(keccak(b"\x02" + rlp.encode(fields[:9])), signature)


def _reason(computation: Any) -> str:
    output = bytes(computation.output)
    return decode_revert(output) if output else repr(computation.error)


def _block_hash(number: int) -> bytes:
    return keccak(b"block" + (number + 1).to_bytes(8, "big"))


def _raw(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def _role_bits(institution: InstitutionCast) -> int:
    return sum(Role[role.upper()] for role in institution.roles)
