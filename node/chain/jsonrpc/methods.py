"""A JSON-RPC method: what answers it and how many parameters it takes."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Method:
    """`answer` gets the positional parameters; it may be a coroutine function."""

    answer: Callable[[list[Any]], Any | Awaitable[Any]]
    params_min: int
    params_max: int


@dataclass(frozen=True, slots=True)
class RawJson:
    """A result that is JSON text already, sent to the client as it is."""

    text: bytes

    @property
    def value(self) -> Any:
        """Return what the text says."""
        return json.loads(self.text)
