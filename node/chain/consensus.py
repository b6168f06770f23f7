"""The chain as consensus decides it, height by height: blocks, the heights between them, and what they change.

Between those who know what was decided (CometBFT, a snapshot) and the application. A height holds a block or nothing.
Nothing is durable before `commit`, which writes block and height together, so after a crash consensus is asked for
what follows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from node.chain.application import BLOCK_GAS_META, Application, decode_header
from node.chain.blocks import ExecutedBlock, Log, may_contain
from node.chain.divergence import REPORT_FOLDER, LocalResult, write_report
from node.chain.errors import (
    CorruptChainError,
    DivergedError,
    GenesisError,
    InvalidBlockError,
    TransactionRejectedError,
)
from node.chain.genesis_block import Genesis
from node.chain.governance import BlockLimits, ValidatorUpdate, block_limits, validator_updates
from node.chain.misbehaviour import evidence_digest
from node.chain.store import ConsensusPoint
from node.chain.transactions import Transaction, decode_item

_log = structlog.get_logger("landfall.consensus")
_VALIDATORS_META: Final = "validators"
_Powers = Mapping[tuple[str, bytes], int]
"""Algorithm and public key to power."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decided height, executed, not yet durable; `block` is None where nothing was decided but the height."""

    point: ConsensusPoint
    validators: _Powers = field(repr=False)
    """The set that votes two heights later."""
    block: ExecutedBlock | None = None
    updates: tuple[ValidatorUpdate, ...] = ()
    """What is new in it, as consensus is told."""
    limits: BlockLimits | None = None
    """The new ones, where they change."""


class DecidedChain:
    """Follows consensus; one per process."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._store = application.store
        self._governance = governance_address(application.genesis)
        self.height = self._store.last_height()
        self._validators = self._stored_validators()

    @property
    def app_hash(self) -> bytes:
        """Return what the next header of consensus names: the hash of the last block."""
        return self.application.head.hash

    async def decide(
        self, height: int, items: Sequence[bytes], proposer: bytes, misbehaviour: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Execute what was decided on a height; no items are no block.

        Raises:
            CorruptChainError: the height is not above the last.
            InvalidBlockError: this node does not agree with the block.
        """
        if height <= self.height:
            raise CorruptChainError(f"consensus height: expected above {self.height}, got {height}")
        reports = tuple(misbehaviour)
        if not items:
            return Decision(ConsensusPoint(height, misbehaviour=reports), self._validators)
        block = await self.application.finalize(items, proposer)
        logs = await self._governance_logs(block)
        validators, updates = self._changed(validator_updates(logs, self._governance))
        return Decision(
            ConsensusPoint(height, has_new_validators=bool(updates), misbehaviour=reports),
            validators,
            block,
            updates,
            block_limits(logs, self._governance),
        )

    async def commit(self, decision: Decision) -> None:
        """Make a decision durable, in one write, and the block the head.

        Raises:
            ReadOnlyError: the disk refused; chain and height are as before.
        """
        if decision.block is None:
            self._store.commit_empty(decision.point)
        else:
            await self.application.commit(decision.block, None, self._meta(decision), decision.point)
        self.height = decision.point.height
        self._validators = decision.validators
        for one in decision.point.misbehaviour:
            _log.error("misbehaviour_reported", digest="0x" + evidence_digest(one).hex(), **one)
        if decision.updates:
            _log.warning("validators_changed", height=self.height, changed=len(decision.updates))

    async def diverged(self, items: Sequence[bytes], refusal: InvalidBlockError, home: Path) -> DivergedError:
        """Leave the report of a decided block that this node does not agree with; return what to stop with."""
        header, transactions = decode_header(items), _decodable(items[1:])
        if len(transactions) == len(items) - 1:
            local = await self.application.engine.local_result(header, transactions, refusal)
        else:
            local = LocalResult(engine="application", refusal=str(refusal))
        write_report(home, header, transactions, local)
        return DivergedError(
            f"block {header.number}: expected the block that consensus decided, got {refusal}; "
            f"the report is in {home / REPORT_FOLDER}: compare it with a node that went on"
        )

    async def _governance_logs(self, block: ExecutedBlock) -> Sequence[Log]:
        if not may_contain(block.header.bloom, self._governance):
            return ()
        return await self.application.engine.logs(block, self._governance)

    def _changed(self, updates: Sequence[ValidatorUpdate]) -> tuple[_Powers, tuple[ValidatorUpdate, ...]]:
        """Return the set after updates, and those that change something: consensus refuses to remove a stranger."""
        powers, effective = dict(self._validators), []
        for one in updates:
            key = (one.algorithm, one.public_key)
            if powers.get(key, 0) != one.power:
                effective.append(one)
                powers[key] = one.power
        return {key: power for key, power in powers.items() if power}, tuple(effective)

    def _meta(self, decision: Decision) -> dict[str, bytes]:
        meta = {}
        if decision.updates:
            entries = [[algorithm, key.hex(), power] for (algorithm, key), power in decision.validators.items()]
            meta[_VALIDATORS_META] = json.dumps(entries).encode()
        if decision.limits is not None:
            meta[BLOCK_GAS_META] = decision.limits.block_gas.to_bytes(8, "big")
        return meta

    def _stored_validators(self) -> _Powers:
        stored = self._store.meta(_VALIDATORS_META)
        if stored is None:
            return {(one.algorithm, one.public_key): one.power for one in self.application.genesis.validators}
        return {(algorithm, bytes.fromhex(key)): power for algorithm, key, power in json.loads(stored)}


def governance_address(genesis: Genesis) -> bytes:
    """Return the address of the contract Governance.

    Raises:
        GenesisError: a network that nobody governs cannot follow its members.
    """
    address = genesis.landfall.get("contracts", {}).get("Governance")
    if address is None:
        raise GenesisError("landfall.contracts.Governance", "an address", None)
    return bytes.fromhex(address[2:])


def _decodable(items: Sequence[bytes]) -> list[Transaction]:
    """Return the transactions up to the first item that is none."""
    found = []
    for item in items:
        try:
            found.append(decode_item(item))
        except TransactionRejectedError:
            break
    return found
