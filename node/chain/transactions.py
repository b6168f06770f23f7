"""Transactions as they come over the wire: decoded strictly, signer recovered, checked against no state.

The attribute names are those the execution engine reads, so a decoded transaction is executed as it is.

Source: EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-7702, EIP-3860, EIP-7623; yellow paper section 4.2.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak
from rlp.exceptions import DecodingError

from bridge.errors import InvalidProofError
from bridge.proofs.items import join_item, split_item
from node.chain.errors import (
    OversizedTransactionError,
    SignatureRejectedError,
    TransactionRejectedError,
    UnderpricedError,
    WrongChainError,
)
from node.chain.limits import INIT_CODE_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_GAS_MAX

LEGACY: Final = 0
ACCESS_LIST: Final = 1
DYNAMIC_FEE: Final = 2
BLOB: Final = 3
SET_CODE: Final = 4
_SECP256K1_HALF_N: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_AUTHORIZATION_GAS: Final = 25_000
_DELEGATION_PREFIX: Final = b"\xef\x01\x00"

AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """An EIP-7702 authorization; an invalid one is skipped at execution, as the standard says."""

    chain_id: int
    address: bytes
    nonce: int
    y_parity: int
    r: int
    s: int

    @property
    def authority(self) -> bytes | None:
        """Return the account that signed; None where nobody did, and the authorization is skipped."""
        signed = b"\x05" + rlp.encode([self.chain_id, self.address, self.nonce])
        try:
            return recover(keccak(signed), self.y_parity, self.r, self.s)
        except SignatureRejectedError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Transaction:
    """A signed transaction; fees in wei, `to` empty for a contract creation, `chain_id` None before EIP-155."""

    raw: bytes
    hash: bytes
    sender: bytes
    type_id: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas: int
    to: bytes
    value: int
    data: bytes
    access_list: AccessList = ()
    authorization_list: tuple[Authorization, ...] = ()
    v: int
    r: int
    s: int
    intrinsic_gas: int
    second_signature: bytes = b""
    """ML-DSA-65, where the item is dual-signed."""

    def __repr__(self) -> str:
        return f"Transaction(0x{self.hash.hex()})"

    @property
    def item(self) -> bytes:
        """Return the transaction as it stands in a consensus block, with its second signature."""
        return join_item(self.raw, self.second_signature)

    @property
    def cost_max(self) -> int:
        """Return the wei the sender must own: all gas at the highest price, and the value."""
        return self.gas * self.max_fee_per_gas + self.value

    def effective_gas_price(self, base_fee: int) -> int:
        """Return the price per gas actually paid in a block with this base fee."""
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)


def decode_transaction(raw: bytes, sender: bytes | None = None) -> Transaction:
    """Decode and recover the sender, unless it is known because this process recovered and stored it before.

    Raises:
        TransactionRejectedError: too large, of a type not taken here, malformed, or the signature is invalid.
    """
    if not 0 < len(raw) <= TRANSACTION_BYTES_MAX:
        raise OversizedTransactionError(f"oversized data: expected 1 to {TRANSACTION_BYTES_MAX} bytes, got {len(raw)}")
    first = raw[0]
    if first >= 0xC0:
        return _decode_legacy(raw, _fields(raw, 9), sender)
    if first == BLOB:
        raise TransactionRejectedError("transaction type not supported: blob transactions are not taken here")
    if first not in (ACCESS_LIST, DYNAMIC_FEE, SET_CODE):
        raise TransactionRejectedError(f"transaction type not supported: expected 0, 1, 2 or 4, got {first}")
    return _decode_typed(raw, first, sender)


def decode_item(item: bytes) -> Transaction:
    """Decode an item of a consensus block: a transaction, or one with a second signature, which is not checked here.

    Raises:
        TransactionRejectedError: what `decode_transaction` raises, or too short for a second signature.
    """
    try:
        raw, second_signature = split_item(item)
    except InvalidProofError as error:
        raise TransactionRejectedError(str(error)) from error
    tx = decode_transaction(raw)
    return replace(tx, second_signature=second_signature) if second_signature else tx


def validate_stateless(tx: Transaction, chain_id: int, base_fee: int) -> None:
    """Return when the transaction could be valid in some state of this chain.

    Raises:
        WrongChainError, UnderpricedError, TransactionRejectedError: what is wrong for ever (or at this base fee).
    """
    if tx.chain_id != chain_id:
        raise WrongChainError(tx.chain_id, chain_id)
    if tx.gas > TRANSACTION_GAS_MAX:
        raise TransactionRejectedError(f"exceeds block gas limit: expected at most {TRANSACTION_GAS_MAX}, got {tx.gas}")
    if tx.nonce >= (1 << 64) - 1:
        raise TransactionRejectedError("nonce: expected below 2^64 - 1")
    if not tx.to and len(tx.data) > INIT_CODE_BYTES_MAX:
        raise TransactionRejectedError(
            f"max initcode size exceeded: expected at most {INIT_CODE_BYTES_MAX} bytes, got {len(tx.data)}"
        )
    needed = gas_required(tx)
    if tx.gas < needed:
        raise TransactionRejectedError(f"intrinsic gas too low: expected at least {needed}, got {tx.gas}")
    if tx.max_priority_fee_per_gas > tx.max_fee_per_gas:
        raise TransactionRejectedError("max priority fee per gas higher than max fee per gas")
    if tx.max_fee_per_gas < base_fee:
        raise UnderpricedError(
            f"max fee per gas less than block base fee: expected {base_fee}, got {tx.max_fee_per_gas}"
        )


def validate_sender_code(code: bytes) -> None:
    """Return when an account with this code may send: none, or an EIP-7702 delegation (EIP-3607)."""
    if code and not code.startswith(_DELEGATION_PREFIX):
        raise TransactionRejectedError("sender not an eoa: the sender's account has code (EIP-3607)")


def gas_required(tx: Transaction) -> int:
    """Return the least gas limit: intrinsic gas, init code words (EIP-3860), calldata floor (EIP-7623)."""
    words = 0 if tx.to else (len(tx.data) + 31) // 32
    tokens = 4 * len(tx.data) - 3 * tx.data.count(0)
    return max(tx.intrinsic_gas + 2 * words, 21_000 + 10 * tokens)


def intrinsic_gas(data: bytes, *, is_create: bool, access_list: AccessList = (), authorizations: int = 0) -> int:
    """Return what the engine charges before the first instruction (it charges init code words itself)."""
    zeros = data.count(0)
    slots = sum(len(keys) for _, keys in access_list)
    return (
        21_000
        + 4 * zeros
        + 16 * (len(data) - zeros)
        + (32_000 if is_create else 0)
        + 2_400 * len(access_list)
        + 1_900 * slots
        + _AUTHORIZATION_GAS * authorizations
    )


def _decode_legacy(raw: bytes, fields: list[Any], sender: bytes | None) -> Transaction:
    nonce, price, gas = (_int(fields[i], name) for i, name in enumerate(("nonce", "gasPrice", "gas")))
    to, value, data = _address(fields[3], optional=True), _int(fields[4], "value"), _bytes(fields[5], "data")
    v, r, s = (_int(fields[i], name) for i, name in ((6, "v"), (7, "r"), (8, "s")))
    unsigned: list[Any] = fields[:6]
    if v in (27, 28):
        chain_id, parity = None, v - 27
    elif v >= 35:
        chain_id, parity = (v - 35) // 2, (v - 35) % 2
        unsigned = [*unsigned, chain_id, 0, 0]
    else:
        raise TransactionRejectedError(f"v: expected 27, 28 or at least 35, got {v}")
    return Transaction(
        raw=raw,
        hash=keccak(raw),
        sender=sender or recover(keccak(rlp.encode(unsigned)), parity, r, s),
        type_id=LEGACY,
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=price,
        max_fee_per_gas=price,
        gas=gas,
        to=to,
        value=value,
        data=data,
        v=v,
        r=r,
        s=s,
        intrinsic_gas=intrinsic_gas(data, is_create=not to),
    )


_COUNTS: Final = {ACCESS_LIST: 11, DYNAMIC_FEE: 12, SET_CODE: 13}


def _decode_typed(raw: bytes, type_id: int, sender: bytes | None) -> Transaction:
    fields = _fields(raw[1:], _COUNTS[type_id])
    chain_id, nonce = _int(fields[0], "chainId"), _int(fields[1], "nonce")
    parity, r, s = (_int(fields[i], name) for i, name in ((-3, "yParity"), (-2, "r"), (-1, "s")))
    if type_id == ACCESS_LIST:
        tip = fee = _int(fields[2], "gasPrice")
        rest = fields[3:]
    else:
        tip, fee = _int(fields[2], "maxPriorityFeePerGas"), _int(fields[3], "maxFeePerGas")
        rest = fields[4:]
    gas, value = _int(rest[0], "gas"), _int(rest[2], "value")
    to, data = _address(rest[1], optional=type_id != SET_CODE), _bytes(rest[3], "data")
    access_list = _access_list(rest[4])
    authorizations = _authorizations(rest[5]) if type_id == SET_CODE else ()
    if parity > 1:
        raise TransactionRejectedError(f"yParity: expected 0 or 1, got {parity}")
    return Transaction(
        raw=raw,
        hash=keccak(raw),
        sender=sender or recover(keccak(raw[:1] + _without_signature(raw[1:], fields)), parity, r, s),
        type_id=type_id,
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=tip,
        max_fee_per_gas=fee,
        gas=gas,
        to=to,
        value=value,
        data=data,
        access_list=access_list,
        authorization_list=authorizations,
        v=parity,
        r=r,
        s=s,
        intrinsic_gas=intrinsic_gas(
            data, is_create=not to, access_list=access_list, authorizations=len(authorizations)
        ),
    )


def _without_signature(payload: bytes, fields: list[Any]) -> bytes:
    """Return the list without its last three items: what was signed. Encoding all again would take most of the time."""
    body = payload[len(payload) - _payload_bytes(payload) : len(payload) - sum(map(_encoded_bytes, fields[-3:]))]
    prefix: bytes = rlp.codec.length_prefix(len(body), 0xC0)
    return prefix + body


def _payload_bytes(payload: bytes) -> int:
    """Return how many bytes of a whole encoded list are its items."""
    first = payload[0]
    return first - 0xC0 if first <= 0xF7 else len(payload) - 1 - (first - 0xF7)


def _encoded_bytes(item: bytes) -> int:
    """Return how many bytes an item of at most 55 bytes takes."""
    return 1 if len(item) == 1 and item[0] < 0x80 else 1 + len(item)


def recover(digest: bytes, parity: int, r: int, s: int) -> bytes:
    """Return the address that signed `digest`.

    Raises:
        SignatureRejectedError: r or s out of range, high s (EIP-2), or no such key.
    """
    if not 0 < s <= _SECP256K1_HALF_N or not 0 < r < 1 << 256:
        raise SignatureRejectedError("invalid transaction v, r, s values: expected r and low s in range")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception when libsecp256k1 refuses
        raise SignatureRejectedError("invalid transaction v, r, s values: no key signed this") from error
    return keccak(key.format(compressed=False)[1:])[12:]


def _fields(payload: bytes, count: int) -> list[Any]:
    try:
        fields = rlp.decode(payload)
    except (DecodingError, IndexError, RecursionError) as error:
        raise TransactionRejectedError(f"rlp: expected one list of {count} fields, got {error}") from error
    if not isinstance(fields, list) or len(fields) != count:
        got = len(fields) if isinstance(fields, list) else "a string"
        raise TransactionRejectedError(f"rlp: expected one list of {count} fields, got {got}")
    return fields


def _int(value: object, name: str) -> int:
    if not isinstance(value, bytes) or len(value) > 32 or value[:1] == b"\0":
        raise TransactionRejectedError(f"{name}: expected a number below 2^256 without leading zeros")
    return int.from_bytes(value, "big")


def _bytes(value: object, name: str) -> bytes:
    if not isinstance(value, bytes):
        raise TransactionRejectedError(f"{name}: expected bytes, got a list")
    return value


def _address(value: object, *, optional: bool) -> bytes:
    if not isinstance(value, bytes) or len(value) not in ((0, 20) if optional else (20,)):
        raise TransactionRejectedError("to: expected an address of 20 bytes")
    return value


def _access_list(value: object) -> AccessList:
    if not isinstance(value, list):
        raise TransactionRejectedError("accessList: expected a list")
    entries = []
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise TransactionRejectedError("accessList: expected pairs of address and slots")
        if any(not isinstance(key, bytes) or len(key) != 32 for key in entry[1]):
            raise TransactionRejectedError("accessList.storageKeys: expected 32 bytes each")
        entries.append((_address(entry[0], optional=False), tuple(int.from_bytes(key, "big") for key in entry[1])))
    return tuple(entries)


def _authorizations(value: object) -> tuple[Authorization, ...]:
    if not isinstance(value, list) or not value:
        raise TransactionRejectedError("authorizationList: expected at least one authorization")
    found = []
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 6:
            raise TransactionRejectedError("authorizationList: expected six fields each")
        chain_id, nonce, parity, r, s = (
            _int(entry[i], f"authorizationList.{name}")
            for i, name in ((0, "chainId"), (2, "nonce"), (3, "yParity"), (4, "r"), (5, "s"))
        )
        if nonce >= 1 << 64 or parity > 255:
            raise TransactionRejectedError("authorizationList: expected nonce below 2^64 and yParity below 256")
        found.append(Authorization(chain_id, _address(entry[1], optional=False), nonce, parity, r, s))
    return tuple(found)
