"""The messages there are: those this node exchanges, and every schema it ships."""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from node.messages.iso20022.errors import UnknownDefinitionError

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
HEAD: Final = "head.001.001.02"

# Version in force for CBPR+ (usage guidelines 2025 and 2026) of each message this node reads and builds.
IN_FORCE: Final = MappingProxyType(
    {
        "pacs.008.001.08": "customer credit transfer",
        "pacs.009.001.08": "bank credit transfer, core or cover",
        "pacs.002.001.10": "payment status",
        "pacs.004.001.09": "payment return",
        "pacs.028.001.03": "status request",
        "camt.052.001.08": "account report",
        "camt.053.001.08": "statement",
        "camt.054.001.08": "debit or credit notification",
        "camt.056.001.08": "cancellation request",
        "camt.029.001.09": "answer to a cancellation request",
        "camt.110.001.01": "investigation request",
        "camt.111.001.01": "investigation response",
        "pain.001.001.09": "customer's payment order",
        "pain.002.001.10": "status of a customer's payment order",
        HEAD: "business application header",
    }
)


def family_of(definition: str) -> str:
    """Return `pacs.008` of `pacs.008.001.08`."""
    return ".".join(definition.split(".")[:2])


# The families that usage rules are written for: header.* apply with any of them.
COVERED: Final = frozenset(family_of(definition) for definition in IN_FORCE if definition != HEAD)


def schemas() -> Traversable:
    """Return the folder of the shipped schemas."""
    return files("node.messages.iso20022") / "schemas"


@cache
def manifest() -> dict[str, str]:
    """Return sha256 (hex) by definition of each shipped schema."""
    found: dict[str, str] = json.loads((schemas() / "manifest.json").read_text("utf-8"))
    return found


def in_force(family: str) -> str | None:
    """Return the version in force of a family, None for one this node does not exchange."""
    return next((definition for definition in IN_FORCE if family_of(definition) == family), None)


def require_known(definition: str) -> None:
    """Refuse a message that there is no schema of.

    Raises:
        UnknownDefinitionError: names the versions there are of the same message, or the messages there are.
    """
    if definition in manifest():
        return
    versions = [known for known in manifest() if family_of(known) == family_of(definition)]
    raise UnknownDefinitionError(
        definition,
        f"known versions of it: {', '.join(versions)}"
        if versions
        else f"known messages: {', '.join(sorted({family_of(known) for known in manifest()}))}",
    )
