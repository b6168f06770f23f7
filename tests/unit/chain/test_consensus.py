"""Decided heights: with and without blocks, what they change for consensus, one durable write each."""

import json
from pathlib import Path

import pytest

from node.chain.abci.abci_pb2 import Misbehavior, MisbehaviorType, Validator
from node.chain.errors import CorruptChainError, DivergedError, GenesisError, ReadOnlyError
from node.chain.limits import EVIDENCE_MAX
from node.chain.misbehaviour import evidence_digest
from node.chain.store import ConsensusPoint
from tests.unit.chain.decided import PROPOSER, decided, limits_change, validator_change
from tests.unit.chain.support import KEY, Actor

NEW_KEY = b"\x05" * 32


async def test_heights_and_blocks_are_counted_apart_and_survive_a_restart(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        genesis_hash = node.chain.app_hash
        assert (node.chain.height, node.store.last_height()) == (0, 0)
        answer = await node.decide([])
        assert answer.app_hash == genesis_hash == node.chain.app_hash
        items = [payer.sign(), payer.sign()]
        first = await node.block(*items)
        await node.decide([])
        second = await node.block(payer.sign())
        assert len({genesis_hash, first.app_hash, second.app_hash}) == 3
        assert node.commits == [1, 2, 3, 4]
    async with decided(tmp_path, [payer]) as node:
        assert (node.chain.height, node.chain.app_hash) == (4, second.app_hash)
        assert [node.store.consensus_height(number) for number in range(-1, 4)] == [None, None, 2, 4, None]
        assert node.store.consensus_items(1)[1:] == items
        assert node.store.consensus_items(1)[0] == node.store.header(1).payload  # type: ignore[union-attr]
        assert [node.store.last_number_at(height) for height in range(6)] == [0, 0, 1, 1, 2, 2]
        with pytest.raises(CorruptChainError, match="expected block 3"):
            node.store.consensus_items(3)
        with pytest.raises(CorruptChainError, match="expected above 4, got 4"):
            await node.chain.decide(4, [], PROPOSER)


async def test_nothing_moves_when_the_disk_refuses(tmp_path: Path) -> None:
    payer, is_full = Actor(1), [False]

    def hook(name: str) -> None:
        if is_full[0] and name == "lmdb.commit":
            raise OSError(28, "No space left on device")

    async with decided(tmp_path, [payer], hook) as node:
        await node.check(payer.sign())
        items = await node.prepare()
        is_full[0] = True
        for one in ([], items):
            with pytest.raises(ReadOnlyError, match="No space left"):
                await node.decide(one)
            assert (node.chain.height, node.store.last_height(), node.application.head.number) == (0, 0, 0)
            assert node.store.consensus_height(1) is None


async def test_validator_set_follows_the_logs_of_governance(tmp_path: Path) -> None:
    member = Actor(1)
    async with decided(tmp_path, [member]) as node:
        answer = await node.block(validator_change(member, NEW_KEY, 3, algorithm=2))
        [update] = answer.validator_updates
        assert (update.pub_key.ed25519, update.power) == (NEW_KEY, 3)
        assert node.store.validator_change_heights(0, 100) == [2]
    async with decided(tmp_path, [member]) as node:
        # The same power again, and the removal of a key that is not in the set: nothing that consensus may be told.
        answer = await node.block(
            validator_change(member, NEW_KEY, 3, algorithm=2), validator_change(member, b"\x06" * 32, 0, algorithm=2)
        )
        assert list(answer.validator_updates) == []
        answer = await node.block(
            validator_change(member, NEW_KEY, 0, algorithm=2), validator_change(member, KEY.public_key, 5)
        )
        assert [(one.pub_key.WhichOneof("sum"), one.power) for one in answer.validator_updates] == [
            ("ed25519", 0),
            ("ml_dsa_65", 5),
        ]
        assert node.store.validator_change_heights(0, 100) == [2, 4]
        assert node.store.validator_change_heights(3, 3) == []


async def test_block_limits_follow_the_logs_of_governance(tmp_path: Path) -> None:
    member = Actor(1)
    async with decided(tmp_path, [member]) as node:
        answer = await node.block(member.sign())
        assert not answer.HasField("consensus_param_updates")
        answer = await node.block(limits_change(member, 1 << 20, 100_000))
        block = answer.consensus_param_updates.block
        assert (block.max_bytes, block.max_gas) == (1 << 20, 100_000)
        await node.check(member.sign(gas=90_000), member.sign(gas=90_000))
        items = await node.prepare()
        assert len(items) == 2
    async with decided(tmp_path, [member]) as node:
        node.wall_s[0] += 5
        assert await node.is_accepted(items)
        await node.check(member.sign(nonce=2, gas=100_001, tip=9, fee=9))
        assert await node.prepare() == []


async def test_proposal_is_refused_when_it_uses_more_gas_than_the_members_allow(tmp_path: Path) -> None:
    member, payer = Actor(1), Actor(2)
    async with (
        decided(tmp_path / "other", [member, payer]) as other,
        decided(tmp_path / "node", [member, payer]) as node,
    ):
        item = limits_change(member, 1 << 20, 30_000)
        await node.block(item)
        await other.block(item)
        other.store.put_meta("block_gas", (1 << 40).to_bytes(8, "big"))
        await other.check(payer.sign(), payer.sign())
        items = await other.prepare()
        assert await other.is_accepted(items)
        assert not await node.is_accepted(items)


async def test_node_stops_with_a_report_when_it_does_not_agree_with_what_was_decided(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        await node.check(payer.sign(), payer.sign())
        items = await node.prepare()
        with pytest.raises(DivergedError, match="block 1: expected the block that consensus decided"):
            await node.finalize([*items, b"\x02no transaction"])
        with pytest.raises(DivergedError, match=r"block\.hash"):
            await node.finalize(items[:2])
        report = json.loads((tmp_path / "divergence" / "block-1.json").read_text("utf-8"))
        assert (report["engine"], report["block"]["number"], len(report["receipts"])) == ("py-evm", 1, 1)
        assert "transactions_root" in [one["field"] for one in report["fields"]]
        assert node.chain.height == 0
        await node.decide(items)


async def test_misbehaviour_is_kept_with_the_height_that_reports_it(tmp_path: Path) -> None:
    reported = Misbehavior(
        type=MisbehaviorType.DUPLICATE_VOTE,
        validator=Validator(address=b"\x07" * 20, power=10),
        height=1,
        total_voting_power=40,
    )
    reported.time.seconds, reported.time.nanos = 1_800_000_000, 5
    async with decided(tmp_path, []) as node:
        await node.decide([])
        assert node.store.evidence() == []
        await node.decide([], [reported, reported])
        [evidence, again] = node.store.evidence()
        assert (
            evidence
            == again
            == {
                "kind": "duplicate_vote",
                "validator": "0x" + "07" * 20,
                "power": 10,
                "total_power": 40,
                "height": 1,
                "time": "1800000000.000000005",
                "reported_at": 2,
            }
        )
        assert evidence_digest(evidence) != evidence_digest(evidence | {"height": 2})


async def test_oldest_evidence_goes_when_there_is_too_much(tmp_path: Path) -> None:
    async with decided(tmp_path, []) as node:
        for height in range(1, EVIDENCE_MAX // 100 + 2):
            node.store.commit_empty(ConsensusPoint(height, misbehaviour=tuple({"at": height} for _ in range(100))))
        kept = node.store.evidence()
        assert len(kept) == EVIDENCE_MAX
        assert kept[0] == {"at": 2}


async def test_network_that_nobody_governs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenesisError, match=r"landfall\.contracts\.Governance"):
        async with decided(tmp_path, [], landfall={"contracts": {}}):
            pass
