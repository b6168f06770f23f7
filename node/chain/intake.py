"""How a transaction gets in: checked, reserved in the pool, journalled on disk, then free to run and acknowledged.

The order matters. The place in the pool is taken before the journal is written, so a journalled transaction is never
turned away afterwards; it runs only after the journal is durable, so what was answered "not taken" never runs.
"""

from collections.abc import Callable

import structlog

from node.chain.application import Application
from node.chain.journal import TransactionJournal
from node.chain.transactions import Transaction

_log = structlog.get_logger("landfall.chain")


class Intake:
    """Takes transactions for the application, and tells the consensus driver of each."""

    def __init__(
        self, application: Application, journal: TransactionJournal, on_taken: Callable[[Transaction], None]
    ) -> None:
        self._application = application
        self._journal = journal
        self._on_taken = on_taken

    async def submit(self, item: bytes) -> bytes:
        """Return the transaction's hash once it is on disk and waiting for a block.

        Raises:
            ChainError: what `Application.take` raises, or ReadOnlyError; nothing was taken.
        """
        app = self._application
        tx = await app.take(item, is_held=True)
        try:
            await self._journal.append(item)
        except BaseException:
            app.mempool.drop(tx)
            raise
        app.mempool.release(tx)
        self._on_taken(tx)
        return tx.hash

    async def replay(self) -> int:
        """Offer the journal's transactions again after a start; return how many wait for a block."""
        app = self._application
        for taken in await app.take_all(list(self._journal.replay())):
            if isinstance(taken, Transaction):
                self._on_taken(taken)
            else:
                # Most are in a block already; the rest was overtaken by something that is.
                _log.debug("journal_record_dropped", reason=str(taken))
        if not len(app.mempool):
            self._journal.trim()
        return len(app.mempool)
