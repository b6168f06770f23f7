"""Limits of what is asked about customers, each with its reason."""

from typing import Final

# As large as a body of the API may be: a scan of one page at 150 dpi has some 300 kB.
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
DOCUMENTS_MAX: Final = 20
FILE_NAME_CHARS_MAX: Final = 120
TEXT_CHARS_MAX: Final = 140
LONG_TEXT_CHARS_MAX: Final = 1_000
# FATF: whoever owns a quarter or more; four have a quarter each, the rest control it otherwise.
OWNERS_MAX: Final = 10
REASON_CHARS_MAX: Final = 500
# Applications that nobody has decided about.
APPLICATIONS_OPEN_MAX: Final = 1_000
# All documents of a customer and its people, in one export.
EXPORT_BYTES_MAX: Final = 64 * 1024 * 1024
