"""Consensus headers and commits of a chain with one sequencer, in CometBFT's format, signed with ML-DSA-65.

The same header, vote and validator-set encodings as a network of validators, so a verifier cannot tell the two
apart except by the validator set. Heights are Ethereum block numbers. Header and vote carry ledger time, not the
weighted median of votes: one sequencer has nobody to take a median with.
"""

from dataclasses import dataclass
from typing import Final

from bridge.proofs.consensus import (
    BLOCK_PROTOCOL,
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    block_id,
    commit_hash,
    consensus_params_hash,
    data_hash,
    data_proof,
    header_hash,
    results_hash,
    validators_hash,
    vote_sign_bytes,
)
from bridge.proofs.finality import FinalityProof, proof_from_json
from bridge.proofs.merkle import EMPTY_ROOT
from node.chain.blocks import ExecutedBlock
from node.chain.errors import CorruptChainError, GenesisError
from node.chain.genesis_block import Genesis
from node.chain.limits import BLOCK_BYTES_MAX
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction
from pqc import signatures
from pqc.signatures import KeyPair

_CONSENSUS_BLOCK_BYTES: Final = 2 * BLOCK_BYTES_MAX
"""block.max_bytes: transactions, header, evidence and a commit of 200 validators."""


@dataclass(frozen=True, slots=True)
class _Previous:
    """What a header says about the block before it."""

    block: BlockId
    commit: Commit | None
    results: bytes


class BlockSealer:
    """Turns executed blocks into final ones; holds the validator's key."""

    def __init__(self, genesis: Genesis, store: ChainStore, key: KeyPair) -> None:
        self._genesis = genesis
        self._store = store
        self._key = key
        self._validators_hash = validators_hash(genesis.validators)
        validator = Validator(key.alg, key.public_key, 1)
        if len(genesis.validators) != 1 or genesis.validators[0].address != validator.address:
            raise GenesisError("landfall.validators", "this sequencer's key alone", f"{len(genesis.validators)} keys")
        self.address = validator.address
        self._previous: _Previous | None = None

    def seal(self, block: ExecutedBlock) -> FinalityProof:
        """Return header, signed commit and proof for a block that follows the stored head."""
        items, number = block.items, block.header.number
        previous = self._previous or self._load_previous(number)
        header = Header(
            block_version=BLOCK_PROTOCOL,
            app_version=0,
            chain_id=self._genesis.network,
            height=number,
            time=Timestamp(block.header.timestamp),
            last_block_id=previous.block,
            last_commit_hash=commit_hash(previous.commit),
            data_hash=data_hash(items),
            validators_hash=self._validators_hash,
            next_validators_hash=self._validators_hash,
            consensus_hash=consensus_params_hash(_CONSENSUS_BLOCK_BYTES, block.header.gas_limit),
            app_hash=block.header.parent_hash,
            last_results_hash=previous.results,
            evidence_hash=EMPTY_ROOT,
            proposer_address=self.address,
        )
        block_ = block_id(header, items, previous.commit)
        commit = Commit(number, 0, block_, (self._vote(number, block_, header.time),))
        return FinalityProof(header, commit, items[0], data_proof(items, 0))

    def committed(self, block: ExecutedBlock, proof: FinalityProof) -> None:
        """Take note that the block is stored; the next one builds on it."""
        gas = [(tx.gas, receipt.cumulative_gas) for tx, receipt in zip(block.transactions, block.receipts, strict=True)]
        self._previous = _Previous(proof.commit.block_id, proof.commit, _results(gas))

    def _vote(self, height: int, block: BlockId, time: Timestamp) -> CommitSignature:
        message = vote_sign_bytes(self._genesis.network, height, 0, block, time)
        return CommitSignature(self.address, time, signatures.sign(self._key, message))

    def _load_previous(self, number: int) -> _Previous:
        if number == 1:
            return _Previous(BlockId(), None, EMPTY_ROOT)
        stored = self._store.finality(number - 1)
        if stored is None:
            raise CorruptChainError(f"finality: expected a proof of block {number - 1}, got nothing")
        proof = proof_from_json(stored)
        if header_hash(proof.header) != proof.commit.block_id.hash:
            raise CorruptChainError(f"finality: block {number - 1} does not match its commit")
        limits = [decode_transaction(tx.raw, tx.sender).gas for tx in self._store.transactions(number - 1)]
        used = [receipt.cumulative_gas for receipt in self._store.receipts(number - 1)]
        return _Previous(proof.commit.block_id, proof.commit, _results(list(zip(limits, used, strict=True))))


def _results(gas: list[tuple[int, int]]) -> bytes:
    """Return the results' root: code 0 for the payload and for every executed transaction, with its gas."""
    before, rows = 0, [(0, 0, 0)]
    for wanted, cumulative in gas:
        rows.append((0, wanted, cumulative - before))
        before = cumulative
    return results_hash(rows)
