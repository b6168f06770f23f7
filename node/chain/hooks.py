"""Where tests stop the machine: a function called with the name of each write to disk before it happens."""

from collections.abc import Callable

WriteHook = Callable[[str], None]


def no_hook(_: str) -> None:
    """Let every write pass."""
