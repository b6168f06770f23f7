import pytest

from pqc.errors import (
    InvalidKeyError,
    KeyExistsError,
    KeyNotValidError,
    KeyStillValidError,
    UnknownKeyError,
    WrongKeyKindError,
)
from pqc.key_ring import KEYS_MAX, OVERLAP_S_MAX, KeyRing, stored_key
from pqc.keys import TIME_S_MAX, KeyInfo

FIRST, SECOND, THIRD = (bytes([number] * 32) for number in (1, 2, 3))


@pytest.fixture
def ring() -> KeyRing:
    """A key valid from 100, rotated at 500 with an overlap of 60."""
    return KeyRing().with_key("message", "Ed25519", "message", FIRST, 100).with_next("message", SECOND, 500, 60)


def infos(ring: KeyRing, name: str = "message") -> list[KeyInfo]:
    return [one.info for one in ring.of(name)]


def test_rotation_ends_the_old_key_after_the_overlap_and_names_its_successor_when_made(ring: KeyRing):
    old, new = infos(ring)
    assert (old.valid_from_s, old.valid_until_s, old.successor) == (100, 560, new.thumbprint)
    assert (new.valid_from_s, new.valid_until_s, new.successor) == (500, None, None)
    assert ring.one("message", None).seed == SECOND
    assert ring.one("message", old.thumbprint).seed == FIRST


@pytest.mark.parametrize(
    ("time_s", "generations"), [(100, [0]), (499, [0]), (500, [1, 0]), (559, [1, 0]), (560, [1]), (10**10, [1])]
)
def test_valid_at_gives_both_keys_newest_first_when_in_the_overlap(ring: KeyRing, time_s: int, generations: list[int]):
    assert list(ring.valid_at("message", time_s)) == [infos(ring)[one] for one in generations]


def test_valid_at_raises_when_no_key_counted_yet(ring: KeyRing):
    with pytest.raises(
        KeyNotValidError, match="expected 1970-01-01 00:01:40 UTC or later for 'message', got 1970-01-01 00:01:39"
    ):
        ring.valid_at("message", 99)
    with pytest.raises(UnknownKeyError):
        ring.valid_at("other", 500)


@pytest.mark.parametrize("time_s", [-1, 10**20, 500.0, None, "500"])
def test_valid_at_and_destroying_raise_when_the_time_is_none(ring: KeyRing, time_s: int):
    with pytest.raises(InvalidKeyError, match="time_s"):
        ring.valid_at("message", time_s)
    with pytest.raises(InvalidKeyError, match="now_s"):
        ring.without_retired("message", time_s)


def test_three_generations_count_when_rotated_again_within_the_overlap(ring: KeyRing):
    again = ring.with_next("message", THIRD, 510, 10)
    assert [info.valid_until_s for info in infos(again)] == [560, 520, None]
    assert len(again.valid_at("message", 515)) == 3
    # The younger one was cut short: at 520 the oldest still counts.
    assert [info.valid_from_s for info in again.valid_at("message", 520)] == [510, 100]


def test_rotation_without_overlap_ends_the_old_key_at_once(ring: KeyRing):
    again = ring.with_next("message", THIRD, 600, 0)
    assert [info.valid_from_s for info in again.valid_at("message", 600)] == [600]
    assert [info.valid_from_s for info in again.valid_at("message", 599)] == [500]


@pytest.mark.parametrize(
    ("now_s", "overlap_s", "said"),
    [
        (499, 0, "now_s: expected 1970-01-01 00:08:20 UTC or later"),
        (-1, 0, "now_s"),
        (TIME_S_MAX, 0, "now_s"),
        (True, 0, "now_s"),
        (600.0, 0, "now_s"),
        (600, -1, "overlap_s"),
        (600, OVERLAP_S_MAX + 1, "overlap_s: expected 0 to 31622400 seconds"),
        (600, "60", "overlap_s"),
    ],
)
def test_rotation_raises_when_time_or_overlap_is_out_of_range(ring: KeyRing, now_s: int, overlap_s: int, said: str):
    with pytest.raises(InvalidKeyError, match=said):
        ring.with_next("message", THIRD, now_s, overlap_s)
    assert len(ring.with_next("message", THIRD, 600, OVERLAP_S_MAX)) == 3


def test_rotation_raises_when_the_key_is_an_account():
    ring = KeyRing().with_key("pay", "secp256k1", "transaction", FIRST, 0)
    with pytest.raises(WrongKeyKindError, match="add a key under another name and move the account's money"):
        ring.with_next("pay", SECOND, 100, 0)


def test_rotation_raises_when_the_seed_is_the_old_one(ring: KeyRing):
    with pytest.raises(KeyExistsError, match="stored as 'message'"):
        ring.with_next("message", FIRST, 600, 0)


def test_destroying_keeps_public_half_and_times_when_the_key_has_ended(ring: KeyRing):
    old, new = infos(ring)
    without = ring.without_retired("message", 560)
    gone, kept = without.of("message")
    assert (gone.seed, gone.info.is_destroyed) == (None, True)
    assert (gone.info.public_key, gone.info.valid_until_s, gone.info.successor) == (old.public_key, 560, new.thumbprint)
    assert (kept.seed, kept.info) == (SECOND, new)


@pytest.mark.parametrize(
    ("now_s", "said"), [(559, "wait until 1970-01-01 00:09:20 UTC"), (499, "wait until 1970-01-01 00:09:20 UTC")]
)
def test_destroying_raises_when_no_key_has_ended(ring: KeyRing, now_s: int, said: str):
    with pytest.raises(KeyStillValidError, match=said):
        ring.without_retired("message", now_s)


def test_destroying_raises_when_there_is_nothing_left_to_destroy(ring: KeyRing):
    with pytest.raises(KeyStillValidError, match="rotate it first"):
        ring.without_retired("message", 560).without_retired("message", 1000)


def test_ring_raises_when_one_secret_would_serve_two_roles(ring: KeyRing):
    for seed in (FIRST, SECOND):
        with pytest.raises(KeyExistsError, match="stored as 'message'"):
            ring.with_key("vote", "ML-DSA-65", "validator", seed, 0)
    assert ring.with_key("vote", "ML-DSA-65", "validator", THIRD, 0).one("vote", None).seed == THIRD


def test_ring_raises_when_a_destroyed_key_would_come_back(ring: KeyRing):
    with pytest.raises(KeyExistsError, match="stored as 'message'"):
        ring.without_retired("message", 560).with_key("again", "Ed25519", "evidence", FIRST, 0)


def test_ring_raises_when_it_is_full():
    one = stored_key("key", "Ed25519", "message", FIRST, 0)
    with pytest.raises(InvalidKeyError, match="at most 1000 keys, got 1001"):
        KeyRing({str(number): (one,) for number in range(KEYS_MAX + 1)})


def test_import_takes_one_name_with_its_history_when_another_ring_has_it(ring: KeyRing):
    other = KeyRing().with_key("vote", "ML-DSA-65", "validator", THIRD, 0)
    assert infos(other.with_imported(ring, "message")) == infos(ring)
    with pytest.raises(KeyExistsError, match="stored already"):
        ring.with_imported(ring, "message")
    with pytest.raises(UnknownKeyError):
        other.with_imported(ring, "post")
