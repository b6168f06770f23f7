"""The one mapping table: from an exception to what a caller sees over HTTP, JSON-RPC or ABCI.

Every room has its own three families (`RejectedError`, `UnavailableError`, `InvariantError`) with `codespace` and
`code`; a family is recognised by its name, so that no room has to import another's errors. The families of the
slices of `node` are those below.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final


class NodeError(Exception):
    """Base of the errors of `node`; catch a family, not this."""

    codespace: ClassVar[str] = "node"
    code: ClassVar[int] = 2


class RejectedError(NodeError):
    """The caller is at fault; nothing was changed. `kind` chooses the row of the table."""

    code = 3
    kind: ClassVar[str] = "invalid"


class UnavailableError(NodeError):
    """Something outside does not answer; the same call may succeed later."""

    code = 4


class InvariantError(NodeError):
    """This program contradicts itself: stop, keep the evidence, do not retry."""

    code = 5


@dataclass(frozen=True, slots=True)
class Mapped:
    """One row: how an error is told."""

    http_status: int
    title: str
    json_rpc_code: int
    next_step: str
    """What a person can do, where the error itself knows nothing better."""


# kind of a rejection -> row. JSON-RPC codes: EIP-1474.
REJECTED: Final[dict[str, Mapped]] = {
    "malformed": Mapped(
        400, "The request cannot be read", -32600, "Write the request as /docs describes it, and send it again."
    ),
    "unauthenticated": Mapped(
        401, "Who is asking is not known", -32001, "Send credentials that this node has issued and that still hold."
    ),
    "forbidden": Mapped(
        403, "Not allowed for this caller", -32001, "Ask somebody of your institution who may do this to do it."
    ),
    "not_found": Mapped(
        404, "There is no such thing", -32001, "Look the name up in the list of such things; others' are not shown."
    ),
    "no_method": Mapped(
        405, "The address does not know this method", -32601, "Use one of the methods that the header Allow names."
    ),
    "conflict": Mapped(
        409, "The present state does not allow it", -32000, "Read what there is now, and decide on that."
    ),
    "changed": Mapped(
        412, "It has changed since you saw it", -32000, "Read it again, and send your change with its new ETag."
    ),
    "too_large": Mapped(413, "The request is over a limit", -32005, "Send less at once, large papers by their hash."),
    "media_type": Mapped(
        415, "The body is of another kind", -32600, "Send the body as /docs describes it, and name its Content-Type."
    ),
    "invalid": Mapped(
        422, "The request is not acceptable", -32602, "Correct what is named, and send the request again."
    ),
    "unseen": Mapped(
        428, "Say what you have seen", -32000, "Read it, and send your change with its ETag in the header If-Match."
    ),
    "too_many": Mapped(
        429, "Too many requests", -32005, "Wait for as many seconds as Retry-After says, then send it again."
    ),
}
UNAVAILABLE: Final = Mapped(
    503, "Not available now, try again", -32002, "Send the same request again in a while, under the same key."
)
INVARIANT: Final = Mapped(
    500,
    "The node found itself in error",
    -32603,
    "Give the value of X-Request-Id to whoever runs the node; do not repeat the request before they have looked.",
)


def map_error(error: BaseException) -> Mapped:
    """Return the row of an error; anything outside the families is an invariant that broke."""
    return _row(_family_of(type(error)), error)


def row_of(kind: type[BaseException]) -> Mapped:
    """Return the row of a class of errors."""
    return _row(_family_of(kind), kind)


def _row(family: str, told: BaseException | type[BaseException]) -> Mapped:
    match family:
        case "RejectedError":
            return REJECTED[str(getattr(told, "kind", "invalid"))]
        case "UnavailableError":
            return UNAVAILABLE
        case _:
            return INVARIANT


def family_of(error: BaseException) -> str:
    """Return the name of the error's family."""
    return _family_of(type(error))


def _family_of(kind: type[BaseException]) -> str:
    names = {base.__name__ for base in kind.__mro__}
    for family in ("RejectedError", "UnavailableError"):
        if family in names:
            return family
    return "InvariantError"


def problem_json(error: BaseException, instance: str) -> dict[str, Any]:
    """Return the RFC 9457 document of an error.

    The text of an invariant's error stays in the log: it may hold what a caller must not see.
    """
    row = map_error(error)
    codespace, code = abci_code(error)
    hidden = row is INVARIANT
    return {
        "type": problem_type(codespace, code),
        "title": row.title,
        "status": row.http_status,
        "detail": "internal error; it is in the log of the node" if hidden else str(error)[:2000],
        "instance": instance,
        "code": f"{codespace}/{code}",
        "next_step": next_step(error),
    } | ({} if hidden else _field_of(error))


def problem_type(codespace: str, code: int) -> str:
    """Return where an error is described: a path of the node that answers with it, and of every other node."""
    return f"/problems/{codespace}/{code}"


def next_step(told: BaseException | type[BaseException]) -> str:
    """Return what a person can do about an error, or about errors of a class."""
    row = map_error(told) if isinstance(told, BaseException) else row_of(told)
    return str(getattr(told, "next_step", row.next_step))


def json_rpc_error(error: BaseException) -> dict[str, Any]:
    """Return the `error` member of a JSON-RPC answer."""
    row = map_error(error)
    codespace, code = abci_code(error)
    message = "internal error" if row is INVARIANT else str(error)[:2000]
    return {"code": row.json_rpc_code, "message": message, "data": f"{codespace}/{code}"}


def abci_code(error: BaseException) -> tuple[str, int]:
    """Return (codespace, code); errors outside the families are ("node", 5)."""
    return str(getattr(error, "codespace", "node")), int(getattr(error, "code", InvariantError.code))


def _field_of(error: BaseException) -> dict[str, Any]:
    field = getattr(error, "field", None)
    return {"field": field} if isinstance(field, str) else {}
