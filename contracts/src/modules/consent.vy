# pragma version 0.4.3
"""
@title Consent
@license Apache-2.0
@notice How an owner lets others act on its money: allowances, `permit` (EIP-2612), payment by signature (EIP-3009),
        and signed messages that count once and can be revoked (holds).
@custom:security A signature counts in one domain (chain, contract, name), until a time, and once: `permit` by a
        counter, EIP-3009 by its random nonce, holds by their digest. The signer may be a contract (EIP-1271).
@custom:units Minor units, seconds.
"""

from ethereum.ercs import IERC20

from modules import accounts
from modules import checks
from modules import eip712
from modules import signatures

uses: accounts
uses: eip712


event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)


event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)


event DigestRevoked:
    signer: indexed(address)
    digest: indexed(bytes32)


PERMIT_TYPE_HASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
TRANSFER_TYPE_HASH: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPE_HASH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_TYPE_HASH: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")

allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
is_digest_used: public(HashMap[address, HashMap[bytes32, bool]])


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets `spender` pay or hold up to `amount` of the caller's money; replaces an earlier allowance.
    @param spender Who may.
    @param amount Minor units; 2**256 - 1 is never used up.
    @return True.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def increaseAllowance(spender: address, added: uint256) -> bool:
    """
    @notice Raises an allowance.
    @param spender Who may.
    @param added Minor units.
    @return True.
    """
    self._approve(msg.sender, spender, self.allowance[msg.sender][spender] + added)
    return True


@external
def decreaseAllowance(spender: address, taken: uint256) -> bool:
    """
    @notice Lowers an allowance, never below zero.
    @param spender Who may.
    @param taken Minor units.
    @return True.
    """
    self._lower_allowance(msg.sender, spender, taken)
    return True


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice The EIP-712 domain separator on this chain.
    @return 32 bytes.
    """
    return eip712._domain_separator()


@external
@nonreentrant
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice `approve` by signature (EIP-2612).
    @param owner Who signed `Permit` with its next nonce.
    @param spender Who may.
    @param amount Minor units.
    @param deadline Last second in which the signature counts.
    """
    nonce: uint256 = self.nonces[owner]
    self._check_not_after(deadline)
    self._check_signature(
        owner,
        eip712._digest(keccak256(abi_encode(PERMIT_TYPE_HASH, owner, spender, amount, nonce, deadline))),
        self._joined(v, r, s),
    )
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@external
@nonreentrant
def transferWithAuthorization(
    sender: address,
    to: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `transfer` by signature, relayed by anyone (EIP-3009). With the signature in bytes: `__default__`.
    @param sender Whose money; who signed.
    @param to Receiver.
    @param amount Minor units.
    @param validAfter The signature counts after this second.
    @param validBefore The signature counts before this second.
    @param nonce Random, used once.
    """
    self._pay_authorized(
        TRANSFER_TYPE_HASH, sender, to, amount, validAfter, validBefore, nonce, self._joined(v, r, s)
    )


@external
@nonreentrant
def receiveWithAuthorization(
    sender: address,
    to: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `transfer` by signature, fetched by the receiver itself (EIP-3009).
    @param sender Whose money; who signed.
    @param to Receiver and caller.
    @param amount Minor units.
    @param validAfter The signature counts after this second.
    @param validBefore The signature counts before this second.
    @param nonce Random, used once.
    """
    self._pay_authorized(
        RECEIVE_TYPE_HASH, sender, to, amount, validAfter, validBefore, nonce, self._joined(v, r, s)
    )


@external
@nonreentrant
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Uses up a nonce without paying (EIP-3009).
    @param authorizer Who signed.
    @param nonce An unused one.
    """
    self._cancel_authorization(authorizer, nonce, self._joined(v, r, s))


@external
def revoke(digest: bytes32):
    """
    @notice The caller's own signature over this `Hold` or `IncreaseHold` no longer counts.
    @param digest EIP-712 digest, unused.
    """
    self._use_digest(msg.sender, digest)
    log DigestRevoked(signer=msg.sender, digest=digest)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @notice Replaces an allowance.
    @param owner Whose money.
    @param spender Who may.
    @param amount Minor units.
    """
    checks._require(spender != empty(address), "token: no spender")
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _lower_allowance(owner: address, spender: address, amount: uint256):
    """
    @notice Takes from an allowance.
    @param owner Whose money.
    @param spender Who may.
    @param amount Minor units, at most the allowance.
    """
    allowed: uint256 = self.allowance[owner][spender]
    checks._require(amount <= allowed, "token: allowance too small")
    self._approve(owner, spender, allowed - amount)


@internal
def _use_allowance(owner: address, amount: uint256):
    """
    @notice Uses up the caller's allowance; the unlimited one stays.
    @param owner Whose money.
    @param amount Minor units.
    """
    if self.allowance[owner][msg.sender] != max_value(uint256):
        self._lower_allowance(owner, msg.sender, amount)


@internal
def _pay_authorized(
    type_hash: bytes32,
    sender: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    signature: Bytes[512],
):
    """
    @notice EIP-3009: pays once, between the two times (both exclusive).
    @param type_hash Of the transfer or, for the receiver alone, of the receive message; both have the same fields.
    @param sender Whose money; who signed.
    @param to Receiver.
    @param amount Minor units.
    @param valid_after The signature counts after this second.
    @param valid_before The signature counts before this second.
    @param nonce Random, used once.
    @param signature The sender's.
    """
    checks._require(type_hash != RECEIVE_TYPE_HASH or msg.sender == to, "token: not the receiver")
    checks._require(valid_after < block.timestamp, "token: signature not yet valid")
    checks._require(block.timestamp < valid_before, "token: signature expired")
    self._use_nonce(
        sender,
        nonce,
        keccak256(abi_encode(type_hash, sender, to, amount, valid_after, valid_before, nonce)),
        signature,
    )
    log AuthorizationUsed(authorizer=sender, nonce=nonce)
    accounts._transfer(sender, to, amount)


@internal
def _cancel_authorization(authorizer: address, nonce: bytes32, signature: Bytes[512]):
    """
    @notice EIP-3009: uses up a nonce without paying.
    @param authorizer Who signed.
    @param nonce An unused one.
    @param signature The authorizer's.
    """
    self._use_nonce(authorizer, nonce, keccak256(abi_encode(CANCEL_TYPE_HASH, authorizer, nonce)), signature)
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _use_nonce(signer: address, nonce: bytes32, struct_hash: bytes32, signature: Bytes[512]):
    """
    @notice EIP-3009: accepts a signed message if its nonce is unused.
    @param signer Who should have signed.
    @param nonce The message's.
    @param struct_hash hashStruct of the message.
    @param signature The signer's.
    """
    checks._require(not self.authorizationState[signer][nonce], "token: authorization used")
    self._check_signature(signer, eip712._digest(struct_hash), signature)
    self.authorizationState[signer][nonce] = True


@internal
def _use_signature(signer: address, struct_hash: bytes32, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Accepts a signed message once, while it is valid and not revoked.
    @param signer Who should have signed.
    @param struct_hash hashStruct of the message.
    @param valid_until Last second in which it counts.
    @param signature The signer's.
    """
    self._check_not_after(valid_until)
    digest: bytes32 = eip712._digest(struct_hash)
    self._check_signature(signer, digest, signature)
    self._use_digest(signer, digest)


@internal
def _use_digest(signer: address, digest: bytes32):
    """
    @notice Uses up a digest.
    @param signer Whose.
    @param digest An unused one.
    """
    checks._require(not self.is_digest_used[signer][digest], "token: signature used")
    self.is_digest_used[signer][digest] = True


@internal
@view
def _check_not_after(last_second: uint256):
    """
    @notice Refuses a signature after its time.
    @param last_second Last second in which it counts.
    """
    checks._require(block.timestamp <= last_second, "token: signature expired")


@internal
@view
def _check_signature(signer: address, digest: bytes32, signature: Bytes[512]):
    """
    @notice Refuses a signature that is not the signer's.
    @param signer Who should have signed.
    @param digest What was signed.
    @param signature 65 bytes, or what an EIP-1271 account takes.
    """
    checks._require(signatures._is_signed(signer, digest, signature), "token: bad signature")


@internal
@pure
def _joined(v: uint8, r: bytes32, s: bytes32) -> Bytes[512]:
    """
    @notice A signature in one piece.
    @return r, s, v; 65 bytes.
    """
    return concat(r, s, convert(v, bytes1))
