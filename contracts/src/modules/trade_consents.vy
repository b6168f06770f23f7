# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Trade consents
@license Apache-2.0
@notice Who stands by a signed message, each message once: an action number per signer and trade (in any order), a
        last second, and the signer's right to revoke what has not been used.
@custom:security An institution's message counts only if it recorded the digest by its own transaction or is the
        caller, and only while it is active, so that a stolen transaction key alone signs nothing for it. Everyone
        else signs by key or by EIP-1271.
@custom:invariant A used action number or digest never counts again.
@custom:source docs/spec/settlement.md section 2.
"""

from interfaces import IParticipantRegistry
from modules import checks
from modules import eip712
from modules import signatures

uses: eip712


event DigestRevoked:
    signer: indexed(address)
    digest: indexed(bytes32)


USED: constant(uint256) = 1
REVOKED: constant(uint256) = 2

digests: HashMap[address, HashMap[bytes32, uint256]]
actions: HashMap[bytes32, HashMap[address, HashMap[uint256, bool]]]


@external
def revoke(digest: bytes32):
    """
    @notice The caller no longer stands by a message that has not been used.
    @param digest The message's EIP-712 digest.
    """
    checks._require(self.digests[msg.sender][digest] == 0, "escrow: digest used or revoked")
    self.digests[msg.sender][digest] = REVOKED
    log DigestRevoked(signer=msg.sender, digest=digest)


@external
@view
def is_action_used(trade_id: bytes32, signer: address, action: uint256) -> bool:
    """
    @notice Whether a signer has used an action number in a trade.
    @param trade_id The trade.
    @param signer A party, attester or arbiter.
    @param action The number.
    @return True once used.
    """
    return self.actions[trade_id][signer][action]


@internal
def _take(
    registry: IParticipantRegistry,
    trade_id: bytes32,
    signer: address,
    struct_hash: bytes32,
    valid_until: uint256,
    action: uint256,
    signature: Bytes[512],
) -> bytes32:
    """
    @notice Checks that the signer stands by a message now, and uses the message up.
    @param registry Tells institutions from customers.
    @param trade_id The trade that the action number belongs to.
    @param signer Whose message it is.
    @param struct_hash hashStruct of the message.
    @param valid_until Its last second.
    @param action Its action number.
    @param signature The signer's; empty where an institution recorded the digest or the signer is the caller.
    @return The message's digest.
    """
    digest: bytes32 = eip712._digest(struct_hash)
    checks._require(block.timestamp <= valid_until, "escrow: signature expired")
    checks._require(not self.actions[trade_id][signer][action], "escrow: action used")
    checks._require(self.digests[signer][digest] == 0, "escrow: digest used or revoked")
    self.actions[trade_id][signer][action] = True
    self.digests[signer][digest] = USED

    member: IParticipantRegistry.Institution = staticcall registry.institution(signer)
    if member.registered:
        checks._require(member.active, "escrow: institution suspended")
        checks._require(
            msg.sender == signer or staticcall registry.is_recorded(signer, digest), "escrow: digest not recorded"
        )
    else:
        checks._require(
            msg.sender == signer or signatures._is_signed(signer, digest, signature), "escrow: bad signature"
        )
    return digest
