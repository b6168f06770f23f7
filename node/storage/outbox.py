"""Transactions this institution has decided to send: written with the decision, sent and confirmed later.

A row is `queued` with the change that wants it, in one SQL transaction; `signed` once its bytes and nonce are
stored, which is before it is submitted; `confirmed` or `failed` when the follower has seen its block, or when the
chain refuses it before that (a dry run that reverts takes no nonce).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import LargeBinary, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contracts.client.artifacts import encode_call
from contracts.client.blocks import TransactionOutcome
from contracts.client.request_id import REQUEST_ID
from contracts.client.sender import InFlight, QueuedCall
from contracts.client.transactions import SignedTransaction
from node.storage.database import Base, Database, signal
from node.storage.errors import UnknownRowError
from node.storage.signals import Subscription

QUEUED: Final = "queued"
SIGNED: Final = "signed"
CONFIRMED: Final = "confirmed"
FAILED: Final = "failed"
_TOPIC: Final = "outbox"
_REASON_CHARS: Final = 500


class OutboxRow(Base):
    """One transaction."""

    __tablename__ = "chain_outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    contract: Mapped[str]
    """A contract's name or a currency's code."""
    function: Mapped[str]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    """Calldata."""
    reference: Mapped[str] = mapped_column(index=True)
    """What the slice knows it by: `trade:<id>:fund`."""
    state: Mapped[str] = mapped_column(index=True)
    nonce: Mapped[int | None] = mapped_column(unique=True)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    tx_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    block_number: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it failed."""
    request_id: Mapped[str | None]
    """Of the request that wanted it, None where it came of a block or a message."""


OutcomeHandler = Callable[[Session, OutboxRow], None]


def enqueue(session: Session, *, contract: str, function: str, args: Sequence[Any], reference: str) -> OutboxRow:
    """Queue a call of a contract (`TradeEscrow`) or of a currency's token (`EUR`); return its row.

    Raises:
        contracts.client.errors.RejectedError: the call or an argument does not fit the ABI; nothing was queued.
    """
    data = encode_call(contract, function, args)
    row = OutboxRow(
        contract=contract,
        function=function,
        data=data,
        reference=reference,
        state=QUEUED,
        request_id=REQUEST_ID.get(),
    )
    session.add(row)
    signal(session, _TOPIC)
    return row


def get(session: Session, row: int) -> OutboxRow:
    """Return a row, or raise UnknownRowError."""
    found = session.get(OutboxRow, row)
    if found is None:
        raise UnknownRowError("outbox", row)
    return found


def by_reference(session: Session, reference: str) -> Sequence[OutboxRow]:
    """Return the rows of a reference, oldest first."""
    return session.scalars(select(OutboxRow).where(OutboxRow.reference == reference).order_by(OutboxRow.id)).all()


class Outbox:
    """The outbox of one database: the sender's store and the outcome handler of the follower."""

    def __init__(self, database: Database, address: str) -> None:
        """Keep the transactions of the account at `address` in `database`."""
        self._database = database
        self._address = address
        self._handlers: list[tuple[str, OutcomeHandler]] = []
        self._bell: Subscription | None = None

    def subscribe(self, prefix: str, handler: OutcomeHandler) -> None:
        """Run `handler` when a row whose reference starts with `prefix` is confirmed or failed, in its transaction."""
        self._handlers.append((prefix, handler))

    def on_outcomes(self, session: Session, outcomes: Sequence[TransactionOutcome]) -> None:
        """Book what the follower saw in a block; transactions of others are none of this outbox's business."""
        seen = {outcome.tx_hash: outcome for outcome in outcomes if outcome.sender == self._address}
        if not seen:
            return
        rows = session.scalars(select(OutboxRow).where(OutboxRow.tx_hash.in_(seen)).order_by(OutboxRow.nonce)).all()
        for row in rows:
            outcome = seen[row.tx_hash or b""]
            row.state = CONFIRMED if outcome.succeeded else FAILED
            row.block_number = outcome.block_number
            row.reason = None if outcome.reason is None else outcome.reason[:_REASON_CHARS]
            self._finish(session, row)

    def queued(self, count: int) -> Sequence[QueuedCall]:
        wanted = select(OutboxRow).where(OutboxRow.state == QUEUED).order_by(OutboxRow.id).limit(count)
        with self._database.read() as session:
            rows = session.scalars(wanted)
            return [QueuedCall(row.id, row.contract, row.function, row.data, row.request_id) for row in rows]

    def in_flight(self) -> Sequence[InFlight]:
        with self._database.read() as session:
            rows = session.scalars(select(OutboxRow).where(OutboxRow.state == SIGNED).order_by(OutboxRow.nonce))
            return [InFlight(row.id, _transaction(row), row.request_id) for row in rows]

    def highest_nonce(self) -> int | None:
        with self._database.read() as session:
            return session.scalar(select(func.max(OutboxRow.nonce)))

    def save_signed(self, signed: Mapping[int, SignedTransaction]) -> None:
        with self._database.transaction() as session:
            for row, transaction in signed.items():
                found = get(session, row)
                found.state = SIGNED
                found.nonce, found.raw, found.tx_hash = transaction.nonce, transaction.raw, transaction.tx_hash

    def save_failed(self, row: int, reason: str) -> None:
        with self._database.transaction() as session:
            found = get(session, row)
            found.state, found.reason = FAILED, reason[:_REASON_CHARS]
            # Given back: the chain has not taken these bytes and nobody else has seen them. The same call ordered
            # again takes the same nonce, so its bytes will be the same.
            found.nonce = found.raw = found.tx_hash = None
            self._finish(session, found)

    async def wait_for_work(self, timeout_s: float) -> None:
        if self._bell is None:
            self._bell = self._database.signals.subscribe(_TOPIC)
        await self._bell.wait(timeout_s)

    def _finish(self, session: Session, row: OutboxRow) -> None:
        for prefix, handler in self._handlers:
            if row.reference.startswith(prefix):
                handler(session, row)
        signal(session, _TOPIC)


def _transaction(row: OutboxRow) -> SignedTransaction:
    if row.nonce is None or row.raw is None or row.tx_hash is None:
        raise UnknownRowError("signed transaction of outbox row", row.id)
    return SignedTransaction(row.nonce, row.raw, row.tx_hash)
