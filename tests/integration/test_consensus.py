"""Networks of validators that agree, with the real CometBFT."""

import asyncio
import shutil
import signal
import time
from pathlib import Path

import pytest

from bridge.proofs.consensus import consensus_params_hash
from bridge.proofs.finality import verify_finality
from bridge.proofs.validator_changes import verify_chain
from contracts.client.artifacts import encode_call
from node.app.validator.home import StateSync, read_settings, write_settings
from node.app.validator.preparing import make_node_key
from node.chain import gossip
from node.chain.abci.abci_pb2 import RequestPrepareProposal, ResponsePrepareProposal, ResponseProcessProposal
from node.chain.consensus import governance_address
from node.chain.finality import ConsensusFinality
from tests.integration.consensus_nodes import SNAPSHOT_EVERY, agree, institution, network, transfer, wait_until
from tests.unit.chain.support import Actor

CRASH_POINTS = range(10)
"""Where CometBFT can end between a decision and the next height: nine places, and one in the next height."""


async def test_one_validator_makes_blocks_and_goes_on_after_a_restart(tmp_path: Path, engines: Path) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 1) as made:
        [validator] = made.validators
        await validator.start()
        node = validator.chain
        hashes = [await node.intake.submit(transfer(payer, value=5)) for _ in range(3)]
        await node.includes(*hashes)
        height, head = node.chain.height, node.chain.app_hash
        assert await validator.stop() == []
        # Application and CometBFT are equal.
        await validator.start()
        node = validator.chain
        assert node.chain.height >= height
        assert node.chain.app_hash == head
        await node.includes(await node.intake.submit(transfer(payer)))


async def test_nothing_acknowledged_is_lost_when_a_validator_is_killed(tmp_path: Path, engines: Path) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 1) as made:
        [validator] = made.validators
        await validator.start()
        await validator.stop_cometbft(signal.SIGKILL)
        # Acknowledged while nobody decides.
        hashes = [await validator.chain.intake.submit(transfer(payer)) for _ in range(5)]
        assert await validator.stop(signal.SIGKILL) == []
        await validator.start()
        assert len(validator.chain.application.mempool) == 5
        await validator.chain.includes(*hashes)
        await wait_until(lambda: validator.chain.gossip.waiting() == [], "all of it in blocks")


async def test_application_that_lost_blocks_gets_them_again(tmp_path: Path, engines: Path) -> None:
    payer, backup = institution(), tmp_path / "backup"
    async with network(tmp_path / "n", engines, 1) as made:
        [validator] = made.validators
        await validator.start()
        await validator.chain.includes(await validator.chain.intake.submit(transfer(payer)))
        await validator.stop()
        shutil.copytree(validator.home.root / "chain", backup)
        await validator.start()
        for _ in range(3):
            await validator.chain.includes(await validator.chain.intake.submit(transfer(payer)))
        height, head = validator.chain.chain.height, validator.chain.chain.app_hash
        await validator.stop()
        for behind in (backup, None):
            shutil.rmtree(validator.home.root / "chain")
            if behind is not None:
                shutil.copytree(behind, validator.home.root / "chain")
            await validator.start()
            node = validator.chain
            await wait_until(lambda node=node: node.chain.app_hash == head, "the blocks of before")  # type: ignore[misc]
            assert node.chain.height >= height
            await validator.stop()


async def test_validator_goes_on_wherever_cometbft_ends(
    tmp_path: Path, engines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, between and after FinalizeBlock and Commit: the application behind, equal, and ahead."""
    # The supervisor starts both again; here the chain goes on and offers at once what CometBFT forgot.
    monkeypatch.setattr(gossip, "GOSSIP_AGAIN_S", 0.1)
    payer = institution()
    async with network(tmp_path / "n", engines, 1) as made:
        [validator] = made.validators
        await validator.start()
        node = validator.chain
        for index in CRASH_POINTS:
            await node.includes(await node.intake.submit(transfer(payer)))
            await validator.stop_cometbft()
            await validator.start_cometbft(FAIL_TEST_INDEX=str(index))
            tx_hash = await node.intake.submit(transfer(payer))
            assert await validator.cometbft_ends() == 1
            await validator.start_cometbft()
            await node.includes(tx_hash)
        assert node.application.head.number == 2 * len(CRASH_POINTS)


async def test_four_validators_agree_and_prove_it(tmp_path: Path, engines: Path) -> None:
    payers = [institution(), Actor(1), Actor(2), Actor(3)]
    async with network(tmp_path / "n", engines, 4) as made:
        await made.start()
        nodes = [one.chain for one in made.validators]
        gifts = [transfer(payers[0], to=payer.address, value=10**18) for payer in payers[1:]]
        hashes = [await nodes[0].intake.submit(gift) for gift in gifts]
        await nodes[3].includes(*hashes)
        await agree(nodes)
        for node, payer in zip(nodes, payers, strict=True):
            # The later nonces first: they wait for the one before them.
            raws = [transfer(payer) for _ in range(20)]
            hashes += [await node.intake.submit(raw) for raw in reversed(raws)]
        for node in nodes:
            await node.includes(*hashes)
        await agree(nodes)
        genesis = nodes[0].application.genesis
        for one in made.validators:
            head = one.chain.application.head
            proof = await ConsensusFinality(one.chain.store, one.chain.rpc).proof(head.number)
            assert proof is not None
            assert proof.payload == head.payload
            verify_finality(proof, genesis.network, genesis.validators)
        # One of four is down: the network goes on, and it catches up when it is back.
        await made.validators[3].stop(signal.SIGKILL)
        tx_hash = await nodes[0].intake.submit(transfer(payers[0]))
        await nodes[1].includes(tx_hash)
        await made.validators[3].start()
        await made.validators[3].chain.includes(tx_hash)
        await agree([one.chain for one in made.validators])


async def test_bad_proposals_are_outvoted(tmp_path: Path, engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 4) as made:
        await made.start()
        nodes = [one.chain for one in made.validators]
        byzantine = nodes[3].driver
        honest = byzantine.prepare_proposal
        forged: list[list[bytes]] = []

        async def forge(request: RequestPrepareProposal) -> ResponsePrepareProposal:
            items = list((await honest(request)).txs)
            stale = nodes[3].store.consensus_items(nodes[3].application.head.number)
            kinds = [[b"junk"], stale, [b"\xc1" * 5_000], items[:1] or [bytes(600)], items[1:] or [b"\x7e\xc0"]]
            forged.append(kinds[len(forged) % len(kinds)])
            return ResponsePrepareProposal(txs=forged[-1])

        async def accept(_: object) -> ResponseProcessProposal:
            return ResponseProcessProposal(status=ResponseProcessProposal.ACCEPT)

        monkeypatch.setattr(byzantine, "prepare_proposal", forge)
        monkeypatch.setattr(byzantine, "process_proposal", accept)
        while len(forged) < 4:
            await nodes[0].includes(await nodes[0].intake.submit(transfer(payer)))
        await agree(nodes)
        proposers = {nodes[0].store.header(at).coinbase for at in range(1, nodes[0].application.head.number)}  # type: ignore[union-attr]
        assert len(proposers) <= 3


async def test_proposer_and_voter_with_wrong_clocks_are_outvoted(
    tmp_path: Path, engines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 4) as made:
        await made.start()
        nodes = [one.chain for one in made.validators]
        monkeypatch.setattr(nodes[3].driver, "_wall_s", lambda: time.time() + 30)
        for _ in range(4):
            await nodes[0].includes(await nodes[0].intake.submit(transfer(payer)))
            assert nodes[0].application.head.timestamp <= time.time() + 1
        monkeypatch.setattr(nodes[3].driver, "_wall_s", lambda: time.time() - 30)
        for _ in range(4):
            await nodes[0].includes(await nodes[0].intake.submit(transfer(payer)))
        await agree(nodes)


async def test_newcomer_joins_by_a_snapshot(tmp_path: Path, engines: Path) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 4) as made:
        old, late = made.validators[:3], made.validators[3]
        await asyncio.gather(*(one.start() for one in old))
        first = old[0].chain
        while first.chain.height < SNAPSHOT_EVERY + 4:
            await first.includes(await first.intake.submit(transfer(payer)))
        trusted = await first.rpc.commit(2)
        settings = read_settings(late.home)
        servers = tuple(f"127.0.0.1:{read_settings(one.home).consensus_port}" for one in old[:2])
        trust = StateSync(trust_height=2, trust_hash=trusted.commit.block_id.hash.hex().upper(), rpc_servers=servers)
        write_settings(late.home, settings.model_copy(update={"statesync": trust}))
        await late.start()
        await late.chain.includes(await first.intake.submit(transfer(payer)))
        await agree([one.chain for one in made.validators])
        status = await late.chain.rpc.status()
        # It has all Ethereum blocks, and consensus blocks only since the snapshot.
        assert status.earliest_height > 1
        assert late.chain.store.consensus_height(1) == first.store.consensus_height(1)


async def test_stranger_is_not_let_in(tmp_path: Path, engines: Path) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 4) as made:
        stranger = made.validators[3]
        (stranger.home.cometbft / "config" / "node_key.json").unlink()
        node_id = make_node_key(stranger.home)
        await made.start()
        nodes = [one.chain for one in made.validators[:3]]
        for _ in range(3):
            await nodes[0].includes(await nodes[0].intake.submit(transfer(payer)))
        await agree(nodes)
        for node in nodes:
            peers = [peer.node_id for peer in await node.rpc.net_info()]
            assert len(peers) == 2
            assert node_id not in peers
        assert stranger.chain.chain.height == 0


async def test_members_change_the_validator_set_and_the_limits_of_blocks(tmp_path: Path, engines: Path) -> None:
    async with network(tmp_path / "n", engines, 4) as made:
        await made.start()
        nodes = [one.chain for one in made.validators]
        genesis = nodes[0].application.genesis
        governance = governance_address(genesis)
        members = [institution(one.home.root.name) for one in made.validators]

        async def call(member: Actor, function: str, *arguments: object) -> None:
            data = encode_call("Governance", function, arguments)
            raw = member.sign(chain_id=genesis.chain_id, to=governance, data=data, gas=3_000_000)
            tx_hash = await nodes[0].intake.submit(raw)
            await nodes[0].includes(tx_hash)
            place = nodes[0].store.place_of(tx_hash)
            assert place is not None
            assert nodes[0].store.receipts(place.block_number)[place.index].is_success, function

        last = genesis.validators[-1]
        entry = next(one for one in genesis.landfall["validators"] if one["public_key"] == "0x" + last.public_key.hex())
        owner = institution(entry["name"])
        node_id = next(
            bytes.fromhex(one["node_id"]) for one in genesis.landfall["peers"] if one["name"] == entry["name"]
        )
        calls = [
            (governance, encode_call("Governance", "set_validator", (owner.address, 1, last.public_key, 5, node_id))),
            (governance, encode_call("Governance", "set_consensus_params", (1 << 20, 50_000_000))),
        ]
        await call(members[0], "propose", calls, False, "half the power")
        for member in members[:3]:
            await call(member, "vote", 1, True)
        await call(members[0], "execute", 1)
        changed_at = nodes[0].chain.height
        await call(members[0], "propose", calls, False, "so that there are blocks after it")
        await agree(nodes)
        # Two heights after the block that changed it, on every node; the header between names the new set.
        [change] = nodes[0].store.validator_change_heights(0, nodes[0].chain.height)
        assert change <= changed_at + 1
        for node in nodes:
            assert node.store.validator_change_heights(0, node.chain.height) == [change]
            powers = {one.public_key: one.power for one in await node.rpc.validators(change + 1)}
            assert powers == {one.public_key: one.power for one in genesis.validators} | {last.public_key: 5}
            links = await ConsensusFinality(node.store, node.rpc).validator_changes(1, node.chain.height)
            history = verify_chain(genesis.network, genesis.validators, links)
            assert history.heights == (change,)
            header = (await node.rpc.commit(change + 1)).header
            assert header.consensus_hash == consensus_params_hash(1 << 20, 50_000_000)
