"""What a payload is by its kind: XML of ISO 20022, or one JSON object in canonical form."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from node.json_depth import json_depth
from node.messages.errors import MalformedBodyError, MessageTooLargeError, WrongDocumentError
from node.messages.limits import BODY_BYTES_MAX, BODY_DEPTH_MAX
from node.messages.ports import DocumentCheck, Message

_DEFINITION: Final = re.compile(r"[a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")
_MOVES_MONEY: Final = ("pacs.004.", "pacs.008.", "pacs.009.")


def is_document(kind: str) -> bool:
    """Tell whether messages of this kind are ISO 20022 XML."""
    return _DEFINITION.fullmatch(kind) is not None


def is_once_per_uetr(kind: str) -> bool:
    """Tell whether a sender may send one message of this kind for a UETR: those that move money."""
    return kind.startswith(_MOVES_MONEY)


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a JSON payload.

    Raises:
        MalformedBodyError: it is not JSON.
        MessageTooLargeError: it is over BODY_BYTES_MAX.
    """
    try:
        encoded = rfc8785.dumps(dict(body))
    except rfc8785.CanonicalizationError as error:
        raise MalformedBodyError(f"body: expected JSON with integers below 2^53, got {error}") from error
    _check_size(encoded)
    return encoded


def check(message: Message, check_document: DocumentCheck) -> None:
    """Return when a message's payload is what its kind says.

    Raises:
        MalformedBodyError: not a JSON object in canonical form, or nested too deeply.
        MessageTooLargeError: over BODY_BYTES_MAX.
        WrongDocumentError: the document is about another payment than the message.
        RejectedError: what `check_document` finds.
    """
    if is_document(message.kind):
        uetr = check_document(message.kind, message.payload)
        if uetr != message.uetr:
            raise WrongDocumentError("uetr", message.uetr, uetr)
    else:
        _check_body(message.payload)


def _check_body(payload: bytes) -> None:
    _check_size(payload)
    if (depth := json_depth(payload)) > BODY_DEPTH_MAX:
        raise MalformedBodyError(f"body: expected JSON of at most {BODY_DEPTH_MAX} levels, got {depth}")
    try:
        is_canonical = rfc8785.dumps(_object(json.loads(payload))) == payload
    except (ValueError, rfc8785.CanonicalizationError) as error:
        raise MalformedBodyError("body: expected a JSON object, got something else") from error
    if not is_canonical:
        raise MalformedBodyError("body: expected JSON in the spelling of RFC 8785, got another spelling")


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise MalformedBodyError(f"body: expected a JSON object, got {type(found).__name__}")
    return found


def _check_size(payload: bytes) -> None:
    if len(payload) > BODY_BYTES_MAX:
        raise MessageTooLargeError(f"body: expected at most {BODY_BYTES_MAX} bytes, got {len(payload)}")
