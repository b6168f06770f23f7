"""Where proofs of finality come from: the store, where one sequencer signs, or CometBFT, where a network votes."""

from collections.abc import Sequence
from typing import Protocol

from bridge.errors import RejectedError as ProofRejectedError
from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.consensus import Commit, Validator, VoteFlag, data_hash, data_proof, verify_vote
from bridge.proofs.finality import FinalityProof, proof_from_json
from bridge.proofs.light import LightBlock
from bridge.proofs.validator_changes import ValidatorSetChange
from node.chain.cometbft_rpc import CometBftRpc
from node.chain.errors import ConsensusUnavailableError, CorruptChainError, LimitExceededError
from node.chain.store import ChainStore


class FinalitySource(Protocol):
    """What proves to others that blocks are final.

    Raises (every coroutine):
        UnavailableError: what is asked for exists and is not at hand now.
    """

    def height_of(self, number: int) -> int | None:
        """Return the consensus height of a block; None beyond the head and for genesis."""
        ...

    def items(self, number: int) -> Sequence[bytes]:
        """Return the data of the consensus block that holds a block: payload, then every item as decided."""
        ...

    async def proof(self, number: int) -> FinalityProof | None:
        """Return the proof of a block; None beyond the head and for genesis, which is trusted, not proven."""
        ...

    async def light_block(self, height: int | None) -> LightBlock | None:
        """Return header, votes and validators of a consensus height, by default the latest; None above it."""
        ...

    async def validator_changes(self, first: int, last: int) -> Sequence[ValidatorSetChange]:
        """Return the links whose headers are of the heights `first` to `last`, in order.

        Raises:
            LimitExceededError: there are more than a pack can hold.
        """
        ...


class StoredFinality:
    """Proofs of a chain with one sequencer: they are stored with the blocks, and heights are block numbers."""

    def __init__(self, store: ChainStore, validators: Sequence[Validator]) -> None:
        self._store = store
        self._validators = tuple(validators)

    def height_of(self, number: int) -> int | None:
        return number if 0 < number <= (self._store.head_number() or 0) else None

    def items(self, number: int) -> Sequence[bytes]:
        header = self._store.header(number)
        if header is None:
            raise CorruptChainError(f"headers: expected block {number}, got nothing")
        return [header.payload, *(tx.item for tx in self._store.transactions(number))]

    async def proof(self, number: int) -> FinalityProof | None:
        stored = self._store.finality(number)
        return None if stored is None else proof_from_json(stored)

    async def light_block(self, height: int | None) -> LightBlock | None:
        proof = await self.proof(self._store.head_number() or 0 if height is None else height)
        return None if proof is None else LightBlock(proof.header, proof.commit, self._validators)

    async def validator_changes(self, first: int, last: int) -> Sequence[ValidatorSetChange]:
        return ()


class ConsensusIndex(Protocol):
    """What the chain knows of consensus: kept with the blocks, in the same durable writes."""

    def consensus_height(self, number: int) -> int | None:
        """Return the height of the consensus block that holds a block; None beyond the head and for genesis."""
        ...

    def consensus_items(self, number: int) -> Sequence[bytes]:
        """Return that consensus block's data: payload, then every item as decided."""
        ...

    def validator_change_heights(self, first: int, last: int) -> Sequence[int]:
        """Return the heights from `first` to `last` whose headers name other validators than their own, ascending.

        That is one after the height whose execution changed the set.
        """
        ...


class ConsensusFinality:
    """Proofs of a network: votes and validators as CometBFT has them, payloads from the chain's own store.

    An Ed25519 vote may be good for CometBFT, which takes encodings that RFC 8032 leaves open, and not for a verifier
    here: such votes are left out, so that no single validator can spoil the proofs of all.
    """

    def __init__(self, index: ConsensusIndex, rpc: CometBftRpc) -> None:
        self._index = index
        self._rpc = rpc

    def height_of(self, number: int) -> int | None:
        return self._index.consensus_height(number)

    def items(self, number: int) -> Sequence[bytes]:
        return self._index.consensus_items(number)

    async def proof(self, number: int) -> FinalityProof | None:
        height = self._index.consensus_height(number)
        block = None if height is None else await self.light_block(height)
        if block is None:
            return None
        items = self.items(number)
        if data_hash(items) != block.header.data_hash:
            raise CorruptChainError(f"block {number}: expected the data of consensus height {height}, got other data")
        return FinalityProof(block.header, block.commit, items[0], data_proof(items, 0))

    async def light_block(self, height: int | None) -> LightBlock | None:
        if height is not None:
            status = await self._rpc.status()
            if height > status.height or height < 1:
                return None
            if height < status.earliest_height:
                raise ConsensusUnavailableError(
                    f"height: expected {status.earliest_height} or above, got {height}: this node joined later; "
                    "ask one that has been there since genesis"
                )
        signed = await self._rpc.commit(height)
        validators = await self._rpc.validators(signed.header.height)
        commit = _good_votes(signed.header.chain_id, validators, signed.commit)
        return LightBlock(signed.header, commit, validators)

    async def validator_changes(self, first: int, last: int) -> Sequence[ValidatorSetChange]:
        heights = self._index.validator_change_heights(first, last)
        if len(heights) > VALIDATOR_CHANGES_MAX:
            raise LimitExceededError(
                f"heights: expected at most {VALIDATOR_CHANGES_MAX} changes, got {len(heights)}; ask for fewer heights"
            )
        return [await self._change(height) for height in heights]

    async def _change(self, height: int) -> ValidatorSetChange:
        block = await self.light_block(height)
        if block is None:
            raise ConsensusUnavailableError(f"height {height}: expected a consensus block, got none yet; ask again")
        return ValidatorSetChange(block.header, block.commit, await self._rpc.validators(height + 1))


def _good_votes(chain_id: str, validators: Sequence[Validator], commit: Commit) -> Commit:
    """Return the commit with the votes for the block that a verifier here takes."""
    by_address = {validator.address: validator for validator in validators}
    good = []
    for vote in commit.signatures:
        if vote.flag != VoteFlag.COMMIT:
            continue
        try:
            verify_vote(chain_id, by_address[vote.validator_address], commit, vote)
        except ProofRejectedError:
            continue
        good.append(vote)
    return Commit(commit.height, commit.round, commit.block_id, tuple(good))
