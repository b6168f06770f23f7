"""Examples as text that tests change."""

from functools import cache

from node.messages.iso20022.codec import Message, build
from node.messages.iso20022.parts import Header


@cache
def written(message: Message, header: Header | None = None) -> str:
    """Return the message as text."""
    return build(message, header).decode()


def changed(text: str, *changes: tuple[str, str]) -> bytes:
    """Return the text with each change made at its first place; each must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def without(text: str, *elements: str) -> bytes:
    """Return the text without the first element of each name."""
    for name in elements:
        start, end = text.index(f"<{name}>"), text.index(f"</{name}>") + len(name) + 3
        text = text[:start] + text[end:]
    return text.encode()
