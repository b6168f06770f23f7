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


# kind of a rejection -> row. JSON-RPC codes: EIP-1474.
REJECTED: Final[dict[str, Mapped]] = {
    "malformed": Mapped(400, "The request cannot be read", -32600),
    "unauthenticated": Mapped(401, "Who is asking is not known", -32001),
    "forbidden": Mapped(403, "Not allowed for this caller", -32001),
    "not_found": Mapped(404, "There is no such thing", -32001),
    "conflict": Mapped(409, "The present state does not allow it", -32000),
    "too_large": Mapped(413, "The request is over a limit", -32005),
    "invalid": Mapped(422, "The request is not acceptable", -32602),
    "too_many": Mapped(429, "Too many requests", -32005),
}
UNAVAILABLE: Final = Mapped(503, "Not available now, try again", -32002)
INVARIANT: Final = Mapped(500, "The node found itself in error", -32603)


def map_error(error: BaseException) -> Mapped:
    """Return the row of an error; anything outside the families is an invariant that broke."""
    match family_of(error):
        case "RejectedError":
            return REJECTED[str(getattr(error, "kind", "invalid"))]
        case "UnavailableError":
            return UNAVAILABLE
        case _:
            return INVARIANT


def family_of(error: BaseException) -> str:
    """Return the name of the error's family."""
    names = {base.__name__ for base in type(error).__mro__}
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
        "type": f"urn:landfall:error:{codespace}:{code}",
        "title": row.title,
        "status": row.http_status,
        "detail": "internal error; it is in the log of the node" if hidden else str(error)[:2000],
        "instance": instance,
        "code": f"{codespace}/{code}",
    } | ({} if hidden else _field_of(error))


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
