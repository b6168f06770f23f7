"""Limits of the audit log, each with its reason."""

from typing import Final

# Of a text that is shown as it is; what is longer is shown by its hash.
TEXT_CHARS_MAX: Final = 200
# A hash or a digest is shown, a document is not.
BYTES_SHOWN_MAX: Final = 32
# An invoice's lines, an amendment's fields; what is longer is shown by its hash.
JSON_CHARS_MAX: Final = 1_000
# Rows that one action changes: funding a trade takes some 30.
CHANGES_MAX: Final = 500
# 500 changes of 30 columns each.
LINE_BYTES_MAX: Final = 4 << 20
# A body of the API nests 32 levels, and stands four levels deep in an entry.
JSON_DEPTH_MAX: Final = 40
