"""How the command line speaks: lines for a person, or one JSON document for a machine."""

import json
import sys
from collections.abc import Callable
from typing import Any

_FAMILIES = {"RejectedError", "UnavailableError"}


def fail(error: BaseException) -> bool:
    """Print an expected error (rejected, unavailable) as one line; return False for any other."""
    if not any(base.__name__ in _FAMILIES for base in type(error).__mro__):
        return False
    sys.stderr.write(f"landfall: {error}\n")
    return True


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_answer(answer: Any, as_json: bool, lines: Callable[[Any], list[str]]) -> None:
    """Write an answer as one JSON document, or as the lines that a person reads."""
    if as_json:
        print_json(answer)
        return
    for line in lines(answer):
        print_line(line)


def print_line(text: str = "") -> None:
    """Write one line to standard output."""
    sys.stdout.write(text + "\n")
