"""Who an institution's customers are, and what their keys sign.

Customers' keys are kept by their bank; every signature is stored with the message it covers and with who agreed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from eth_abi.exceptions import EncodingError
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.participants.addresses import PostalAddress
from node.participants.directory import Directory, Institution, Role
from node.participants.errors import (
    CustomerClosedError,
    CustomerExistsError,
    InvalidCustomerError,
    MessageFormatError,
    UnknownCustomerError,
    WrongSignerError,
)
from node.participants.ports import KeyCustody
from node.participants.store import ConsentRow, CustomerRow
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.web.events import publish
from pqc.errors import UnknownKeyError

OWN_KEY: Final = "transaction"
"""Name of the institution's own transaction key in its keystore."""
WALLETS: Final = "wallets:"
"""Prefix of the outbox's references of opened wallets."""
NO_WALLET: Final = "none"
# ParticipantRegistry: a customer that its bank knows, and no purpose.
_REGISTERED_TIER: Final = 1
NO_PURPOSE: Final = bytes(32)
# Asked at every block and payment, so made once.
_CUSTOMERS: Final = select(CustomerRow).order_by(CustomerRow.id)
_ACCOUNTS: Final = select(CustomerRow.address, CustomerRow.id).order_by(CustomerRow.id)
_NAMES: Final = select(CustomerRow.address, CustomerRow.name).where(CustomerRow.name != "")
_OWNERS_AT: Final = select(CustomerRow.address, CustomerRow.id).where(
    CustomerRow.address.in_(bindparam("addresses", expanding=True))
)
_ALGORITHM: Final = "secp256k1"
_ROLE: Final = "transaction"
# With `customer.` in front a keystore's name, 64 characters at most.
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,54}")
# ISO 20022 Max140Text.
_NAME_CHARS_MAX: Final = 140
# Fields of the typed messages that say for whom the message speaks.
_OWNER_FIELDS: Final = ("owner", "from", "authorizer", "provider", "reporter")


class ParticipantService:
    """Customers and signatures of one institution."""

    def __init__(
        self, *, institution: Institution, directory: Directory, custody: KeyCustody, own_key: str = OWN_KEY
    ) -> None:
        self._institution_id = institution.id
        self.directory = directory
        self._custody = custody
        self._own_key = own_key

    @property
    def institution(self) -> Institution:
        """This institution, as the directory has it now."""
        return self.directory.institution(self._institution_id)

    def add_customer(
        self,
        session: Session,
        *,
        customer_id: str,
        name: str,
        now_s: int,
        postal_address: PostalAddress | None = None,
    ) -> CustomerRow:
        """Make a customer and its key, and queue its wallet if this is a bank.

        Asking again changes nothing but the postal address, where it names one.

        Raises:
            InvalidCustomerError: id or name is not acceptable, or the id is the institution's own.
            CustomerExistsError: the id belongs to a customer of another name.
        """
        self._validate(customer_id, name)
        found = session.get(CustomerRow, customer_id)
        if found is not None:
            if found.name != name:
                raise CustomerExistsError(f"id: expected a new one or the name {found.name!r}, got {name[:80]!r}")
            if postal_address is not None:
                found.postal_address = postal_address.model_dump()
            return found
        key_name = f"customer.{customer_id}"
        row = CustomerRow(
            id=customer_id,
            name=name,
            address=self._key_address(key_name),
            key_name=key_name,
            created_at_s=now_s,
            wallet=NO_WALLET,
            postal_address=None if postal_address is None else postal_address.model_dump(),
        )
        session.add(row)
        if Role.BANK in self.institution.roles:
            row.wallet = outbox.QUEUED
            outbox.enqueue(
                session,
                contract="ParticipantRegistry",
                function="open_wallet",
                args=(row.address, _REGISTERED_TIER, NO_PURPOSE),
                reference=WALLETS + row.id,
            )
        session.flush()
        publish(session, kind="customer.added", owner=row.id, body={"customer": row.id}, time_s=now_s)
        return row

    def validate_new(self, session: Session, customer_id: str, name: str) -> None:
        """Return when a customer of that id and name can be made; raises what `add_customer` does, and for a known id.

        An id of somebody who was erased is never given again.
        """
        self._validate(customer_id, name)
        if session.get(CustomerRow, customer_id) is not None:
            raise CustomerExistsError(f"id: expected a new one, got {customer_id!r} which is taken")

    def close(self, session: Session, customer_id: str, now_s: int) -> CustomerRow:
        """Part from a customer: nothing is signed for it any more."""
        row = self.customer(session, customer_id)
        if row.closed_at_s is not None:
            raise CustomerClosedError(customer_id)
        row.closed_at_s = now_s
        return row

    def erase(self, session: Session, customer_id: str) -> CustomerRow:
        """Forget a closed customer's name and postal address; its id and account stay, as the books name them."""
        row = self.customer(session, customer_id)
        row.name, row.postal_address = "", None
        session.flush()
        return row

    def on_wallet_outcome(self, session: Session, outcome: OutboxRow) -> None:
        """Book whether the chain opened a customer's wallet."""
        row = self.customer(session, outcome.reference.removeprefix(WALLETS))
        row.wallet = "open" if outcome.state == outbox.CONFIRMED else outbox.FAILED
        body = {"customer": row.id, "wallet": row.wallet, "reason": outcome.reason}
        publish(session, kind="customer.wallet", owner=row.id, body=body, time_s=booked_until_s(session))

    def customer(self, session: Session, customer_id: str) -> CustomerRow:
        """Return a customer, or raise UnknownCustomerError."""
        found = session.get(CustomerRow, customer_id)
        if found is None:
            raise UnknownCustomerError(customer_id)
        return found

    def customers(self, session: Session) -> Sequence[CustomerRow]:
        """Return every customer, by id."""
        return session.scalars(_CUSTOMERS).all()

    def customer_names(self, session: Session) -> dict[str, str]:
        """Return what customers are called, by address; not those that were erased."""
        return dict(iter(session.execute(_NAMES)))

    def names_at(self, session: Session, addresses: Collection[str]) -> dict[str, str]:
        """Return what customers are called whose accounts these are, by address."""
        wanted = select(CustomerRow.address, CustomerRow.name).where(CustomerRow.address.in_(addresses))
        return dict(iter(session.execute(wanted)))

    def postal_addresses(self, session: Session) -> dict[str, PostalAddress]:
        """Return the postal addresses that are known, by customer id."""
        return {
            row.id: PostalAddress.model_validate(row.postal_address)
            for row in self.customers(session)
            if row.postal_address is not None
        }

    def account_names(self, session: Session) -> dict[str, str]:
        """Return the accounts this institution keeps books for: address to owner's id, its own included."""
        own = {self.institution.address: self.institution.id}
        return own | dict(iter(session.execute(_ACCOUNTS)))

    def owners_at(self, session: Session, addresses: Collection[str]) -> dict[str, str]:
        """Return whose accounts these are, for those that this institution keeps books for: address to owner's id."""
        own = {self.institution.address: self.institution.id} if self.institution.address in addresses else {}
        return own | dict(iter(session.execute(_OWNERS_AT, {"addresses": list(addresses)})))

    def address_of(self, session: Session, owner_id: str) -> str:
        """Return the address of a customer or of the institution itself."""
        if owner_id == self.institution.id:
            return self.institution.address
        return self.customer(session, owner_id).address

    def sign_typed(
        self,
        session: Session,
        *,
        signer: str,
        domain: typed_data.Domain,
        primary_type: str,
        message: typed_data.Message,
        given_by: str,
        now_s: int,
    ) -> bytes:
        """Sign an EIP-712 message for a customer or for the institution itself, and keep the consent.

        Args:
            signer: A customer's id, or the institution's own.
            given_by: Who agreed, as the desk authenticated them.
            now_s: Ledger time.

        Returns:
            65 bytes r, s, v.

        Raises:
            UnknownCustomerError: `signer` is neither.
            CustomerClosedError: the institution has parted from `signer`.
            WrongSignerError: the message names another account as the one it speaks for.
            MessageFormatError: the message does not fit its type.
        """
        address = self.address_of(session, signer)
        if signer != self.institution.id and self.customer(session, signer).closed_at_s is not None:
            raise CustomerClosedError(signer)
        for field in _OWNER_FIELDS:
            if str(message.get(field, address)).lower() != address.lower():
                raise WrongSignerError(f"{field}: expected {address} of {signer}, got {message[field]}")
        try:
            digest = typed_data.digest(domain, primary_type, message)
        except (KeyError, EncodingError, TypeError, ValueError) as error:
            raise MessageFormatError(f"{primary_type}: expected its fields, got {error!r}") from error
        signature = self._custody.sign_digest(self._key_of(session, signer), digest)
        session.add(
            ConsentRow(
                signer=signer,
                address=address,
                primary_type=primary_type,
                domain=asdict(domain),
                message=_shown(message),
                digest=digest,
                signature=signature,
                given_by=given_by,
                given_at_s=now_s,
            )
        )
        session.flush()
        return signature

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign with the institution's own transaction key: for its TransactionSender alone."""
        return self._custody.sign_digest(self._own_key, digest)

    def _validate(self, customer_id: str, name: str) -> None:
        if not _ID.fullmatch(customer_id) or customer_id == self.institution.id:
            raise InvalidCustomerError(f"id: expected up to 55 of a-z, 0-9 and -, got {customer_id[:80]!r}")
        if not name.strip() or len(name) > _NAME_CHARS_MAX or not name.isprintable():
            raise InvalidCustomerError(f"name: expected 1 to {_NAME_CHARS_MAX} printable characters, got {name[:80]!r}")

    def _key_of(self, session: Session, signer: str) -> str:
        return self._own_key if signer == self.institution.id else self.customer(session, signer).key_name

    def _key_address(self, key_name: str) -> str:
        # The keystore is a file of its own: a key may have outlived a transaction that was rolled back.
        try:
            return self._custody.address(key_name)
        except UnknownKeyError:
            self._custody.add(key_name, _ALGORITHM, _ROLE)
        return self._custody.address(key_name)


def _shown(value: Any) -> Any:
    """Return a message as JSON: integers as digits, bytes as hex."""
    match value:
        case Mapping():
            return {str(key): _shown(item) for key, item in value.items()}
        case bool() | str():
            return value
        case int():
            return str(value)
        case bytes():
            return "0x" + value.hex()
        case list() | tuple():
            return [_shown(item) for item in value]
        case _:
            raise MessageFormatError(f"message: expected text, integers and bytes, got {type(value).__name__}")
