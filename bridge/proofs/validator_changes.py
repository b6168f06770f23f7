"""Who the validators are at a height: the genesis set, and links from each set to the next.

A link is a consensus header that the set of its time made final, and the set it names for the next height. From
the genesis set on, each link is believed because the set before it signed for it; no link can be left out, put
elsewhere or changed without the next header naming another set than the chain of links does.

Source: CometBFT 0.38 spec/core/data_structures.md, `next_validators_hash`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import InsufficientPowerError, InvalidProofError
from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.consensus import Commit, Header, Validator, validator_set, validators_hash, verify_commit
from bridge.proofs.consensus_json import (
    commit_from_json,
    commit_to_json,
    get_list,
    get_object,
    header_from_json,
    header_to_json,
    validators_from_json,
    validators_to_json,
)


@dataclass(frozen=True, slots=True)
class ValidatorSetChange:
    """A link: `validators` are the whole set from the height after the header's on."""

    header: Header
    commit: Commit
    validators: tuple[Validator, ...]


@dataclass(frozen=True, slots=True)
class ValidatorHistory:
    """The proven sets: `sets[0]` from the start, `sets[n]` after height `heights[n - 1]`."""

    sets: tuple[tuple[Validator, ...], ...]
    heights: tuple[int, ...] = ()

    def at(self, height: int) -> tuple[Validator, ...]:
        """Return the set that makes the block of this height final."""
        return self.sets[bisect_left(self.heights, height)]


def verify_chain(
    chain_id: str, genesis_validators: Sequence[Validator], links: Sequence[ValidatorSetChange]
) -> ValidatorHistory:
    """Return the sets that the links prove, starting from the one that is trusted.

    Raises:
        InvalidProofError: names the field of the link that does not fit.
        InsufficientPowerError: too few of a set signed for the next one.
    """
    if len(links) > VALIDATOR_CHANGES_MAX:
        raise InvalidProofError("validator_changes", f"at most {VALIDATOR_CHANGES_MAX} links", len(links))
    sets, heights = [validator_set(genesis_validators)], [0]
    for index, link in enumerate(links):
        path = f"validator_changes[{index}]"
        if link.header.height <= heights[-1]:
            raise InvalidProofError(f"{path}.header.height", f"above {heights[-1]}", link.header.height)
        try:
            verify_commit(chain_id, sets[-1], link.header, link.commit)
            new_hash = validators_hash(link.validators)
        except InvalidProofError as error:
            raise InvalidProofError(f"{path}.{error.field}", error.expected, error.got) from None
        except InsufficientPowerError as error:
            raise InsufficientPowerError(error.signed, error.total, f"{path}.") from None
        if link.header.next_validators_hash != new_hash:
            raise InvalidProofError(f"{path}.validators", link.header.next_validators_hash.hex(), new_hash.hex())
        if new_hash == link.header.validators_hash:
            raise InvalidProofError(f"{path}.validators", "another set than before", "the same")
        sets.append(validator_set(link.validators))
        heights.append(link.header.height)
    return ValidatorHistory(tuple(sets), tuple(heights[1:]))


def changes_to_json(links: Sequence[ValidatorSetChange]) -> list[dict[str, Any]]:
    """Return links as plain JSON values."""
    return [
        {
            "header": header_to_json(link.header),
            "commit": commit_to_json(link.commit),
            "validators": validators_to_json(link.validators),
        }
        for link in links
    ]


def changes_from_json(value: object, path: str = "validator_changes") -> tuple[ValidatorSetChange, ...]:
    """Read links; nothing about them is trusted yet.

    Raises:
        InvalidProofError: with the path of the field that is missing, unknown or of the wrong form.
    """
    return tuple(
        _change_from_json(one, f"{path}[{index}]")
        for index, one in enumerate(get_list(value, path, VALIDATOR_CHANGES_MAX))
    )


def _change_from_json(value: object, path: str) -> ValidatorSetChange:
    fields = get_object(value, path, ("header", "commit", "validators"))
    return ValidatorSetChange(
        header=header_from_json(fields["header"], f"{path}.header"),
        commit=commit_from_json(fields["commit"], f"{path}.commit"),
        validators=validators_from_json(fields["validators"], f"{path}.validators"),
    )
