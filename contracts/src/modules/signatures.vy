# pragma version 0.4.3
"""
@title Signature check
@license Apache-2.0
@notice Tells whether an account signed a digest: a secp256k1 signature of 65 bytes (r, s, v) with low s, or, for an
        account that is a contract, whatever its EIP-1271 method accepts (up to 512 bytes).
@custom:security The EIP-1271 account is hostile until it answers: it is asked by a static call, so it can change
        nothing; a revert, a short answer or any other first word than the magic value means "not signed".
@custom:source EIP-1271, EIP-2 (low s).
"""


# Half the group order of secp256k1 (EIP-2): a signature has one form only.
S_MAX: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
# bytes4(keccak256("isValidSignature(bytes32,bytes)")), which is its own selector, right-padded to a word.
MAGIC_VALUE: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000


@internal
@view
def _is_signed(signer: address, digest: bytes32, signature: Bytes[512]) -> bool:
    """
    @notice Tells whether `signer` signed `digest`; never reverts for a bad signature.
    @param signer Account that should have signed; the zero address never did.
    @param digest What was signed.
    @param signature 65 bytes r, s, v for a key; anything for a contract.
    @return True if it is the signer's.
    """
    if signer == empty(address):
        return False
    if self._recover(digest, signature) == signer:
        return True
    if not signer.is_contract:
        return False

    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        signer,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == MAGIC_VALUE


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[512]) -> address:
    """
    @notice The key's address behind a 65-byte signature.
    @param digest What was signed.
    @param signature r, s, v; v is 27 or 28.
    @return The address, or zero if the signature has another length, a high s or no key.
    """
    if len(signature) != 65:
        return empty(address)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if s > S_MAX or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, extract32(signature, 0, output_type=uint256), s)
