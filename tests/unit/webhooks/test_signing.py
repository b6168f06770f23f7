"""Messages are signed as the Standard Webhooks convention says, checked by its library and by hand."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import hmac_data

from node.webhooks.signing import headers_of, new_secret, public_text, secret_text
from node.webhooks.store import KeyRow

BODY = b'{"test": 2432232314}'
# The specification's own example: https://github.com/standard-webhooks/standard-webhooks, libraries' tests.
KNOWN_SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
KNOWN_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
KNOWN_TIME_S = 1_614_265_330
KNOWN_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def key(scheme: str, secret: bytes | None = None) -> KeyRow:
    return KeyRow(endpoint_id="x", scheme=scheme, secret=secret or new_secret(), until_s=None)


def test_signature_is_the_conventions_own_when_its_example_is_signed() -> None:
    headers = headers_of(KNOWN_ID, BODY, [key("hmac", KNOWN_SECRET)], KNOWN_TIME_S)
    assert headers == {
        "webhook-id": KNOWN_ID,
        "webhook-timestamp": str(KNOWN_TIME_S),
        "webhook-signature": KNOWN_SIGNATURE,
    }


def test_message_is_believed_when_any_live_key_signed_it_and_by_no_other() -> None:
    import time

    old, new, stranger = key("hmac"), key("hmac"), key("hmac")
    headers = headers_of("evt_1", BODY, [new, old], int(time.time()))
    assert len(headers["webhook-signature"].split()) == 2
    for one in (old, new):
        assert Webhook(secret_text(one) or "").verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(stranger) or "").verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(old) or "").verify(BODY + b" ", headers)


def test_signature_is_by_the_public_key_when_the_scheme_is_ed25519() -> None:
    pair = key("ed25519")
    assert secret_text(pair) is None
    version, _, signature = headers_of("evt_1", BODY, [pair], 5)["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode((public_text(pair) or "").removeprefix("whpk_")))
    public.verify(base64.b64decode(signature), b"evt_1.5." + BODY)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), b"evt_2.5." + BODY)


def test_secret_is_long_and_of_no_other_key_when_made() -> None:
    assert len({new_secret() for _ in range(10)}) == 10
    assert all(24 <= len(new_secret()) <= 64 for _ in range(10))
    assert public_text(key("hmac")) is None
    assert hmac_data(KNOWN_SECRET, b"x") != hmac_data(new_secret(), b"x")
