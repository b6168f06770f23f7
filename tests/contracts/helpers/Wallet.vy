# pragma version 0.4.3
"""
@title Wallet
@license Apache-2.0
@notice An account that is a contract (EIP-1271), honest or hostile as told: it accepts one digest and answers as its
        mode says.
"""


interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable


MAGIC_VALUE: constant(bytes4) = 0x1626ba7e

accepted: public(bytes32)
mode: public(uint256)
token: public(address)
asked: public(uint256)


@external
def accept(digest: bytes32):
    self.accepted = digest


@external
def set_mode(mode: uint256, token: address):
    """
    @param mode 0 honest, 1 refuses with another word, 2 reverts, 3 answers nothing, 4 answers four bytes, 5 tries to
           pay while asked, 6 writes to its own state.
    """
    self.mode = mode
    self.token = token


@external
@raw_return
def isValidSignature(digest: bytes32, signature: Bytes[512]) -> Bytes[64]:
    if self.mode == 1:
        return abi_encode(empty(bytes32))
    if self.mode == 2:
        raise "wallet: no"
    if self.mode == 3:
        return b""
    if self.mode == 4:
        return slice(abi_encode(MAGIC_VALUE), 0, 4)
    if self.mode == 5:
        extcall Token(self.token).transfer(msg.sender, 1)
    if self.mode == 6:
        self.asked += 1
    if digest != self.accepted:
        return abi_encode(empty(bytes32))
    return abi_encode(MAGIC_VALUE)


@external
def call(target: address, data: Bytes[1024]):
    """
    @notice Calls anything as this account.
    """
    raw_call(target, data)
