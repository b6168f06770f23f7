"""Codes as pictures: with words, and not larger than they may be."""

import defusedxml.ElementTree as ElementTree
import pytest

from node.printing import qr
from node.printing.errors import PressError
from node.printing.limits import QR_BYTES_MAX


def test_code_has_title_and_description_when_it_is_a_picture() -> None:
    root = ElementTree.fromstring(qr.svg("5e" * 32, "The <hash>", "5e & so on"))
    assert [child.text for child in root][:2] == ["The <hash>", "5e & so on"]
    assert (root.get("role"), root.get("width")) == ("img", None)


def test_png_is_a_picture_of_whole_modules() -> None:
    content = qr.png("5e" * 32)
    width = int.from_bytes(content[16:20], "big")
    assert (content[:8], width % 6) == (b"\x89PNG\r\n\x1a\n", 0)


def test_text_is_refused_when_it_is_too_long() -> None:
    assert qr.png("x" * QR_BYTES_MAX)
    for text in ("x" * (QR_BYTES_MAX + 1), "ü" * (QR_BYTES_MAX // 2 + 1)):
        with pytest.raises(PressError, match="at most"):
            qr.png(text)
