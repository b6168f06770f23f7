from itertools import combinations

import pytest
from shamir_mnemonic import generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from pqc.errors import SplitBackupError
from pqc.split_backup import SHARE_CHARACTERS_MAX, SHARES_MAX, join, split

SEED = bytes(range(32))


@pytest.fixture(scope="module")
def shares() -> tuple[str, ...]:
    return split(SEED, 2, 3)


def test_every_pair_gives_the_seed_back_when_two_of_three_are_asked(shares: tuple[str, ...]):
    assert all(len(share.split()) == 33 for share in shares)
    for pair in combinations(shares, 2):
        assert join(pair) == SEED


def test_join_takes_more_shares_than_needed_and_any_spelling_when_given(shares: tuple[str, ...]):
    assert join([shares[0].upper(), shares[1].replace(" ", "\n  "), shares[2], shares[2]]) == SEED


def test_join_needs_the_passphrase_when_the_backup_has_one():
    shares = split(SEED, 2, 2, b"paper")
    assert join(shares, b"paper") == SEED
    assert join(shares) != SEED
    assert join(shares, b"Paper") != SEED


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 3), (0, 3), (4, 3), (2, SHARES_MAX + 1), (-1, -1)])
def test_split_raises_when_numbers_are_out_of_range(threshold: int, count: int):
    with pytest.raises(SplitBackupError, match="2 <= threshold <= shares <= 16"):
        split(SEED, threshold, count)


def test_sixteen_of_sixteen_work_when_asked():
    shares = split(SEED, 16, 16)
    assert join(shares) == SEED
    with pytest.raises(SplitBackupError, match="expected 16 different shares of this backup, got 15; add 1"):
        join(shares[1:])


@pytest.mark.parametrize("passphrase", ["schlüssel".encode(), b"tab\t", b"x" * 257])
def test_split_and_join_raise_when_the_passphrase_is_not_printable_ascii(shares: tuple[str, ...], passphrase: bytes):
    with pytest.raises(SplitBackupError, match="printable ASCII"):
        split(SEED, 2, 3, passphrase)
    with pytest.raises(SplitBackupError, match="printable ASCII"):
        join(shares, passphrase)


def test_join_says_how_many_are_missing_when_there_are_too_few(shares: tuple[str, ...]):
    for given in ([shares[0]], [shares[0], shares[0]]):
        with pytest.raises(SplitBackupError, match="expected 2 different shares of this backup, got 1; add 1"):
            join(given)


def test_join_says_mixture_when_shares_are_of_two_backups(shares: tuple[str, ...]):
    with pytest.raises(SplitBackupError, match="got a mixture"):
        join([shares[0], split(SEED, 2, 3)[1]])


def test_join_says_which_word_without_showing_it_when_one_is_not_in_the_list(shares: tuple[str, ...]):
    words = shares[1].split()
    words[6] = "landfall"
    with pytest.raises(
        SplitBackupError, match=r"share 2: expected words of the SLIP-39 list, got others at 7$"
    ) as told:
        join([shares[0], " ".join(words)])
    assert "landfall" not in str(told.value)


@pytest.mark.parametrize("place", [0, 10, 32])
def test_join_says_checksum_when_a_word_is_another_of_the_list(shares: tuple[str, ...], place: int):
    words = shares[1].split()
    words[place] = WORDLIST[(WORDLIST.index(words[place]) + 1) % len(WORDLIST)]
    with pytest.raises(SplitBackupError, match=r"share 2: .*checksum"):
        join([shares[0], " ".join(words)])


def test_join_says_checksum_when_two_words_are_exchanged(shares: tuple[str, ...]):
    words = shares[0].split()
    place = next(one for one in range(10, 30) if words[one] != words[one + 1])
    words[place], words[place + 1] = words[place + 1], words[place]
    with pytest.raises(SplitBackupError, match="exchanged word"):
        join([" ".join(words), shares[1]])


@pytest.mark.parametrize("change", [lambda words: words[:-1], lambda words: [*words, words[0]], lambda words: []])
def test_join_says_the_count_when_words_are_missing_or_too_many(shares: tuple[str, ...], change):
    with pytest.raises(SplitBackupError, match="share 1: expected 33 words, got"):
        join([" ".join(change(shares[0].split())), shares[1]])


@pytest.mark.parametrize("count", [0, SHARES_MAX + 1])
def test_join_raises_when_there_are_no_or_too_many_shares(shares: tuple[str, ...], count: int):
    with pytest.raises(SplitBackupError, match="expected 1 to 16"):
        join([shares[0]] * count)


def test_join_raises_when_a_share_is_too_long(shares: tuple[str, ...]):
    with pytest.raises(SplitBackupError, match="at most 1000 characters"):
        join([shares[0] + " " * SHARE_CHARACTERS_MAX, shares[1]])


@pytest.mark.parametrize(
    "foreign",
    [
        generate_mnemonics(1, [(2, 3)], SEED, iteration_exponent=2)[0],
        [group[0] for group in generate_mnemonics(2, [(1, 1), (1, 1)], SEED)],
    ],
    ids=["cost", "groups"],
)
def test_join_raises_when_shares_were_made_by_another_program(foreign: list[str]):
    with pytest.raises(SplitBackupError, match="another SLIP-39 share"):
        join(foreign)
