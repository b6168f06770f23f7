"""Whether papers can be printed here: WeasyPrint needs Pango, which comes with the system."""

import os
from ctypes.util import find_library

import pytest

needs_pango = pytest.mark.skipif(
    find_library("pangoft2-1.0") is None and "REQUIRE_PANGO" not in os.environ,
    reason="needs Pango (Debian: libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0)",
)
