"""What a slice offers about the customers whose data it holds; wiring brings them together."""

from typing import Any, Protocol

from sqlalchemy.orm import Session


class Keeper(Protocol):
    """Holds data about customers."""

    @property
    def name(self) -> str:
        """What it holds, in a word."""
        ...

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        """Return what has to end first, in words for people: money, trades that run."""
        ...

    def export(self, session: Session, customer_id: str) -> Any:
        """Return everything it holds, as JSON; bytes are kept as bytes and become files."""
        ...

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """Let nobody act for the customer any more."""
        ...

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        """Forget what is personal."""
        ...
