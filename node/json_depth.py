"""How deeply JSON nests, told without parsing it."""

import re
from typing import Final

# Unrolled: a string of hex is passed in one step, not digit by digit.
_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[][{}]")


def json_depth(text: bytes) -> int:
    """Return how deeply brackets nest outside of strings."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", text)):
        depth += 1 if bracket in (b"{", b"[") else -1
        deepest = max(deepest, depth)
    return deepest
