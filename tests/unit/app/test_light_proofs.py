"""Blocks, transactions and accounts of a real chain, proven to somebody who trusts one header."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridge.proofs.light import light_block_from_json
from node.app.errors import SourceUnavailableError, UntrustedSourceError
from node.app.light import LightClient, Trust
from node.app.light_proofs import prove, prove_account
from tests.unit.chain.support import ETHER, GENESIS_TIME_S, STORE, Actor, LocalChain, open_local_chain

Spoil = Callable[[str, Any], Any]


@dataclass
class World:
    """A chain of three blocks and a node that answers for it; `spoil` changes what it says."""

    runner: asyncio.Runner
    chain: LocalChain
    hashes: list[bytes]
    name: str = "node"
    spoil: Spoil = lambda _, value: value
    told: list[str] = field(default_factory=list)

    def call(self, method: str, *params: Any) -> Any:
        return self.spoil(method, self.runner.run(self.chain.rpc(method, *params)))

    def client(self) -> LightClient:
        first = light_block_from_json(self.call("landfall_getLightBlock", 1))
        start = Trust(1, first.hash, 86_400)
        return LightClient([self], start, lambda: GENESIS_TIME_S + 1_000, self.told.append)

    def refused(self, what: str, spoil: Spoil) -> str:
        """Return why the node's answer was refused."""
        client = self.client()
        self.spoil = spoil
        with pytest.raises(UntrustedSourceError):
            prove(client, what)
        return self.told[-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with asyncio.Runner() as runner:

        async def fill() -> tuple[LocalChain, list[bytes]]:
            payer = Actor(1)
            chain = await open_local_chain(tmp_path, [payer])
            write = (7).to_bytes(32, "big") + (9).to_bytes(32, "big")
            hashes = await chain.send(payer.sign(value=5), payer.sign(to=STORE, data=write))
            for _ in range(2):
                chain.wall_s[0] += 10
                hashes += await chain.send(payer.sign(value=1))
            return chain, hashes

        chain, hashes = runner.run(fill())
        yield World(runner, chain, hashes)
        runner.run(chain.close())


def test_block_is_proven_by_number_and_by_hash(world: World) -> None:
    by_number = prove(world.client(), "0x2")
    assert (by_number.height, by_number.block.number, by_number.transaction) == (2, 2, None)
    assert by_number.block.hash == world.chain.store.hash_of(2)
    assert prove(world.client(), "0x" + by_number.block.hash.hex()) == by_number
    assert prove(world.client(), "latest").block.number == 3


def test_transaction_is_proven_with_what_it_did(world: World) -> None:
    plain, stored = (prove(world.client(), "0x" + tx_hash.hex()) for tx_hash in world.hashes[:2])
    assert plain.transaction is not None
    assert stored.transaction is not None
    assert (plain.transaction.index, plain.transaction.receipt.succeeded, plain.transaction.receipt.logs) == (
        0,
        True,
        (),
    )
    assert stored.transaction.index == 1
    assert [log.address.lower() for log in stored.transaction.receipt.logs] == ["0x" + STORE.hex()]


def test_account_is_proven_after_a_block_and_absence_too(world: World) -> None:
    client = world.client()
    payer = Actor(1).address
    for number, nonce in ((1, 2), (2, 3), (3, 4)):
        account = prove_account(client, prove(client, hex(number)), payer)
        assert account is not None
        assert account.nonce == nonce
        assert account.balance_wei == 1_000 * ETHER - 5 - (nonce - 2)
    assert prove_account(client, prove(client, "latest"), b"\x77" * 20) is None


@pytest.mark.parametrize("what", ["0x9", "0x" + "11" * 32])
def test_nothing_is_proven_of_what_the_node_does_not_have(world: World, what: str) -> None:
    with pytest.raises(SourceUnavailableError, match="expected a proof"):
        prove(world.client(), what)


def _with(method: str, **changes: Any) -> Spoil:
    return lambda asked, value: value | changes if asked == method else value


def test_block_is_refused_when_the_node_answers_with_another(world: World) -> None:
    other = world.call("landfall_getFinalityProof", "0x1")
    assert "payload.number: expected 2, got 1" in world.refused("0x2", _with("landfall_getFinalityProof", **other))
    block_hash = world.chain.store.hash_of(2)
    assert block_hash is not None
    assert "payload: expected" in world.refused(
        "0x" + block_hash.hex(), lambda asked, value: _other(asked, value, other)
    )


def _other(asked: str, value: Any, other: Any) -> Any:
    return other if asked == "landfall_getFinalityProof" else value


def test_block_is_refused_when_its_header_is_not_the_proven_one(world: World) -> None:
    proof = world.call("landfall_getFinalityProof", "0x2")
    forged = {"header": proof["header"] | {"app_hash": "0x" + "00" * 32}}
    assert "header: expected" in world.refused("0x2", _with("landfall_getFinalityProof", **forged))
    payload = {"payload": world.call("landfall_getFinalityProof", "0x1")["payload"]}
    assert "payload_proof.leaf_hash" in world.refused("0x2", _with("landfall_getFinalityProof", **payload))


def test_transaction_is_refused_when_the_node_answers_with_another_or_another_place(world: World) -> None:
    first, second = ("0x" + tx_hash.hex() for tx_hash in world.hashes[:2])
    other = world.call("landfall_getFinalityProof", second)
    assert "transaction: expected the one of hash" in world.refused(first, _with("landfall_getFinalityProof", **other))
    place = {"transaction_index": 1}
    assert "transaction_proof.index" in world.refused(first, _with("landfall_getFinalityProof", **place))
    item = {"transaction": other["transaction"]}
    assert "transaction_proof.leaf_hash" in world.refused(first, _with("landfall_getFinalityProof", **item))


def test_transaction_is_refused_when_the_receipts_are_not_the_blocks(world: World) -> None:
    tx_hash = "0x" + world.hashes[1].hex()

    def spoil(asked: str, value: Any) -> Any:
        if asked != "eth_getBlockReceipts":
            return value
        return [value[0], value[1] | {"status": "0x0"}]

    assert "receipts: expected receipts of root" in world.refused(tx_hash, spoil)
    for value in (None, [], [{}, {}], "text"):
        assert "dropped" in world.refused(tx_hash, lambda asked, real, new=value: new if "Receipts" in asked else real)


def test_account_is_refused_when_the_proof_is_another_accounts(world: World) -> None:
    client = world.client()
    thing = prove(client, "0x2")
    other = world.call("eth_getProof", "0x" + STORE.hex(), [], "0x2")
    for value in (other, None, {}, other | {"accountProof": ["zz"]}):
        fresh = world.client()
        world.spoil = lambda asked, real, new=value: new if asked == "eth_getProof" else real
        with pytest.raises(UntrustedSourceError):
            prove_account(fresh, thing, Actor(1).address)
        world.spoil = lambda _, real: real
