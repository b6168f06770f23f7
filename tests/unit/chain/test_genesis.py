"""From a network's description to block 0: contracts configured, every input checked, the same file every time."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stdnum.iso7064 import mod_97_10

from contracts.client.artifacts import checksummed, decode_result, encode_call
from contracts.client.deployment import Deployment
from contracts.genesis import GovernanceRules
from node.chain.application import Application
from node.chain.errors import GenesisError
from node.chain.genesis import (
    NetworkConfig,
    PairConfig,
    ParticipantConfig,
    TokenConfig,
    ValidatorConfig,
    build_genesis,
)
from node.chain.genesis_block import read_genesis
from node.chain.governance import KeyState
from node.chain.limits import CALL_GAS_MAX
from node.chain.ports import CallRequest
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore
from tests.unit.chain.support import CHAIN_ID, ETHER, GENESIS_TIME_S, KEY, Actor, genesis_document


def _lei(number: int) -> str:
    base = f"9999DEV00000000{number:03d}"
    return base + str(mod_97_10.calc_check_digits(base))


def _participant(number: int, name: str, *roles: str) -> ParticipantConfig:
    return ParticipantConfig(
        id=name,
        name=name.title(),
        lei=_lei(number),
        bic="TESTNL2A",
        roles=roles,
        address=Actor(number).address,
        key_thumbprint=bytes([number]) * 32,
    )


CONFIG = NetworkConfig(
    network="landfall-test",
    chain_id=CHAIN_ID,
    genesis_time_s=GENESIS_TIME_S,
    governor="central",
    validators=(ValidatorConfig(name="central", algorithm=KEY.alg, public_key=KEY.public_key),),
    participants=(_participant(1, "central", "central_bank", "validator"), _participant(2, "bank", "bank", "reporter")),
    tokens=(TokenConfig(currency="EUR", name="Euro (test)", symbol="tEUR", decimals=2, issuer="central"),),
    pairs=(PairConfig(name="EUR/KES", period_s=3_600, heartbeat_s=345_600, jump_bps=500, outlier_bps=200),),
    balances_wei={Actor(1).address: ETHER},
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_genesis(CONFIG)


def test_genesis_is_deterministic_and_cached_by_content(document: dict[str, Any], tmp_path: Path) -> None:
    first = build_genesis(CONFIG, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert json.dumps(first) == json.dumps(build_genesis(CONFIG, tmp_path)) == json.dumps(document)
    build_genesis(replace(CONFIG, governor="bank"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


Ask = Callable[..., Any]


@contextmanager
def _chain(document: dict[str, Any], folder: Path) -> Iterator[Ask]:
    """Begin a chain; give what calls its contracts: `ask(contract, function, *arguments)`."""
    deployment = Deployment.from_genesis(document["landfall"], CHAIN_ID)
    store = ChainStore(folder, map_bytes=1 << 26)
    engine = PyEvmEngine(store, CHAIN_ID)
    head = Application(read_genesis(document), store, engine).head

    def ask(contract: str, function: str, *arguments: Any) -> Any:
        to = bytes.fromhex(deployment.address(contract)[2:])
        data = encode_call(contract, function, arguments)
        request = CallRequest(sender=bytes(20), to=to, gas=CALL_GAS_MAX, value=0, data=data)
        return decode_result(contract, function, len(arguments), asyncio.run(engine.call(head, request, {})))

    yield ask
    store.close()


def test_contracts_are_configured_in_the_genesis_state(document: dict[str, Any], tmp_path: Path) -> None:
    with _chain(document, tmp_path) as ask:
        _check_configuration(document, ask)


def _check_configuration(document: dict[str, Any], ask: Ask) -> None:
    deployment = Deployment.from_genesis(document["landfall"], CHAIN_ID)
    bank, stranger = Actor(2).address, Actor(9).address
    assert ask("ParticipantRegistry", "has_role", bank, 2) is True
    assert ask("ParticipantRegistry", "has_role", bank, 1) is False
    assert ask("ParticipantRegistry", "is_institution", stranger) is False
    for notary, expected in (("TradeEscrow", True), ("FxSettlement", True), ("FxOracle", False)):
        address = bytes.fromhex(deployment.address(notary)[2:])
        assert ask("ParticipantRegistry", "is_notary", address) is expected
    assert ask("EUR", "name") == "Euro (test)"
    assert ask("EUR", "decimals") == 2
    assert ask("EUR", "totalSupply") == 0


def test_governance_knows_the_first_validators(document: dict[str, Any], tmp_path: Path) -> None:
    with _chain(document, tmp_path) as ask:
        assert ask("Governance", "validators") == [
            {
                "owner": checksummed(Actor(1).address),
                "public_key": KEY.public_key,
                "power": 1,
                "node_id": bytes(20),
                "algorithm": 1,
            }
        ]
        assert ask("Governance", "node_ids") == []
        assert tuple(ask("Governance", "periods").values()) == (604_800, 86_400, 604_800)
        assert tuple(ask("Governance", "consensus_params").values()) == (4_194_304, 30_000_000)
        # An account governs, and no transaction needs a second signature.
        assert ask("ParticipantRegistry", "governor") == checksummed(Actor(1).address)
        assert ask("ParticipantRegistry", "dual_signers") == []


def test_members_govern_when_there_is_no_governor(tmp_path: Path) -> None:
    central, bank = CONFIG.participants
    config = replace(
        CONFIG,
        governor=None,
        participants=(central, replace(bank, transaction_key=KEY.public_key)),
        validators=(
            replace(CONFIG.validators[0], power=3, node_id=b"\x01" * 20),
            ValidatorConfig(name="central", algorithm=KEY.alg, public_key=b"\x02" * 1952, node_id=b"\x03" * 20),
        ),
        rules=GovernanceRules(voting_s=60, lock_s=0, grace_s=600, block_bytes=1 << 20, block_gas=200_000_000),
    )
    document = build_genesis(config)
    with _chain(document, tmp_path) as ask:
        assert ask("ParticipantRegistry", "governor") == checksummed(document["landfall"]["contracts"]["Governance"])
        assert ask("ParticipantRegistry", "transaction_key", bank.address) == KEY.public_key
        assert ask("ParticipantRegistry", "transaction_key_state", bank.address) == KeyState.SET
        assert ask("ParticipantRegistry", "dual_signers") == [checksummed(bank.address)]
        assert ask("Governance", "total_power") == 4
        assert ask("Governance", "node_ids") == [b"\x01" * 20, b"\x03" * 20]
        assert tuple(ask("Governance", "periods").values()) == (60, 0, 600)
        assert tuple(ask("Governance", "consensus_params").values()) == (1 << 20, 200_000_000)


def test_section_names_everything_a_participant_needs(document: dict[str, Any]) -> None:
    section = document["landfall"]
    assert set(section) == {"network", "genesis_time_s", "validators", "contracts", "tokens", "participants", "pairs"}
    assert section["tokens"]["EUR"]["issuer"] == "central"
    assert section["participants"][0]["roles"] == 1 + 64
    assert section["validators"][0]["power"] == 1
    assert document["alloc"]["0x" + Actor(1).address.hex()] == {"balance": hex(ETHER)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"governor": "nobody"}, "governor"),
        ({"tokens": (replace(CONFIG.tokens[0], issuer="nobody"),)}, "tokens.EUR.issuer"),
        ({"tokens": CONFIG.tokens * 2}, "tokens.currency"),
        ({"pairs": CONFIG.pairs * 2}, "pairs.name"),
        ({"participants": CONFIG.participants * 2}, "participants.id"),
        ({"participants": (replace(CONFIG.participants[0], roles=("king",)),)}, "participants.central.roles"),
        ({"participants": (replace(CONFIG.participants[0], roles=("bank",)),)}, "validators.central"),
        ({"validators": (replace(CONFIG.validators[0], name="nobody"),)}, "validators.nobody"),
        ({"validators": (replace(CONFIG.validators[0], algorithm="RSA"),)}, "validators.central.algorithm"),
        ({"validators": (replace(CONFIG.validators[0], node_id=b"x"),)}, "validators.central.node_id"),
        (
            {"participants": (replace(CONFIG.participants[0], transaction_key=b"x"),)},
            "participants.central.transaction_key",
        ),
        ({"participants": (replace(CONFIG.participants[0], address=b"x"),)}, "participants.central"),
        ({"participants": (replace(CONFIG.participants[0], lei="9999DEV0000000000100"),)}, "participants.central.lei"),
        ({"participants": (replace(CONFIG.participants[0], lei="98"),)}, "participants.central.lei"),
        ({"participants": (replace(CONFIG.participants[0], bic="TESTXX2A"),)}, "participants.central.bic"),
    ],
)
def test_description_is_refused_when_malformed(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(GenesisError, match=field.replace(".", r"\.")):
        build_genesis(replace(CONFIG, **changes))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("config", "pragueTime"), 1, "config.pragueTime"),
        (("config", "homesteadBlock"), False, "config.homesteadBlock"),
        (("config", "chainId"), 0, "config.chainId"),
        (("config", "chainId"), "1", "config.chainId"),
        (("timestamp",), 5, "timestamp"),
        (("gasLimit",), "0x5", "gasLimit"),
        (("difficulty",), "0x1", "difficulty"),
        (("coinbase",), "0x00", "coinbase"),
        (("alloc",), [], "alloc"),
        (("alloc", "0x12"), {}, "alloc.0x12"),
        (("alloc", "0x" + "00" * 20), {"balance": 5}, "balance"),
        (("alloc", "0x" + "00" * 20), {"nonce": "0x1"}, "balance"),
        (("alloc", "0x" + "00" * 20), {"balance": "0x0", "storage": {"0x1": "0x01"}}, "storage"),
        (("landfall",), None, "landfall"),
        (("landfall", "network"), "x" * 51, "landfall.network"),
        (("landfall", "validators"), [], "landfall.validators"),
        (("landfall", "validators"), [{"algorithm": "RSA", "public_key": "0x00", "power": 1}], "landfall.validators"),
        (("landfall", "validators"), [{}], "landfall.validators"),
    ],
)
def test_genesis_file_is_refused_when_malformed(path: tuple[str, ...], value: Any, field: str) -> None:
    document = genesis_document({})
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(GenesisError) as caught:
        read_genesis(document)
    assert field in str(caught.value)
