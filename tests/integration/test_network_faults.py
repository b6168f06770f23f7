"""What the network of four validators survives when one is wrong: its clock, its blocks, its engine, its key."""

import asyncio
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.proofs.double_sign import DoubleSign
from contracts.client.artifacts import decode_result, encode_call
from node.app.errors import ProcessError
from node.app.validator import local_network as network_module
from node.app.validator.home import ValidatorHome, read_genesis_file, read_settings
from node.app.validator.local_network import LocalValidator
from node.app.validator.preparing import prepare_home
from node.app.validator.running import read_status
from node.chain.cometbft_json import read_double_sign
from node.chain.genesis_block import read_genesis
from pqc import signatures
from tests.integration import faulty_validator
from tests.integration.consensus_nodes import institution, transfer
from tests.integration.faulty_chain import CUT, FORGED, MARKED, SECOND_SIGNER
from tests.integration.faulty_validator import FAULT
from tests.integration.network_load import (
    Load,
    Node,
    Rig,
    asked,
    eventually,
    included,
    local_network,
    restarts_of,
)

pytestmark = pytest.mark.network

WRONG = 4
"""The validator with py-evm."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, engines: Path) -> Iterator[Rig]:
    """Three validators execute by geth, the last by py-evm; each starts with the fault that its home names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "python_module", faulty_validator.command)
        with local_network(tmp_path_factory.mktemp("faults") / "n", engines) as network:
            yield Rig(network, Load())


async def restart(rig: Rig, fault: str) -> None:
    """Start the wrong validator again with a fault, which stays until the next test."""
    await asyncio.to_thread(rig.network.down, [WRONG])
    (rig.network.validator(WRONG).home.root / FAULT).write_text(fault)
    await asyncio.to_thread(rig.network.up, [WRONG])


async def stop_well(rig: Rig) -> None:
    """Stop the wrong validator; when it starts again it is as good as the others."""
    await asyncio.to_thread(rig.network.down, [WRONG])
    (rig.network.validator(WRONG).home.root / FAULT).unlink(missing_ok=True)


def events(one: LocalValidator, name: str) -> list[dict[str, Any]]:
    """What the chain process of a validator has logged by this name."""
    lines = (one.home.root / "logs" / "chain.log").read_text("utf-8").splitlines()
    return [entry for line in lines if line.startswith("{") and (entry := json.loads(line))["event"] == name]


async def proposers(node: Node, first: int) -> set[str]:
    """Who proposed the blocks from the first on."""
    last = await node.block_number()
    calls = [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last + 1)]
    return {block["miner"] for block in await node.ask_all(calls)}


def address(one: LocalValidator) -> str:
    """A validator's address in consensus."""
    key = json.loads((one.home.cometbft / "config" / "priv_validator_key.json").read_text())
    return "0x" + str(key["address"]).lower()


@pytest.mark.parametrize("seconds", [30, pytest.param(-30, marks=pytest.mark.soak)])
async def test_network_goes_on_when_a_clock_is_wrong(rig: Rig, seconds: int) -> None:
    wrong = rig.network.validator(WRONG)
    await restart(rig, f"clock {seconds}")
    async with asked(rig.network) as nodes:
        first = await nodes[0].block_number() + 1
        refused = len(events(rig.network.validator(1), "proposal_refused"))
        async with rig.load.running(nodes, random.Random(1)):
            await eventually(lambda: has_blocks(nodes[0], first + 6), "blocks")
        await rig.load.settle(nodes)
        await eventually(lambda: has_peers(nodes[0], 3), "peers")
        head = await nodes[0].ask("eth_getBlockByNumber", "latest", False)
        assert int(head["timestamp"], 16) <= time.time() + 1
        if seconds > 0:
            assert address(wrong) not in await proposers(nodes[0], first)
            reasons = [one["reason"] for one in events(rig.network.validator(1), "proposal_refused")[refused:]]
            assert any(reason.startswith("block.timestamp: expected at most") for reason in reasons)
        else:
            # It votes against what is of its future, and is outvoted.
            assert any(one["reason"].startswith("block.timestamp") for one in events(wrong, "proposal_refused"))


async def has_peers(node: Node, count: int) -> bool:
    return int(await node.ask("net_peerCount"), 16) == count


async def has_blocks(node: Node, number: int) -> bool:
    return await node.block_number() >= number


async def test_byzantine_proposer_is_outvoted(rig: Rig) -> None:
    wrong, voter = rig.network.validator(WRONG), rig.network.validator(1)
    genesis = read_genesis(read_genesis_file(wrong.home.genesis))
    async with asked(rig.network) as nodes:
        key = signatures.from_seed("ML-DSA-65", b"\x21" * 32)
        data = encode_call("ParticipantRegistry", "register_transaction_key", (key.public_key,))
        registry = bytes.fromhex(genesis.landfall["contracts"]["ParticipantRegistry"][2:])
        raw = institution(SECOND_SIGNER).sign(chain_id=genesis.chain_id, to=registry, data=data, gas=3_000_000)
        await included(nodes[0], [await nodes[0].ask("eth_sendRawTransaction", "0x" + raw.hex())])
        await restart(rig, "byzantine")
        first = await nodes[0].block_number() + 1

        def refused() -> dict[str, str]:
            """Why the voter was against each kind of forged proposal that it has seen."""
            forged = wrong.home.root / FORGED
            lines = forged.read_text().splitlines() if forged.exists() else []
            reasons = {str(one["height"]): one["reason"] for one in events(voter, "proposal_refused")}
            return {kind: reasons[height] for height, kind in map(str.split, lines) if height in reasons}

        async with rig.load.running(nodes, random.Random(2)):
            await eventually(lambda: len(refused()) == 4, "four kinds of forged proposals")
        await rig.load.settle(nodes)
        assert address(wrong) not in await proposers(nodes[0], first)
        found = refused()
        assert "second signature" in found["unsigned"]
        assert found["wrong_payload"].startswith("block.state_root")
        assert found["of_the_future"].startswith("block.timestamp: expected at most")
        assert found["oversized"].startswith("block.gas_used: expected at most")


async def test_validator_stops_with_a_report_when_its_engine_disagrees(rig: Rig) -> None:
    wrong = rig.network.validator(WRONG)
    await restart(rig, "divergence")
    async with asked(rig.network) as nodes:
        tx_hash = await nodes[0].ask("eth_sendRawTransaction", "0x" + transfer(rig.load.extra, to=MARKED).hex())
        await included(nodes[0], [tx_hash])
        receipt = await nodes[0].ask("eth_getTransactionReceipt", tx_hash)
        await eventually(lambda: not wrong.is_running, "it to stop")
        status = read_status(wrong.home) or {}
        number = int(receipt["blockNumber"], 16)
        assert status["state"] == "failed"
        assert f"block {number}: expected the block that consensus decided" in status["reason"]
        report = json.loads((wrong.home.root / "divergence" / f"block-{number}.json").read_text())
        assert report["block"]["hash"] == receipt["blockHash"]
        assert [one["field"] for one in report["fields"]] == ["receipts_root", "gas_used"]
        place = {"index": int(receipt["transactionIndex"], 16), "hash": tx_hash}
        assert report["transaction"] == place | {"field": "gas_used", "ours": 21_001, "decided": 21_000}
        # The others go on, and with a good engine it follows.
        await included(nodes[1], [await rig.load.send(nodes[0])])
        await stop_well(rig)
        await asyncio.to_thread(rig.network.up, [WRONG])
        await rig.load.settle(nodes)


async def test_unit_starts_again_and_goes_on_when_a_message_is_cut(rig: Rig) -> None:
    wrong = rig.network.validator(WRONG)
    await restart(rig, "cut")
    cuts = wrong.home.root / CUT
    async with asked(rig.network) as nodes:
        async with rig.load.running(nodes, random.Random(3)):
            for count in (1, 2):
                await eventually(lambda count=count: restarts_of(wrong) >= count, "the unit to start again")
            await eventually(lambda: (read_status(wrong.home) or {})["state"] == "running", "it to run")
            assert cuts.read_text().splitlines() == ["request", "answer"]
        await rig.load.settle(nodes)
        assert restarts_of(wrong) == 2


async def test_validator_does_not_start_with_another_genesis(rig: Rig) -> None:
    """One byte each: of a balance, and of what no block hash covers."""
    network, home = rig.network, rig.network.validator(WRONG).home
    await stop_well(rig)
    kept = home.genesis.read_text("utf-8")
    document = json.loads(kept)
    account = next(name for name, one in document["alloc"].items() if int(one["balance"], 16) > 0)
    lei = document["landfall"]["participants"][0]["lei"]
    changes = [
        (document["alloc"][account], "balance", hex(int(document["alloc"][account]["balance"], 16) ^ 1)),
        (document["landfall"]["participants"][0], "lei", lei[:-1] + ("1" if lei[-1] == "0" else "0")),
    ]
    for fields, name, value in changes:
        before, fields[name] = fields[name], value
        home.genesis.write_text(json.dumps(document), "utf-8")
        with pytest.raises(ProcessError, match=rf'\.{name}: expected \\+"{before}\\+", got \\+"{value}\\+"'):
            await asyncio.to_thread(network.up, [WRONG])
        fields[name] = before
    home.genesis.write_text(kept, "utf-8")
    await asyncio.to_thread(network.up, [WRONG])
    async with asked(network) as nodes:
        await rig.load.send(nodes[WRONG - 1])
        await rig.load.settle(nodes)


def twin_of(rig: Rig) -> ValidatorHome:
    """Make another home with the wrong validator's key, which has signed nothing, in the place of the third's node."""
    third, wrong = rig.network.validator(3).home, rig.network.validator(WRONG).home
    twin = ValidatorHome(third.root.with_name("twin"))
    twin.root.mkdir(mode=0o700)
    shutil.copy(wrong.root / "validator_key.json", twin.root)
    (twin.cometbft / "config").mkdir(parents=True)
    shutil.copy(third.cometbft / "config" / "node_key.json", twin.cometbft / "config")
    settings = read_settings(third).model_copy(update={"name": "twin", "engine": "pyevm"})
    prepare_home(twin, read_genesis_file(third.genesis), settings)
    listed = third.root.with_name("network.json")
    listed.write_text(json.dumps({"validators": [*json.loads(listed.read_text())["validators"], "twin"]}))
    return twin


async def evidence_of(one: LocalValidator, height: int) -> DoubleSign:
    """The only double signature in a consensus block, as a validator's CometBFT tells it."""
    transport = httpx.AsyncHTTPTransport(uds=str(one.home.run / "cometbft.sock"))
    async with httpx.AsyncClient(transport=transport) as client:
        answer = (await client.get("http://localhost/block", params={"height": height})).json()
    (found,) = answer["result"]["block"]["evidence"]["evidence"]
    return read_double_sign(found)


async def test_double_signer_is_reported_kept_and_jailed(rig: Rig) -> None:
    """Somebody restored a validator on a second machine: two nodes vote with one key."""
    network, load = rig.network, rig.load
    culprit = address(network.validator(WRONG))
    genesis = read_genesis(read_genesis_file(network.validator(1).home.genesis))
    governance = bytes.fromhex(genesis.landfall["contracts"]["Governance"][2:])
    await stop_well(rig)
    async with asked(network) as nodes:
        await asyncio.to_thread(network.down, [3])
        twin_of(rig)
        await asyncio.to_thread(network.up, [WRONG, 5])
        voters = [nodes[0], nodes[1], nodes[3]]
        async with asked(network) as all_nodes, load.running([*voters, all_nodes[4]], random.Random(4)):
            reports: list[dict[str, Any]] = []

            async def is_reported() -> bool:
                reports[:] = await nodes[0].ask("landfall_getMisbehaviour")
                return bool(reports)

            await eventually(is_reported, "the double signature in a block")
        report = reports[0]
        assert (report["kind"], report["validator"]) == ("duplicate_vote", culprit)
        await load.settle(voters)
        for node in voters:
            assert report in await node.ask("landfall_getMisbehaviour", report["reported_at"])

        members = [institution(one.name) for one in network.validators[:4]]
        evidence = await evidence_of(network.validator(1), report["reported_at"])
        data = encode_call(
            "Governance",
            "report_double_sign",
            (members[3].address, evidence.hash, report["height"]),
        )
        hashes = []
        for member in members[:3]:
            member.nonce = int(await nodes[0].ask("eth_getTransactionCount", "0x" + member.address.hex(), "latest"), 16)
            raw = member.sign(chain_id=genesis.chain_id, to=governance, data=data, gas=1_000_000)
            hashes.append(await nodes[0].ask("eth_sendRawTransaction", "0x" + raw.hex()))
        # Three voters are left, and one of them is down: it comes back to its place.
        await asyncio.to_thread(network.down, [5])
        await asyncio.to_thread(network.up, [3])
        for node in nodes[:3]:
            await included(node, hashes)

        call = {
            "to": "0x" + governance.hex(),
            "data": "0x" + encode_call("Governance", "jail_of", (members[3].address,)).hex(),
        }
        jail = decode_result(
            "Governance", "jail_of", 1, bytes.fromhex((await nodes[1].ask("eth_call", call, "latest"))[2:])
        )
        assert (jail["evidence_digest"], jail["height"]) == (evidence.hash, report["height"])
        # It votes no more: the three go on without it, and cannot without one of themselves.
        await asyncio.to_thread(network.down, [WRONG])
        await included(nodes[2], [await load.send(nodes[0])])
        light = await nodes[0].ask("landfall_getLightBlock", "latest")
        assert len(light["validators"]) == 3
