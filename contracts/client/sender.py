"""The one writer of a key's transactions: from outbox row to chain, exactly once.

The signed bytes and their nonce are stored before the first submission, so a crash can only ever submit the
same bytes again. Whether a transaction happened is said by the follower, never here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from contracts.client.blocks import ChainWriter
from contracts.client.errors import CallRevertedError, RpcError, TransactionRefusedError, UnavailableError
from contracts.client.request_id import serving
from contracts.client.transactions import SignDigest, SignedTransaction, SignSecond, gas_limit, sign_call

_LOG: Final = structlog.get_logger(__name__)
# A transaction that no block has taken after this time is submitted again.
RESUBMIT_S: Final = 5.0
# Pause while the chain process is away.
_AWAY_S: Final = 0.5
# Rows that are signed in one commit and submitted at once, so that a block can take them together; a pool takes
# them in any order of arrival.
_TOGETHER_MAX: Final = 32
# From one submission to the next, if there is one so soon: a block costs every follower the same, whatever is in it.
_GATHER_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """An outbox row to be signed."""

    row: int
    contract: str
    """A contract's name or a currency's code."""
    function: str
    data: bytes
    request_id: str | None = None
    """Of the request that wanted it."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """An outbox row that is signed and not yet confirmed."""

    row: int
    transaction: SignedTransaction
    request_id: str | None = None
    """Of the request that wanted it."""


class SenderStore(Protocol):
    """The outbox of one key. Every `save_` is committed, durably, when it returns."""

    def queued(self, count: int) -> Sequence[QueuedCall]:
        """Return the oldest rows to be signed, `count` at most, in order."""
        ...

    def in_flight(self) -> Sequence[InFlight]:
        """Return signed rows without an outcome, by nonce."""
        ...

    def highest_nonce(self) -> int | None:
        """Return the highest nonce ever taken and not given back."""
        ...

    def save_signed(self, signed: Mapping[int, SignedTransaction]) -> None:
        """Take the nonces of these rows: queued -> signed."""
        ...

    def save_failed(self, row: int, reason: str) -> None:
        """The call has no effect and never will: -> failed, giving back a nonce that it took."""
        ...

    async def wait_for_work(self, timeout_s: float) -> None:
        """Return when a row was queued or an outcome was booked, at the latest after `timeout_s`."""
        ...


class TransactionSender:
    """Signs and submits the outbox of one key, in order."""

    def __init__(
        self,
        *,
        chain: ChainWriter,
        store: SenderStore,
        address: str,
        address_of: Callable[[str], str],
        sign_digest: SignDigest,
        sign_second: SignSecond,
        submitted: Callable[[], None],
        resubmit_s: float = RESUBMIT_S,
    ) -> None:
        """Make the sender of the key at `address`.

        Args:
            address_of: From a contract's name or currency to its address (`Deployment.address`).
            sign_second: The second signatures that this key's transactions need now.
            submitted: Called after each submission (`BlockFeed.poke`).
        """
        self._chain = chain
        self._store = store
        self._address = address
        self._address_of = address_of
        self._sign_digest = sign_digest
        self._sign_second = sign_second
        self._submitted = submitted
        self._resubmit_s = resubmit_s
        self._chain_id: int | None = None

    async def run(self) -> None:
        """Work until cancelled; resubmits what a previous process had signed."""
        is_due, clock = True, asyncio.get_running_loop().time
        while True:
            pause_s, began_s = self._resubmit_s, clock()
            try:
                if is_due:
                    await self.resubmit()
                if await self.send_queued():
                    await asyncio.sleep(began_s + _GATHER_S - clock())
            except UnavailableError:
                # Whether the last submission arrived is unknown: all of them are due again.
                pause_s = min(_AWAY_S, self._resubmit_s)
            started_s = clock()
            await self._store.wait_for_work(pause_s)
            is_due = clock() - started_s >= pause_s

    async def resubmit(self) -> None:
        """Submit again everything signed and not confirmed."""
        waiting = self._store.in_flight()
        for start in range(0, len(waiting), _TOGETHER_MAX):
            await self._submit(waiting[start : start + _TOGETHER_MAX])

    async def send_queued(self) -> int:
        """Sign and submit what is queued; return how many rows left the queue."""
        handled = 0
        while calls := self._store.queued(_TOGETHER_MAX):
            gone = await self._send(calls)
            handled += gone
            if gone < len(calls):
                break
        return handled

    async def _send(self, calls: Sequence[QueuedCall]) -> int:
        """Sign and submit rows; return how many left the queue: what follows must wait for those in flight."""
        refusals = await asyncio.gather(*(self._refusal(call) for call in calls))
        failed, ready = 0, list[QueuedCall]()
        for call, refusal in zip(calls, refusals, strict=True):
            if refusal is None:
                ready.append(call)
            elif ready or self._store.in_flight():
                # What is in flight may be what this call waits for; without it the refusal is final.
                break
            else:
                self._store.save_failed(call.row, refusal)
                failed += 1
        if ready:
            await self._submit(await self._sign(ready))
        return failed + len(ready)

    async def _refusal(self, call: QueuedCall) -> str | None:
        """Return why the chain would refuse a call now, None if it would not."""
        with serving(call.request_id):
            try:
                await self._chain.dry_run(self._address, self._address_of(call.contract), call.data)
            except CallRevertedError as error:
                return error.reason
            except RpcError as error:
                return error.message
        return None

    async def _sign(self, calls: Sequence[QueuedCall]) -> Sequence[InFlight]:
        """Give calls their nonces and bytes, kept before anybody sees them."""
        chain_id, first = await self._get_chain_id(), await self._next_nonce()
        signed = [
            InFlight(
                call.row,
                sign_call(
                    chain_id=chain_id,
                    nonce=nonce,
                    gas=gas_limit(call.function),
                    to=self._address_of(call.contract),
                    data=call.data,
                    sign_digest=self._sign_digest,
                ),
                call.request_id,
            )
            for nonce, call in enumerate(calls, first)
        ]
        self._store.save_signed({one.row: one.transaction for one in signed})
        return signed

    async def _get_chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = await self._chain.chain_id()
        return self._chain_id

    async def _next_nonce(self) -> int:
        # The chain's count matters where the database is older than the key's last transactions, and where the key's
        # owner sent some by another program.
        used = 0 if self._store.in_flight() else await self._chain.transaction_count(self._address)
        highest = self._store.highest_nonce()
        return max(0 if highest is None else highest + 1, used)

    async def _submit(self, waiting: Sequence[InFlight]) -> None:
        # Made for each submission: the key may have been replaced since the transactions were signed.
        seconds = await self._sign_second([one.transaction.tx_hash for one in waiting])
        failures = await asyncio.gather(*map(self._try_submit, waiting, seconds))
        self._submitted()
        # The last nonce first: once it is given back, the one before it is the last.
        for one, failure in sorted(zip(waiting, failures, strict=True), key=lambda tried: -tried[0].transaction.nonce):
            if isinstance(failure, TransactionRefusedError):
                await self._resolve_refusal(one, failure)
        for failure in failures:
            if isinstance(failure, UnavailableError):
                raise failure

    async def _try_submit(self, waiting: InFlight, second: bytes) -> UnavailableError | TransactionRefusedError | None:
        """Submit one; return why it may not have arrived."""
        with serving(waiting.request_id):
            try:
                await self._chain.submit(waiting.transaction.raw, second)
            except (UnavailableError, TransactionRefusedError) as error:
                return error
        return None

    async def _resolve_refusal(self, waiting: InFlight, refusal: TransactionRefusedError) -> None:
        """Decide what a refusal means: taken already, never to be taken, or to be tried again."""
        if await self._chain.knows_transaction(waiting.transaction.tx_hash):
            return
        used = await self._chain.transaction_count(self._address)
        is_last = waiting.transaction.nonce == self._store.highest_nonce()
        if used > waiting.transaction.nonce or is_last:
            self._store.save_failed(waiting.row, str(refusal))
        else:
            # Nonces above it are taken: it is offered again, and what follows waits for it.
            _LOG.warning("transaction_refused", row=waiting.row, nonce=waiting.transaction.nonce, reason=str(refusal))
