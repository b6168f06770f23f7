"""Where the example files are: beside the program in a checkout, inside it in an installed package."""

from pathlib import Path
from typing import Final

RATES: Final = "rates/eur-daily-2026.csv"
_INSTALLED: Final = Path(__file__).parent / "examples"
_CHECKOUT: Final = Path(__file__).parents[2] / "examples"


def example(name: str) -> Path:
    """Return the path of an example file, such as `roses/terms.toml`."""
    return (_INSTALLED if _INSTALLED.is_dir() else _CHECKOUT) / name
