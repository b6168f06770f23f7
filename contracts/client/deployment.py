"""Where the network's contracts are: the facts every room reads from the genesis, checked once.

Source: `landfall_getGenesis`; the section `landfall` of the genesis file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.client.artifacts import CURRENCY_CONTRACT, Artifact, checksummed, load_artifact
from contracts.client.errors import GenesisFormatError, UnknownAddressError
from contracts.client.typed_data import Domain


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One settlement token."""

    currency: str
    address: str
    name: str
    symbol: str
    decimals: int
    issuer: str
    """The issuing institution, as the genesis names it (its id or its address)."""


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One institution of the genesis."""

    id: str
    name: str
    lei: str
    bic: str
    roles: int
    """Bits of ParticipantRegistry."""
    address: str
    key_thumbprint: bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """Contracts, tokens and institutions of one network."""

    chain_id: int
    network: str
    genesis_time_s: int
    contracts: Mapping[str, str]
    """Contract name to address."""
    tokens: Mapping[str, TokenInfo]
    """Currency code to token."""
    participants: tuple[ParticipantInfo, ...]
    pairs: tuple[str, ...]
    """Oracle pairs, `EUR/KES`."""

    @classmethod
    def from_genesis(cls, section: Mapping[str, Any], chain_id: int) -> "Deployment":
        """Build from the genesis section `landfall`.

        Raises:
            GenesisFormatError: a field is missing or of the wrong type; the message names it.
        """
        try:
            return cls(
                chain_id=chain_id,
                network=str(section["network"]),
                genesis_time_s=int(section["genesis_time_s"]),
                contracts={str(name): checksummed(address) for name, address in section["contracts"].items()},
                tokens={str(code): _token(str(code), token) for code, token in section["tokens"].items()},
                participants=tuple(_participant(entry) for entry in section["participants"]),
                pairs=tuple(_pair(entry) for entry in section["pairs"]),
            )
        except KeyError as error:
            raise GenesisFormatError(
                f"landfall: expected the field {error.args[0]}, got a section without it"
            ) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise GenesisFormatError(f"landfall: expected the fields of docs/spec/genesis.md, got {error}") from error

    def address(self, name: str) -> str:
        """Return the address of a contract (`TradeEscrow`) or of a currency's token (`EUR`).

        Raises:
            UnknownAddressError: the genesis names no such contract or currency.
        """
        if name in self.contracts:
            return self.contracts[name]
        return self._token_of(name).address

    def domain(self, contract: str) -> Domain:
        """Return the EIP-712 domain of a contract, by its name."""
        return Domain(contract, self.chain_id, self.address(contract))

    def token_domain(self, currency: str) -> Domain:
        """Return the EIP-712 domain of a currency's token."""
        token = self._token_of(currency)
        return Domain(token.name, self.chain_id, token.address)

    def currency_of(self, address: str) -> str:
        """Return the currency whose token is at `address`, or raise UnknownAddressError."""
        wanted = checksummed(address)
        for currency, token in self.tokens.items():
            if token.address == wanted:
                return currency
        raise UnknownAddressError(address, tuple(self.tokens))

    def participant(self, institution_id: str) -> ParticipantInfo:
        """Return the institution, or raise UnknownAddressError."""
        for participant in self.participants:
            if participant.id == institution_id:
                return participant
        raise UnknownAddressError(institution_id, tuple(participant.id for participant in self.participants))

    def artifacts_by_address(self) -> dict[str, Artifact]:
        """Return the bindings of every contract and token, by checksummed address."""
        found = {address: load_artifact(name) for name, address in self.contracts.items()}
        return found | {token.address: load_artifact(CURRENCY_CONTRACT) for token in self.tokens.values()}

    def _token_of(self, currency: str) -> TokenInfo:
        token = self.tokens.get(currency)
        if token is None:
            raise UnknownAddressError(currency, (*self.contracts, *self.tokens))
        return token


def _token(currency: str, entry: Mapping[str, Any]) -> TokenInfo:
    return TokenInfo(
        currency=currency,
        address=checksummed(entry["address"]),
        name=str(entry["name"]),
        symbol=str(entry["symbol"]),
        decimals=int(entry["decimals"]),
        issuer=str(entry["issuer"]),
    )


def _participant(entry: Mapping[str, Any]) -> ParticipantInfo:
    return ParticipantInfo(
        id=str(entry["id"]),
        name=str(entry["name"]),
        lei=str(entry["lei"]),
        bic=str(entry["bic"]),
        roles=int(entry["roles"]),
        address=checksummed(entry["address"]),
        key_thumbprint=bytes.fromhex(str(entry["key_thumbprint"]).removeprefix("0x")),
    )


def _pair(entry: Any) -> str:
    return str(entry["name"]) if isinstance(entry, Mapping) else str(entry)
