"""A light client over nodes' JSON-RPC: what `bridge.proofs.light` proves, with sources that are asked and not believed.

The first source that answers leads; the others are asked whether they know the same block. One that proves nothing
is dropped for good, one that does not answer is asked again later.
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import httpx

from bridge.errors import RejectedError as ProofRejectedError
from bridge.errors import TrustExpiredError
from bridge.proofs.light import (
    Fork,
    LightBlock,
    compare,
    light_block_from_json,
    trust,
    verify_backwards,
    verify_forwards,
)
from node.app.errors import ForkError, SourceUnavailableError, UntrustedSourceError

ANSWER_BYTES_MAX: Final = 64 << 20
"""The receipts of a full block are about 30 MiB of JSON."""
TIMEOUT_S: Final = 20.0

Result = TypeVar("Result")


class Source(Protocol):
    """A node that a light client asks."""

    name: str

    def call(self, method: str, *params: Any) -> Any:
        """Return a JSON-RPC result.

        Raises:
            SourceUnavailableError: no answer, an error, or none within the limits.
        """
        ...


class HttpSource:
    """A node's JSON-RPC at a URL."""

    def __init__(self, url: str) -> None:
        self.name = url
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            with self._client.stream("POST", self.name, json=request) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise SourceUnavailableError(
                            f"{self.name}: expected at most {ANSWER_BYTES_MAX} bytes, got more"
                        )
            answer = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise SourceUnavailableError(f"{self.name}: expected an answer to {method}, got {error!r}"[:300]) from error
        if not isinstance(answer, dict) or "result" not in answer:
            told = answer.get("error") if isinstance(answer, dict) else answer
            raise SourceUnavailableError(f"{self.name}: expected a result of {method}, got {told!r}"[:300])
        return answer["result"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Where a light client starts, and how long a proven header may be built on."""

    height: int
    hash: bytes
    period_s: int


class LightClient:
    """Follows a chain from one trusted header.

    Args:
        sources: At least one; the first leads.
        start: The header that is trusted.
        clock: Unix seconds UTC.
        tell: Takes a line about a source that is dropped or does not answer.
    """

    def __init__(
        self, sources: Sequence[Source], start: Trust, clock: Callable[[], int], tell: Callable[[str], None]
    ) -> None:
        self._sources = list(sources)
        self._start = start
        self._clock = clock
        self._tell = tell
        self._trusted = self.leading(self._begin)
        self._head = self._trusted

    @property
    def head(self) -> LightBlock:
        """Return the highest proven block."""
        return self._head

    def advance(self) -> LightBlock:
        """Return the latest block, proven and known to every other source that answers.

        Raises:
            UntrustedSourceError: no source is left that proves what it says.
            SourceUnavailableError: none answers now.
            ForkError: two sources have other blocks, both signed by enough.
            TrustExpiredError: the highest proven header is older than the trust period.
        """
        self._head = self.leading(lambda source: self._prove(source, self._ask(source, "latest")))
        return self._head

    def leading(self, ask: Callable[[Source], Result]) -> Result:
        """Return what `ask` proves by the first source that can; where it raises, the next one leads.

        Raises:
            As `advance`.
        """
        unavailable: SourceUnavailableError | None = None
        for source in list(self._sources):
            try:
                return ask(source)
            except TrustExpiredError:
                raise
            except SourceUnavailableError as error:
                self._tell(f"no answer: {error}")
                unavailable = error
            except (ProofRejectedError, UntrustedSourceError) as error:
                self._drop(source, error)
        if unavailable is not None:
            raise unavailable
        raise UntrustedSourceError("sources: expected one that proves what it says, got none; see the lines above")

    def at(self, source: Source, height: int) -> LightBlock:
        """Return the block of a height as this source proves it, to be called by what `leading` takes."""
        return self._prove(source, self._ask(source, height))

    def _begin(self, source: Source) -> LightBlock:
        return trust(self._ask(source, self._start.height), self._start.height, self._start.hash)

    def _prove(self, source: Source, target: LightBlock) -> LightBlock:
        base = self._head if target.height >= self._head.height else self._trusted
        if target.height < base.height:
            return self._drive(verify_backwards(base, target.height), source)
        if target.height == base.height:
            trace = [base]
            if target.hash != base.hash:
                raise UntrustedSourceError(f"header: expected {base.hash.hex()}, got {target.hash.hex()}")
        else:
            trace = [base, *self._drive(verify_forwards(base, target, self._start.period_s, self._clock()), source)]
        for other in [one for one in self._sources if one is not source]:
            self._compare(trace, source, other)
        return trace[-1]

    def _compare(self, trace: Sequence[LightBlock], source: Source, other: Source) -> None:
        try:
            fork = self._drive(compare(trace, self._start.period_s, self._clock()), other)
        except SourceUnavailableError as error:
            self._tell(f"not compared: {error}")
        except TrustExpiredError:
            raise
        except ProofRejectedError as error:
            self._drop(other, error)
        else:
            if fork is not None:
                raise ForkError(_told(fork, source, other), fork)

    def _drop(self, source: Source, error: Exception) -> None:
        self._tell(f"dropped: {source.name}: {error}")
        self._sources.remove(source)

    def _ask(self, source: Source, height: int | str) -> LightBlock:
        value = source.call("landfall_getLightBlock", height)
        if value is None:
            raise SourceUnavailableError(f"{source.name}: expected height {height}, got nothing yet")
        return light_block_from_json(value)

    def _drive(self, steps: Generator[int, LightBlock, Result], source: Source) -> Result:
        try:
            height = next(steps)
            while True:
                height = steps.send(self._ask(source, height))
        except StopIteration as end:
            result: Result = end.value
            return result


def _told(fork: Fork, source: Source, other: Source) -> str:
    return (
        f"height {fork.one.height}: expected one block, got {fork.one.hash.hex()} from {source.name} and"
        f" {fork.other.hash.hex()} from {other.name}, both signed;"
        f" {len(fork.signers)} validators signed both; trust neither"
    )
