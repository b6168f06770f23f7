"""From one message key to the next."""

from typing import Any

import pytest

from node.participants.errors import (
    AheadOfLedgerError,
    DowngradeError,
    ForeignPaperError,
    KeyChangeRefusedError,
    KeyPendingError,
    KeyRevokedError,
    KeyTimesError,
    PaperSignatureError,
    StalePaperError,
)
from node.participants.limits import ANNOUNCED_S_MAX, CLOCK_SKEW_S, OVERLAP_S_MAX
from pqc.envelope import USUAL_CLOCK
from tests.unit.client.fake_chain import GENESIS_TIME_S
from tests.unit.participants.network import (
    BANK,
    DAY_S,
    NOW_S,
    Watcher,
    document,
    key,
    notice,
    revocation,
    sealing_jwk,
)

OLD, NEW, THIRD = key("bank-ke"), key("next"), key("third")
OVERLAP_ENDS_S = NOW_S + 7 * DAY_S


@pytest.fixture
def watcher() -> Watcher:
    watcher = Watcher.in_memory()
    watcher.take(document(OLD, issued_at_s=NOW_S - DAY_S))
    return watcher


@pytest.fixture
def rotated(watcher: Watcher) -> Watcher:
    """Notice and anchor have come: both keys count until OVERLAP_ENDS_S."""
    watcher.take(notice(OLD, NEW))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    return watcher


def test_new_key_does_not_count_when_only_the_notice_has_come(watcher: Watcher) -> None:
    watcher.take(notice(OLD, NEW))
    assert (watcher.status(), [one.key_id for one in watcher.keys(NOW_S + DAY_S).verify_keys]) == ("active", [OLD.kid])
    with watcher.database.read() as session:
        with pytest.raises(KeyPendingError):
            watcher.peers.key_at(session, BANK, NEW.kid, NOW_S + DAY_S)
        with pytest.raises(KeyPendingError):
            watcher.peers.known_key(session, BANK, NEW.kid)


def test_both_keys_count_when_notice_and_anchor_have_come(rotated: Watcher) -> None:
    assert [one.key_id for one in rotated.keys(NOW_S + DAY_S).verify_keys] == [NEW.kid, OLD.kid]
    assert rotated.told()[-1] == "participant.key_rotated"
    assert rotated.status() == "active"
    for kid, from_s, until_s in ((OLD.kid, GENESIS_TIME_S, OVERLAP_ENDS_S), (NEW.kid, NOW_S + 10, None)):
        assert rotated.valid(kid, from_s)
        assert not rotated.valid(kid, from_s - 1)
        assert rotated.valid(kid, OVERLAP_ENDS_S - 1)
        assert rotated.valid(kid, OVERLAP_ENDS_S) is (until_s is None)
    assert [one.key_id for one in rotated.keys(OVERLAP_ENDS_S).verify_keys] == [NEW.kid]


def test_document_inside_the_notice_counts_when_the_rotation_is_done(watcher: Watcher) -> None:
    inner = document(NEW, endpoints={"rest": "https://new.example/v1"})
    watcher.take(notice(OLD, NEW, document=inner))
    assert watcher.keys(NOW_S).endpoints.rest is None
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    keys = watcher.keys(NOW_S + 10)
    assert (keys.endpoints.rest, [one.key_id for one in keys.sealing_keys]) == (
        "https://new.example/v1",
        [sealing_jwk("bank-ke").kid],
    )


def test_new_key_begins_with_the_notice_when_the_anchor_is_earlier(watcher: Watcher) -> None:
    watcher.take(notice(OLD, NEW, starts_at_s=NOW_S + DAY_S))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    assert not watcher.valid(NEW.kid, NOW_S + DAY_S - 1)
    assert watcher.valid(NEW.kid, NOW_S + DAY_S)
    assert watcher.valid(OLD.kid, NOW_S + DAY_S)


def test_old_key_ends_with_the_anchor_when_the_overlap_is_over_by_then(watcher: Watcher) -> None:
    watcher.take(notice(OLD, NEW, old_until_s=NOW_S))
    watcher.anchor(NEW.thumbprint, NOW_S + DAY_S)
    assert watcher.valid(OLD.kid, NOW_S + DAY_S - 1)
    assert not watcher.valid(OLD.kid, NOW_S + DAY_S)
    assert watcher.valid(NEW.kid, NOW_S + DAY_S)


def test_notice_after_the_anchor_confirms_the_new_key_and_gives_the_old_one_no_time(watcher: Watcher) -> None:
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    assert watcher.told()[-1] == "participant.key_unconfirmed"
    watcher.take(notice(OLD, NEW), now_s=NOW_S + 20)
    assert watcher.status() == "active"
    assert watcher.valid(NEW.kid, NOW_S + 10)
    assert not watcher.valid(OLD.kid, NOW_S + 10)


def test_notice_changes_nothing_when_the_registry_takes_a_third_key(watcher: Watcher) -> None:
    watcher.take(notice(OLD, NEW))
    watcher.anchor(THIRD.thumbprint, NOW_S + 10)
    assert watcher.status() == "key_unconfirmed"
    assert not any(watcher.valid(one.kid, NOW_S + 10) for one in (OLD, THIRD))


def test_notice_changes_nothing_when_it_comes_again(watcher: Watcher) -> None:
    announced = notice(OLD, NEW)
    watcher.take(announced)
    told = watcher.told()
    watcher.take(announced)
    assert watcher.told() == told


def test_notice_is_replaced_when_a_later_one_comes_before_the_anchor(watcher: Watcher) -> None:
    first = notice(OLD, NEW)
    watcher.take(first)
    second = notice(OLD, THIRD, issued_at_s=NOW_S + 1, starts_at_s=NOW_S + 1)
    watcher.take(second, now_s=NOW_S + 1)
    with pytest.raises(StalePaperError, match="issued_at_s"):
        watcher.take(first, now_s=NOW_S + 1)
    watcher.anchor(THIRD.thumbprint, NOW_S + 10)
    assert watcher.status() == "active"


@pytest.mark.parametrize("signer", [NEW, key("stranger")])
def test_notice_is_refused_when_the_wrong_key_signed_it(watcher: Watcher, signer: Any) -> None:
    with pytest.raises(PaperSignatureError):
        watcher.take(notice(OLD, NEW, signer=signer))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    assert watcher.status() == "key_unconfirmed"


def test_old_notice_is_refused_when_it_is_replayed(rotated: Watcher) -> None:
    now_s = OVERLAP_ENDS_S + DAY_S
    with pytest.raises(StalePaperError, match="pinned key"):
        rotated.take(notice(OLD, NEW), now_s=now_s)
    following = notice(
        NEW,
        THIRD,
        document=document(THIRD, issued_at_s=now_s),
        issued_at_s=now_s,
        starts_at_s=now_s,
        old_until_s=now_s + DAY_S,
    )
    rotated.take(following, now_s=now_s)
    rotated.anchor(THIRD.thumbprint, now_s + 10)
    for replayed in (notice(OLD, NEW), notice(OLD, key("fourth"))):
        with pytest.raises(StalePaperError):
            rotated.take(replayed, now_s=now_s + 20)
    assert [one.key_id for one in rotated.keys(now_s + DAY_S).verify_keys] == [THIRD.kid]


def test_notice_is_refused_when_it_leads_back_to_a_key_that_was_used(rotated: Watcher) -> None:
    now_s = OVERLAP_ENDS_S + 1
    back = notice(NEW, OLD, issued_at_s=now_s, starts_at_s=now_s, old_until_s=now_s + DAY_S)
    with pytest.raises(StalePaperError, match="never used"):
        rotated.take(back, now_s=now_s)


def test_notice_is_refused_when_the_last_overlap_still_runs(rotated: Watcher) -> None:
    for starts_at_s, is_taken in ((OVERLAP_ENDS_S - 1, False), (OVERLAP_ENDS_S, True)):
        paper = notice(NEW, THIRD, issued_at_s=NOW_S + 20, starts_at_s=starts_at_s, old_until_s=starts_at_s + DAY_S)
        if is_taken:
            rotated.take(paper, now_s=NOW_S + 20)
        else:
            with pytest.raises(KeyTimesError, match="starts_at_s"):
                rotated.take(paper, now_s=NOW_S + 20)


@pytest.mark.parametrize(
    ("changes", "bad"),
    [
        ({"starts_at_s": NOW_S}, {"starts_at_s": -1}),
        ({"starts_at_s": NOW_S + ANNOUNCED_S_MAX, "old_until_s": NOW_S + ANNOUNCED_S_MAX}, {"starts_at_s": 1}),
        ({"old_until_s": NOW_S}, {"old_until_s": -1}),
        ({"old_until_s": NOW_S + OVERLAP_S_MAX}, {"old_until_s": 1}),
    ],
)
def test_notice_is_refused_when_its_times_are_out_of_bounds(
    watcher: Watcher, changes: dict[str, int], bad: dict[str, int]
) -> None:
    (field,) = bad
    with pytest.raises(KeyTimesError, match=field):
        watcher.take(notice(OLD, NEW, **(changes | {field: changes[field] + bad[field]})))
    watcher.take(notice(OLD, NEW, **changes))


def test_notice_waits_when_it_is_dated_after_what_this_node_has_followed(watcher: Watcher) -> None:
    issued_at_s = NOW_S + CLOCK_SKEW_S + 1
    early = notice(OLD, NEW, issued_at_s=issued_at_s, starts_at_s=issued_at_s)
    with pytest.raises(AheadOfLedgerError):
        watcher.take(early)
    watcher.take(early, now_s=NOW_S + 1)


@pytest.mark.parametrize(("alg", "is_taken"), [("ML-DSA-87", False), ("id-MLDSA87-ECDSA-P384-SHA512", True)])
def test_notice_is_refused_when_the_new_algorithm_is_weaker_in_any_respect(
    watcher: Watcher, alg: str, is_taken: bool
) -> None:
    other = key("other", alg)
    if is_taken:
        watcher.take(notice(OLD, other))
        watcher.anchor(other.thumbprint, NOW_S + 10)
        # A message signed in the overlap may still be on its way.
        oldest_s = USUAL_CLOCK.age_s
        assert watcher.keys(OVERLAP_ENDS_S + oldest_s - 1).algorithms == {OLD.algorithm, alg}
        assert watcher.keys(OVERLAP_ENDS_S + oldest_s).algorithms == {alg}
    else:
        with pytest.raises(DowngradeError):
            watcher.take(notice(OLD, other))


def test_notice_is_refused_when_the_category_falls(watcher: Watcher) -> None:
    strong = key("strong", "id-MLDSA87-ECDSA-P384-SHA512")
    watcher.take(notice(OLD, strong, old_until_s=NOW_S))
    watcher.anchor(strong.thumbprint, NOW_S + 10)
    with pytest.raises(DowngradeError):
        watcher.take(notice(strong, NEW, starts_at_s=NOW_S + 20, old_until_s=NOW_S + 20), now_s=NOW_S + 20)


def test_notice_is_refused_when_its_old_key_is_revoked(watcher: Watcher) -> None:
    watcher.take(revocation(OLD))
    with pytest.raises(KeyRevokedError):
        watcher.take(notice(OLD, NEW))


def test_notice_is_refused_when_no_document_came_before(watcher: Watcher) -> None:
    fresh = Watcher.in_memory()
    with pytest.raises(KeyChangeRefusedError):
        fresh.take(notice(OLD, NEW))


def test_notice_is_refused_when_its_document_names_another_bic(watcher: Watcher) -> None:
    with pytest.raises(ForeignPaperError):
        watcher.take(notice(OLD, NEW, document=document(NEW, bic="RIFTKEN0")))


def test_waiting_notice_is_forgotten_when_its_key_is_revoked(watcher: Watcher) -> None:
    watcher.take(notice(OLD, key("thief")))
    watcher.take(revocation(OLD))
    watcher.anchor(key("thief").thumbprint, NOW_S + 10)
    assert watcher.status() == "key_revoked"
    assert not watcher.valid(key("thief").kid, NOW_S + 10)


def test_waiting_notice_of_the_lost_key_is_forgotten_when_a_person_has_accepted_another(watcher: Watcher) -> None:
    watcher.take(notice(OLD, key("thief")))
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    watcher.take(document(NEW, issued_at_s=NOW_S + 10), now_s=NOW_S + 10, accept_key=NEW.kid)
    watcher.anchor(key("thief").thumbprint, NOW_S + 20)
    assert watcher.status() == "key_unconfirmed"
    assert not watcher.valid(key("thief").kid, NOW_S + 20)


def test_notice_changes_nothing_when_it_comes_again_after_its_rotation(watcher: Watcher) -> None:
    announced = notice(OLD, NEW)
    watcher.take(announced)
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    told = watcher.told()
    watcher.take(announced, now_s=NOW_S + 20)
    assert watcher.told() == told
