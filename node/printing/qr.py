"""QR codes: as SVG with a title and a description, as PNG."""

from io import BytesIO
from typing import Final

import segno

from node.printing.errors import PressError
from node.printing.limits import QR_BYTES_MAX

# A sixth of the code may be lost to folds and glare.
_CORRECTION: Final = "m"
_QUIET_ZONE: Final = 4
_PNG_SCALE: Final = 6


def svg(text: str, title: str, description: str) -> str:
    """Return the code of a text as an SVG element that scales.

    Args:
        title: What it is, for those who do not see it.
        description: What it holds or what it is for.
    """
    out = BytesIO()
    _code(text).save(
        out,
        kind="svg",
        border=_QUIET_ZONE,
        xmldecl=False,
        omitsize=True,
        title=title,
        desc=description,
        nl=False,
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    # `img`, so that its title is read out instead of its path.
    return out.getvalue().decode("utf-8").replace("<svg ", '<svg role="img" ', 1)


def png(text: str) -> bytes:
    """Return the code of a text as a PNG file."""
    out = BytesIO()
    _code(text).save(out, kind="png", border=_QUIET_ZONE, scale=_PNG_SCALE)
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    if len(text.encode("utf-8")) > QR_BYTES_MAX:
        raise PressError(f"text: expected at most {QR_BYTES_MAX} bytes in a code, got {len(text)} characters")
    return segno.make_qr(text, error=_CORRECTION, boost_error=False)
