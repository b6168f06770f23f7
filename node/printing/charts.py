"""Charts as SVG, drawn on the server: with a title and a description for who does not see them, and their figures as a
table beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup, escape

from node.printing.languages import Speech
from node.printing.limits import POINTS_MAX

MEDIA_TYPE: Final = "image/svg+xml"
_WIDTH: Final = 720
_HEIGHT: Final = 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 16, 40, 44
_LEVELS: Final = 4
_DATES: Final = 4
_INK, _FAINT, _PAPER = "#16202a", "#c9d1d8", "#ffffff"
# Told apart by lightness too, and lines by their dashes.
_COLOURS: Final = ("#0b3d5c", "#b3541e", "#6b7c3a")
_DASHES: Final = ("", "6 4", "2 3")
_BAND: Final = "#dbe7ee"
_FONT: Final = "Paper, 'Source Sans 3', 'DejaVu Sans', sans-serif"
_ROW: Final = 46
_BAR: Final = 18
_LEGEND_STEP: Final = 150
_LEGEND_ROW: Final = 28


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of a chart, written."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Series:
    """A line through values in their order."""

    name: str
    points: Sequence[tuple[int, float]]
    """(time, value)"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that matters."""

    name: str
    time_s: int
    value: float


@dataclass(frozen=True, slots=True)
class LineChart:
    """Values over time."""

    title: str
    description: str
    series: Sequence[Series]
    table: Table
    write: Callable[[float], str]
    """How a value is written at the axis."""
    band: tuple[str, float, float] | None = None
    """Name, lower and upper edge."""
    marks: Sequence[Mark] = field(default=())


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of parts, as shares of a whole."""

    name: str
    parts: Sequence[float]
    """0 to 1 each, 1 at most together."""
    told: str
    """What it comes to."""


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars beside each other, of the same parts."""

    title: str
    description: str
    parts: Sequence[str]
    bars: Sequence[Bar]
    table: Table


def svg(chart: LineChart | BarChart, speech: Speech) -> str:
    """Return a chart as an SVG document."""
    drawn, height = _lines(chart, speech) if isinstance(chart, LineChart) else _bars(chart)
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" lang="{}" font-family="{}" '
        'font-size="12"><title>{}</title><desc>{}</desc><rect width="100%" height="100%" fill="{}"/>'
        '<text x="16" y="22" font-size="14" font-weight="600" fill="{}">{}</text>'
    ).format(_WIDTH, height, speech.code, _FONT, chart.title, chart.description, _PAPER, _INK, chart.title)
    return head + Markup("").join(drawn) + Markup("</svg>")


def figure(chart: LineChart | BarChart, speech: Speech) -> Markup:
    """Return a chart with its description and its table, for a page."""
    table = chart.table
    head = Markup('<th scope="col">{}</th>').format(table.columns[0]) + Markup("").join(
        Markup('<th scope="col" class="number">{}</th>').format(name) for name in table.columns[1:]
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup("").join(Markup('<td class="number">{}</td>').format(cell) for cell in row[1:])
        )
        for row in table.rows
    )
    return Markup(
        "<figure>{}<figcaption>{}</figcaption></figure><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format(Markup(svg(chart, speech)), chart.description, head, rows)  # noqa: S704 - every value was escaped


def thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Return as many points as a chart has room for, the first and the last among them."""
    if len(points) <= POINTS_MAX:
        return points
    step = (len(points) - 1) / (POINTS_MAX - 1)
    return [points[round(step * index)] for index in range(POINTS_MAX)]


def _lines(chart: LineChart, speech: Speech) -> tuple[list[Markup], int]:
    times = [time_s for one in chart.series for time_s, _ in one.points] + [mark.time_s for mark in chart.marks]
    values = [value for one in chart.series for _, value in one.points] + [mark.value for mark in chart.marks]
    values += [] if chart.band is None else list(chart.band[1:])
    if not times:
        return [_text(_LEFT, _HEIGHT / 2, speech.text("There is nothing to show yet."))], _HEIGHT
    first, last = min(times), max(max(times), min(times) + 1)
    low, high = _padded(min(values), max(values))

    def x(time_s: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (time_s - first) / (last - first), 1)

    def y(value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low), 1)

    drawn: list[Markup] = []
    if chart.band is not None:
        _, lower, upper = chart.band
        drawn.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
                _LEFT, y(upper), _WIDTH - _LEFT - _RIGHT, round(y(lower) - y(upper), 1), _BAND
            )
        )
    for step in range(_LEVELS + 1):
        level = low + (high - low) * step / _LEVELS
        drawn.append(_rule(y(level)))
        drawn.append(_text(_LEFT - 8, y(level) + 4, chart.write(level), "end"))
    for step in range(_DATES + 1):
        time_s = first + (last - first) * step / _DATES
        anchor = "start" if step == 0 else "end" if step == _DATES else "middle"
        drawn.append(_text(x(time_s), _HEIGHT - _BOTTOM + 18, speech.short_day(_day(time_s)), anchor))
    for place, one in enumerate(chart.series):
        drawn.append(_polyline([(x(time_s), y(value)) for time_s, value in thinned(one.points)], place))
    drawn += [_mark(number, x(mark.time_s), y(mark.value)) for number, mark in enumerate(chart.marks, 1)]
    return drawn + _legend([one.name for one in chart.series], chart.band), _HEIGHT


def _bars(chart: BarChart) -> tuple[list[Markup], int]:
    drawn: list[Markup] = []
    width = _WIDTH - _LEFT - _RIGHT
    for row, bar in enumerate(chart.bars):
        top, left = _TOP + row * _ROW, float(_LEFT)
        drawn.append(_text(_LEFT - 8, top + _BAR + 9, bar.name, "end"))
        drawn.append(_text(_LEFT, top + 9, bar.told))
        drawn.append(_block(_LEFT, top + 14, width, "none"))
        for place, share in enumerate(bar.parts):
            drawn.append(_block(left, top + 14, width * share, _COLOURS[place]))
            left += width * share
    height = _TOP + len(chart.bars) * _ROW
    if len(chart.parts) == 1:
        return drawn, height
    height += _LEGEND_ROW
    for place, name in enumerate(chart.parts):
        at = _LEFT + place * _LEGEND_STEP
        drawn += [_block(at, height - 19, 22, _COLOURS[place], 12), _text(at + 28, height - 9, name)]
    return drawn, height


def _legend(names: Sequence[str], band: tuple[str, float, float] | None) -> list[Markup]:
    drawn, at = [], float(_LEFT)
    for place, name in enumerate(names):
        drawn.append(_polyline([(at, _HEIGHT - 11), (at + 22, _HEIGHT - 11)], place))
        drawn.append(_text(at + 28, _HEIGHT - 7, name))
        at += max(_LEGEND_STEP, 40 + 6.5 * len(name))
    if band is not None:
        drawn.append(_block(at, _HEIGHT - 17, 22, _BAND, 12))
        drawn.append(_text(at + 28, _HEIGHT - 7, band[0]))
    return drawn


def _polyline(points: Sequence[tuple[float, float]], place: int) -> Markup:
    if len(points) == 1:
        return Markup('<circle cx="{}" cy="{}" r="3" fill="{}"/>').format(*points[0], _COLOURS[place])
    path = " ".join(f"{x},{y}" for x, y in points)
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(
        path, _COLOURS[place], _DASHES[place] or "none"
    )


def _mark(number: int, x: float, y: float) -> Markup:
    return Markup(
        '<circle cx="{0}" cy="{1}" r="8" fill="{2}" stroke="{3}" stroke-width="1.5"/>'
        '<text x="{0}" y="{4}" text-anchor="middle" font-size="10" font-weight="600" fill="{3}">{5}</text>'
    ).format(x, y, _PAPER, _COLOURS[1], round(y + 3.5, 1), number)


def _block(x: float, y: float, width: float, fill: str, height: int = _BAR) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="{}" stroke-width="0.5"/>').format(
        round(x, 1), y, round(width, 1), height, fill, _FAINT
    )


def _rule(y: float) -> Markup:
    return Markup('<line x1="{}" y1="{y}" x2="{}" y2="{y}" stroke="{}" stroke-width="0.75"/>').format(
        _LEFT, _WIDTH - _RIGHT, _FAINT, y=y
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}" fill="{}">{}</text>').format(x, y, anchor, _INK, escape(text))


def _padded(low: float, high: float) -> tuple[float, float]:
    spread = (high - low) or abs(high) / 50 or 1.0
    lowest = low - spread / 10
    return lowest if low < 0 else max(lowest, 0.0), high + spread / 10


def _day(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
