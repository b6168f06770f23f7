"""Where envelopes for one institution arrive: opened, judged, stored together with others, acknowledged.

Answers are of two kinds. A signed one ends the matter: stored, or refused. Anything else (an error that this raises)
says only that the sender has to come again.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import structlog

from node.errors import family_of
from node.messages.envelopes import Envelopes
from node.messages.errors import WrongCertificateError
from node.messages.inbox import Taken
from node.messages.limits import GATHER_S_MAX, STORED_TOGETHER_MAX
from node.messages.ports import Arrival
from node.messages.service import MessageService
from node.participants.errors import UnknownInstitutionError
from pqc.envelope import Outer

# Who asks is not who the answer would be for.
_UNSIGNED: Final = (UnknownInstitutionError, WrongCertificateError)
_LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to the sender, under this institution's signature."""

    acknowledgement: bytes
    refusal: Exception | None


class Reception:
    """Takes envelopes for one institution."""

    def __init__(self, envelopes: Envelopes, messages: MessageService) -> None:
        self._envelopes = envelopes
        self._messages = messages
        self._pending: list[tuple[Arrival, asyncio.Future[Taken]]] = []
        self._is_storing = False
        self._gather_s = 0.0

    @property
    def lei(self) -> str:
        """Of the institution."""
        return self._envelopes.lei

    async def take(self, data: bytes, outer: Outer, certificate: bytes) -> Answer:
        """Take an envelope; returns once what it holds is durable, or refused.

        Args:
            outer: Its clear line, which names this institution.
            certificate: DER that whoever brings it has shown.

        Raises:
            UnknownInstitutionError: the network does not have the institution it says it is from.
            WrongCertificateError: it is brought by somebody else than its sender.
            UnavailableError: it can neither be taken nor refused now.
        """
        message_id, refusal = None, None
        try:
            arrival = await self._envelopes.open(data, outer, certificate)
            message_id = arrival.message.message_id
            await self._store(arrival)
        except Exception as error:
            if family_of(error) != "RejectedError" or isinstance(error, _UNSIGNED):
                raise
            _LOG.warning("envelope_refused", sender=outer.sender, message_id=message_id, reason=str(error))
            refusal = error
        return Answer(self._envelopes.acknowledge(data, outer, message_id, refusal), refusal)

    async def _store(self, arrival: Arrival) -> None:
        """Store with whatever else arrives now, in one transaction, or raise why not."""
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._pending.append((arrival, future))
        if not self._is_storing:
            self._is_storing = True
            try:
                # A commit waits for the disk, however many it holds: on a slow one more may join.
                await asyncio.sleep(self._gather_s)
                began_s = time.perf_counter()
                self._store_pending()
                self._gather_s = min(time.perf_counter() - began_s, GATHER_S_MAX)
            finally:
                self._is_storing = False
        outcome = await future
        if outcome is not None:
            raise outcome

    def _store_pending(self) -> None:
        while self._pending:
            batch = self._pending[:STORED_TOGETHER_MAX]
            del self._pending[:STORED_TOGETHER_MAX]
            try:
                outcomes = self._messages.receive([arrival for arrival, _ in batch])
            except Exception as error:  # noqa: BLE001 - raised by each that waits
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    future.set_result(outcome)
