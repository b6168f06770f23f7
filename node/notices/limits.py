"""Limits of notices, each with its reason."""

from typing import Final

KINDS_MAX: Final = 20
# Local part and domain of RFC 5321.
ADDRESS_CHARS_MAX: Final = 254
CODE_DIGITS: Final = 8
CODE_TRIES_MAX: Final = 5
CODE_S_MAX: Final = 3600
# Codes that one person may have sent within CODE_S_MAX: a mailbox must not be flooded.
CODES_MAX: Final = 5
TEXT_CHARS_MAX: Final = 1_000
REASON_CHARS_MAX: Final = 300
# Events that one look takes, and e-mails that one round sends.
WRITE_MAX: Final = 200
POST_MAX: Final = 20
SMTP_S_MAX: Final = 30.0
BACKOFF_FIRST_S: Final = 30.0
BACKOFF_MAX_S: Final = 3600.0
GIVE_UP_S: Final = 3 * 86_400
