"""Codes of an authenticator app (TOTP, RFC 6238): each counts once."""

import hmac

import pyotp

from node.identity.limits import TOTP_DRIFT_STEPS, TOTP_STEP_S


def new_secret() -> str:
    """Return a secret of 160 bits, base32."""
    return pyotp.random_base32()


def app_link(secret: str, account: str, issuer: str) -> str:
    """Return the `otpauth:` link that an app reads from a QR code."""
    return pyotp.TOTP(secret, interval=TOTP_STEP_S).provisioning_uri(name=account, issuer_name=issuer)


def used_step(secret: str, code: str, now_s: int, last_step: int) -> int | None:
    """Return the time step whose code this is; None where it is none of now, or no later than `last_step`."""
    totp, step_now, found = pyotp.TOTP(secret, interval=TOTP_STEP_S), now_s // TOTP_STEP_S, None
    for step in range(step_now - TOTP_DRIFT_STEPS, step_now + TOTP_DRIFT_STEPS + 1):
        is_equal = hmac.compare_digest(totp.at(step * TOTP_STEP_S).encode(), code.encode())
        if is_equal and step > last_step:
            found = step
    return found
