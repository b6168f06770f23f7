"""EIP-712 messages as JSON and back: one spelling per message, and who signed it.

Numbers are text of digits, byte strings 0x hex, addresses checksummed. Keys are exactly the type's fields.
"""

from collections.abc import Mapping
from typing import Any

from bridge.errors import EvidenceError
from bridge.proofs.fields import get_address, get_bool, get_bytes, get_digits, get_items, get_object
from contracts.client import typed_data
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

_ARRAY_MAX = 8
"""TradeEscrow's own limit for milestones, payees and attesters."""


def message_to_json(primary_type: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as plain JSON values."""
    return {name: _to_json(kind, message[name]) for name, kind in typed_data.TYPES[primary_type]}


def message_from_json(primary_type: str, value: object, path: str) -> dict[str, Any]:
    """Return the message.

    Raises:
        EvidenceError: a key is missing or unknown, or a value is not in its one spelling.
    """
    fields = typed_data.TYPES[primary_type]
    found = get_object(value, path, tuple(name for name, _ in fields))
    return {name: _from_json(kind, found[name], f"{path}.{name}") for name, kind in fields}


def check_signer(path: str, signer: str, digest: bytes, signature: bytes) -> None:
    """Raise unless the account's key made the 65-byte signature over `digest`."""
    try:
        recovered = secp256k1.recover(digest, signature)
    except PqcRejectedError as error:
        raise EvidenceError(path, f"a signature of {signer}", error) from None
    if recovered != signer:
        raise EvidenceError(path, f"a signature of {signer}", f"one of {recovered} over this message")


def _to_json(kind: str, value: Any) -> Any:
    if kind in typed_data.TYPES:
        return message_to_json(kind, value)
    if kind.endswith("[]"):
        return [_to_json(kind.removesuffix("[]"), item) for item in value]
    if kind == "uint256":
        return str(value)
    return "0x" + bytes(value).hex() if kind == "bytes32" else value


def _from_json(kind: str, value: object, path: str) -> Any:
    if kind in typed_data.TYPES:
        return message_from_json(kind, value, path)
    if kind.endswith("[]"):
        base = kind.removesuffix("[]")
        return [_from_json(base, item, where) for where, item in get_items(value, path, _ARRAY_MAX)]
    if kind == "uint256":
        return get_digits(value, path)
    if kind == "bytes32":
        return get_bytes(value, path, 32, 32)
    return get_bool(value, path) if kind == "bool" else get_address(value, path)
