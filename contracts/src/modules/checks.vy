# pragma version 0.4.3
"""
@title Checks
@license Apache-2.0
@notice One place that refuses with a reason. An `assert` with a text costs about 118 bytes of code each time, a call of
        this half of that: with more than sixty reasons it decides whether the escrow fits EIP-170.
"""


@internal
@pure
def _require(holds: bool, reason: String[32]):
    """
    @notice Reverts with the reason unless the condition holds.
    @param holds The condition.
    @param reason Who refuses and why, "escrow: deadline passed".
    """
    assert holds, reason
