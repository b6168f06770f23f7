"""The official schemas: compiled once each, on first use; what they say, in plain words with a path."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from node.messages.iso20022.catalogue import manifest, require_known, schemas
from node.messages.iso20022.errors import DamagedSchemaError
from node.messages.iso20022.limits import FINDINGS_MAX
from node.messages.iso20022.paths import shortened, value_of, xpath_of
from node.messages.iso20022.report import Finding, Severity

if TYPE_CHECKING:
    from lxml.etree import XMLSchema, _Element, _LogEntry

SCHEMA_RULE: Final = "schema"
_NAMESPACE: Final = re.compile(r"\{urn:[^}]*\}")
_SUBJECT: Final = re.compile(r"^Element '[^']*'(, attribute '[^']*')?: ")


@cache
def load(definition: str) -> "XMLSchema":
    """Return the compiled schema of a message.

    Raises:
        UnknownDefinitionError: there is none.
        DamagedSchemaError: its text is not the official one.
    """
    from lxml import etree

    require_known(definition)
    text = (schemas() / f"{definition}.xsd").read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if digest != manifest()[definition]:
        raise DamagedSchemaError(f"schema {definition}: expected sha256 {manifest()[definition]}, got {digest}")
    return etree.XMLSchema(etree.fromstring(text))


def check(element: "_Element", definition: str) -> tuple[Finding, ...]:
    """Validate one part; empty when it is valid."""
    schema = load(definition)
    if schema.validate(element):
        return ()
    return tuple(_findings(element, schema))


def _findings(element: "_Element", schema: "XMLSchema") -> Iterator[Finding]:
    # libxml2's paths have the prefixes that the message chose. Those in scope of every element would be a million.
    prefixes = {one.prefix: str(one.tag).rpartition("}")[0][1:] for one in element.iter("*") if one.prefix}
    # It says first which facet a value breaks, then once more that its type refuses it.
    seen: set[str] = set()
    for entry in cast("Iterable[_LogEntry]", schema.error_log):
        path = entry.path or ""
        if path not in seen and len(seen) < FINDINGS_MAX:
            seen.add(path)
            yield _finding(_element_at(element, path, prefixes), entry.message)


def _finding(element: "_Element", message: str) -> Finding:
    text = _SUBJECT.sub("", _NAMESPACE.sub("", message))
    return Finding(
        rule=SCHEMA_RULE,
        severity=Severity.ERROR,
        xpath=xpath_of(element),
        value=value_of(element),
        text=shortened(text),
    )


def _element_at(root: "_Element", path: str, prefixes: dict[str, str]) -> "_Element":
    from lxml import etree

    # The path starts at this part, not at a wrapper around it.
    found = etree.ElementTree(root).xpath(path, namespaces=prefixes) if path else None
    return found[0] if isinstance(found, list) and found and isinstance(found[0], etree._Element) else root
