"""Passkeys (WebAuthn, level 3), by the `webauthn` package: made by a person, then enough to sign in.

The authenticator has to verify its user (finger, face or PIN): a passkey is what one has, that what one is or knows.
The package is imported when the first passkey is used: it takes an eighth of a desk's start.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from node.identity.errors import ChallengeError, LockedOutError, PasskeyError, PersonStateError
from node.identity.limits import CHALLENGE_S, CHALLENGES_MAX, PASSKEYS_MAX
from node.identity.store import ChallengeRow, PasskeyRow, PersonRow

SIGN_IN: Final = "sign-in"
_ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True)
class Site:
    """Where browsers reach the node; a passkey works there alone."""

    rp_id: str
    """The host's name, `desk.example.com`."""
    name: str
    origin: str
    """`https://desk.example.com`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked to do."""

    challenge: str
    """Name of the challenge, to be sent back."""
    options: dict[str, Any]
    """For `navigator.credentials`, as JSON (WebAuthn, section 5.1.8)."""


class Passkeys:
    """Passkeys of one institution's people."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def ask_registration(self, session: Session, person: PersonRow, now_s: int) -> Asked:
        """Ask a person's browser to make a passkey."""
        import webauthn
        from webauthn.helpers import structs

        known = self.of(session, person.id)
        if len(known) >= PASSKEYS_MAX:
            raise PersonStateError(f"with fewer than {PASSKEYS_MAX} passkeys", f"with {len(known)}")
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_registration_options(
            rp_id=self.site.rp_id,
            rp_name=self.site.name,
            user_id=person.id.encode(),
            user_name=person.email or person.id,
            user_display_name=person.name or person.id,
            challenge=challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=row.id) for row in known],
        )
        return self._asked(session, f"register:{person.id}", challenge, webauthn.options_to_json(options), now_s)

    def register(
        self, session: Session, person: PersonRow, challenge: str, credential: dict[str, Any], name: str, now_s: int
    ) -> PasskeyRow:
        """Keep the passkey that a browser has made.

        Raises:
            ChallengeError: the challenge is used, too old, or another's.
            PasskeyError: the answer does not hold.
        """
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException

        expected = _spend(session, challenge, f"register:{person.id}", now_s)
        try:
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=expected,
                expected_rp_id=self.site.rp_id,
                expected_origin=self.site.origin,
                require_user_verification=True,
            )
        except WebAuthnException as error:
            raise PasskeyError(str(error)) from error
        if session.get(PasskeyRow, verified.credential_id) is not None:
            raise PasskeyError("it is known already")
        row = PasskeyRow(
            id=verified.credential_id,
            person=person.id,
            name=name,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            created_at_s=now_s,
        )
        session.add(row)
        session.flush()
        return row

    def ask_sign_in(self, session: Session, now_s: int) -> Asked:
        """Ask a browser for any passkey that it has for this site; nobody says who they are before."""
        import webauthn
        from webauthn.helpers import structs

        challenge = secrets.token_bytes(32)
        options = webauthn.generate_authentication_options(
            rp_id=self.site.rp_id, challenge=challenge, user_verification=structs.UserVerificationRequirement.REQUIRED
        )
        return self._asked(session, SIGN_IN, challenge, webauthn.options_to_json(options), now_s)

    def sign_in(self, session: Session, challenge: str, credential: dict[str, Any], now_s: int) -> PersonRow:
        """Return whose passkey has answered; raises what `register` does."""
        import webauthn
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.exceptions import WebAuthnException

        expected = _spend(session, challenge, SIGN_IN, now_s)
        try:
            credential_id = base64url_to_bytes(str(credential.get("id", "")))
        except ValueError as error:
            raise PasskeyError("its id is no base64url") from error
        row = session.get(PasskeyRow, credential_id)
        person = None if row is None else session.get(PersonRow, row.person)
        if row is None or person is None or person.state != _ACTIVE:
            raise PasskeyError("nobody here has it")
        try:
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=expected,
                expected_rp_id=self.site.rp_id,
                expected_origin=self.site.origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except WebAuthnException as error:
            raise PasskeyError(str(error)) from error
        row.sign_count, row.used_at_s = verified.new_sign_count, now_s
        return person

    def of(self, session: Session, person_id: str) -> Sequence[PasskeyRow]:
        """Return a person's passkeys, the oldest first."""
        return session.scalars(
            select(PasskeyRow).where(PasskeyRow.person == person_id).order_by(PasskeyRow.created_at_s, PasskeyRow.id)
        ).all()

    def _asked(self, session: Session, purpose: str, challenge: bytes, options: str, now_s: int) -> Asked:
        session.execute(delete(ChallengeRow).where(ChallengeRow.expires_at_s <= now_s))
        if (session.scalar(select(func.count()).select_from(ChallengeRow)) or 0) >= CHALLENGES_MAX:
            raise LockedOutError(CHALLENGE_S)
        row = ChallengeRow(
            id=secrets.token_urlsafe(16), purpose=purpose, challenge=challenge, expires_at_s=now_s + CHALLENGE_S
        )
        session.add(row)
        session.flush()
        return Asked(row.id, json.loads(options))


def _spend(session: Session, challenge: str, purpose: str, now_s: int) -> bytes:
    row = session.get(ChallengeRow, challenge)
    if row is None or row.purpose != purpose or now_s >= row.expires_at_s:
        raise ChallengeError
    session.delete(row)
    session.flush()
    return row.challenge
