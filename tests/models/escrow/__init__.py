"""The escrow as plain Python: what SPEC sections 2 to 5 say, without signatures, hashes or storage.

The model decides by itself whether a call is allowed and with which reason it is refused; the state machine compares
each answer and every balance with the contracts. A trade is one or two legs, each a hold cut into one slice per
milestone: `none` and `convert_now` have the invoice leg alone, `lock` a funding leg beside it, `float` the funding leg
alone. A refused call may leave the model half changed, as a reverted transaction does not: its caller keeps a copy.
"""

from tests.models.escrow.agreement import Amendment, Escrow
from tests.models.escrow.rates import FloatRule, Oracle
from tests.models.escrow.records import (
    BPS,
    DAY_S,
    NOBODY,
    Cause,
    Choice,
    Conversion,
    Leg,
    Milestone,
    Option,
    Outcome,
    Policy,
    Quote,
    Rejected,
    State,
    Trade,
    Windows,
    slices_of,
    split,
)

__all__ = [
    "BPS",
    "DAY_S",
    "NOBODY",
    "Amendment",
    "Cause",
    "Choice",
    "Conversion",
    "Escrow",
    "FloatRule",
    "Leg",
    "Milestone",
    "Option",
    "Oracle",
    "Outcome",
    "Policy",
    "Quote",
    "Rejected",
    "State",
    "Trade",
    "Windows",
    "slices_of",
    "split",
]
