# pragma version 0.4.3
"""
@title A token that lies and calls back
@license Apache-2.0
@notice Claims any hold it is told to, moves nothing, and in the middle of a call calls whom it is told to. For tests.
"""

struct Hold:
    owner: address
    notary: address
    amount: uint256
    expires_at: uint256
    created_at: uint256
    reference: bytes32
    signed: bool

hold_id: public(bytes32)
claimed: public(Hold)
expiry: public(uint256)
target: address
payload: Bytes[4096]
calls_back: public(uint256)
calls_succeeded: public(uint256)


@external
def claim(hold_id: bytes32, hold: Hold, expiry: uint256):
    """
    @notice Sets what the token says about every hold.
    @param hold_id What `hold_signed` returns.
    @param hold What `get_hold` returns.
    @param expiry What `effective_expiry` returns.
    """
    self.hold_id = hold_id
    self.claimed = hold
    self.expiry = expiry


@external
def call_back(target: address, payload: Bytes[4096]):
    """
    @notice Sets whom every state-changing call of this token calls.
    @param target The contract.
    @param payload Its call data.
    """
    self.target = target
    self.payload = payload


@external
def hold_signed(
    owner: address,
    amount: uint256,
    expires_at: uint256,
    reference: bytes32,
    salt: bytes32,
    valid_until: uint256,
    signature: Bytes[512],
) -> bytes32:
    """
    @notice Holds nothing.
    @param owner Not looked at, like the rest.
    @return What `claim` set.
    """
    self._call_back()
    return self.hold_id


@external
def execute_hold(id: bytes32, to: address, amount: uint256):
    """
    @notice Pays nothing.
    @param id Not looked at, like the rest.
    """
    self._call_back()


@external
def release_hold(id: bytes32, amount: uint256):
    """
    @notice Releases nothing.
    @param id Not looked at, like the rest.
    """
    self._call_back()


@external
def increase_hold(id: bytes32, amount: uint256, expires_at: uint256, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Raises nothing.
    @param id Not looked at, like the rest.
    """
    self._call_back()


@external
@view
def currency() -> String[3]:
    """
    @notice Says it is the euro.
    @return EUR.
    """
    return "EUR"


@external
@view
def decimals() -> uint8:
    """
    @notice As the euro has.
    @return 2.
    """
    return 2


@external
@view
def get_hold(id: bytes32) -> Hold:
    """
    @notice Whatever `claim` set.
    @param id Not looked at.
    @return The lie.
    """
    return self.claimed


@external
@view
def effective_expiry(id: bytes32) -> uint256:
    """
    @notice Whatever `claim` set.
    @param id Not looked at.
    @return The lie.
    """
    return self.expiry


@internal
def _call_back():
    """
    @notice Makes the call and counts whether it went through.
    """
    if self.target != empty(address):
        self.calls_back += 1
        if raw_call(self.target, self.payload, revert_on_failure=False):
            self.calls_succeeded += 1
