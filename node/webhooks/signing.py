"""Signatures of the Standard Webhooks convention: `v1` HMAC-SHA256 by its library, `v1a` Ed25519.

Both sign `{id}.{timestamp}.{body}`. During a rotation a message carries a signature of every live key.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from node.webhooks.limits import SECRET_BYTES
from node.webhooks.store import ED25519, HMAC, KeyRow


def new_secret() -> bytes:
    """Return a secret, or the seed of an Ed25519 key."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(key: KeyRow) -> str | None:
    """Return what a receiver of HMAC signatures needs, and nobody else may know; None of an Ed25519 key."""
    return f"whsec_{b64encode(key.secret).decode()}" if key.scheme == HMAC else None


def public_text(key: KeyRow) -> str | None:
    """Return what a receiver of Ed25519 signatures needs; None of an HMAC secret."""
    if key.scheme != ED25519:
        return None
    public = Ed25519PrivateKey.from_private_bytes(key.secret).public_key()
    return f"whpk_{b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()}"


def headers_of(message_id: str, body: bytes, keys: Sequence[KeyRow], now_s: int) -> dict[str, str]:
    """Return the header fields of a message."""
    signatures = " ".join(_sign(key, message_id, body, now_s) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(now_s), "webhook-signature": signatures}


def _sign(key: KeyRow, message_id: str, body: bytes, now_s: int) -> str:
    if key.scheme == HMAC:
        return str(Webhook(key.secret).sign(message_id, datetime.fromtimestamp(now_s, UTC), body.decode()))
    signed = f"{message_id}.{now_s}.".encode() + body
    return f"v1a,{b64encode(Ed25519PrivateKey.from_private_bytes(key.secret).sign(signed)).decode()}"
