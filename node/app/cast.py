"""The cast of a devnet: institutions, customers, currencies and pairs, read from one TOML file.

Keys of a devnet are derived from public text, so that every devnet has the same addresses and its
genesis is the same file everywhere. A bank's own node never goes through this module.
"""

import tomllib
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from node.participants.addresses import PostalAddress

Role = Literal["central_bank", "bank", "fx_provider", "attester", "arbiter", "reporter", "validator", "regulator"]
PersonRole = Literal[
    "exporter", "importer", "bank_maker", "bank_checker", "treasurer", "compliance", "operator", "regulator"
]
DecimalText = str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CurrencyCast(_Strict):
    """A currency of the devnet; `issuer` is an institution's id."""

    code: str
    name: str
    symbol: str
    issuer: str


class PairCast(_Strict):
    """An oracle pair; see FxOracle in docs/spec/contracts.md for the parameters."""

    name: str
    period_s: int
    heartbeat_s: int
    jump_bps: int
    outlier_bps: int


class CustomerCast(_Strict):
    """A customer of a bank; `funds` maps a currency code to a decimal amount."""

    id: str
    name: str
    postal_address: PostalAddress
    funds: dict[str, DecimalText] = Field(default_factory=dict)


class PricingCast(_Strict):
    """What an FX provider asks for, in basis points: on the mid rate, and of the price of a lock."""

    spread_bps: int
    fee_bps: int
    lock_premium_bps_per_30d: int = 40
    cancel_fee_bps: int = 50


class PersonCast(_Strict):
    """Somebody who works at an institution, or at a customer of it; on a devnet anybody may be them."""

    id: str
    name: str
    job: str
    """As the console's sign-in page says it."""
    roles: tuple[PersonRole, ...]
    customer: str | None = None


class InstitutionCast(_Strict):
    """An institution; `funds` is what its central banks issue to it at the start."""

    id: str
    name: str
    lei: str
    bic: str
    country: str
    roles: tuple[Role, ...]
    customers: tuple[CustomerCast, ...] = ()
    people: tuple[PersonCast, ...] = ()
    funds: dict[str, DecimalText] = Field(default_factory=dict)
    pricing: PricingCast | None = None


class Cast(_Strict):
    """The whole devnet."""

    network: str
    chain_id: int
    genesis_time: datetime
    governor: str
    developer_accounts: tuple[str, ...]
    currencies: tuple[CurrencyCast, ...]
    pairs: tuple[PairCast, ...]
    institutions: tuple[InstitutionCast, ...]

    def institution(self, institution_id: str) -> InstitutionCast:
        """Return the institution of that id, or raise KeyError."""
        for institution in self.institutions:
            if institution.id == institution_id:
                return institution
        raise KeyError(institution_id)


def load_cast() -> Cast:
    """Return the cast that ships with the product."""
    return Cast.model_validate(tomllib.loads(files(__package__).joinpath("devnet.toml").read_text("utf-8")))


def devnet_seed(owner: str, role: str) -> bytes:
    """Return the public 32-byte seed of `owner`'s key for `role`: worthless as a secret, the same everywhere."""
    return sha256(f"landfall devnet seed/{owner}/{role}".encode()).digest()
