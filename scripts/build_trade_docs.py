"""Write the tables and the diagram of docs/spec/trade.md from contracts/trade_table.py, or check that they are current.

    python scripts/build_trade_docs.py             write docs/spec/trade.md and docs/spec/trade.svg
    python scripts/build_trade_docs.py --check     write nothing; fail if one of them is stale

The page's prose is written by hand; what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is replaced. The
diagram is laid out here by hand: a row of the table that has no place in it stops the build.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.trade_table import TABLE, edges
from contracts.trade_transitions import (
    EVERY_OPTION,
    EVERY_POLICY,
    NO_TRADE,
    TRADE_CLOSED,
    UNSETTLED,
    Life,
    Party,
    State,
    Transition,
    Window,
)

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "spec"
PAGE: Final = FOLDER / "trade.md"
DIAGRAM: Final = FOLDER / "trade.svg"

Edge = tuple[frozenset[State], State]
Point = tuple[int, int]


class StaleError(Exception):
    """The page or the diagram is not what the table says; the message says what to do."""


# Text ----------------------------------------------------------------------------------------------------------------


def name_of(row: Transition) -> str:
    """Return a row's name: the call and, where there are several, its case."""
    name = row.call if row.is_time else f"`{row.call}`"
    return f"{name}: {row.case}" if row.case else name


def shown_states(states: frozenset[State]) -> str:
    """Return states as the page writes them."""
    if states == UNSETTLED:
        return "any unsettled"
    return ", ".join(state.name.lower() for state in sorted(states)) or "nothing"


def shown_policies(row: Transition) -> str:
    """Return the policies and option a row is for."""
    if row.policies == EVERY_POLICY:
        return "all"
    names = ", ".join(f"`{policy.name.lower()}`" for policy in sorted(row.policies))
    options = "" if row.options == EVERY_OPTION else "/".join(option.name.lower() for option in sorted(row.options))
    return f"{names} with option `{options}`" if options else names


def shown_window(window: Window) -> str:
    """Return when a call is taken."""
    parts = []
    if window.after:
        parts.append("after " + " or ".join(f"`{moment}`" for moment in window.after))
    if window.until is not None:
        parts.append(f"until `{window.until}`")
    return ", ".join(parts)


def shown_after(row: Transition) -> str:
    """Return what becomes of the milestone, and of the trade."""
    state = "stays" if row.after is None else row.after.name.lower()
    return f"{state}; trade {row.life[1]}" if row.life[1] is Life.CLOSED else state


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def transition_table(rows: Iterable[Transition]) -> list[str]:
    """Return what each call does: from where, with whose word, when, to where."""
    return table(
        ("call", "from", "signed by", "when", "also needed", "policies", "effect", "to"),
        (
            (
                name_of(row),
                "nothing" if row.life[0] is Life.NOTHING else shown_states(row.before),
                " and ".join(row.signers) or ("" if row.is_time else "nobody"),
                shown_window(row.window),
                row.needs,
                shown_policies(row),
                row.effect,
                shown_after(row),
            )
            for row in rows
        ),
    )


def refusal_table() -> list[str]:
    """Return with which reason the contract refuses a wrong call."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in TABLE:
        if not row.is_time:
            reasons = (row.wrong_state, row.wrong_party, row.window.early, row.window.late, row.wrong_policy)
            found.setdefault((row.call, *reasons), []).append(row.case)
    rows = []
    for (call, *reasons), cases in found.items():
        alone = sum(key[0] == call for key in found) == 1
        name = f"`{call}`" if alone or cases == [""] else f"`{call}`: {', '.join(cases)}"
        rows.append((name, *(f"`{reason}`" if reason else "" for reason in reasons)))
    return table(("call", "wrong state", "signed by another", "too early", "too late", "other policy or option"), rows)


def party_table() -> list[str]:
    """Return, for each party, which calls its word is for."""
    rows = []
    for party in Party:
        calls = dict.fromkeys(f"`{row.call}`" for row in TABLE if party in row.signers)
        if calls:
            rows.append((str(party), ", ".join(calls)))
    free = dict.fromkeys(f"`{row.call}`" for row in TABLE if not row.signers and not row.is_time)
    return table(("whose word", "calls"), [*rows, ("nobody's: anyone calls", ", ".join(free))])


# Diagram -------------------------------------------------------------------------------------------------------------


def labels_of(rows: Iterable[Transition]) -> list[str]:
    """Return the labels of an edge: each call once, with its cases only where the call has other edges too."""
    found: dict[str, None] = {}
    for row in rows:
        others = {(other.before, other.after) for other in TABLE if other.call == row.call}
        label = f"{row.call}: {row.case}" if row.is_time or (len(others) > 1 and row.case) else row.call
        if all(other.policies != EVERY_POLICY for other in TABLE if other.call == row.call):
            policies = {policy for other in TABLE if other.call == row.call for policy in other.policies}
            if policies != EVERY_POLICY:
                label += f" ({', '.join(sorted(policy.name.lower() for policy in policies))})"
        found[label] = None
    return list(found)


def staying() -> dict[frozenset[State], list[Transition]]:
    """Return the calls after which a milestone is in the state it was in."""
    found: dict[frozenset[State], list[Transition]] = {}
    for row in TABLE:
        if row.after is None and not row.is_time:
            found.setdefault(row.before, []).append(row)
    return found


def mermaid() -> list[str]:
    """Return the diagram as text that Markdown viewers draw."""
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        '    state "any unsettled state" as unsettled',
        "    [*] --> pending: fund",
    ]
    for (before, after), rows in edges(TABLE).items():
        text = ", ".join(label.replace(":", " -") for label in labels_of(rows))
        source = "unsettled" if before == UNSETTLED else shown_states(before)
        lines.append(f"    {source} --> {after.name.lower()}: {text}")
    return [*lines, "    settled --> [*]", "```"]


BOX: Final[Point] = (116, 46)
PLACES: Final[dict[State, Point]] = {
    State.PENDING: (150, 220),
    State.DUE: (470, 220),
    State.DISPUTED: (630, 370),
    State.FINAL: (790, 220),
    State.SETTLED: (1110, 220),
}
FRAME: Final = (40, 120, 880, 340)
"""Around the unsettled states: left, top, width, height."""

_P, _D, _X, _F = (frozenset({state}) for state in (State.PENDING, State.DUE, State.DISPUTED, State.FINAL))
ROUTES: Final[dict[Edge, tuple[list[Point], Point, str]]] = {
    (_P, State.DUE): ([(208, 220), (412, 220)], (310, 212), "middle"),
    (_D, State.FINAL): ([(528, 220), (732, 220)], (630, 212), "middle"),
    (_D, State.DISPUTED): ([(500, 243), (572, 360)], (526, 318), "end"),
    (_X, State.FINAL): ([(688, 360), (760, 243)], (752, 316), "start"),
    (_F, State.SETTLED): ([(848, 220), (1052, 220)], (930, 212), "start"),
    (UNSETTLED, State.FINAL): ([(790, 120), (790, 197)], (800, 150), "start"),
    (UNSETTLED, State.PENDING): ([(190, 460), (190, 243)], (182, 360), "end"),
    (UNSETTLED, State.SETTLED): ([(920, 370), (1110, 370), (1110, 243)], (934, 362), "start"),
    (_P, State.SETTLED): ([(110, 243), (110, 500), (1150, 500), (1150, 243)], (934, 492), "start"),
}
STAYS: Final[dict[frozenset[State], Point]] = {_P: (240, 270), UNSETTLED: (240, 350)}
LINE: Final = 17


def svg() -> str:
    """Return the diagram as SVG.

    Raises:
        StaleError: a row of the table has no place in it.
    """
    moves, stays = edges(TABLE), staying()
    for missing in (moves.keys() ^ ROUTES.keys()) | (stays.keys() ^ STAYS.keys()):
        raise StaleError(f"{missing}: expected a place in ROUTES or STAYS exactly if the table has such rows")
    left, top, width, height = FRAME
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1230 530" font-family="sans-serif" font-size="13">',
        "<title>States of a milestone</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#334155"/></marker></defs>',
        '<rect width="1230" height="530" fill="#ffffff"/>',
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="14" fill="#f1f5f9" stroke="#94a3b8" '
        'stroke-dasharray="6 4"/>',
        _text((left + width - 16, top + height - 14), ["any unsettled state"], "end", "#64748b"),
        _arrow([(150, 50), (150, 197)]),
        '<circle cx="150" cy="44" r="7" fill="#334155"/>',
        _text((162, 80), ["fund"], "start"),
    ]
    for edge, (points, place, anchor) in ROUTES.items():
        parts += [_arrow(points), _text(place, labels_of(moves[edge]), anchor)]
    for states, place in STAYS.items():
        parts.append(_text(place, ["stays after", *labels_of(stays[states])], "start", "#64748b", down=True))
    parts += [_box(state, place) for state, place in PLACES.items()]
    x, y = PLACES[State.SETTLED]
    parts.append(_text((x, y - BOX[1] // 2 - 10), ["the trade closes", "with the last"], "middle", "#64748b"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _arrow(points: Sequence[Point]) -> str:
    path = " ".join(f"{'L' if index else 'M'}{x},{y}" for index, (x, y) in enumerate(points))
    return f'<path d="{path}" fill="none" stroke="#334155" stroke-width="1.5" marker-end="url(#tip)"/>'


def _box(state: State, place: Point) -> str:
    x, y = place
    width, height = BOX
    fill = "#dcfce7" if state is State.SETTLED else "#ffffff"
    return (
        f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="8" fill="{fill}" '
        f'stroke="#0f172a" stroke-width="1.5"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-weight="bold" fill="#0f172a">{state.name.lower()}</text>'
    )


def _text(place: Point, lines: Sequence[str], anchor: str, colour: str = "#0f172a", *, down: bool = False) -> str:
    """Lines of text that end above `place`, or start there."""
    x, y = place
    first = y if down else y - LINE * (len(lines) - 1)
    return "".join(
        f'<text x="{x}" y="{first + LINE * row}" text-anchor="{anchor}" '
        f'fill="{"#0369a1" if line.startswith("time") else colour}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )


# Page ----------------------------------------------------------------------------------------------------------------


BLOCKS: Final[dict[str, Callable[[], list[str]]]] = {
    "diagram": mermaid,
    "time": lambda: transition_table(row for row in TABLE if row.is_time),
    "milestone": lambda: transition_table(row for row in TABLE if not row.about_trade and not row.is_time),
    "trade": lambda: transition_table(row for row in TABLE if row.about_trade and not row.is_time),
    "parties": party_table,
    "refusals": lambda: [
        *refusal_table(),
        "",
        f"Every call but `fund` is refused with `{NO_TRADE}` or `{TRADE_CLOSED}` where that is so.",
    ],
}


def page(current: str) -> str:
    """Return the page with its generated blocks as the table says.

    Raises:
        StaleError: a block's marks are missing.
    """
    for name, build in BLOCKS.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        if current.count(begin) != 1 or current.count(end) != 1:
            raise StaleError(f"{PAGE.name}: expected one `{begin.strip()}` and one `{end}`")
        head, rest = current.split(begin)
        tail = rest.split(end)[1]
        current = head + begin + "\n".join(build()) + "\n" + end + tail
    return current


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Write the tables and diagram of docs/spec/trade.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if one of them is stale")
    options = parser.parse_args(arguments)
    try:
        wanted = {PAGE: page(PAGE.read_text()), DIAGRAM: svg()}
        for path, text in wanted.items():
            is_current = path.exists() and path.read_text() == text
            if options.check and not is_current:
                raise StaleError(f"{path.name}: differs from the state table; run scripts/build_trade_docs.py")
            if not is_current:
                path.write_text(text)
                print(f"wrote {path.name}")
    except StaleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
