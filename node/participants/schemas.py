"""What the API takes and gives about institutions and customers."""

from pydantic import Field

from node.web.schemas import Answer, HexBytes, Order


class InstitutionOut(Answer):
    """An institution of the network."""

    id: str
    name: str
    lei: str = Field(description="ISO 17442")
    bic: str = Field(description="ISO 9362")
    role_names: list[str]
    address: str = Field(description="Of its transaction key")
    key_thumbprint: HexBytes = Field(description="RFC 7638 thumbprint of its ML-DSA key")


class CustomerOut(Answer):
    """A customer of the caller's institution."""

    id: str
    name: str
    address: str = Field(description="Of the key that the institution keeps for it")
    created_at_s: int = Field(description="Ledger time, unix seconds")
    wallet: str = Field(description="On the chain, opened by its bank: none, queued, open or failed")


class CustomerIn(Order):
    """A customer to be made."""

    id: str = Field(description="Up to 55 of a-z, 0-9 and -", examples=["bloem"])
    name: str = Field(description="Up to 140 characters", examples=["Bloemenhuis BV"])
