"""Lines and bars as SVG, made on the server; the figures stand in a table beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A line through values in their order."""

    points: str
    """Of a polyline, in the drawing's units."""
    levels: tuple[tuple[float, float], ...]
    """(value, height) of the lines behind it."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar, in percent of its length."""

    kind: str
    start: float
    length: float


def line(values: Sequence[float]) -> Line | None:
    """Return the line through values, None where there are too few for one."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) / 100 or 1.0
    low, high = low - spread / 10, high + spread / 10
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return round(_TOP + inner_height * (high - value) / (high - low), 1)

    xs = [round(_LEFT + inner_width * index / (len(values) - 1), 1) for index in range(len(values))]
    points = " ".join(f"{x},{y(value)}" for x, value in zip(xs, values, strict=True))
    levels = [low + (high - low) * step / _LEVELS for step in range(_LEVELS + 1)]
    return Line(points, tuple((level, y(level)) for level in levels))


def bar(parts: Sequence[tuple[str, int]]) -> list[Part]:
    """Return a bar of parts, each as long as its share of the sum."""
    total, start = sum(amount for _, amount in parts), 0.0
    found: list[Part] = []
    for kind, amount in parts:
        length = 100 * amount / total if total else 0.0
        found.append(Part(kind, round(start, 2), round(length, 2)))
        start += length
    return found
