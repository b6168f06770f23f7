"""Books against chain, amount by amount, at the block up to which the books are written."""

from sqlalchemy.orm import Session

from contracts.client.errors import ForkedChainError
from contracts.client.follower import Cursor
from node.errors import UnavailableError
from node.ledger import store
from node.ledger.booking import AVAILABLE, BLOCKED, HELD, ISSUED, Account
from node.ledger.ports import ChainView, Owners
from node.ledger.service import LedgerService
from node.ledger.views import Difference, Reconciliation
from node.storage.cursor import load_cursor
from node.storage.database import Database

_VIEWS = {AVAILABLE: "availableOf", HELD: "heldOf", BLOCKED: "blockedOf"}


class Reconciler:
    """Compares the books of one institution with the chain."""

    def __init__(self, *, database: Database, ledger: LedgerService, owners: Owners, chain: ChainView) -> None:
        self._database = database
        self._chain = chain
        self._ledger = ledger
        self._owners = owners

    async def reconcile(self) -> Reconciliation:
        """Compare every owner's available, held and blocked money, and what this institution has issued.

        Raises:
            ForkedChainError: the chain's block is not the one the books are written from.
            UnavailableError: the books have no block yet, or the chain does not answer.
        """
        with self._database.read() as session:
            cursor = load_cursor(session)
            if cursor is None:
                raise UnavailableError("books: expected at least one block, got none yet; try again")
            owners = self._owners.account_names(session)
            books = _booked(session)
        found = await self._chain.block_hash(cursor.number)
        if found != cursor.hash:
            raise ForkedChainError(cursor.number, cursor.hash, found)
        on_chain = await self._on_chain(owners, cursor)
        differences = tuple(
            Difference(what, books.get(what, 0), amount)
            for what, amount in on_chain.items()
            if books.get(what, 0) != amount
        )
        return Reconciliation(cursor.number, cursor.hash, len(on_chain), differences)

    async def _on_chain(self, owners: dict[str, str], cursor: Cursor) -> dict[str, int]:
        """Return the chain's amounts under the names of the books' accounts."""
        amounts = {}
        for currency in self._ledger.currencies:
            for address, owner in owners.items():
                for part, view in _VIEWS.items():
                    name = Account(currency, owner, part).name
                    amounts[name] = int(await self._chain.call(currency, view, address, block=cursor.number))
            if currency in self._ledger.issues:
                supply = int(await self._chain.call(currency, "totalSupply", block=cursor.number))
                amounts[Account(currency, None, ISSUED).name] = supply
        return amounts


def _booked(session: Session) -> dict[str, int]:
    """Return each account's balance on its own side: `issued` is a credit."""
    return {row.name: -row.balance if row.part == ISSUED else row.balance for row in store.accounts(session)}
