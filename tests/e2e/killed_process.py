"""Runs a process of the node that kills itself (-9) right before its N-th persisted write; 0 = never.

python -m tests.e2e.killed_process chain|desk N ARGUMENTS...
"""

import os
import signal
import sys
from functools import partial
from typing import Any

from sqlalchemy import Engine, event


class Countdown:
    """Counts writes and ends the process at the last one."""

    def __init__(self, writes: int) -> None:
        self._left = writes

    def __call__(self, what: Any) -> None:
        # A put counts with its commit: until then nothing of it lasts.
        if isinstance(what, str) and what.startswith("lmdb.put."):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the process named by the arguments."""
    name, writes, *arguments = sys.argv[1:]
    countdown = Countdown(int(writes))
    sys.argv = [name, *arguments]
    if name == "desk":
        from node.app import desk

        # Counting starts once it listens: a start writes the same few rows each time.
        startup = desk._Server.startup

        async def count_after_startup(self: desk._Server, sockets: object = None) -> None:
            await startup(self, sockets)
            event.listen(Engine, "commit", countdown)

        setattr(desk._Server, "startup", count_after_startup)  # noqa: B010 - a test's hook
        desk.main()
    else:
        from node.chain import __main__ as chain
        from node.chain import process

        setattr(chain, "run_chain", partial(process.run_chain, before_write=countdown))  # noqa: B010 - a test's hook
        sys.exit(chain.main())


if __name__ == "__main__":
    main()
