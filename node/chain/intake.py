"""How a transaction gets in: checked, reserved in the pool, journalled on disk, then free to run and acknowledged.

The order matters. The place in the pool is taken before the journal is written, so a journalled transaction is never
turned away afterwards; it runs only after the journal is durable, so what was answered "not taken" never runs.
"""

import structlog

from node.chain.application import Application
from node.chain.errors import ChainError
from node.chain.journal import TransactionJournal
from node.chain.solo import SoloDriver

_log = structlog.get_logger("landfall.chain")


class Intake:
    """Takes transactions for the application."""

    def __init__(self, application: Application, journal: TransactionJournal, driver: SoloDriver) -> None:
        self._application = application
        self._journal = journal
        self._driver = driver

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
        self._driver.transaction_added()
        return tx.hash

    async def replay(self) -> int:
        """Offer the journal's transactions again after a start; return how many wait for a block."""
        app = self._application
        for taken in await app.take_all(list(self._journal.replay())):
            if isinstance(taken, ChainError):
                # Most are in a block already; the rest was overtaken by something that is.
                _log.debug("journal_record_dropped", reason=str(taken))
        if len(app.mempool):
            self._driver.transaction_added()
        else:
            self._journal.trim()
        return len(app.mempool)
