"""What can go wrong before a request reaches a slice."""

from collections.abc import Iterable
from typing import Any

from node.errors import InvariantError, RejectedError


class UnauthenticatedError(RejectedError):
    """The request carries no bearer token, or one this node did not issue; nothing was done."""

    codespace = "web"
    code = 6
    kind = "unauthenticated"


class ForbiddenError(RejectedError):
    """The caller is known and may not do this; nothing was done."""

    codespace = "web"
    code = 7
    kind = "forbidden"


class IdempotencyKeyMissingError(RejectedError):
    """A request that changes something needs an Idempotency-Key, so that it can be repeated safely."""

    codespace = "web"
    code = 8
    kind = "malformed"

    def __init__(self, got: str) -> None:
        super().__init__(
            f"Idempotency-Key: expected 1 to 128 printable characters of your own choice in this header, got {got}"
        )
        self.field = "Idempotency-Key"


class IdempotencyKeyReusedError(RejectedError):
    """The key was used for another request; that one took effect, this one did nothing."""

    codespace = "web"
    code = 9
    next_step = "Choose another Idempotency-Key for this request; send the same one only to repeat the same request."

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key: expected a new key for a new request, got {key!r} used for another one")
        self.field = "Idempotency-Key"


class BodyTooLargeError(RejectedError):
    """The body is over the limit; it was not read."""

    codespace = "web"
    code = 10
    kind = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"body: expected at most {limit_bytes} bytes, got more; send documents by their hash")


class BodyTooDeepError(RejectedError):
    """The JSON is nested too deeply; it was not parsed."""

    codespace = "web"
    code = 11

    def __init__(self, depth_max: int) -> None:
        super().__init__(f"body: expected JSON of at most {depth_max} levels, got more")


class RequestFormatError(RejectedError):
    """The request does not have the form that the API documents; nothing was done."""

    codespace = "web"
    code = 12

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got!r:.80}")
        self.field = field


class NoSuchRouteError(RejectedError):
    """There is nothing at this address."""

    codespace = "web"
    code = 13
    kind = "not_found"


class MethodError(RejectedError):
    """The address exists, the method does not."""

    codespace = "web"
    code = 14
    kind = "no_method"

    def __init__(self, got: str, allowed: str) -> None:
        super().__init__(f"method: expected {allowed}, got {got[:20]}")
        self.allowed = allowed


class CursorError(RejectedError):
    """The cursor is not one that this list has given out for this order."""

    codespace = "web"
    code = 40
    next_step = "Take the cursor as it is from the `Link` of the page before, or leave it out to start anew."

    def __init__(self) -> None:
        super().__init__("cursor: expected one that this list has given out under the same `sort`, got another one")
        self.field = "query.cursor"


class TooManyRequestsError(RejectedError):
    """The caller has made more requests than it may; this one did nothing."""

    codespace = "web"
    code = 41
    kind = "too_many"

    def __init__(self, requests: int, window_s: int, retry_after_s: int) -> None:
        super().__init__(f"requests: expected at most {requests} in {window_s} s, got one more")
        self.retry_after_s = retry_after_s


class ChangedMeanwhileError(RejectedError):
    """What the caller decides about is not what it has seen; nothing was done."""

    codespace = "web"
    code = 42
    kind = "changed"

    def __init__(self, seen: str, current: str | None) -> None:
        super().__init__(f"If-Match: expected {current or 'none, there is nothing yet'}, got {seen[:80]}")
        self.field = "If-Match"


class IfMatchMissingError(RejectedError):
    """Something others may have changed is only changed by who says what it has seen; nothing was done."""

    codespace = "web"
    code = 43
    kind = "unseen"

    def __init__(self, current: str) -> None:
        super().__init__(f"If-Match: expected the `ETag` of what there is, {current} now, got none")
        self.field = "If-Match"


class MediaTypeError(RejectedError):
    """The body is of a kind that this route does not take; it was not read."""

    codespace = "web"
    code = 44
    kind = "media_type"

    def __init__(self, got: str, expected: str) -> None:
        super().__init__(f"Content-Type: expected {expected}, got {got[:80] or 'none'}")
        self.field = "Content-Type"


class NotPermittedError(RejectedError):
    """None of the caller's roles may do this; nothing was done."""

    codespace = "web"
    code = 60
    kind = "forbidden"

    def __init__(self, permission: str, roles: Iterable[str]) -> None:
        held = ", ".join(sorted(roles)) or "no role"
        super().__init__(
            f"caller: expected somebody with the permission {permission}, got {held}; an operator of the institution "
            "gives roles"
        )
        self.permission = permission


class OwnProposalError(RejectedError):
    """Whoever makes a proposal never decides about it; nothing was done."""

    codespace = "web"
    code = 61
    kind = "forbidden"

    def __init__(self, proposal_id: str) -> None:
        super().__init__(f"proposal {proposal_id}: expected another person than its maker to decide, got the maker")


class ProposalStateError(RejectedError):
    """The proposal is decided, or too old; nothing was done."""

    codespace = "web"
    code = 62
    kind = "conflict"

    def __init__(self, proposal_id: str, state: str) -> None:
        super().__init__(f"proposal {proposal_id[:80]}: expected an open one, got one that is {state}")
        self.state = state


class TooManyProposalsError(RejectedError):
    """The maker has too many proposals that wait; nothing was done."""

    codespace = "web"
    code = 63
    kind = "too_many"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"proposals: expected at most {limit} that wait for a decision; withdraw some, or have them decided"
        )


class CsrfError(RejectedError):
    """The request rides on a session's cookie and does not show that the person's own page sent it; nothing done."""

    codespace = "web"
    code = 64
    kind = "forbidden"


class UndeclaredRouteError(InvariantError):
    """A route does not say which permission it takes; the process did not start."""

    codespace = "web"
    code = 65


class ReplayRefusedError(RejectedError):
    """What was proposed can no longer be done as it was; the proposal is still open, nothing was done."""

    codespace = "web"
    code = 66
    kind = "conflict"

    def __init__(self, proposal_id: str, status: int, problem: Any) -> None:
        detail = problem.get("detail", "") if isinstance(problem, dict) else ""
        super().__init__(
            f"proposal {proposal_id}: expected its request to be taken, got {status}: {detail}; reject it, or approve "
            "it once that has changed"
        )
