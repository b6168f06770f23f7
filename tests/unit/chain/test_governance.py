"""What a block's logs change: read from logs written here by hand; tests/contracts reads those of the contracts."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from contracts.client.errors import InvariantError as ContractsInvariantError
from node.chain.blocks import Log
from node.chain.errors import InvariantError
from node.chain.governance import (
    BlockLimits,
    KeyState,
    TransactionKeyChange,
    ValidatorUpdate,
    block_limits,
    transaction_key_changes,
    validator_updates,
)

GOVERNANCE, REGISTRY, OWNER = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20
PQ_KEY, CLASSIC_KEY, HASH = b"\x04" * 1952, b"\x05" * 32, b"\x06" * 32


def _log(address: bytes, event: str, types: list[str], values: list[Any], account: bytes | None = OWNER) -> Log:
    indexed = () if account is None else (account.rjust(32, b"\0"),)
    return Log(address, (keccak(event.encode()), *indexed), encode(types, values))


def _changed(algorithm: int, key: bytes, power: int, address: bytes = GOVERNANCE) -> Log:
    event = "ValidatorChanged(uint8,bytes,uint256,address)"
    return _log(address, event, ["uint8", "bytes", "uint256"], [algorithm, key, power])


def _limited(block_bytes: int, block_gas: int, address: bytes = GOVERNANCE) -> Log:
    event = "ConsensusParamsChanged(uint256,uint256)"
    return _log(address, event, ["uint256", "uint256"], [block_bytes, block_gas], account=None)


def _keyed(state: int, address: bytes = REGISTRY) -> Log:
    event = "TransactionKeyChanged(address,bytes32,uint256)"
    return _log(address, event, ["bytes32", "uint256"], [HASH, state])


OTHER = _log(GOVERNANCE, "Unjailed(address)", [], [])
UNKNOWN = Log(GOVERNANCE, (keccak(b"Nothing()"),), b"")
BARE = Log(GOVERNANCE, (), b"")


def test_validator_updates_are_read_in_order() -> None:
    logs = [OTHER, _changed(1, PQ_KEY, 7), UNKNOWN, BARE, _changed(2, CLASSIC_KEY, 0)]
    assert validator_updates(logs, GOVERNANCE) == (
        ValidatorUpdate("ML-DSA-65", PQ_KEY, 7),
        ValidatorUpdate("Ed25519", CLASSIC_KEY, 0),
    )


def test_events_of_another_contract_change_nothing() -> None:
    """Anyone can deploy a contract that emits these events."""
    logs = [_changed(1, PQ_KEY, 7, address=OWNER), _limited(1, 1, address=OWNER), _keyed(1, address=OWNER)]
    assert validator_updates(logs, GOVERNANCE) == ()
    assert block_limits(logs, GOVERNANCE) is None
    assert transaction_key_changes(logs, REGISTRY) == ()


def test_validator_updates_are_refused_when_the_algorithm_is_unknown() -> None:
    with pytest.raises(InvariantError, match="expected algorithm 1, 2, got 3"):
        validator_updates([_changed(3, PQ_KEY, 7)], GOVERNANCE)


def test_validator_updates_are_refused_when_a_log_has_another_shape() -> None:
    log = _changed(1, PQ_KEY, 7)
    with pytest.raises(ContractsInvariantError, match="ValidatorChanged"):
        validator_updates([Log(log.address, log.topics, log.data[:64])], GOVERNANCE)


def test_block_limits_are_the_last_of_a_block() -> None:
    assert block_limits([OTHER], GOVERNANCE) is None
    assert block_limits([_limited(1, 2), _limited(3, 4), OTHER], GOVERNANCE) == BlockLimits(3, 4)


def test_transaction_key_changes_name_account_and_state() -> None:
    assert transaction_key_changes([_keyed(1), OTHER, _keyed(2)], REGISTRY) == (
        TransactionKeyChange(OWNER, HASH, KeyState.SET),
        TransactionKeyChange(OWNER, HASH, KeyState.REVOKED),
    )
