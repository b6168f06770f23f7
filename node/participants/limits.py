"""Limits of what institutions exchange about their keys, each with its reason."""

from typing import Final

# A document with sixteen keys of the largest algorithm is some 60 KB; a rotation notice holds one.
PAPER_BYTES_MAX: Final = 128 * 1024
# Message, transaction, validator and evidence key, and a few sealing keys while they change.
KEYS_MAX: Final = 16
URL_CHARS_MAX: Final = 2048
# ISO 20022 Max140Text.
NAME_CHARS_MAX: Final = 140
REASON_CHARS_MAX: Final = 200
# How far another institution's clock may be ahead of ledger time.
CLOCK_SKEW_S: Final = 300
# A node that was away follows the chain this far behind: what lies further ahead is wrong, not early.
LAG_S_MAX: Final = 30 * 86_400
# A rotation is announced at most this long before it starts.
ANNOUNCED_S_MAX: Final = 90 * 86_400
# Two keys at a time are twice the target, so the old one ends within a month.
OVERLAP_S_MAX: Final = 30 * 86_400
