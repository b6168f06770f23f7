"""Where an element stands and what it says, as a report shows it."""

from typing import TYPE_CHECKING

from node.messages.iso20022.limits import TEXT_CHARS_MAX, VALUE_CHARS_MAX

if TYPE_CHECKING:
    from lxml.etree import _Element


def local_name(element: "_Element") -> str:
    """Return the element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def xpath_of(element: "_Element") -> str:
    """Return the path from the root, names without prefixes, with an index only where there are several."""
    steps: list[str] = []
    current: _Element | None = element
    while current is not None:
        steps.append(_step(current))
        current = current.getparent()
    return "/" + "/".join(reversed(steps))


def value_of(element: "_Element") -> str:
    """Return the element's own text, shortened; an element with children has none."""
    text = (element.text or "").strip()
    return text if len(text) <= VALUE_CHARS_MAX else text[:VALUE_CHARS_MAX] + "..."


def shortened(text: str) -> str:
    """Return what a finding says, within its limit."""
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + " ..."


def _step(element: "_Element") -> str:
    name = local_name(element)
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    if before == 0 and next(element.itersiblings(element.tag), None) is None:
        return name
    return f"{name}[{before + 1}]"
