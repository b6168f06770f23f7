"""Reading JSON-RPC parameters: exact forms, clear errors, nothing guessed."""

from collections.abc import Sequence
from typing import Any, Final

from node.chain.errors import InvalidParamsError
from node.chain.limits import CALL_GAS_MAX, CALL_OVERRIDES_MAX, INIT_CODE_BYTES_MAX, TRANSACTION_BYTES_MAX
from node.chain.ports import AccountOverride, CallRequest, Overrides
from node.chain.transactions import AccessList, Authorization

TAGS: Final = ("latest", "safe", "finalized", "pending", "earliest")
_CALL_FIELDS: Final = {
    "from",
    "to",
    "gas",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "value",
    "data",
    "input",
    "accessList",
    "authorizationList",
    "nonce",
    "chainId",
    "type",
}
_OVERRIDE_FIELDS: Final = {"balance", "nonce", "code", "state", "stateDiff"}


def quantity(value: object, name: str, bits: int = 256) -> int:
    """Read a 0x hex number without leading zeros."""
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 2 + bits // 4 or len(value) < 3:
        raise InvalidParamsError(f"{name}: expected a 0x hex number below 2^{bits}, got {_shown(value)}")
    if len(value) > 3 and value[2] == "0":
        raise InvalidParamsError(f"{name}: expected a 0x hex number without leading zero digits, got {_shown(value)}")
    try:
        return int(value[2:], 16)
    except ValueError:
        raise InvalidParamsError(f"{name}: expected a 0x hex number, got {_shown(value)}") from None


def data(value: object, name: str, length: int | None = None, length_max: int = TRANSACTION_BYTES_MAX) -> bytes:
    """Read 0x hex bytes of a fixed length, or up to a limit."""
    wanted = f"{length} bytes" if length is not None else f"at most {length_max} bytes"
    if not isinstance(value, str) or not value.startswith("0x") or len(value) % 2 or len(value) > 2 + 2 * length_max:
        raise InvalidParamsError(f"{name}: expected 0x hex, {wanted}, got {_shown(value)}")
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise InvalidParamsError(f"{name}: expected 0x hex, {wanted}, got {_shown(value)}") from None
    if length is not None and len(raw) != length:
        raise InvalidParamsError(f"{name}: expected 0x hex, {wanted}, got {len(raw)} bytes")
    return raw


def slot(value: object, name: str) -> int:
    """Read a storage slot: up to 32 bytes, leading zeros allowed."""
    if not isinstance(value, str) or not value.startswith("0x") or not 3 <= len(value) <= 66:
        raise InvalidParamsError(f"{name}: expected 0x hex of at most 32 bytes, got {_shown(value)}")
    try:
        return int(value[2:], 16)
    except ValueError:
        raise InvalidParamsError(f"{name}: expected 0x hex, got {_shown(value)}") from None


def boolean(value: object, name: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidParamsError(f"{name}: expected true or false, got {_shown(value)}")
    return value


def whole_seconds(value: object, name: str) -> int:
    """Read a number of seconds as time control takes it: a JSON integer or a 0x hex number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40:
        return value
    return quantity(value, name, 40)


def height(value: object, name: str) -> int:
    """Read a consensus height: a JSON integer or a 0x hex number, 1 or above."""
    found = value if isinstance(value, int) and not isinstance(value, bool) else quantity(value, name, 63)
    if not 0 < found < 1 << 63:
        raise InvalidParamsError(f"{name}: expected 1 to 2^63, got {_shown(value)}")
    return found


def call_request(value: object) -> CallRequest:
    """Read the transaction object of eth_call and eth_estimateGas."""
    if not isinstance(value, dict):
        raise InvalidParamsError(f"transaction: expected an object, got {_shown(value)}")
    unknown = sorted(str(key) for key in value.keys() - _CALL_FIELDS)
    if unknown:
        raise InvalidParamsError(f"transaction.{unknown[0][:64]}: expected no such field")
    fields = {key: item for key, item in value.items() if item is not None}
    fee, tip = _fees(fields)
    to = data(fields["to"], "to", 20) if fields.get("to") else b""
    return CallRequest(
        sender=data(fields["from"], "from", 20) if "from" in fields else bytes(20),
        to=to,
        gas=min(quantity(fields["gas"], "gas", 64), CALL_GAS_MAX) if "gas" in fields else CALL_GAS_MAX,
        value=quantity(fields["value"], "value") if "value" in fields else 0,
        data=_input(fields, is_create=not to),
        max_fee_per_gas=fee,
        max_priority_fee_per_gas=tip,
        access_list=_access_list(fields.get("accessList", [])),
        authorization_list=_authorizations(fields.get("authorizationList", [])),
    )


def overrides(value: object) -> Overrides:
    """Read a state override set."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidParamsError(f"overrides: expected an object, got {_shown(value)}")
    budget = [CALL_OVERRIDES_MAX]
    return {data(key, "overrides", 20): _override(fields, f"overrides.{key}", budget) for key, fields in value.items()}


def _override(value: object, path: str, budget: list[int]) -> AccountOverride:
    if not isinstance(value, dict) or value.keys() - _OVERRIDE_FIELDS:
        raise InvalidParamsError(f"{path}: expected an object with {', '.join(sorted(_OVERRIDE_FIELDS))}")
    state, diff = value.get("state"), value.get("stateDiff")
    if state is not None and diff is not None:
        raise InvalidParamsError(f"{path}: expected either state or stateDiff, got both")
    budget[0] -= 1 + len(state or diff or ())
    if budget[0] < 0:
        raise InvalidParamsError(f"overrides: expected at most {CALL_OVERRIDES_MAX} accounts and slots")
    return AccountOverride(
        balance=quantity(value["balance"], f"{path}.balance") if "balance" in value else None,
        nonce=quantity(value["nonce"], f"{path}.nonce", 64) if "nonce" in value else None,
        code=data(value["code"], f"{path}.code") if "code" in value else None,
        storage=None if state is None else _slots(state, f"{path}.state"),
        storage_diff={} if diff is None else _slots(diff, f"{path}.stateDiff"),
    )


def _slots(value: object, path: str) -> dict[int, int]:
    if not isinstance(value, dict):
        raise InvalidParamsError(f"{path}: expected an object, got {_shown(value)}")
    return {slot(key, path): slot(item, f"{path}.{key}") for key, item in value.items()}


def _fees(fields: dict[str, Any]) -> tuple[int, int]:
    dynamic = "maxFeePerGas" in fields or "maxPriorityFeePerGas" in fields
    if "gasPrice" in fields:
        if dynamic:
            raise InvalidParamsError("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
        price = quantity(fields["gasPrice"], "gasPrice")
        return price, price
    fee = quantity(fields["maxFeePerGas"], "maxFeePerGas") if "maxFeePerGas" in fields else 0
    tip = quantity(fields["maxPriorityFeePerGas"], "maxPriorityFeePerGas") if "maxPriorityFeePerGas" in fields else 0
    if tip > fee:
        raise InvalidParamsError(f"maxFeePerGas ({fee}) < maxPriorityFeePerGas ({tip})")
    return fee, tip


def _input(fields: dict[str, Any], *, is_create: bool) -> bytes:
    limit = INIT_CODE_BYTES_MAX if is_create else TRANSACTION_BYTES_MAX
    given = [data(fields[name], name, None, limit) for name in ("input", "data") if name in fields]
    if len(given) == 2 and given[0] != given[1]:
        raise InvalidParamsError('both "data" and "input" are set and not equal. Please use "input" to pass call data')
    return given[0] if given else b""


def _access_list(value: object) -> AccessList:
    if not isinstance(value, list) or len(value) > CALL_OVERRIDES_MAX:
        raise InvalidParamsError(f"accessList: expected a list of at most {CALL_OVERRIDES_MAX}")
    entries = []
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(entry.get("storageKeys", []), list):
            raise InvalidParamsError("accessList: expected objects with address and storageKeys")
        keys = tuple(slot(key, "accessList.storageKeys") for key in entry.get("storageKeys", []))
        entries.append((data(entry.get("address"), "accessList.address", 20), keys))
    return tuple(entries)


def _authorizations(value: object) -> tuple[Authorization, ...]:
    if not isinstance(value, list) or len(value) > 100 or any(not isinstance(entry, dict) for entry in value):
        raise InvalidParamsError("authorizationList: expected a list of at most 100 objects")
    return tuple(
        Authorization(
            chain_id=quantity(entry.get("chainId"), "authorizationList.chainId"),
            address=data(entry.get("address"), "authorizationList.address", 20),
            nonce=quantity(entry.get("nonce"), "authorizationList.nonce", 64),
            y_parity=quantity(entry.get("yParity"), "authorizationList.yParity", 8),
            r=quantity(entry.get("r"), "authorizationList.r"),
            s=quantity(entry.get("s"), "authorizationList.s"),
        )
        for entry in value
    )


def at(params: Sequence[Any], index: int, default: Any = None) -> Any:
    """Return an optional parameter; null counts as absent."""
    value = params[index] if index < len(params) else None
    return default if value is None else value


def _shown(value: object) -> str:
    return repr(value)[:80]
