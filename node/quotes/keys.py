"""The institution's post-quantum key beside its EIP-712 signatures: what is signed, and how it travels."""

import base64
import binascii
from typing import Any, Final

from node.participants.keys import MessageKey
from node.quotes.errors import MessageRejectedError
from pqc import signatures
from pqc.errors import RejectedError as PqcRejectedError

QUOTE_CONTEXT: Final = b"landfall/quote/1"
"""Context string of the ML-DSA signature over a quote's EIP-712 digest."""
ATTESTATION_CONTEXT: Final = b"landfall/attestation/1"
"""Context string of the ML-DSA signature over an attestation's EIP-712 digest."""

_FIELDS: Final = ("algorithm", "key", "public_key", "value")
_TEXT_MAX: Final = 12_000


def signature_json(key: MessageKey, message: bytes, context: bytes) -> dict[str, str]:
    """Sign and return the signature with the key it can be checked against."""
    return {
        "algorithm": key.algorithm,
        "key": signatures.thumbprint(key.algorithm, key.public_key).hex(),
        "public_key": base64.b64encode(key.public_key).decode(),
        "value": base64.b64encode(key.sign(message, context)).decode(),
    }


def verify_signature_json(value: Any, message: bytes, context: bytes, key_thumbprint: bytes, path: str) -> None:
    """Check a signature against the thumbprint that the registry holds.

    Raises:
        MessageRejectedError: malformed, another key, or a signature over something else.
    """
    if not isinstance(value, dict) or set(value) != set(_FIELDS):
        raise MessageRejectedError(path, f"an object with {', '.join(_FIELDS)}", type(value).__name__)
    for field in _FIELDS:
        if not isinstance(value[field], str) or len(value[field]) > _TEXT_MAX:
            raise MessageRejectedError(f"{path}.{field}", f"text of at most {_TEXT_MAX} characters", "something else")
    try:
        public_key = base64.b64decode(value["public_key"], validate=True)
        signature = base64.b64decode(value["value"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageRejectedError(path, "base64", str(error)) from error
    try:
        named = signatures.thumbprint(value["algorithm"], public_key)
        if named != key_thumbprint or named.hex() != value["key"]:
            raise MessageRejectedError(f"{path}.key", f"the registered key {key_thumbprint.hex()}", named.hex())
        signatures.verify(value["algorithm"], public_key, message, signature, context)
    except PqcRejectedError as error:
        raise MessageRejectedError(f"{path}.value", "a signature of the registered key", str(error)) from error
