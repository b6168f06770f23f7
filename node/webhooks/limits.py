"""Limits of webhooks, each with its reason."""

from typing import Final

ENDPOINTS_MAX: Final = 50
KINDS_MAX: Final = 20
URL_CHARS_MAX: Final = 500
TEXT_CHARS_MAX: Final = 200
# A rotation that overlaps another, and both schemes.
KEYS_MAX: Final = 5
OVERLAP_S_MAX: Final = 30 * 86_400
# Standard Webhooks asks for 24 to 64 bytes.
SECRET_BYTES: Final = 32

# A receiver that stores and answers needs a fraction of it.
ATTEMPT_S_MAX: Final = 10.0
# Of an answer; only its status counts.
ANSWER_BYTES_MAX: Final = 16 * 1024
REASON_CHARS_MAX: Final = 300
FLIGHTS_MAX: Final = 32
ENDPOINT_FLIGHTS_MAX: Final = 4
# A receiver that restarts is back within seconds; one that is away for a night gets everything within an hour.
BACKOFF_FIRST_S: Final = 5.0
BACKOFF_MAX_S: Final = 3600.0
# A long weekend.
GIVE_UP_S: Final = 3 * 86_400
# Events that one look takes.
FAN_MAX: Final = 200
REPLAY_MAX: Final = 1_000
