"""What the registry's events do to the directory."""

from pathlib import Path

import pytest

from node.participants.directory import Role
from node.participants.errors import UnknownInstitutionError
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.client.fake_chain import Actor
from tests.unit.participants.network import BANK, DAY_S, NOW_S, Lost, Watcher, document, key, lose, notice

OLD, NEW = key("bank-ke"), key("next")
NEWCOMER = "213800KUD8LAJWSQ9D15"
ACCOUNT = Actor("bank-ke").address


@pytest.fixture
def watcher() -> Watcher:
    return Watcher.in_memory()


def register(watcher: Watcher, who: str, at_s: int, **changes: object) -> None:
    args = {"lei": NEWCOMER, "bic": "", "roles": 2, "key_thumbprint": key(who).thumbprint} | changes
    watcher.registry_says("ParticipantRegistered", at_s, account=Actor(who).address, **args)


def test_institution_is_entered_when_it_is_registered(watcher: Watcher) -> None:
    register(watcher, "newcomer", NOW_S)
    found = watcher.directory.institution(NEWCOMER)
    assert (found.id, found.roles, found.address) == (NEWCOMER.lower(), Role.BANK, Actor("newcomer").address)
    assert watcher.told() == ["participant.registered"]
    account = Actor("newcomer").address
    watcher.take(document(key("newcomer"), lei=NEWCOMER, bic="", account=account, name="Newcomer Bank"))
    assert watcher.directory.institution(NEWCOMER).name == "Newcomer Bank"


@pytest.mark.parametrize("changes", [{"lei": "213800KUD8LXJWSQ9D15"}, {"bic": "RIFTXXN0"}, {"lei": BANK}])
def test_registration_is_told_and_not_entered_when_it_cannot_be_accepted(
    watcher: Watcher, changes: dict[str, str]
) -> None:
    register(watcher, "newcomer", NOW_S, **changes)
    assert watcher.told() == ["participant.refused"]
    assert watcher.directory.at_address(Actor("newcomer").address) is None
    assert watcher.directory.institution(BANK).address == ACCOUNT
    with pytest.raises(UnknownInstitutionError):
        watcher.directory.institution(NEWCOMER)


def test_account_is_replaced_when_the_old_one_was_switched_off(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.registry_says("StatusChanged", NOW_S, account=ACCOUNT, active=False)
    register(watcher, "moved", NOW_S + 10, lei=BANK, bic="PLDRNL2A", key_thumbprint=OLD.thumbprint)
    assert watcher.directory.institution("bank-ke").address == Actor("moved").address
    assert watcher.directory.at_address(ACCOUNT) is None
    assert watcher.status() == "active"
    assert not watcher.valid(OLD.kid, NOW_S + 9)
    assert watcher.valid(OLD.kid, NOW_S + 10)


def test_roles_follow_when_they_change(watcher: Watcher) -> None:
    watcher.registry_says("RolesChanged", NOW_S, account=ACCOUNT, roles=2 | 32)
    assert watcher.directory.institution("bank-ke").role_names == ("bank", "reporter")


def test_keys_count_only_while_active_when_the_status_changes(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.registry_says("StatusChanged", NOW_S, account=ACCOUNT, active=False)
    keys = watcher.keys(NOW_S)
    assert (keys.status, keys.verify_keys, keys.sealing_keys) == ("suspended", (), ())
    assert "bank-ke" not in [one.id for one in watcher.directory.with_role(Role.BANK)]
    watcher.registry_says("StatusChanged", NOW_S + DAY_S, account=ACCOUNT, active=True)
    assert watcher.status() == "active"
    assert [watcher.valid(OLD.kid, NOW_S + offset) for offset in (-1, 0, DAY_S - 1, DAY_S)] == [
        True,
        False,
        False,
        True,
    ]
    assert watcher.told()[-2:] == ["participant.suspended", "participant.resumed"]


def test_document_gives_no_time_before_the_status_when_it_comes_late(watcher: Watcher) -> None:
    watcher.registry_says("StatusChanged", NOW_S, account=ACCOUNT, active=False)
    watcher.take(document(OLD))
    assert not watcher.valid(OLD.kid, NOW_S)
    watcher.registry_says("StatusChanged", NOW_S + DAY_S, account=ACCOUNT, active=True)
    assert not watcher.valid(OLD.kid, NOW_S + DAY_S - 1)
    assert watcher.valid(OLD.kid, NOW_S + DAY_S)


def test_rotation_gives_a_suspended_institution_no_time_when_its_anchor_moves(watcher: Watcher) -> None:
    watcher.take(document(OLD, issued_at_s=NOW_S - 1))
    watcher.take(notice(OLD, NEW))
    watcher.registry_says("StatusChanged", NOW_S + 10, account=ACCOUNT, active=False)
    watcher.anchor(NEW.thumbprint, NOW_S + 20)
    assert not watcher.valid(NEW.kid, NOW_S + 20)
    watcher.registry_says("StatusChanged", NOW_S + 30, account=ACCOUNT, active=True)
    assert watcher.valid(NEW.kid, NOW_S + 30)


def test_old_key_counts_again_when_the_governor_takes_a_change_back(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.anchor(NEW.thumbprint, NOW_S)
    watcher.anchor(OLD.thumbprint, NOW_S + DAY_S)
    assert watcher.status() == "active"
    assert [watcher.valid(OLD.kid, NOW_S + offset) for offset in (-1, 0, DAY_S)] == [True, False, True]


def test_events_about_strangers_change_nothing_when_they_come(watcher: Watcher) -> None:
    before = list(watcher.directory)
    stranger = Actor("stranger").address
    watcher.registry_says("StatusChanged", NOW_S, account=stranger, active=False)
    watcher.registry_says("RolesChanged", NOW_S + 1, account=stranger, roles=1)
    watcher.registry_says("KeyThumbprintChanged", NOW_S + 2, account=stranger, key_thumbprint=bytes(32))
    watcher.registry_says("DigestRecorded", NOW_S + 3, institution=ACCOUNT, digest=bytes(32))
    assert list(watcher.directory) == before
    assert watcher.told() == []


def test_directory_is_what_it_was_when_the_desk_starts_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    prepare(database)
    watcher = Watcher(database)
    watcher.take(document(OLD))
    watcher.registry_says("RolesChanged", NOW_S, account=ACCOUNT, roles=64)
    register(watcher, "newcomer", NOW_S + 1)
    again = Watcher(database)
    assert list(again.directory) == list(watcher.directory)
    assert (again.status(), again.directory.institution("bank-ke").name) == ("active", "Rift Bank")


def test_block_is_applied_whole_or_not_at_all_when_its_transaction_fails(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    prepare(database)
    watcher = Watcher(database)
    watcher.take(document(OLD))
    event = {"contract": "ParticipantRegistry", "name": "StatusChanged", "address": "0x"}
    block = watcher.chain.mine([event | {"account": ACCOUNT, "active": False}])
    with pytest.raises(Lost):
        lose(database, lambda session: watcher.registry.on_block(session, block))
    again = Watcher(database)
    assert again.status() == "active"
    for _ in range(2):
        with database.transaction() as session:
            again.registry.on_block(session, block)
        assert again.status() == "suspended"
    assert again.told().count("participant.suspended") == 1
