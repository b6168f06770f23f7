"""One institution's part of the process, as routes see it: its database and its services by class."""

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from node.errors import InvariantError
from node.storage.database import Database
from node.web.auth import Caller

Service = TypeVar("Service")


class Desk:
    """Database and services of one institution."""

    def __init__(self, *, institution_id: str, database: Database, services: Iterable[Any]) -> None:
        self.institution_id = institution_id
        self.database = database
        self._services = {type(service): service for service in services}

    def get(self, kind: type[Service]) -> Service:
        """Return the service of that class.

        Raises:
            InvariantError: wiring has not given this desk one.
        """
        found = self._services.get(kind)
        if not isinstance(found, kind):
            raise InvariantError(f"{self.institution_id}: expected a {kind.__name__}, got none from wiring")
        return found


async def get_desk(request: Request, principal: Caller) -> Desk:
    """Return the caller's own desk: nobody reaches another institution's."""
    desks: dict[str, Desk] = request.app.state.desks
    desk = desks.get(principal.institution_id)
    if desk is None:
        raise InvariantError(f"{principal.institution_id}: expected a desk in this process, got none from wiring")
    return desk


CallersDesk = Annotated[Desk, Depends(get_desk)]
