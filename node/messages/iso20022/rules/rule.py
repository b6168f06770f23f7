"""What a rule is, and what it looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.messages.iso20022.catalogue import family_of
from node.messages.iso20022.reading import Parts
from node.messages.iso20022.report import Severity

if TYPE_CHECKING:
    from lxml.etree import _Element


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a rule does not hold."""

    element: "_Element"
    text: str
    """What was expected and what stands there, in plain words."""
    repair: str | None = None
    value: str | None = None
    """What to show as the value, where it is not the element's own text."""


class Subject:
    """A message as rules see it: each part's elements by local name, in document order."""

    def __init__(self, parts: Parts) -> None:
        self.root = parts.document.element
        self.definition = parts.document.definition
        self.family = family_of(self.definition)
        self.header = None if parts.header is None else parts.header.element
        self.header_definition = None if parts.header is None else parts.header.definition
        self.comments = parts.comments
        self._found = _by_name(self.root)
        self._header_found = {} if self.header is None else _by_name(self.header)

    def named(self, *names: str) -> Iterator["_Element"]:
        """Yield the elements of these names, in both parts."""
        for name in names:
            yield from self._found.get(name, ())
            yield from self._header_found.get(name, ())

    def in_document(self, *names: str) -> Iterator["_Element"]:
        """Yield the Document's elements of these names."""
        for name in names:
            yield from self._found.get(name, ())

    def leaves(self) -> Iterator[tuple[str, "_Element"]]:
        """Yield (name, element) of every element without children, in both parts."""
        for found in (self._header_found, self._found):
            for name, elements in found.items():
                for element in elements:
                    if len(element) == 0:
                        yield name, element

    def child(self, element: "_Element", path: str) -> "_Element | None":
        """Return the first element under `path` (`GrpHdr/MsgId`), in the namespace of `element`."""
        namespace = _namespace(element)
        return element.find("/".join(namespace + step for step in path.split("/")))

    def text(self, element: "_Element | None", path: str = "") -> str | None:
        """Return the text at `path`, None where there is none."""
        if element is not None and path:
            element = self.child(element, path)
        return None if element is None else (element.text or "").strip() or None


Find = Callable[[Subject], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table."""

    id: str
    says: str
    """What must hold, in one sentence."""
    source: str
    find: Find
    families: frozenset[str] | None = None
    """Messages it is for; None means every family that usage rules cover."""
    severity: Severity = Severity.ERROR

    def is_for(self, family: str) -> bool:
        return self.families is None or family in self.families


def _namespace(element: "_Element") -> str:
    return str(element.tag).rpartition("}")[0] + "}"


def _by_name(root: "_Element") -> dict[str, list["_Element"]]:
    # Elements of another namespace (SplmtryData/Envlp) are their own scheme's matter.
    found: dict[str, list[_Element]] = {}
    namespace = _namespace(root)
    length = len(namespace)
    for element in root.iter():
        tag = element.tag
        if isinstance(tag, str) and tag.startswith(namespace):
            found.setdefault(tag[length:], []).append(element)
    return found
