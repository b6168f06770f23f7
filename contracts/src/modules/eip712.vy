# pragma version 0.4.3
"""
@title EIP-712 domain
@license Apache-2.0
@notice The domain a signature counts in: contract name, version "1", chain id, contract address. Chain id and
        address are read at run time, so that a contract can be part of a genesis file.
@custom:security A digest of another chain, contract or name is another digest: nothing can be carried over.
@custom:source EIP-712, EIP-5267; contracts/client/typed_data.py holds the same table for Python.
"""


VERSION: constant(String[1]) = "1"
DOMAIN_TYPE_HASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
# EIP-5267 bit mask: name, version, chain id and verifying contract are in use, salt and extensions are not.
DOMAIN_FIELDS: constant(bytes1) = 0x0f

NAME: immutable(String[64])
NAME_HASH: immutable(bytes32)


@deploy
def __init__(name: String[64]):
    """
    @param name The domain's name.
    """
    NAME = name
    NAME_HASH = keccak256(name)


@external
@view
def eip712Domain() -> (bytes1, String[64], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """
    @notice The domain's fields (EIP-5267).
    @return Field mask, name, version, chain id, contract, salt (unused), extensions (none).
    """
    return DOMAIN_FIELDS, NAME, VERSION, chain.id, self, empty(bytes32), empty(DynArray[uint256, 1])


@internal
@view
def _domain_separator() -> bytes32:
    """
    @notice The domain separator on this chain.
    @return 32 bytes.
    """
    return keccak256(abi_encode(DOMAIN_TYPE_HASH, NAME_HASH, keccak256(VERSION), chain.id, self))


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    """
    @notice What is signed: keccak(0x1901 || domain separator || hashStruct).
    @param struct_hash hashStruct of the message.
    @return 32 bytes.
    """
    return keccak256(concat(0x1901, self._domain_separator(), struct_hash))
