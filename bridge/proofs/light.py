"""A light client: from one header that is trusted to any other of the chain, by votes and set changes alone.

Pure: a caller that has sources drives the generators, which yield the heights they need and are sent the blocks.
The next height is proven by the set that the header before names; a height further off by its own set, if also more
than a third of the trusted power signed it, since then an honest one of those vouches for the new set. Where too
few did, a height between is proven first. A trusted header counts for a period only: validators that left long ago
have nothing to lose by signing another history.

Source: CometBFT 0.38 spec/light-client/verification, spec/light-client/detection.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import InvalidProofError, TrustExpiredError
from bridge.limits import BACKWARD_STEPS_MAX
from bridge.proofs.consensus import (
    Commit,
    Header,
    Timestamp,
    Validator,
    VoteFlag,
    header_hash,
    verify_commit,
)
from bridge.proofs.consensus_json import (
    commit_from_json,
    commit_to_json,
    get_object,
    header_from_json,
    header_to_json,
    validators_from_json,
    validators_to_json,
)

DRIFT_S_MAX: Final = 10
"""How far a header's time may be ahead of the verifier's clock."""


@dataclass(frozen=True, slots=True)
class LightBlock:
    """What a light client needs of a height: header, votes, and the set that voted."""

    header: Header
    commit: Commit
    validators: tuple[Validator, ...]

    @property
    def height(self) -> int:
        """Return the consensus height."""
        return self.header.height

    @property
    def hash(self) -> bytes:
        """Return the header's hash."""
        return header_hash(self.header)


@dataclass(frozen=True, slots=True)
class Fork:
    """Two blocks of one height, both signed by enough to be proven from `common`: the evidence of an attack."""

    common: LightBlock
    one: LightBlock
    other: LightBlock

    @property
    def signers(self) -> tuple[bytes, ...]:
        """Return the addresses of the validators that voted for both."""
        both = _voters(self.one.commit) & _voters(self.other.commit)
        return tuple(sorted(both))


Blocks = Generator[int, LightBlock, tuple[LightBlock, ...]]
"""Yields heights, is sent their blocks, returns what is proven."""


def trust(block: LightBlock, height: int, trusted_hash: bytes) -> LightBlock:
    """Return the block when it is the one that is trusted, complete with the votes of its set.

    Raises:
        InvalidProofError, InsufficientPowerError: it is another, or its set and votes do not belong to it.
    """
    if block.height != height:
        raise InvalidProofError("header.height", height, block.height)
    if block.hash != trusted_hash:
        raise InvalidProofError("header", f"the trusted hash {trusted_hash.hex()}", block.hash.hex())
    verify_commit(block.header.chain_id, block.validators, block.header, block.commit)
    return block


def is_within_reach(trusted: LightBlock, block: LightBlock) -> bool:
    """Tell whether one step may lead from `trusted` to `block`: the next height, or enough common voters."""
    if block.height == trusted.height + 1:
        return True
    voters = _voters(block.commit)
    common = sum(one.power for one in trusted.validators if one.address in voters)
    return 3 * common > sum(one.power for one in trusted.validators)


def verify_step(trusted: LightBlock, block: LightBlock, period_s: int, now_s: int) -> None:
    """Return when `trusted` proves `block` in one step.

    Args:
        trusted: A proven block of a lower height.
        block: What is to be proven.
        period_s: How old `trusted` may be.
        now_s: Clock reading, unix seconds UTC.

    Raises:
        TrustExpiredError: `trusted` is too old.
        InvalidProofError: names the field that does not fit.
        InsufficientPowerError: too few of the block's own set signed.
    """
    if trusted.header.time.seconds + period_s <= now_s:
        raise TrustExpiredError(trusted.header.time.seconds, period_s, now_s)
    if block.height <= trusted.height:
        raise InvalidProofError("header.height", f"above {trusted.height}", block.height)
    if _moment(block.header.time) <= _moment(trusted.header.time):
        raise InvalidProofError("header.time", f"after {_moment(trusted.header.time)}", _moment(block.header.time))
    if block.header.time.seconds >= now_s + DRIFT_S_MAX:
        raise InvalidProofError("header.time", f"before {now_s + DRIFT_S_MAX}", block.header.time.seconds)
    named = trusted.header.next_validators_hash
    if block.height == trusted.height + 1 and block.header.validators_hash != named:
        raise InvalidProofError("header.validators_hash", named.hex(), block.header.validators_hash.hex())
    if not is_within_reach(trusted, block):
        raise InvalidProofError("commit.signatures", "votes of more than 1/3 of the trusted power", "fewer")
    # Every vote that counted above is checked here: an address stands for one key.
    verify_commit(trusted.header.chain_id, block.validators, block.header, block.commit)


def verify_forwards(trusted: LightBlock, target: LightBlock, period_s: int, now_s: int) -> Blocks:
    """Prove `target`, whose height is above; returns the proven blocks from the first step to the target.

    Raises:
        As `verify_step`; also for a block of another height than asked for.
    """
    proven, waiting = [trusted], [target]
    while waiting:
        block = waiting[-1]
        if is_within_reach(proven[-1], block):
            verify_step(proven[-1], block, period_s, now_s)
            proven.append(waiting.pop())
        else:
            waiting.append((yield from _ask((proven[-1].height + block.height) // 2)))
    return tuple(proven[1:])


def verify_backwards(trusted: LightBlock, height: int) -> Generator[int, LightBlock, LightBlock]:
    """Return the block of a height below: each header names the hash of the one before it.

    Raises:
        InvalidProofError: too far below, or a header is not the one that the next names.
    """
    lowest = max(1, trusted.height - BACKWARD_STEPS_MAX)
    if not lowest <= height < trusted.height:
        raise InvalidProofError("height", f"{lowest} to {trusted.height - 1}; or trust an older header", height)
    newer = trusted
    while newer.height > height:
        block = yield from _ask(newer.height - 1)
        if block.hash != newer.header.last_block_id.hash:
            raise InvalidProofError("header", newer.header.last_block_id.hash.hex(), block.hash.hex())
        newer = block
    verify_commit(newer.header.chain_id, newer.validators, newer.header, newer.commit)
    return newer


def compare(trace: Sequence[LightBlock], period_s: int, now_s: int) -> Generator[int, LightBlock, Fork | None]:
    """Compare proven blocks, the first of which is trusted, with what another source says of their heights.

    Returns:
        None when both agree on the last block, else the fork.

    Raises:
        As `verify_step`: the other source's blocks differ and prove nothing, so it is not to be listened to.
    """
    last = yield from _ask(trace[-1].height)
    if last.hash == trace[-1].hash:
        return None
    common = trace[0]
    for block in trace[1:]:
        other = last if block is trace[-1] else (yield from _ask(block.height))
        if other.hash != block.hash:
            yield from verify_forwards(common, other, period_s, now_s)
            return Fork(common, block, other)
        common = block
    raise InvalidProofError("header", trace[-1].hash.hex(), last.hash.hex())


def light_block_to_json(block: LightBlock) -> dict[str, Any]:
    """Return a block as `landfall_getLightBlock` does."""
    return {
        "header": header_to_json(block.header),
        "commit": commit_to_json(block.commit),
        "validators": validators_to_json(block.validators),
    }


def light_block_from_json(value: object) -> LightBlock:
    """Read a block; nothing about it is trusted yet.

    Raises:
        InvalidProofError: with the path of the field that is missing, unknown or of the wrong form.
    """
    fields = get_object(value, "light_block", ("header", "commit", "validators"))
    return LightBlock(
        header=header_from_json(fields["header"]),
        commit=commit_from_json(fields["commit"]),
        validators=validators_from_json(fields["validators"]),
    )


def fork_to_json(fork: Fork) -> dict[str, Any]:
    """Return the evidence of an attack as plain JSON values."""
    return {
        "common": light_block_to_json(fork.common),
        "one": light_block_to_json(fork.one),
        "other": light_block_to_json(fork.other),
        "signers": ["0x" + address.hex() for address in fork.signers],
    }


def _ask(height: int) -> Generator[int, LightBlock, LightBlock]:
    block = yield height
    if block.height != height:
        raise InvalidProofError("header.height", height, block.height)
    return block


def _voters(commit: Commit) -> set[bytes]:
    return {one.validator_address for one in commit.signatures if one.flag == VoteFlag.COMMIT}


def _moment(time: Timestamp) -> tuple[int, int]:
    return time.seconds, time.nanos
