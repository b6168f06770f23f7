"""A consensus chain made by the test: any sets, any votes, every header linked to the one before; Ed25519 is fast."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from bridge.proofs.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    commit_hash,
    data_hash,
    header_hash,
    validator_set,
    validators_hash,
    vote_sign_bytes,
)
from bridge.proofs.light import LightBlock
from bridge.proofs.merkle import EMPTY_ROOT
from bridge.proofs.validator_changes import ValidatorSetChange
from pqc import signatures
from pqc.signatures import KeyPair

CHAIN = "made-chain"
START_S = 1_800_000_000
KEYS: dict[bytes, KeyPair] = {}
"""By validator address."""


def validator(seed: int, power: int = 1, algorithm: str = "Ed25519") -> Validator:
    key = signatures.from_seed(algorithm, sha256(bytes([seed])).digest())
    found = Validator(algorithm, key.public_key, power)
    KEYS[found.address] = key
    return found


def sign(header: Header, validators: Sequence[Validator], round_: int = 0, chain_id: str = CHAIN) -> Commit:
    """Return the commit of a header by these validators."""
    block = BlockId(header_hash(header), 1, sha256(b"parts").digest())
    votes = []
    for one in validators:
        time = Timestamp(header.time.seconds, 7)
        message = vote_sign_bytes(chain_id, header.height, round_, block, time)
        votes.append(CommitSignature(one.address, time, signatures.sign(KEYS[one.address], message)))
    return Commit(header.height, round_, block, tuple(votes))


@dataclass
class MadeChain:
    """Blocks from height 1; the set given at a height is named there and holds from the next on."""

    genesis: tuple[Validator, ...]
    silent: tuple[bytes, ...] = ()
    """Addresses that never vote."""
    blocks: list[LightBlock] = field(default_factory=list)
    sets: list[tuple[Validator, ...]] = field(default_factory=list)
    mark: bytes = b""
    """What tells two histories apart."""

    def grow(self, count: int = 1, following: Sequence[Validator] | None = None) -> None:
        for _ in range(count):
            self._add(following)

    def _add(self, following: Sequence[Validator] | None) -> None:
        current = self.sets[-1] if self.sets else validator_set(self.genesis)
        after = current if following is None else validator_set(following)
        last = self.blocks[-1] if self.blocks else None
        height = len(self.blocks) + 1
        header = Header(
            block_version=11,
            app_version=0,
            chain_id=CHAIN,
            height=height,
            time=Timestamp(START_S + 10 * height),
            last_block_id=last.commit.block_id if last else BlockId(),
            last_commit_hash=commit_hash(last.commit if last else None),
            data_hash=data_hash([]),
            validators_hash=validators_hash(current),
            next_validators_hash=validators_hash(after),
            consensus_hash=EMPTY_ROOT,
            app_hash=sha256(b"block" + self.mark + bytes([height % 256])).digest(),
            last_results_hash=EMPTY_ROOT,
            evidence_hash=EMPTY_ROOT,
            proposer_address=current[0].address,
        )
        voters = [one for one in current if one.address not in self.silent]
        self.blocks.append(LightBlock(header, sign(header, voters), current))
        self.sets.append(after)

    def at(self, height: int) -> LightBlock:
        return self.blocks[height - 1]

    def links(self) -> list[ValidatorSetChange]:
        return [
            ValidatorSetChange(block.header, block.commit, after)
            for block, after in zip(self.blocks, self.sets, strict=True)
            if block.header.validators_hash != block.header.next_validators_hash
        ]

    def branch(self, height: int, mark: bytes) -> "MadeChain":
        """Return another history that shares the blocks up to `height`."""
        return replace(self, blocks=self.blocks[:height], sets=self.sets[:height], mark=mark)


def resigned(block: LightBlock, voters: Sequence[Validator], **changes: Any) -> LightBlock:
    """Return the block with another header, signed by these."""
    header = replace(block.header, **changes)
    return replace(block, header=header, commit=sign(header, voters))
