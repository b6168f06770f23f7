"""EIP-712 messages of the contracts: the one table of types, their digests, and nothing else.

A message is a mapping whose keys are the field names of its type. The order of fields in a type is
the order of the Vyper struct of the same name, so `as_tuple` gives the ABI argument for the call.

Source: EIP-712; docs/spec/contracts.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

Message = Mapping[str, Any]

VERSION: Final = "1"

TYPES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    # SettlementToken; the domain's name is the token's own name (EIP-2612, EIP-3009).
    "Hold": (
        ("owner", "address"),
        ("notary", "address"),
        ("amount", "uint256"),
        ("expires_at", "uint256"),
        ("reference", "bytes32"),
        ("salt", "bytes32"),
        ("valid_until", "uint256"),
    ),
    "IncreaseHold": (
        ("hold_id", "bytes32"),
        ("amount", "uint256"),
        ("expires_at", "uint256"),
        ("valid_until", "uint256"),
    ),
    "Permit": (
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "TransferWithAuthorization": (
        ("from", "address"),
        ("to", "address"),
        ("value", "uint256"),
        ("validAfter", "uint256"),
        ("validBefore", "uint256"),
        ("nonce", "bytes32"),
    ),
    "ReceiveWithAuthorization": (
        ("from", "address"),
        ("to", "address"),
        ("value", "uint256"),
        ("validAfter", "uint256"),
        ("validBefore", "uint256"),
        ("nonce", "bytes32"),
    ),
    "CancelAuthorization": (("authorizer", "address"), ("nonce", "bytes32")),
    # TradeEscrow
    "Milestone": (
        ("kind", "bytes32"),
        ("weight_bps", "uint256"),
        ("deadline", "uint256"),
        ("quorum", "uint256"),
        ("silence_pays", "bool"),
        ("attesters", "address[]"),
    ),
    "Payee": (("account", "address"), ("share_bps", "uint256")),
    "FxTerms": (
        ("policy", "uint256"),
        ("rate_num", "uint256"),
        ("rate_den", "uint256"),
        ("band_bps", "uint256"),
        ("spread_bps", "uint256"),
        ("share_bps", "uint256"),
        ("option", "uint256"),
        ("cool_down_s", "uint256"),
        ("calls_max", "uint256"),
    ),
    "Windows": (
        ("dispute_s", "uint256"),
        ("award_s", "uint256"),
        ("unawarded_bps", "uint256"),
        ("call_s", "uint256"),
        ("choice_s", "uint256"),
        ("grace_s", "uint256"),
    ),
    "Terms": (
        ("importer", "address"),
        ("exporter", "address"),
        ("arbiter", "address"),
        ("invoice_token", "address"),
        ("invoice_amount", "uint256"),
        ("funding_token", "address"),
        ("fx", "FxTerms"),
        ("milestones", "Milestone[]"),
        ("payees", "Payee[]"),
        ("windows", "Windows"),
        ("hold_expires_at", "uint256"),
        ("fund_by", "uint256"),
        ("document_hash", "bytes32"),
        ("salt", "bytes32"),
    ),
    "Consent": (("terms", "Terms"), ("valid_until", "uint256"), ("action", "uint256")),
    "Attestation": (
        ("trade_id", "bytes32"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("outcome", "uint256"),
        ("share_bps", "uint256"),
        ("evidence_hash", "bytes32"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Cancel": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Accept": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Dispute": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("reason_hash", "bytes32"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Award": (
        ("trade_id", "bytes32"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("dispute", "bytes32"),
        ("share_bps", "uint256"),
        ("reason_hash", "bytes32"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Waive": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("amount", "uint256"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Assign": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("assignee", "address"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Amend": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("terms", "Terms"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "ChooseQuote": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("quote", "bytes32"),
        ("least", "uint256"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "Defer": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("milestone", "uint256"),
        ("milestone_hash", "bytes32"),
        ("deadline", "uint256"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    "CloseOutOfBand": (
        ("trade_id", "bytes32"),
        ("version", "uint256"),
        ("valid_until", "uint256"),
        ("action", "uint256"),
    ),
    # FxSettlement
    "Quote": (
        ("provider", "address"),
        ("kind", "uint256"),
        ("lock_until", "uint256"),
        ("sell_token", "address"),
        ("buy_token", "address"),
        ("rate_num", "uint256"),
        ("rate_den", "uint256"),
        ("fee_bps", "uint256"),
        ("premium", "uint256"),
        ("cancel_fee", "uint256"),
        ("min_amount", "uint256"),
        ("max_amount", "uint256"),
        ("taker", "address"),
        ("trade_id", "bytes32"),
        ("reserve_id", "bytes32"),
        ("expires_at", "uint256"),
        ("salt", "bytes32"),
    ),
    # FxOracle
    "Report": (
        ("pair", "bytes32"),
        ("rate", "uint256"),
        ("observed_at", "uint256"),
        ("round", "uint256"),
    ),
    # Of no contract: a bank signs what its customer asks to be paid (docs/spec/payment-qr.md).
    "PaymentRequest": (
        ("account", "address"),
        ("amount", "uint256"),
        ("expires_at", "uint256"),
        ("text_hash", "bytes32"),
    ),
}

_DOMAIN_TYPE: Final = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature counts: contract name, chain, contract address (checksummed or lower-case hex)."""

    name: str
    chain_id: int
    verifying_contract: str


def encode_type(primary_type: str) -> str:
    """Return the EIP-712 type string, referenced structs appended in alphabetical order."""
    referenced = sorted(_referenced_structs(primary_type) - {primary_type})
    return "".join(_declaration(name) for name in [primary_type, *referenced])


def hash_struct(primary_type: str, message: Message) -> bytes:
    """Return EIP-712 hashStruct (32 bytes).

    Raises:
        KeyError: a field of the type is missing in `message`.
        ValueError: a value does not fit its type.
    """
    fields = TYPES[primary_type]
    words = [_word(name, kind, message[name]) for name, kind in fields]
    return keccak(keccak(encode_type(primary_type).encode()) + b"".join(words))


def domain_separator(domain: Domain) -> bytes:
    """Return the EIP-712 domain separator (32 bytes)."""
    return keccak(
        keccak(_DOMAIN_TYPE)
        + keccak(domain.name.encode())
        + keccak(VERSION.encode())
        + _word("chainId", "uint256", domain.chain_id)
        + _word("verifyingContract", "address", domain.verifying_contract)
    )


def digest(domain: Domain, primary_type: str, message: Message) -> bytes:
    """Return the 32 bytes that are signed: keccak(0x1901 || domain separator || hashStruct)."""
    return keccak(b"\x19\x01" + domain_separator(domain) + hash_struct(primary_type, message))


def as_tuple(primary_type: str, message: Message) -> tuple[Any, ...]:
    """Return `message` as the ABI tuple of the Vyper struct of the same name."""
    return tuple(_abi_value(kind, message[name]) for name, kind in TYPES[primary_type])


def wallet_message(domain: Domain, primary_type: str, message: Message) -> dict[str, Any]:
    """Return the payload of `eth_signTypedData_v4`, for wallets that hold their own keys."""
    names = {primary_type} | _referenced_structs(primary_type)
    types = {name: [{"name": field, "type": kind} for field, kind in TYPES[name]] for name in sorted(names)}
    types["EIP712Domain"] = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]
    return {
        "types": types,
        "primaryType": primary_type,
        "domain": {
            "name": domain.name,
            "version": VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.verifying_contract,
        },
        "message": dict(message),
    }


def _declaration(name: str) -> str:
    return f"{name}({','.join(f'{kind} {field}' for field, kind in TYPES[name])})"


def _referenced_structs(primary_type: str) -> set[str]:
    found: set[str] = set()
    for _, kind in TYPES[primary_type]:
        base = kind.removesuffix("[]")
        if base in TYPES:
            found |= {base} | _referenced_structs(base)
    return found


def _word(name: str, kind: str, value: Any) -> bytes:
    """Return one field as EIP-712 hashes it: 32 bytes, for structs and arrays the hash of what is in them.

    Only static types occur here, so this needs no ABI library and a verifier starts without one.
    """
    if kind in TYPES:
        return hash_struct(kind, value)
    if kind.endswith("[]"):
        base = kind.removesuffix("[]")
        return keccak(b"".join(_word(name, base, item) for item in value))
    if kind == "uint256" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 256:
        return value.to_bytes(32, "big")
    if kind == "bytes32" and isinstance(value, bytes) and len(value) <= 32:
        return value.ljust(32, b"\0")
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if kind == "address":
        return _address(name, value).rjust(32, b"\0")
    raise ValueError(f"{name}: expected {kind}, got {value!r:.80}")


def _address(name: str, value: Any) -> bytes:
    raw = value
    if isinstance(value, str) and value[:2] == "0x" and len(value) == 42:
        raw = bytes.fromhex(value[2:])
    if not isinstance(raw, bytes) or len(raw) != 20:
        raise ValueError(f"{name}: expected an address, got {value!r:.80}")
    return raw


def _abi_value(kind: str, value: Any) -> Any:
    if kind in TYPES:
        return as_tuple(kind, value)
    if kind.endswith("[]"):
        base = kind.removesuffix("[]")
        return [_abi_value(base, item) for item in value]
    return value
