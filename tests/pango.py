"""Whether papers can be printed here: WeasyPrint needs Pango, which comes with the system."""

import os
from ctypes.util import find_library

import pytest

HAS_PANGO = find_library("pangoft2-1.0") is not None or "REQUIRE_PANGO" in os.environ
needs_pango = pytest.mark.skipif(
    not HAS_PANGO,
    reason="needs Pango (Debian: libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0)",
)
