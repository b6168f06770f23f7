"""Proofs by either source, and the methods that hand them out."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.consensus import Validator, data_hash, header_hash, verify_commit
from bridge.proofs.finality import merkle_from_json, proof_from_json, verify_finality
from bridge.proofs.light import light_block_from_json, trust
from bridge.proofs.merkle import verify_proof
from bridge.proofs.validator_changes import changes_from_json, verify_chain
from node.chain.cometbft_rpc import CometBftRpc, ConsensusStatus, SignedHeader
from node.chain.errors import ConsensusUnavailableError, CorruptChainError
from node.chain.finality import ConsensusFinality, FinalitySource
from node.chain.jsonrpc.finality import FinalityMethods
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.jsonrpc.views import BlockViews
from tests.unit.bridge.recorded import ED25519
from tests.unit.chain.support import Actor, LocalChain, open_local_chain


def transfer(nonce: int = 0) -> bytes:
    return Actor(1).sign(nonce=nonce)


class FakeRpc(CometBftRpc):
    """Answers as the node of the recorded network did."""

    def __init__(self, first: int = 1, last: int = 65) -> None:
        super().__init__("unix:///nowhere")
        self.first, self.last = first, last
        self.spoilt: dict[int, int] = {}
        """Height to the index of the vote whose signature is changed."""

    async def status(self) -> ConsensusStatus:
        return ConsensusStatus("id", ED25519.chain_id, bytes(20), 0, self.last, bytes(32), "", self.first, False)

    async def commit(self, height: int | None = None) -> SignedHeader:
        height = self.last if height is None else height
        commit = ED25519.commits[height]
        if height in self.spoilt:
            votes = list(commit.signatures)
            votes[self.spoilt[height]] = replace(votes[self.spoilt[height]], signature=bytes(64))
            commit = replace(commit, signatures=tuple(votes))
        return SignedHeader(ED25519.headers[height], commit, True)

    async def validators(self, height: int | None = None) -> tuple[Validator, ...]:
        return ED25519.validators(self.last if height is None else height)


class FakeIndex:
    """Block 1 is in height 3, block 2 in height 4."""

    def __init__(self) -> None:
        self.items: dict[int, Sequence[bytes]] = {1: ED25519.items(3), 2: ED25519.items(4)}

    def consensus_height(self, number: int) -> int | None:
        return {1: 3, 2: 4}.get(number)

    def consensus_items(self, number: int) -> Sequence[bytes]:
        return self.items[number]

    def validator_change_heights(self, first: int, last: int) -> Sequence[int]:
        return [height - 1 for height in ED25519.set_heights[1:] if first <= height - 1 <= last]


def source(rpc: FakeRpc | None = None, index: FakeIndex | None = None) -> ConsensusFinality:
    return ConsensusFinality(index or FakeIndex(), rpc or FakeRpc())


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[LocalChain]:
    opened = await open_local_chain(tmp_path, [Actor(1)])
    yield opened
    await opened.close()


# -- a network ----------------------------------------------------------------------------------------------------


async def test_proof_of_a_network_verifies_and_there_is_none_beyond_the_head() -> None:
    proof = await source().proof(2)
    assert proof is not None
    assert proof.header.height == source().height_of(2) == 4
    assert verify_finality(proof, ED25519.chain_id, ED25519.validators(4)) == ED25519.items(4)[0]
    assert await source().proof(3) is None
    assert source().height_of(3) is None


async def test_proof_of_a_network_is_not_made_when_the_store_holds_other_items() -> None:
    index = FakeIndex()
    index.items[2] = [b"another payload"]
    assert data_hash(index.items[2]) != ED25519.headers[4].data_hash
    with pytest.raises(CorruptChainError, match="expected the data of consensus height 4"):
        await source(index=index).proof(2)


async def test_vote_that_a_verifier_would_refuse_is_left_out_of_the_proof() -> None:
    rpc = FakeRpc()
    rpc.spoilt[4] = 1
    proof = await source(rpc).proof(2)
    assert proof is not None
    assert len(proof.commit.signatures) == len(ED25519.commits[4].signatures) - 1
    verify_finality(proof, ED25519.chain_id, ED25519.validators(4))
    with pytest.raises(InvalidProofError, match="signature"):
        verify_commit(ED25519.chain_id, ED25519.validators(4), proof.header, (await rpc.commit(4)).commit)


async def test_light_block_of_a_network_has_the_votes_for_the_block_alone() -> None:
    block = await source().light_block(2)
    assert block is not None
    assert len(block.commit.signatures) == 3
    trust(block, 2, header_hash(ED25519.headers[2]))
    latest = await source().light_block(None)
    assert latest is not None
    assert latest.height == 65


async def test_light_block_is_none_above_the_latest_and_refused_below_the_first_this_node_has() -> None:
    joined = source(FakeRpc(first=40))
    assert await joined.light_block(66) is None
    assert await joined.light_block(40) is not None
    with pytest.raises(ConsensusUnavailableError, match="expected 40 or above, got 39"):
        await joined.light_block(39)


async def test_changes_of_a_network_lead_from_its_genesis_to_every_set() -> None:
    links = await source().validator_changes(1, 65)
    history = verify_chain(ED25519.chain_id, ED25519.genesis, links)
    assert history.heights == tuple(height - 1 for height in ED25519.set_heights[1:])
    assert history.at(65) == ED25519.validators(65)
    assert await source().validator_changes(9, 32) == []


# -- one sequencer, and the methods -------------------------------------------------------------------------------


async def test_finality_proof_is_given_by_block_and_by_transaction(chain: LocalChain) -> None:
    hashes = await chain.send(transfer(0), transfer(1))
    by_block = await chain.rpc("landfall_getFinalityProof", "0x1")
    by_hash = await chain.rpc("landfall_getFinalityProof", "0x" + chain.application.head.hash.hex())
    assert by_block == by_hash
    for index, tx_hash in enumerate(hashes):
        answer = await chain.rpc("landfall_getFinalityProof", "0x" + tx_hash.hex())
        assert answer.pop("transaction_index") == index
        item = bytes.fromhex(answer.pop("transaction")[2:])
        assert keccak(item) == tx_hash
        place = merkle_from_json(answer.pop("transaction_proof"), "transaction_proof")
        root = proof_from_json(by_block).header.data_hash
        verify_proof(place, root, sha256(item).digest(), "transaction_proof")
        with pytest.raises(InvalidProofError, match=r"transaction_proof.leaf_hash"):
            verify_proof(place, root, sha256(item + b"x").digest(), "transaction_proof")
        assert answer == by_block
    assert await chain.rpc("landfall_getFinalityProof", "0x" + "11" * 32) is None
    assert (await chain.rpc("landfall_getFinalityProof", "0x" + "11" * 33))["code"] == -32602


async def test_receipt_names_the_height_that_made_it_final(chain: LocalChain) -> None:
    (tx_hash,) = await chain.send(transfer(0))
    receipt = await chain.rpc("eth_getTransactionReceipt", "0x" + tx_hash.hex())
    assert receipt["finality"] == {"consensusHeight": "0x1"}
    assert await chain.rpc("eth_getTransactionReceipt", "0x" + "11" * 32) is None


async def test_light_block_of_one_sequencer_verifies(chain: LocalChain) -> None:
    assert await chain.rpc("landfall_getLightBlock", "latest") is None
    await chain.send(transfer(0))
    await chain.send(transfer(1))
    for height in (2, "0x2", "latest"):
        block = light_block_from_json(await chain.rpc("landfall_getLightBlock", height))
        assert trust(block, 2, block.hash).validators == chain.genesis.validators
    assert await chain.rpc("landfall_getLightBlock", 3) is None


@pytest.mark.parametrize("height", [0, -1, True, None, "0x", "first", 1 << 63, [], 1.5])
async def test_light_block_is_refused_when_the_height_is_none(chain: LocalChain, height: Any) -> None:
    assert (await chain.rpc("landfall_getLightBlock", height))["code"] == -32602


async def test_one_sequencer_has_no_validator_changes(chain: LocalChain) -> None:
    assert await chain.rpc("landfall_getValidatorChanges", 1, "0x10") == []
    assert "expected 5 or above, got 4" in (await chain.rpc("landfall_getValidatorChanges", 5, 4))["message"]


class BusyIndex(FakeIndex):
    """A change at every height, each as the recorded one of height 8."""

    def validator_change_heights(self, first: int, last: int) -> Sequence[int]:
        return [8] * (last - first + 1)


async def test_validator_changes_are_given_up_to_the_limit_and_refused_above(chain: LocalChain) -> None:
    many: FinalitySource = ConsensusFinality(BusyIndex(), FakeRpc())
    server = JsonRpcServer({})
    server.open(FinalityMethods(chain.store, BlockViews(chain.application), many).table())

    async def ask(last: int) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": "landfall_getValidatorChanges", "params": [1, last]}
        return await server.answer(request)

    with pytest.raises(InvalidProofError, match="app_hash"):
        # kvstore's application hash has eight bytes; all else is read.
        changes_from_json((await ask(VALIDATOR_CHANGES_MAX))["result"])
    assert "ask for fewer heights" in (await ask(VALIDATOR_CHANGES_MAX + 1))["error"]["message"]
