"""Message keys that are taken back."""

import pytest

from node.participants.errors import AheadOfLedgerError, KeyRevokedError, PaperSignatureError, StalePaperError
from node.participants.limits import CLOCK_SKEW_S
from tests.unit.participants.network import DAY_S, NOW_S, Watcher, document, key, notice, revocation

OLD, NEW = key("bank-ke"), key("next")


@pytest.fixture
def watcher() -> Watcher:
    watcher = Watcher.in_memory()
    watcher.take(document(OLD, issued_at_s=NOW_S - DAY_S))
    return watcher


def rotate(watcher: Watcher) -> None:
    watcher.take(notice(OLD, NEW))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)


def test_key_counts_no_more_when_it_revokes_itself(watcher: Watcher) -> None:
    watcher.take(revocation(OLD))
    assert watcher.valid(OLD.kid, NOW_S - 1)
    assert not watcher.valid(OLD.kid, NOW_S)
    keys = watcher.keys(NOW_S)
    assert (keys.status, keys.verify_keys, keys.sealing_keys) == ("key_revoked", (), ())


def test_old_key_ends_within_its_overlap_when_the_new_one_revokes_it(watcher: Watcher) -> None:
    rotate(watcher)
    watcher.take(revocation(OLD, signer=NEW, revoked_at_s=NOW_S + DAY_S), now_s=NOW_S + DAY_S)
    assert watcher.valid(OLD.kid, NOW_S + DAY_S - 1)
    assert not watcher.valid(OLD.kid, NOW_S + DAY_S)
    assert watcher.status() == "active"
    assert watcher.valid(NEW.kid, NOW_S + DAY_S)


def test_revocation_is_refused_when_another_key_signed_it(watcher: Watcher) -> None:
    with pytest.raises(PaperSignatureError):
        watcher.take(revocation(OLD, signer=key("bank-nl")))
    assert watcher.valid(OLD.kid, NOW_S)


def test_new_key_is_not_revoked_when_the_old_one_asks(watcher: Watcher) -> None:
    rotate(watcher)
    with pytest.raises(PaperSignatureError):
        watcher.take(revocation(NEW, signer=OLD))
    assert watcher.valid(NEW.kid, NOW_S + DAY_S)


def test_revocation_reaches_back_when_its_moment_is_past(watcher: Watcher) -> None:
    watcher.take(revocation(OLD, revoked_at_s=NOW_S - 1000))
    assert watcher.valid(OLD.kid, NOW_S - 1001)
    assert not watcher.valid(OLD.kid, NOW_S - 1000)


def test_revocation_is_refused_when_its_moment_is_to_come(watcher: Watcher) -> None:
    with pytest.raises(AheadOfLedgerError):
        watcher.take(revocation(OLD, revoked_at_s=NOW_S + CLOCK_SKEW_S + 1))
    watcher.take(revocation(OLD, revoked_at_s=NOW_S + CLOCK_SKEW_S))


def test_revocation_moves_only_to_an_earlier_moment_when_there_is_one(watcher: Watcher) -> None:
    first = revocation(OLD)
    watcher.take(first)
    watcher.take(first)
    with pytest.raises(StalePaperError):
        watcher.take(revocation(OLD, revoked_at_s=NOW_S + 1))
    watcher.take(revocation(OLD, revoked_at_s=NOW_S - 1))
    assert not watcher.valid(OLD.kid, NOW_S - 1)


def test_revocation_is_refused_when_the_key_was_never_pinned(watcher: Watcher) -> None:
    with pytest.raises(StalePaperError):
        watcher.take(revocation(NEW))


def test_revoked_key_does_not_come_back_when_the_registry_still_holds_it(watcher: Watcher) -> None:
    watcher.take(revocation(OLD))
    with pytest.raises(KeyRevokedError):
        watcher.take(document(OLD, issued_at_s=NOW_S + 1), now_s=NOW_S + 1, accept_key=OLD.kid)
    watcher.anchor(bytes(32), NOW_S + 10)
    watcher.anchor(OLD.thumbprint, NOW_S + 20)
    assert not watcher.valid(OLD.kid, NOW_S + 20)


def test_next_key_counts_when_a_revoked_one_was_replaced_on_the_chain_and_accepted(watcher: Watcher) -> None:
    watcher.take(revocation(OLD))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    watcher.take(document(NEW, issued_at_s=NOW_S + 10), now_s=NOW_S + 10, accept_key=NEW.kid)
    assert watcher.status() == "active"
    assert watcher.valid(NEW.kid, NOW_S + 10)
