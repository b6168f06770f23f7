"""Limits of payment requests, each with its reason."""

from typing import Final

# EMV QRCPS Merchant-Presented Mode 1.1, section 3.
PAYLOAD_CHARS_MAX: Final = 512
VALUE_CHARS_MAX: Final = 99
# The sample of the specification, with every kind of template, has 16.
OBJECTS_MAX: Final = 64
NAME_CHARS_MAX: Final = 25
CITY_CHARS_MAX: Final = 15
AMOUNT_CHARS_MAX: Final = 13
REFERENCE_CHARS_MAX: Final = 25
# Long enough to scan a code, short enough that a lost one is soon worthless.
EXPIRES_IN_MIN_S: Final = 60
EXPIRES_IN_DEFAULT_S: Final = 900
EXPIRES_IN_MAX_S: Final = 7 * 86_400
