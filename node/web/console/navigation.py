"""Where the console's menu leads: each slice names its pages, and who has a use for them."""

from dataclasses import dataclass

from node.web.auth import Principal
from node.web.permissions import Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu."""

    path: str
    label: str
    """English; a message for languages."""
    permission: Permission
    staff_only: bool = False
    of_roles: frozenset[str] = frozenset()
    """Institutions that have a use for it, by their roles in the network; empty: all."""

    def is_for(self, principal: Principal, roles: frozenset[str]) -> bool:
        """Tell whether the page is of use to somebody of an institution with these roles."""
        if not principal.may(self.permission) or (self.staff_only and principal.customer_id is not None):
            return False
        return not self.of_roles or bool(self.of_roles & roles)
