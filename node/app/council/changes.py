"""Changes as an operator writes them, and the calls that a proposal makes for them.

add BANK KEY [POWER]     a bank's first key joins; POWER is by default the least that a bank has
remove BANK              every key of the bank leaves
power BANK N             its only key gets another power
rotate BANK NEWKEY [POWER]   the next step of a rotation: the new key joins with half the power, then the old one
                             leaves; POWER is what the bank has in the end, by default what it has now
jail BANK                its keys leave, and it may have none
params block_bytes=N block_gas=N    one of them or both
NUMBER                   what an open proposal does
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from contracts.client.artifacts import checksummed, encode_call
from node.app.council.keys import ValidatorKey, read_key
from node.app.council.state import GOVERNANCE, Call, Council, Validator
from node.app.errors import ChangeError
from node.chain.governance import ALGORITHM_NUMBERS

CALLS_MAX: Final = 8
"""Of one proposal (contracts/src/modules/proposals.vy)."""
POWER_MAX: Final = 2**48
_REASON_BYTES: Final = 32
_HALVED_OR_DOUBLED: Final = 2
"""Powers of 1 and 1: a bank with 2 whose rotation is half done, or one with 1 whose second key came on top."""
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBER: Final = re.compile(r"\d{1,15}")
_LIMIT: Final = re.compile(r"(block_bytes|block_gas)=(\d{1,15})")


def addresses_in(words: Sequence[str]) -> set[str]:
    """Return the addresses among the words: banks that the genesis may not name."""
    return {checksummed(word) for word in words if _ADDRESS.fullmatch(word)}


def read_changes(words: Sequence[str], council: Council) -> tuple[tuple[Call, ...], frozenset[int]]:
    """Return the calls of one or more changes, and the numbers of the proposals among them.

    Raises:
        ChangeError: the words are no change, or none that can be made of this set.
    """
    left = [part for word in words for part in _parts(word)]
    calls: list[Call] = []
    numbers: list[int] = []
    while left:
        verb = left.pop(0)
        if _NUMBER.fullmatch(verb):
            numbers.append(int(verb))
            calls += council.proposal(int(verb)).calls
        elif verb in _VERBS:
            calls += _VERBS[verb](council, left)
        else:
            raise ChangeError(f"change: expected {', '.join(_VERBS)} or a proposal's number, got {verb[:40]!r}")
    if not calls:
        raise ChangeError(f"change: expected {', '.join(_VERBS)} or a proposal's number, got nothing")
    if len(calls) > CALLS_MAX:
        raise ChangeError(f"changes: expected at most {CALLS_MAX} calls in one proposal, got {len(calls)}")
    return tuple(calls), frozenset(numbers)


def bank_address(council: Council, text: str) -> str:
    """Return the address of the bank that the genesis names so, by id, LEI or address.

    Raises:
        ChangeError: it names none; whoever was registered later is named by its address.
    """
    if _ADDRESS.fullmatch(text):
        return checksummed(text)
    for one in council.deployment.participants:
        if text in (one.id, one.lei):
            return one.address
    known = ", ".join(one.id for one in council.deployment.participants)
    raise ChangeError(f"BANK: expected one of {known}, or an address (0x...), got {text[:60]!r}")


def rotation_step(
    council: Council, bank: str, new: ValidatorKey, power: int | None = None
) -> tuple[tuple[Validator, int], ...]:
    """Return what the next step of a rotation sets: keys with their new powers.

    The first step moves half of the bank's power to the new key, the second the rest; so the bank never has more
    than before. A power of one cannot be halved: then the new key has one too for a while.

    Args:
        power: What the bank has in the end; None for what it has now.

    Raises:
        ChangeError: the bank has no key to rotate, the new key is another's, or the rotation is done.
    """
    keys, name = council.keys_of(bank), council.name(bank)
    old = [one for one in keys if one.public_key != new.public_key]
    joined = [one for one in keys if one.public_key == new.public_key]
    if joined and not old:
        raise ChangeError(f"rotate: {name} has the new key alone; the rotation is done")
    if any(one.public_key == new.public_key and one.owner != bank for one in council.validators):
        raise ChangeError("rotate: expected a key that is not in the set, got one of another bank")
    if len(old) != 1:
        raise ChangeError(f"rotate: expected {name} to have one other key than the new one, got {len(old)}")
    if joined:
        return _last_step(old[0], joined[0], power)
    node_id = new.node_id if any(new.node_id) else old[0].node_id
    half = old[0].power // 2
    fresh = Validator(bank, new.algorithm, new.public_key, 0, node_id)
    return ((old[0], old[0].power - half), (fresh, half)) if half else ((fresh, 1),)


def _last_step(old: Validator, new: Validator, power: int | None) -> tuple[tuple[Validator, int], ...]:
    together = old.power + new.power
    if power is None and together == _HALVED_OR_DOUBLED:
        raise ChangeError(
            "rotate: both keys have power 1: expected POWER, 2 where the bank had 2 before, 1 where it had 1"
        )
    last = together if power is None else power
    return ((old, 0),) if last == new.power else ((old, 0), (new, last))


def set_call(council: Council, validator: Validator, power: int) -> Call:
    """Return the call that gives a key a power; zero removes it."""
    return _call(
        council,
        "set_validator",
        {
            "owner": validator.owner,
            "algorithm": ALGORITHM_NUMBERS[validator.algorithm],
            "public_key": validator.public_key,
            "power": power,
            "node_id": validator.node_id,
        },
    )


def jail_call(council: Council, bank: str, reason: str, evidence_digest: bytes = bytes(32), height: int = 0) -> Call:
    """Return the call that jails a bank for a reason of at most 32 ASCII characters."""
    data = reason.encode("ascii", "replace")
    if not 0 < len(data) <= _REASON_BYTES:
        raise ChangeError(f"reason: expected 1 to {_REASON_BYTES} ASCII characters, got {len(data)}")
    arguments = {
        "owner": bank,
        "reason": data.ljust(_REASON_BYTES, b"\0"),
        "evidence_digest": evidence_digest,
        "height": height,
    }
    return _call(council, "jail", arguments)


def _add(council: Council, words: list[str]) -> list[Call]:
    bank, key = bank_address(council, _next(words, "BANK")), read_key(_next(words, "KEY"))
    has_power = bool(words) and _NUMBER.fullmatch(words[0]) is not None
    power = _power(words.pop(0)) if has_power else _least_power(council)
    name = council.name(bank)
    if council.keys_of(bank):
        raise ChangeError(f"add: expected a bank without a key, got {name}, which has one; landfall validator rotate")
    if any(one.public_key == key.public_key for one in council.validators):
        raise ChangeError("add: expected a key that is not in the set, got one of another bank")
    return [set_call(council, Validator(bank, key.algorithm, key.public_key, power, key.node_id), power)]


def _remove(council: Council, words: list[str]) -> list[Call]:
    return [set_call(council, one, 0) for one in _keys(council, bank_address(council, _next(words, "BANK")))]


def _set_power(council: Council, words: list[str]) -> list[Call]:
    bank, power = bank_address(council, _next(words, "BANK")), _power(_next(words, "N"))
    keys = _keys(council, bank)
    if len(keys) > 1:
        raise ChangeError(
            f"power: expected one key of {council.name(bank)}, got {len(keys)}; finish its rotation first"
        )
    return [set_call(council, keys[0], power)]


def _rotate(council: Council, words: list[str]) -> list[Call]:
    bank, new = bank_address(council, _next(words, "BANK")), read_key(_next(words, "NEWKEY"))
    last = _power(words.pop(0)) if words and _NUMBER.fullmatch(words[0]) else None
    return [set_call(council, one, power) for one, power in rotation_step(council, bank, new, last)]


def _jail(council: Council, words: list[str]) -> list[Call]:
    bank = bank_address(council, _next(words, "BANK"))
    _keys(council, bank)
    return [jail_call(council, bank, "members' vote")]


def _params(council: Council, words: list[str]) -> list[Call]:
    limits = {"block_bytes": council.block_bytes, "block_gas": council.block_gas}
    named = set()
    while words and (found := _LIMIT.fullmatch(words[0])):
        limits[found[1]] = int(found[2])
        named.add(words.pop(0))
    if not named:
        got = words[0][:40] if words else "nothing"
        raise ChangeError(f"params: expected block_bytes=N or block_gas=N, got {got!r}")
    return [_call(council, "set_consensus_params", limits)]


_VERBS: Final[dict[str, Callable[[Council, list[str]], list[Call]]]] = {
    "add": _add,
    "remove": _remove,
    "power": _set_power,
    "rotate": _rotate,
    "jail": _jail,
    "params": _params,
}


def _call(council: Council, function: str, arguments: dict[str, Any]) -> Call:
    data = encode_call(GOVERNANCE, function, tuple(arguments.values()))
    return Call(council.deployment.address(GOVERNANCE), data, GOVERNANCE, function, arguments)


def _keys(council: Council, bank: str) -> tuple[Validator, ...]:
    keys = council.keys_of(bank)
    if not keys:
        raise ChangeError(f"BANK: expected one with a key in the set, got {council.name(bank)}")
    return keys


def _parts(word: str) -> list[str]:
    """Return a change that was written as one quoted word in parts; any other word, such as a path, as it is."""
    parts = word.split()
    return parts if parts and (parts[0] in _VERBS or _NUMBER.fullmatch(parts[0])) else [word]


def _next(words: list[str], what: str) -> str:
    if not words:
        raise ChangeError(f"{what}: expected a value, got nothing")
    return words.pop(0)


def _power(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 0 < int(text) <= POWER_MAX:
        raise ChangeError(f"power: expected 1 to {POWER_MAX}, got {text[:40]!r}")
    return int(text)


def _least_power(council: Council) -> int:
    owned: dict[str, int] = {}
    for one in council.validators:
        owned[one.owner] = owned.get(one.owner, 0) + one.power
    return min(owned.values(), default=1)
