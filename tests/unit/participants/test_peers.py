"""Documents of others: what is pinned, what is refused, what the exchange is given."""

import pytest

from node.participants.errors import (
    AheadOfLedgerError,
    AnchorMismatchError,
    ForeignPaperError,
    KeyChangeRefusedError,
    KeyNotValidError,
    KeyTimesError,
    NoDocumentError,
    PinnedKeyError,
    StalePaperError,
    UnknownInstitutionError,
)
from node.participants.limits import CLOCK_SKEW_S, LAG_S_MAX
from tests.unit.client.fake_chain import GENESIS_TIME_S, Actor
from tests.unit.participants.network import (
    BANK,
    COMPOSITE,
    DAY_S,
    NOW_S,
    Watcher,
    document,
    key,
    sealing_jwk,
)

OLD, NEW = key("bank-ke"), key("next")


@pytest.fixture
def watcher() -> Watcher:
    return Watcher.in_memory()


def test_nothing_counts_when_no_document_was_imported(watcher: Watcher) -> None:
    keys = watcher.keys(NOW_S)
    assert (keys.status, keys.verify_keys, keys.sealing_keys) == ("no_document", (), ())
    assert keys.algorithms == frozenset()
    assert not watcher.valid(OLD.kid, NOW_S)
    with pytest.raises(NoDocumentError), watcher.database.read() as session:
        watcher.peers.document(session, "bank-ke")


def test_keys_count_when_the_registry_holds_the_documents_message_key(watcher: Watcher) -> None:
    signed = document(OLD)
    watcher.take(signed)
    keys = watcher.keys(NOW_S)
    assert (keys.status, keys.id, keys.endpoints.messages) == ("active", "bank-ke", "https://rift.example/messages")
    assert [(one.key_id, one.public_key) for one in keys.verify_keys] == [(OLD.kid, OLD.public_key)]
    assert [(one.kem, one.key_id) for one in keys.sealing_keys] == [("X-Wing", sealing_jwk("bank-ke").kid)]
    assert keys.algorithms == {COMPOSITE}
    assert watcher.directory.institution("bank-ke").name == "Rift Bank"
    assert watcher.told() == ["participant.paper_taken"]
    with watcher.database.read() as session:
        assert watcher.peers.document(session, BANK) == signed.data


def test_key_counts_from_its_anchor_on_when_asked_for_a_time(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    assert watcher.valid(OLD.kid, GENESIS_TIME_S)
    assert not watcher.valid(OLD.kid, GENESIS_TIME_S - 1)
    assert not watcher.valid(NEW.kid, NOW_S)
    with watcher.database.read() as session:
        known = watcher.peers.known_key(session, BANK, OLD.kid)
        assert known is not None
        assert known.public_key == OLD.public_key
        assert watcher.peers.known_key(session, BANK, NEW.kid) is None


def test_document_changes_nothing_when_it_comes_again(watcher: Watcher) -> None:
    signed = document(OLD)
    watcher.take(signed)
    watcher.take(signed)
    assert watcher.told() == ["participant.paper_taken"]


def test_document_is_replaced_when_a_later_one_of_the_same_key_comes(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.take(document(OLD, issued_at_s=NOW_S + 1, endpoints={"rest": "https://new.example/v1"}))
    assert watcher.keys(NOW_S).endpoints.rest == "https://new.example/v1"


@pytest.mark.parametrize("issued_at_s", [NOW_S, NOW_S - 1])
def test_document_is_refused_when_it_is_not_later_than_the_one_kept(watcher: Watcher, issued_at_s: int) -> None:
    watcher.take(document(OLD))
    replayed = document(OLD, issued_at_s=issued_at_s, endpoints={"rest": "https://old.example/v1"})
    with pytest.raises(StalePaperError):
        watcher.take(replayed)
    assert watcher.keys(NOW_S).endpoints.messages == "https://rift.example/messages"


def test_document_is_refused_when_the_registry_holds_another_key(watcher: Watcher) -> None:
    with pytest.raises(AnchorMismatchError) as refused:
        watcher.take(document(NEW))
    assert (refused.value.lei, watcher.status()) == (BANK, "no_document")
    watcher.take(document(OLD))


def test_refusal_is_told_to_the_operator_when_reported(watcher: Watcher) -> None:
    with pytest.raises(KeyChangeRefusedError) as refused:
        watcher.take(document(NEW))
    with watcher.database.transaction() as session:
        watcher.peers.report(session, refused.value, NOW_S)
    assert watcher.told() == ["participant.refused"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lei": "213800KUD8LAJWSQ9D15"}, UnknownInstitutionError),
        ({"network": "landfall-other"}, ForeignPaperError),
        ({"chain_id": 1}, ForeignPaperError),
        ({"bic": "RIFTKEN0"}, ForeignPaperError),
        ({"account": Actor("stranger").address}, ForeignPaperError),
        ({"lei": "9999DEV02PLDRBANK004"}, ForeignPaperError),
        ({"issued_at_s": NOW_S + CLOCK_SKEW_S + 1}, AheadOfLedgerError),
        ({"issued_at_s": NOW_S + LAG_S_MAX}, AheadOfLedgerError),
        ({"issued_at_s": NOW_S + LAG_S_MAX + 1}, KeyTimesError),
    ],
)
def test_document_is_refused_when_the_registry_says_otherwise(
    watcher: Watcher, changes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        watcher.take(document(OLD, **changes))
    assert watcher.told() == []


def test_document_is_taken_when_its_clock_is_ahead_within_the_limit(watcher: Watcher) -> None:
    watcher.take(document(OLD, issued_at_s=NOW_S + CLOCK_SKEW_S))
    assert watcher.status() == "active"


def test_new_key_is_refused_when_it_is_anchored_without_a_notice(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.anchor(NEW.thumbprint, NOW_S + DAY_S)
    assert (watcher.status(), watcher.keys(NOW_S + DAY_S).sealing_keys) == ("key_unconfirmed", ())
    later = document(NEW, issued_at_s=NOW_S + DAY_S)
    with pytest.raises(PinnedKeyError, match="accept key"):
        watcher.take(later, now_s=NOW_S + DAY_S)
    with pytest.raises(PinnedKeyError):
        watcher.take(later, now_s=NOW_S + DAY_S, accept_key=OLD.kid)
    assert watcher.status() == "key_unconfirmed"


def test_new_key_counts_when_a_person_has_accepted_it(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.anchor(NEW.thumbprint, NOW_S + DAY_S)
    watcher.take(document(NEW, issued_at_s=NOW_S), now_s=NOW_S + 2 * DAY_S, accept_key=NEW.kid)
    assert watcher.status() == "active"
    assert watcher.valid(NEW.kid, NOW_S + DAY_S)
    assert not watcher.valid(NEW.kid, NOW_S + DAY_S - 1)
    # The chain's change ended the old key at once; what it signed before still verifies.
    assert watcher.valid(OLD.kid, NOW_S + DAY_S - 1)
    assert not watcher.valid(OLD.kid, NOW_S + DAY_S)


def test_accepted_key_is_refused_when_the_registry_does_not_hold_it(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    with pytest.raises(AnchorMismatchError):
        watcher.take(document(NEW), accept_key=NEW.kid)


def test_key_at_says_why_when_a_key_does_not_count(watcher: Watcher) -> None:
    watcher.take(document(OLD))
    watcher.anchor(bytes(32), NOW_S)
    with watcher.database.read() as session:
        with pytest.raises(KeyNotValidError, match=f"held from {GENESIS_TIME_S} to {NOW_S}, not at {NOW_S}"):
            watcher.peers.key_at(session, BANK, OLD.kid, NOW_S)
        with pytest.raises(KeyNotValidError, match="not a known one"):
            watcher.peers.key_at(session, BANK, "x" * 1000, NOW_S)
        with pytest.raises(UnknownInstitutionError):
            watcher.peers.key_at(session, "213800KUD8LAJWSQ9D15", OLD.kid, NOW_S)
        with pytest.raises(UnknownInstitutionError):
            watcher.peers.keys_of(session, "nobody", NOW_S)
