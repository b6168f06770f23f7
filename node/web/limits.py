"""Limits of every request, each with its reason."""

from typing import Final

# Terms with all their milestones and a UBL invoice are some tens of kilobytes.
BODY_BYTES_MAX: Final = 1024 * 1024
# EPCIS events, the deepest documents taken, nest about 8 levels.
JSON_DEPTH_MAX: Final = 32
IDEMPOTENCY_KEY_CHARS_MAX: Final = 128
# Rows of one answer.
PAGE_MAX: Final = 500
PAGE_DEFAULT: Final = 100
# Two texts of a row, in base64.
CURSOR_CHARS_MAX: Final = 1024
# A proxy closes a silent connection after a minute or so.
STREAM_KEEPALIVE_S: Final = 15.0
# A decision of another person takes a weekend, and the Monday after it.
PROPOSAL_LIFETIME_S: Final = 4 * 86_400
# After they ended: what a checker is asked about a year later.
PROPOSALS_KEPT_S: Final = 400 * 86_400
# Of one maker: a payroll is one order, not many.
PROPOSALS_OPEN_MAX: Final = 200
SUMMARY_CHARS_MAX: Final = 500
REASON_CHARS_MAX: Final = 500
AGENT_CHARS_MAX: Final = 200
# Requests of one caller: what one process answers in about three seconds.
REQUESTS_MAX: Final = 1_500
REQUESTS_WINDOW_S: Final = 3
# Callers whose requests are counted at once; the one that has asked least recently is forgotten.
COUNTED_CALLERS_MAX: Final = 10_000
# A list of ETags is one tag long, or a few.
IF_MATCH_CHARS_MAX: Final = 1024
