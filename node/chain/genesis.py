"""From a description of a network to its genesis file: geth's format plus the `landfall` section.

The contracts' part of the state (code and storage after deployment and configuration) comes from
`contracts.genesis`; this module adds the accounts, the system contracts of the Prague rules, and the network's own
section. The same description always gives the same file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stdnum import bic, lei

from contracts.client.artifacts import load_artifact
from contracts.genesis import GovernanceRules, Pair, Participant, Token, Validator, build_contracts
from node.chain.errors import GenesisError
from node.chain.genesis_block import FORKS_AT_ZERO
from node.chain.governance import ALGORITHM_NUMBERS
from node.chain.limits import BLOCK_GAS_LIMIT, EXTRA_DATA
from node.chain.system_contracts import SYSTEM_CONTRACTS
from pqc import signatures

# ISO 17442; the library checks the digits alone.
_LEI_CHARS: Final = 20
_NODE_ID_BYTES: Final = 20
_TRANSACTION_KEY_BYTES: Final = signatures.scheme("ML-DSA-65").public_key_bytes
_GENESIS_MIX: Final = "0x" + "00" * 32
BLOB_SCHEDULE: Final = {
    "cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477},
    "prague": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716},
}
"""Mainnet's; geth asks for it although no blob is ever taken here."""
_ARTIFACTS: Final = (
    "ParticipantRegistry",
    "Governance",
    "FxOracle",
    "FxSettlement",
    "TradeEscrow",
    "SettlementToken",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorConfig:
    """A validator of the network; `name` is the id of the participant it belongs to, which has the role."""

    name: str
    algorithm: str
    public_key: bytes
    power: int = 1
    node_id: bytes = bytes(20)
    """Of its CometBFT node; zero where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantConfig:
    """An institution; `address` is its own account (20 bytes), `roles` are the registry's role names.

    `transaction_key` (ML-DSA-65 public key, or empty) is registered for the account (docs/spec/governance.md).
    """

    id: str
    name: str
    lei: str
    bic: str
    roles: tuple[str, ...]
    address: bytes
    key_thumbprint: bytes
    transaction_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenConfig:
    """A currency on the ledger; `issuer` is a participant's id."""

    currency: str
    name: str
    symbol: str
    decimals: int
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairConfig:
    """A currency pair of the oracle; times in seconds, limits in basis points."""

    name: str
    period_s: int
    heartbeat_s: int
    jump_bps: int
    outlier_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Everything a genesis file says; `balances_wei` are prefunded accounts.

    `governor` is a participant's id; None gives all that a governor may to the members' votes.
    """

    network: str
    chain_id: int
    genesis_time_s: int
    governor: str | None
    validators: tuple[ValidatorConfig, ...]
    participants: tuple[ParticipantConfig, ...]
    tokens: tuple[TokenConfig, ...]
    pairs: tuple[PairConfig, ...]
    balances_wei: Mapping[bytes, int] = field(default_factory=dict)
    gas_limit: int = BLOCK_GAS_LIMIT
    rules: GovernanceRules = field(default_factory=GovernanceRules)


ROLE_BITS: Final = {
    "central_bank": 1,
    "bank": 2,
    "fx_provider": 4,
    "attester": 8,
    "arbiter": 16,
    "reporter": 32,
    "validator": 64,
    "regulator": 128,
}


def build_genesis(config: NetworkConfig, cache: Path | None = None) -> dict[str, Any]:
    """Return the genesis document of a network.

    Args:
        config: The network.
        cache: Directory where the contracts' state is kept by the hash of everything it depends on, since
            deploying takes about two seconds (most of it loading the machine).

    Raises:
        GenesisError: names the field that is malformed.
        InvariantError: the contracts refused the configuration.
    """
    _validate(config)
    built = _contracts(config, cache)
    alloc: dict[str, Any] = {
        address: {"balance": "0x0", "nonce": "0x1", "code": code} for address, code in SYSTEM_CONTRACTS.items()
    }
    alloc |= built["alloc"]
    for account, balance in config.balances_wei.items():
        alloc["0x" + account.hex()] = {"balance": hex(balance)}
    return {
        "config": {
            "chainId": config.chain_id,
            **dict.fromkeys(FORKS_AT_ZERO, 0),
            "terminalTotalDifficulty": 0,
            "blobSchedule": BLOB_SCHEDULE,
        },
        "nonce": "0x0",
        "timestamp": hex(config.genesis_time_s),
        "extraData": "0x" + EXTRA_DATA.hex(),
        "gasLimit": hex(config.gas_limit),
        "difficulty": "0x0",
        "mixHash": _GENESIS_MIX,
        "coinbase": "0x" + "00" * 20,
        "baseFeePerGas": "0x0",
        "excessBlobGas": "0x0",
        "blobGasUsed": "0x0",
        "alloc": dict(sorted(alloc.items())),
        "landfall": _section(config, built),
    }


def _section(config: NetworkConfig, built: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "network": config.network,
        "genesis_time_s": config.genesis_time_s,
        "validators": [
            {"name": one.name, "algorithm": one.algorithm, "public_key": _hex(one.public_key), "power": one.power}
            for one in config.validators
        ],
        "contracts": dict(built["contracts"]),
        "tokens": {
            token.currency: {
                "address": built["tokens"][token.currency],
                "name": token.name,
                "symbol": token.symbol,
                "decimals": token.decimals,
                "issuer": token.issuer,
            }
            for token in config.tokens
        },
        "participants": [
            {
                "id": one.id,
                "name": one.name,
                "lei": one.lei,
                "bic": one.bic,
                "roles": _role_bits(one),
                "address": _hex(one.address),
                "key_thumbprint": _hex(one.key_thumbprint),
            }
            for one in config.participants
        ],
        "pairs": [asdict(pair) for pair in config.pairs],
    }


def _contracts(config: NetworkConfig, cache: Path | None) -> dict[str, Any]:
    plan = _plan(config)
    path = None
    if cache is not None:
        sources = [load_artifact(name).bytecode for name in sorted(_ARTIFACTS)]
        digest = sha256(repr(plan).encode() + b"".join(sha256(source).digest() for source in sources)).hexdigest()
        path = cache / f"genesis-{digest[:32]}.json"
        if path.exists():
            cached: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return cached
    built = asdict(build_contracts(**plan))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(built), "utf-8")
        temporary.rename(path)
    return built


def _plan(config: NetworkConfig) -> dict[str, Any]:
    addresses = {one.id: one.address for one in config.participants}
    return {
        "chain_id": config.chain_id,
        "genesis_time_s": config.genesis_time_s,
        "governor": None if config.governor is None else addresses[config.governor],
        "participants": [
            Participant(
                address=one.address,
                lei=one.lei,
                bic=one.bic,
                roles=_role_bits(one),
                key_thumbprint=one.key_thumbprint,
                transaction_key=one.transaction_key,
            )
            for one in config.participants
        ],
        "validators": [
            Validator(
                owner=addresses[one.name],
                algorithm=ALGORITHM_NUMBERS[one.algorithm],
                public_key=one.public_key,
                power=one.power,
                node_id=one.node_id,
            )
            for one in config.validators
        ],
        "rules": config.rules,
        "tokens": [
            Token(
                currency=token.currency,
                name=token.name,
                symbol=token.symbol,
                decimals=token.decimals,
                issuer=addresses[token.issuer],
            )
            for token in config.tokens
        ],
        "pairs": [Pair(**asdict(pair)) for pair in config.pairs],
    }


def _validate(config: NetworkConfig) -> None:
    ids = [one.id for one in config.participants]
    _unique("participants.id", ids)
    _unique("participants.address", [one.address for one in config.participants])
    _unique("tokens.currency", [token.currency for token in config.tokens])
    _unique("pairs.name", [pair.name for pair in config.pairs])
    if config.governor is not None and config.governor not in ids:
        raise GenesisError("governor", "a participant's id", config.governor)
    for token in config.tokens:
        if token.issuer not in ids:
            raise GenesisError(f"tokens.{token.currency}.issuer", "a participant's id", token.issuer)
    for one in config.participants:
        if len(one.address) != 20 or len(one.key_thumbprint) != 32:
            raise GenesisError(f"participants.{one.id}", "address of 20, key_thumbprint of 32 bytes", "other lengths")
        if len(one.transaction_key) not in (0, _TRANSACTION_KEY_BYTES):
            expected, got = f"{_TRANSACTION_KEY_BYTES} bytes or none", f"{len(one.transaction_key)} bytes"
            raise GenesisError(f"participants.{one.id}.transaction_key", expected, got)
        if len(one.lei) != _LEI_CHARS or not lei.is_valid(one.lei):
            raise GenesisError(f"participants.{one.id}.lei", "an LEI whose check digits fit", one.lei)
        if one.bic and not bic.is_valid(one.bic):
            raise GenesisError(f"participants.{one.id}.bic", "a BIC, or empty", one.bic)
        _role_bits(one)
    _validate_validators(config)


def _validate_validators(config: NetworkConfig) -> None:
    owners = {one.id for one in config.participants if "validator" in one.roles}
    for one in config.validators:
        if one.name not in owners:
            raise GenesisError(f"validators.{one.name}", "the id of a participant with the role validator", one.name)
        if one.algorithm not in ALGORITHM_NUMBERS:
            raise GenesisError(f"validators.{one.name}.algorithm", ", ".join(ALGORITHM_NUMBERS), one.algorithm)
        if len(one.node_id) != _NODE_ID_BYTES:
            raise GenesisError(f"validators.{one.name}.node_id", f"{_NODE_ID_BYTES} bytes", f"{len(one.node_id)} bytes")


def _role_bits(participant: ParticipantConfig) -> int:
    unknown = [role for role in participant.roles if role not in ROLE_BITS]
    if unknown:
        raise GenesisError(f"participants.{participant.id}.roles", ", ".join(ROLE_BITS), unknown[0])
    return sum(ROLE_BITS[role] for role in set(participant.roles))


def _unique(field_name: str, values: Sequence[object]) -> None:
    if len(set(values)) != len(values):
        raise GenesisError(field_name, "every value once", "a value twice")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
