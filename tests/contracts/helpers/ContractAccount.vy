# pragma version 0.4.3
"""
@title An EIP-1271 account
@license Apache-2.0
@notice Says yes to what its owner approved, or to nothing, or answers as its owner told it. For tests.
"""

MAGIC_VALUE: constant(bytes4) = 0x1626ba7e

owner: address
approved: HashMap[bytes32, bool]


@deploy
def __init__(owner: address):
    """
    @param owner Who approves.
    """
    self.owner = owner


@external
def approve(digest: bytes32, is_approved: bool):
    """
    @notice Approves a digest or takes that back.
    @param digest What counts as signed.
    @param is_approved Whether it does.
    """
    assert msg.sender == self.owner, "account: not the owner"
    self.approved[digest] = is_approved


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[512]) -> bytes4:
    """
    @notice EIP-1271.
    @param digest What should have been signed.
    @param signature Not looked at.
    @return The magic value for what is approved.
    """
    if self.approved[digest]:
        return MAGIC_VALUE
    return 0xffffffff
