"""Requests that can be repeated safely: effect and answer are stored in one transaction under the caller's key."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.storage.database import Database
from node.web.auth import Caller
from node.web.desk import CallersDesk
from node.web.errors import IdempotencyKeyMissingError, IdempotencyKeyReusedError
from node.web.limits import IDEMPOTENCY_KEY_CHARS_MAX
from node.web.store import AnswerRow


@dataclass(frozen=True, slots=True)
class IdempotentCall:
    """One request with its key."""

    database: Database
    caller: str
    key: str
    fingerprint: bytes
    check: Callable[[Session], None] | None = None
    """Raises where the call must not take effect now; a call that took effect before is answered all the same."""

    def run(self, effect: Callable[[Session], Any], status: int = 200) -> JSONResponse:
        """Run `effect` in a transaction and answer with what it returns, or with the answer given before.

        An effect that raises changes nothing and stores no answer: the request may be repeated.

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
        """
        with self.database.transaction() as session:
            stored = session.get(AnswerRow, (self.caller, self.key))
            if stored is not None:
                if stored.fingerprint != self.fingerprint:
                    raise IdempotencyKeyReusedError(self.key)
                return _response(stored.status, stored.body, is_replay=True)
            if self.check is not None:
                self.check(session)
            body = json.dumps(jsonable_encoder(effect(session)))
            session.add(
                AnswerRow(caller=self.caller, key=self.key, fingerprint=self.fingerprint, status=status, body=body)
            )
        return _response(status, body, is_replay=False)


async def get_idempotent_call(
    request: Request,
    principal: Caller,
    desk: CallersDesk,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Your own name for this request; repeat it to repeat the request safely",
        ),
    ] = None,
) -> IdempotentCall:
    """Return the call, or raise IdempotencyKeyMissingError."""
    key = idempotency_key or ""
    if not key or len(key) > IDEMPOTENCY_KEY_CHARS_MAX or not key.isprintable():
        raise IdempotencyKeyMissingError(f"{len(key)} characters" if key else "none")
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return IdempotentCall(desk.database, principal.name, key, sha256(asked).digest())


OnceOnly = Annotated[IdempotentCall, Depends(get_idempotent_call)]


def _response(status: int, body: str, *, is_replay: bool) -> JSONResponse:
    headers = {"Idempotent-Replayed": "true"} if is_replay else None
    return JSONResponse(json.loads(body), status, headers)
