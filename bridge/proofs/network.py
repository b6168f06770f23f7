"""The network an evidence pack belongs to, as its genesis describes it: the only thing a verifier trusts.

The genesis hash covers the Ethereum block 0 and the whole `landfall` section, hence validators, contract and
token addresses and the names of institutions. The chain id is not covered; it is proven by the trade id, which
the chain and both parties' signatures agree on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from bridge.errors import EvidenceError, InvalidProofError
from bridge.proofs.canonical_json import canonical
from bridge.proofs.consensus import VALIDATORS_MAX, Validator, validator_set
from bridge.proofs.fields import expect, get_bytes, get_hash, get_int, get_items, get_mapping, get_object, get_text
from contracts.client.typed_data import Domain
from pqc.secp256k1 import checksummed

FX_PROVIDER: Final = 4
"""Role bit of ParticipantRegistry."""

_PATH: Final = "genesis.landfall"
_LIST_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Token:
    """A settlement token."""

    currency: str
    address: str
    decimals: int

    def shown(self, amount_minor: int) -> str:
        """Return an amount as people write it: `1,500,000.00 KES`."""
        whole, rest = divmod(amount_minor, 10**self.decimals)
        return f"{whole:,}.{rest:0{self.decimals}d} {self.currency}" if self.decimals else f"{whole:,} {self.currency}"


@dataclass(frozen=True, slots=True)
class Institution:
    """A participant of the genesis."""

    id: str
    name: str
    address: str
    roles: int


@dataclass(frozen=True, slots=True)
class Network:
    """A network as its genesis describes it."""

    genesis_hash: bytes
    name: str
    chain_id: int
    validators: tuple[Validator, ...]
    contracts: Mapping[str, str]
    """Contract name to address."""
    tokens: Mapping[str, Token]
    """By address."""
    institutions: Mapping[str, Institution]
    """By address."""

    def domain(self, contract: str) -> Domain:
        """Return the EIP-712 domain of a contract."""
        return Domain(contract, self.chain_id, self.contracts[contract])

    def token_of(self, currency: str, path: str) -> Token:
        """Return the token of a currency code, or raise EvidenceError at `path`."""
        for token in self.tokens.values():
            if token.currency == currency:
                return token
        raise EvidenceError(path, f"one of {', '.join(token.currency for token in self.tokens.values())}", currency)

    def contract_at(self, address: str) -> str | None:
        """Return which contract is at an address: its name, `SettlementToken`, or None for a stranger's."""
        if address in self.tokens:
            return "SettlementToken"
        return next((name for name, known in self.contracts.items() if known == address), None)


def genesis_hash(ethereum_genesis_hash: bytes, landfall: Mapping[str, Any]) -> bytes:
    """Return what a verifier trusts: SHA-256 of the canonical JSON of block 0's hash and the `landfall` section."""
    document = {"ethereum_genesis_hash": "0x" + ethereum_genesis_hash.hex(), "landfall": dict(landfall)}
    return sha256(canonical(document)).digest()


def read_network(value: object, trusted_hash: bytes | None) -> Network:
    """Return the network of a pack's `genesis`.

    Raises:
        EvidenceError: it is not the network of the trusted hash, or a needed field is missing or malformed.
    """
    genesis = get_object(value, "genesis", ("chain_id", "ethereum_genesis_hash", "hash", "landfall"))
    landfall = get_mapping(genesis["landfall"], _PATH)
    block_hash = get_hash(genesis["ethereum_genesis_hash"], "genesis.ethereum_genesis_hash")
    computed = genesis_hash(block_hash, landfall)
    if trusted_hash is not None:
        expect("genesis", "the trusted genesis 0x" + trusted_hash.hex(), "the trusted genesis 0x" + computed.hex())
    expect("genesis.hash", computed, get_hash(genesis["hash"], "genesis.hash"))
    tokens = [_token(code, entry) for code, entry in get_mapping(_field(landfall, "tokens"), f"{_PATH}.tokens").items()]
    institutions = [
        _institution(entry, path)
        for path, entry in get_items(_field(landfall, "participants"), f"{_PATH}.participants", _LIST_MAX)
    ]
    return Network(
        genesis_hash=computed,
        name=get_text(_field(landfall, "network"), f"{_PATH}.network", 50),
        chain_id=get_int(genesis["chain_id"], "genesis.chain_id", 1 << 53),
        validators=_validators(_field(landfall, "validators")),
        contracts=_contracts(_field(landfall, "contracts")),
        tokens={token.address: token for token in tokens},
        institutions={institution.address: institution for institution in institutions},
    )


def _field(landfall: Mapping[str, Any], name: str) -> Any:
    if name not in landfall:
        raise EvidenceError(f"{_PATH}.{name}", "a value", "nothing")
    return landfall[name]


def _validators(value: object) -> tuple[Validator, ...]:
    found = []
    for path, entry in get_items(value, f"{_PATH}.validators", VALIDATORS_MAX, 1):
        fields = get_mapping(entry, path)
        found.append(
            Validator(
                algorithm=get_text(fields.get("algorithm"), f"{path}.algorithm"),
                public_key=get_bytes(fields.get("public_key"), f"{path}.public_key", 8192, 1),
                power=get_int(fields.get("power"), f"{path}.power", 1 << 60),
            )
        )
    try:
        return validator_set(found)
    except InvalidProofError as error:
        raise EvidenceError(f"{_PATH}.{error.field}", error.expected, error.got) from None


def _contracts(value: object) -> dict[str, str]:
    path = f"{_PATH}.contracts"
    found = {name: _address(address, f"{path}.{name}") for name, address in get_mapping(value, path).items()}
    for name in ("ParticipantRegistry", "FxSettlement", "TradeEscrow"):
        if name not in found:
            raise EvidenceError(f"{path}.{name}", "an address", "nothing")
    return found


def _token(code: str, value: object) -> Token:
    path = f"{_PATH}.tokens.{code[:8]}"
    fields = get_mapping(value, path)
    decimals = get_int(fields.get("decimals"), f"{path}.decimals", 19)
    return Token(code, _address(fields.get("address"), f"{path}.address"), decimals)


def _institution(value: object, path: str) -> Institution:
    fields = get_mapping(value, path)
    return Institution(
        id=get_text(fields.get("id"), f"{path}.id"),
        name=get_text(fields.get("name"), f"{path}.name"),
        address=_address(fields.get("address"), f"{path}.address"),
        roles=get_int(fields.get("roles"), f"{path}.roles", 1 << 32),
    )


def _address(value: object, path: str) -> str:
    # The genesis may write addresses in any case: its hash already fixes every byte.
    return checksummed(get_bytes(value.lower() if isinstance(value, str) else value, path, 20, 20))
