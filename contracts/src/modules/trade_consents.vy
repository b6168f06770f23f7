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
from interfaces import ITradeEscrow
from modules import checks
from modules import eip712
from modules import network
from modules import signatures
from modules import trade_states

uses: eip712
uses: network
uses: trade_states


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
    trade_id: bytes32,
    signer: address,
    struct_hash: bytes32,
    valid_until: uint256,
    action: uint256,
    signature: Bytes[512],
) -> bytes32:
    """
    @notice Checks that the signer stands by a message now, and uses the message up.
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

    member: IParticipantRegistry.Institution = staticcall network.REGISTRY.institution(signer)
    if member.registered:
        checks._require(member.active, "escrow: institution suspended")
        checks._require(
            msg.sender == signer or staticcall network.REGISTRY.is_recorded(signer, digest), "escrow: digest not recorded"
        )
    else:
        checks._require(
            msg.sender == signer or signatures._is_signed(signer, digest, signature), "escrow: bad signature"
        )
    return digest


@internal
def _take_signed(
    trade_id: bytes32, signer: address, struct_hash: bytes32, consent: ITradeEscrow.SignedConsent
) -> bytes32:
    """
    @notice The same with validity, action number and signature in one.
    @param trade_id The trade.
    @param signer Whose message it is.
    @param struct_hash hashStruct of the message.
    @param consent The rest.
    @return The message's digest.
    """
    return self._take(trade_id, signer, struct_hash, consent.valid_until, consent.action, consent.signature)


@internal
def _take_from_holders(
    trade_id: bytes32,
    trade: ITradeEscrow.Trade,
    type_hash: bytes32,
    content: Bytes[64],
    consents: DynArray[ITradeEscrow.SignedConsent, 8],
):
    """
    @notice Takes one message of everyone who stands on the exporter's side of an unsettled milestone.
    @param trade_id The trade.
    @param trade Its record.
    @param type_hash Type of the message.
    @param content What it says beside trade and version, in words.
    @param consents One each, in the order of their first milestones.
    """
    holders: DynArray[address, 8] = []
    for index: uint256 in range(trade.milestones, bound=8):
        record: ITradeEscrow.MilestoneRecord = trade_states.milestones[trade_id][index]
        holder: address = trade_states._holder(trade, record)
        if record.state == trade_states.SETTLED or holder in holders:
            continue
        checks._require(len(holders) < len(consents), "escrow: consent missing")
        self._take_about_trade(trade_id, trade.version, holder, type_hash, content, consents[len(holders)])
        holders.append(holder)
    checks._require(len(holders) == len(consents), "escrow: too many consents")


@internal
def _take_about_trade(
    trade_id: bytes32,
    version: uint256,
    signer: address,
    type_hash: bytes32,
    content: Bytes[64],
    consent: ITradeEscrow.SignedConsent,
):
    """
    @notice Takes a message about a whole trade.
    @param trade_id The trade.
    @param version Version of the terms.
    @param signer Whose message it is.
    @param type_hash Its type.
    @param content What it says beside them, in words.
    @param consent Its validity, action number and signature.
    """
    head: Bytes[96] = abi_encode(type_hash, trade_id, version)
    tail: Bytes[64] = abi_encode(consent.valid_until, consent.action)
    self._take_signed(trade_id, signer, keccak256(concat(head, content, tail)), consent)


@internal
def _take_about_milestone(
    trade_id: bytes32,
    version: uint256,
    index: uint256,
    terms_hash: bytes32,
    signer: address,
    type_hash: bytes32,
    content: Bytes[64],
    consent: ITradeEscrow.SignedConsent,
) -> bytes32:
    """
    @notice Takes a message about one milestone.
    @param trade_id The trade.
    @param version Version of the terms.
    @param index The milestone's place.
    @param terms_hash Hash of the milestone's terms, place, amount and version.
    @param signer Whose message it is.
    @param type_hash Its type.
    @param content What it says beside them, in words.
    @param consent Its validity, action number and signature.
    @return The message's digest.
    """
    head: Bytes[160] = abi_encode(type_hash, trade_id, version, index, terms_hash)
    tail: Bytes[64] = abi_encode(consent.valid_until, consent.action)
    return self._take_signed(trade_id, signer, keccak256(concat(head, content, tail)), consent)
