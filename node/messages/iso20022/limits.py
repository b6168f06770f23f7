"""Limits of a message, each with its reason."""

from typing import Final

# SWIFT carries 100 kB a message; a day's statement with a thousand entries is some 900 kB.
MESSAGE_BYTES_MAX: Final = 1024 * 1024
# The deepest path of the shipped schemas is below 30.
DEPTH_MAX: Final = 40
# A statement of 1,000 entries, as this node writes them, has some 40,000 elements.
ELEMENTS_MAX: Final = 50_000
# An ISO 20022 element has one attribute at most; room for namespace declarations.
ATTRIBUTES_MAX: Final = 16
# A report that is longer helps nobody.
FINDINGS_MAX: Final = 100
# What a finding says; a schema lists every element that may follow.
TEXT_CHARS_MAX: Final = 400
# What a report repeats of a value.
VALUE_CHARS_MAX: Final = 140
