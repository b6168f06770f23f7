"""The contracts' part of a genesis state: deployed and configured in a scratch machine, then written down.

Every contract gets an address that depends on its name alone, so it is the same on every network. The governor's
configuration (participants, notaries, oracle pairs) is made by real calls, so genesis holds nothing that the
contracts would not have let happen. The result is code, storage and nonces: a genesis `alloc` in geth's format.

py-evm is imported when `build_contracts` runs, not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from contracts.client.artifacts import Artifact, decode_revert, encode_call, load_artifact
from contracts.client.errors import InvariantError

_GAS: Final = 30_000_000
# The escrow's code in the order in which each part is deployed: the next hands calls on to the one before.
_ESCROW: Final = ("TradePayment", "TradeAmendment", "TradeFunding", "TradeEscrow")
_CONTRACTS: Final = ("ParticipantRegistry", "Governance", "FxOracle", "FxSettlement", *_ESCROW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """What the registry knows of an institution; `roles` are the registry's bits, no `transaction_key` is empty."""

    address: bytes
    lei: str
    bic: str
    roles: int
    key_thumbprint: bytes
    transaction_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A currency on the ledger; `issuer` is an account."""

    currency: str
    name: str
    symbol: str
    decimals: int
    issuer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A currency pair of the oracle; times in seconds, limits in basis points."""

    name: str
    period_s: int
    heartbeat_s: int
    jump_bps: int
    outlier_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A consensus key of a member; `algorithm` is the contract's number, no `node_id` is twenty zero bytes."""

    owner: bytes
    algorithm: int
    public_key: bytes
    power: int
    node_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceRules:
    """How the members decide, in seconds of ledger time, and what a block may hold at first."""

    voting_s: int = 7 * 86_400
    lock_s: int = 86_400
    grace_s: int = 7 * 86_400
    block_bytes: int = 4 * 1024 * 1024
    block_gas: int = 30_000_000


@dataclass(frozen=True, slots=True)
class GenesisContracts:
    """Addresses by contract name and currency, and the state as a genesis `alloc`."""

    contracts: dict[str, str]
    tokens: dict[str, str]
    alloc: dict[str, dict[str, Any]]


def contract_address(name: str) -> bytes:
    """Return the genesis address of a contract, or of a currency's token (`SettlementToken/EUR`)."""
    return keccak(b"landfall/genesis/" + name.encode())[12:]


def build_contracts(
    *,
    chain_id: int,
    genesis_time_s: int,
    governor: bytes | None,
    participants: Sequence[Participant],
    validators: Sequence[Validator],
    rules: GovernanceRules,
    tokens: Sequence[Token],
    pairs: Sequence[Pair],
) -> GenesisContracts:
    """Deploy and configure all contracts of a network.

    Args:
        governor: The account that governs; None for the members, by the contract Governance.

    Raises:
        InvariantError: a deployment or configuration call reverted; the message has its reason.
    """
    machine = _Machine(chain_id, genesis_time_s)
    governor = governor or contract_address("Governance")
    registry = machine.deploy("ParticipantRegistry", (governor,))
    oracle = machine.deploy("FxOracle", (registry,))
    settlement = machine.deploy("FxSettlement", (registry,))
    escrow = _deploy_escrow(machine, (registry, settlement, oracle))
    for one in participants:
        arguments = (one.address, one.lei, one.bic, one.roles, one.key_thumbprint)
        machine.call(governor, registry, "ParticipantRegistry", "register", arguments)
        if one.transaction_key:
            key = (one.address, one.transaction_key)
            machine.call(governor, registry, "ParticipantRegistry", "assign_transaction_key", key)
    _deploy_governance(machine, registry, validators, rules)
    for notary in (settlement, escrow):
        machine.call(governor, registry, "ParticipantRegistry", "set_notary", (notary, True, True))
    for pair in pairs:
        arguments_ = (pair.name.encode().ljust(32, b"\0"), pair.period_s, pair.heartbeat_s, pair.jump_bps)
        machine.call(governor, oracle, "FxOracle", "configure_pair", (*arguments_, pair.outlier_bps))
    token_addresses = {}
    for token in tokens:
        values = (token.name, token.symbol, token.currency, token.decimals, registry, token.issuer)
        address = machine.deploy("SettlementToken", values, f"SettlementToken/{token.currency}")
        token_addresses[token.currency] = "0x" + address.hex()
    names = {name: "0x" + contract_address(name).hex() for name in _CONTRACTS}
    return GenesisContracts(names, token_addresses, machine.alloc())


def _deploy_governance(
    machine: "_Machine", registry: bytes, validators: Sequence[Validator], rules: GovernanceRules
) -> None:
    periods = (rules.voting_s, rules.lock_s, rules.grace_s)
    governance = machine.deploy("Governance", (registry, *periods, rules.block_bytes, rules.block_gas))
    for one in validators:
        arguments = (one.owner, one.algorithm, one.public_key, one.power, one.node_id)
        machine.call(governance, governance, "Governance", "set_validator", arguments)


def _deploy_escrow(machine: "_Machine", network: tuple[bytes, bytes, bytes]) -> bytes:
    before: tuple[bytes, ...] = ()
    for name in _ESCROW:
        before = (machine.deploy(name, (*network, *before)),)
    return before[0]


class _Machine:
    """A py-evm state that nobody else sees and that remembers which slots were written."""

    def __init__(self, chain_id: int, time_s: int) -> None:
        from eth.db.atomic import AtomicDB
        from eth.vm.execution_context import ExecutionContext
        from eth.vm.forks.prague.state import PragueState

        touched: dict[bytes, set[int]] = {}

        class RecordingState(PragueState):
            def set_storage(self, address: Any, slot: int, value: int) -> None:
                touched.setdefault(bytes(address), set()).add(slot)
                super().set_storage(address, slot, value)

        context: Any = ExecutionContext
        self._touched = touched
        self._deployed: list[bytes] = []
        self._state: Any = RecordingState(
            AtomicDB(),
            context(
                coinbase=bytes(20),
                timestamp=time_s,
                block_number=0,
                difficulty=0,
                mix_hash=bytes(32),
                gas_limit=_GAS,
                prev_hashes=(),
                chain_id=chain_id,
                base_fee_per_gas=0,
                excess_blob_gas=0,
            ),
            _empty_root(),
        )

    def deploy(self, contract: str, arguments: tuple[Any, ...], name: str | None = None) -> bytes:
        """Run the constructor at the contract's genesis address."""
        artifact = load_artifact(contract)
        address = contract_address(name or contract)
        code = artifact.bytecode + encode(_constructor_types(artifact), arguments)
        self._run(f"{contract}.__init__", sender=bytes(20), to=b"", data=b"", code=code, create_address=address)
        self._deployed.append(address)
        return address

    def call(self, sender: bytes, to: bytes, contract: str, function: str, arguments: tuple[Any, ...]) -> None:
        """Make a call that must succeed."""
        data = encode_call(contract, function, arguments)
        self._run(f"{contract}.{function}", sender=sender, to=to, data=data, code=self._state.get_code(to))

    def _run(self, what: str, **message: Any) -> None:
        from eth.vm.message import Message

        state = self._state
        context = state.get_transaction_context_class()(gas_price=0, origin=message["sender"])
        kind = state.computation_class
        apply = kind.apply_create_message if message.get("create_address") else kind.apply_message
        computation = apply(state, Message(gas=_GAS, value=0, **message), context)
        if computation.is_error:
            reason = decode_revert(bytes(computation.output)) if computation.output else repr(computation.error)
            raise InvariantError(f"genesis: expected {what} to succeed, got {reason}")
        state.clear_transient_storage()
        state.lock_changes()

    def alloc(self) -> dict[str, dict[str, Any]]:
        """Return what the deployed contracts hold."""
        return {"0x" + address.hex(): self._account(address) for address in self._deployed}

    def _account(self, address: bytes) -> dict[str, Any]:
        slots = {slot: self._state.get_storage(address, slot) for slot in sorted(self._touched.get(address, ()))}
        return {
            "balance": "0x0",
            "nonce": hex(self._state.get_nonce(address)),
            "code": "0x" + self._state.get_code(address).hex(),
            "storage": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in slots.items() if value},
        }


def _empty_root() -> Any:
    from eth.constants import BLANK_ROOT_HASH

    return BLANK_ROOT_HASH


def _constructor_types(artifact: Artifact) -> list[str]:
    for item in artifact.abi:
        if item["type"] == "constructor":
            return [str(entry["type"]) for entry in item["inputs"]]
    return []
