"""Institutions, customers, and what is signed for them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contracts.client import typed_data
from contracts.client.artifacts import encode_call
from node.participants.addresses import PostalAddress
from node.participants.directory import Directory, Role
from node.participants.errors import (
    CustomerExistsError,
    InvalidCustomerError,
    MessageFormatError,
    UnknownCustomerError,
    UnknownInstitutionError,
    WrongSignerError,
)
from node.participants.service import ParticipantService
from node.participants.store import ConsentRow, CustomerRow
from node.storage import outbox
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.client.fake_chain import Actor, contract_address, deployment, recover
from tests.unit.participants.fake_custody import FakeCustody

NOW_S = 1_788_220_800


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    prepare(database)
    return database


@pytest.fixture
def custody() -> FakeCustody:
    return FakeCustody("bank-nl")


@pytest.fixture
def service(custody: FakeCustody) -> ParticipantService:
    directory = Directory(deployment())
    return ParticipantService(institution=directory.institution("bank-nl"), directory=directory, custody=custody)


def hold_of(owner: str) -> dict[str, Any]:
    return {
        "owner": owner,
        "notary": contract_address("TradeEscrow"),
        "amount": 2**70,
        "expires_at": NOW_S + 60,
        "reference": b"\1" * 32,
        "salt": b"\2" * 32,
        "valid_until": NOW_S + 30,
    }


def test_directory_finds_institutions_when_asked_by_id_address_or_role() -> None:
    directory = Directory(deployment())
    bank = directory.institution("bank-nl")
    assert directory.at_address(Actor("bank-nl").address) is bank
    assert directory.at_address(Actor("stranger").address) is None
    assert [item.id for item in directory.with_role(Role.BANK)] == ["bank-nl", "bank-ke"]
    assert directory.institution("cb-eur").role_names == ("central_bank",)
    with pytest.raises(UnknownInstitutionError, match="nobody"):
        directory.institution("nobody")


def test_add_customer_changes_nothing_when_asked_again(database: Database, service: ParticipantService) -> None:
    for _ in range(2):
        with database.transaction() as session:
            service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S)
    with database.read() as session:
        assert [row.name for row in service.customers(session)] == ["Bloemenhuis BV"]
        address = service.customer(session, "bloem").address
        assert service.account_names(session) == {Actor("bank-nl").address: "bank-nl", address: "bloem"}
        assert service.address_of(session, "bloem") == address
        assert service.address_of(session, "bank-nl") == Actor("bank-nl").address


def test_postal_address_is_replaced_when_it_is_given_again_and_stays_when_not(
    database: Database, service: ParticipantService
) -> None:
    addresses = (None, PostalAddress(town="Aalsmeer", country="NL"), PostalAddress(town="Delft", country="NL"), None)
    known = []
    for address in addresses:
        with database.transaction() as session:
            service.add_customer(
                session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S, postal_address=address
            )
        with database.read() as session:
            known.append(service.postal_addresses(session).get("bloem"))
    assert known == [None, addresses[1], addresses[2], addresses[2]]


def test_add_customer_queues_one_wallet_in_the_registered_tier_when_a_bank_makes_it(
    database: Database, service: ParticipantService
) -> None:
    for _ in range(2):
        with database.transaction() as session:
            row = service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S)
            assert row.wallet == "queued"
            address = row.address
    with database.read() as session:
        (queued,) = outbox.by_reference(session, "wallets:bloem")
        assert queued.data == encode_call("ParticipantRegistry", "open_wallet", (address, 1, bytes(32)))


def test_add_customer_queues_no_wallet_when_the_institution_is_no_bank(database: Database) -> None:
    directory = Directory(deployment())
    central = ParticipantService(
        institution=directory.institution("cb-eur"), directory=directory, custody=FakeCustody("cb-eur")
    )
    with database.transaction() as session:
        assert central.add_customer(session, customer_id="staff", name="Staff", now_s=NOW_S).wallet == "none"
        assert outbox.by_reference(session, "wallets:staff") == []


@pytest.mark.parametrize(("outcome", "wallet"), [(outbox.CONFIRMED, "open"), (outbox.FAILED, "failed")])
def test_wallet_shows_how_its_opening_ended(
    database: Database, service: ParticipantService, outcome: str, wallet: str
) -> None:
    with database.transaction() as session:
        service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S)
        (row,) = outbox.by_reference(session, "wallets:bloem")
        row.state = outcome
        service.on_wallet_outcome(session, row)
        assert service.customer(session, "bloem").wallet == wallet


def test_add_customer_takes_the_key_there_is_when_its_transaction_was_lost(
    database: Database, service: ParticipantService, custody: FakeCustody
) -> None:
    custody.add("customer.bloem", "secp256k1", "transaction")
    with database.transaction() as session:
        row = service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S)
        assert row.address == custody.address("customer.bloem")


@pytest.mark.parametrize(
    ("customer_id", "name"),
    [
        ("", "x"),
        ("Bloem", "x"),
        ("-bloem", "x"),
        ("b" * 56, "x"),
        ("a/b", "x"),
        ("bank-nl", "x"),
        ("bloem", ""),
        ("bloem", " "),
        ("bloem", "x" * 141),
        ("bloem", "a\nb"),
    ],
)
def test_add_customer_makes_no_key_when_id_or_name_is_unacceptable(
    database: Database, service: ParticipantService, custody: FakeCustody, customer_id: str, name: str
) -> None:
    with pytest.raises(InvalidCustomerError), database.transaction() as session:
        service.add_customer(session, customer_id=customer_id, name=name, now_s=NOW_S)
    assert list(custody.keys) == ["transaction"]


def test_add_customer_is_refused_when_the_id_is_anothers(database: Database, service: ParticipantService) -> None:
    with database.transaction() as session:
        service.add_customer(session, customer_id="b" * 55, name="x" * 140, now_s=NOW_S)
    with pytest.raises(CustomerExistsError), database.transaction() as session:
        service.add_customer(session, customer_id="b" * 55, name="Other", now_s=NOW_S)


def test_sign_typed_recovers_to_the_customer_when_verified(database: Database, service: ParticipantService) -> None:
    domain = deployment().token_domain("EUR")
    with database.transaction() as session:
        customer = service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S)
        message = hold_of(customer.address)
        signature = service.sign_typed(
            session,
            signer="bloem",
            domain=domain,
            primary_type="Hold",
            message=message,
            given_by="bank-nl/bloem",
            now_s=NOW_S,
        )
    digest = typed_data.digest(domain, "Hold", message)
    assert recover(digest, signature) == customer.address
    with database.read() as session:
        consent = session.scalars(select(ConsentRow)).one()
        assert (consent.signer, consent.given_by, consent.given_at_s) == ("bloem", "bank-nl/bloem", NOW_S)
        assert (consent.digest, consent.signature) == (digest, signature)
        assert consent.message["amount"] == str(2**70)
        assert consent.message["salt"] == "0x" + "02" * 32


def test_sign_typed_uses_the_own_key_when_the_signer_is_the_institution(
    database: Database, service: ParticipantService
) -> None:
    domain, own = deployment().token_domain("EUR"), Actor("bank-nl").address
    with database.transaction() as session:
        signature = service.sign_typed(
            session,
            signer="bank-nl",
            domain=domain,
            primary_type="Hold",
            message=hold_of(own),
            given_by="bank-nl",
            now_s=NOW_S,
        )
    assert recover(typed_data.digest(domain, "Hold", hold_of(own)), signature) == own
    assert recover(b"\7" * 32, service.sign_digest(b"\7" * 32)) == own


def _change(message: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (message | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("signer", "changes", "error"),
    [
        ("nobody", {}, UnknownCustomerError),
        ("bloem", {"owner": Actor("stranger").address}, WrongSignerError),
        ("bloem", {"amount": None}, MessageFormatError),
        ("bloem", {"amount": -1}, MessageFormatError),
        ("bloem", {"amount": "5"}, MessageFormatError),
        ("bloem", {"salt": b"\1" * 33}, MessageFormatError),
    ],
)
def test_sign_typed_keeps_no_consent_when_it_does_not_sign(
    database: Database, service: ParticipantService, signer: str, changes: dict[str, Any], error: type[Exception]
) -> None:
    with database.transaction() as session:
        address = service.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=NOW_S).address
    with pytest.raises(error), database.transaction() as session:
        service.sign_typed(
            session,
            signer=signer,
            domain=deployment().token_domain("EUR"),
            primary_type="Hold",
            message=_change(hold_of(address), **changes),
            given_by="x",
            now_s=NOW_S,
        )
    with database.read() as session:
        assert session.scalars(select(ConsentRow)).all() == []
        assert len(session.scalars(select(CustomerRow)).all()) == 1
