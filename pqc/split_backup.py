"""Split backup of one key: m of n lists of words (SLIP-39), by the reference implementation `shamir-mnemonic`.

A seed is split, not the keystore: a key restored from words needs no file, no passphrase of the file and no
program version; it is checked against its public half; and whoever keeps shares of one key holds nothing of the
others.

Fewer than `threshold` shares say nothing about the seed. SLIP-39 cannot tell a wrong passphrase, it gives another
seed: always compare the public key (`Keystore.restore` does).

Source: SLIP-0039 (Shamir's secret sharing for mnemonic codes).
"""

from collections.abc import Sequence
from typing import Final

from shamir_mnemonic import generate_mnemonics
from shamir_mnemonic.shamir import ShareGroup, decode_mnemonics, recover_ems
from shamir_mnemonic.share import Share
from shamir_mnemonic.utils import MnemonicError
from shamir_mnemonic.wordlist import WORD_INDEX_MAP

from pqc.errors import SplitBackupError

SHARES_MAX: Final = 16
"""SLIP-39: the index of a share has four bits."""
SHARE_CHARACTERS_MAX: Final = 1000
"""33 words of at most 8 letters, with room for line breaks."""
SHARE_WORDS: Final = 33
"""Of a secret of 32 bytes."""
PASSPHRASE_BYTES_MAX: Final = 256
ITERATION_EXPONENT: Final = 1
"""20,000 rounds of PBKDF2, SLIP-39's usual choice; a foreign share could ask for 300 million."""


def split(seed: bytes, threshold: int, shares: int, passphrase: bytes = b"") -> tuple[str, ...]:
    """Return `shares` lists of 33 words, any `threshold` of which give the seed back.

    Raises:
        SplitBackupError: not 2 <= threshold <= shares <= 16, or a passphrase that SLIP-39 does not allow.
    """
    if not 2 <= threshold <= shares <= SHARES_MAX:
        raise SplitBackupError(
            f"threshold, shares: expected 2 <= threshold <= shares <= {SHARES_MAX}, got {threshold} of {shares}"
        )
    _check_passphrase(passphrase)
    return tuple(
        generate_mnemonics(1, [(threshold, shares)], seed, passphrase, iteration_exponent=ITERATION_EXPONENT)[0]
    )


def join(shares: Sequence[str], passphrase: bytes = b"") -> bytes:
    """Return the seed; words may be in any case and spacing, and more shares than needed may be given.

    Raises:
        SplitBackupError: mistyped words, shares of different backups, or too few of them.
    """
    _check_passphrase(passphrase)
    if not 1 <= len(shares) <= SHARES_MAX:
        raise SplitBackupError(f"shares: expected 1 to {SHARES_MAX}, got {len(shares)}")
    for number, words in enumerate(shares, 1):
        _check_share(number, words)
    group = _group(shares)
    if not group.is_complete():
        raise SplitBackupError(
            f"shares: expected {group.member_threshold()} different shares of this backup, got {len(group)}; "
            f"add {group.member_threshold() - len(group)}"
        )
    try:
        seed: bytes = recover_ems({0: group.get_minimal_group()}).decrypt(passphrase)
    except MnemonicError:
        raise SplitBackupError("shares: expected shares of one backup, got some that do not fit together") from None
    return seed


def _check_share(number: int, words: str) -> None:
    """Say which word is wrong by its place: the word itself is half a secret."""
    if len(words) > SHARE_CHARACTERS_MAX:
        raise SplitBackupError(f"share {number}: expected at most {SHARE_CHARACTERS_MAX} characters, got {len(words)}")
    written = words.lower().split()
    if unknown := [str(place) for place, word in enumerate(written, 1) if word not in WORD_INDEX_MAP]:
        raise SplitBackupError(
            f"share {number}: expected words of the SLIP-39 list, got others at {', '.join(unknown)}"
        )
    if len(written) != SHARE_WORDS:
        raise SplitBackupError(f"share {number}: expected {SHARE_WORDS} words, got {len(written)}")
    try:
        share = Share.from_mnemonic(words)
    except MnemonicError:
        raise SplitBackupError(
            f"share {number}: expected the words as they were written down, got others (the checksum in the last "
            "three words does not fit); look for a mistyped or exchanged word"
        ) from None
    if share.group_count != 1 or share.iteration_exponent != ITERATION_EXPONENT:
        raise SplitBackupError(f"share {number}: expected a share that this program made, got another SLIP-39 share")


def _group(shares: Sequence[str]) -> ShareGroup:
    try:
        return decode_mnemonics(shares)[0]
    except MnemonicError:
        raise SplitBackupError(
            "shares: expected shares of one backup (the same three words come first), got a mixture"
        ) from None


def _check_passphrase(passphrase: bytes) -> None:
    if len(passphrase) > PASSPHRASE_BYTES_MAX or not all(32 <= byte <= 126 for byte in passphrase):
        raise SplitBackupError(
            f"passphrase: expected at most {PASSPHRASE_BYTES_MAX} printable ASCII characters (SLIP-39), got others"
        )
