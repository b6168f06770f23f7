"""What the ledger needs from the rooms around it."""

from collections.abc import Collection
from typing import Any, Protocol

from sqlalchemy.orm import Session


class ChainView(Protocol):
    """Reads of the chain's state at a block; `ChainClient` has them."""

    async def call(self, contract: str, function: str, *args: Any, block: int | str = "latest") -> Any:
        """Return the result of a view function of a contract or of a currency's token."""
        ...

    async def block_hash(self, number: int) -> bytes:
        """Return the hash of block `number`."""
        ...


class Owners(Protocol):
    """For whom books are kept; `ParticipantService` knows."""

    def account_names(self, session: Session) -> dict[str, str]:
        """Return address to owner's id."""
        ...

    def owners_at(self, session: Session, addresses: Collection[str]) -> dict[str, str]:
        """Return address to owner's id for those of these addresses that books are kept for."""
        ...

    def address_of(self, session: Session, owner_id: str) -> str:
        """Return an owner's address, or raise UnknownCustomerError."""
        ...
