"""Many signatures at once, on all cores.

Threads share the work: liboqs verifies without the GIL, `cryptography` holds it, so with that backend a batch
takes as long as its signatures one after the other (docs/benchmarks.md).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from pqc import signatures
from pqc.errors import InvalidKeyError, RejectedError

BATCH_ITEMS_MAX: Final = 10_000
"""About 50 MB of signatures and keys."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What `signatures.verify` takes."""

    alg: str
    public_key: bytes
    message: bytes
    signature: bytes
    context: bytes = b""


def verify_many(items: Sequence[Signed]) -> tuple[RejectedError | None, ...]:
    """Verify each item: None where it is valid, else the reason; in the order given.

    Raises:
        InvalidKeyError: more than `BATCH_ITEMS_MAX` items; nothing was verified.
    """
    if len(items) > BATCH_ITEMS_MAX:
        raise InvalidKeyError("items", f"at most {BATCH_ITEMS_MAX}", f"{len(items)}; split the batch")
    if not items:
        return ()
    threads = min(os.cpu_count() or 1, len(items))
    share = -(-len(items) // threads)
    shares = [items[start : start + share] for start in range(0, len(items), share)]
    with ThreadPoolExecutor(threads) as pool:
        return tuple(chain.from_iterable(pool.map(_verify_each, shares)))


def _verify_each(items: Sequence[Signed]) -> list[RejectedError | None]:
    return [_reason_against(item) for item in items]


def _reason_against(item: Signed) -> RejectedError | None:
    try:
        signatures.verify(item.alg, item.public_key, item.message, item.signature, item.context)
    except RejectedError as error:
        return error
    return None
