"""Where a passphrase comes from: a file that only its owner can read, or a prompt; never an argument."""

import os
import stat
import warnings
from getpass import GetPassWarning
from pathlib import Path
from typing import Final

import typer

from node.app.errors import PassphraseError

NEW_CHARACTERS_MIN: Final = 12
"""Of a passphrase that is set here; guessing costs a fifth of a second a try, so length has to do the rest."""
FILE_BYTES_MAX: Final = 1024


def passphrase_of(what: str, file: Path | None) -> bytes:
    """Return the passphrase of something that exists; `what` names it in the prompt."""
    return _ask(what, is_new=False) if file is None else read_passphrase_file(file)


def new_passphrase_for(what: str, file: Path | None) -> bytes:
    """Return a passphrase to set; typed twice.

    Raises:
        PassphraseError: shorter than 12 characters.
    """
    passphrase = _ask(what, is_new=True) if file is None else read_passphrase_file(file)
    if len(passphrase.decode("utf-8", "replace")) < NEW_CHARACTERS_MIN:
        raise PassphraseError(f"passphrase: expected at least {NEW_CHARACTERS_MIN} characters, got fewer")
    return passphrase


def read_passphrase_file(path: Path) -> bytes:
    """Return a file's content without the line end.

    Raises:
        PassphraseError: not a file of at most 1024 bytes that only its owner can read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise PassphraseError(f"passphrase file {path}: cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PassphraseError(
            f"passphrase file {path}: expected a file that only you can read, got mode "
            f"{stat.S_IMODE(status.st_mode):03o}; run chmod 600 {path}"
        )
    passphrase = content.removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase or len(content) > FILE_BYTES_MAX:
        raise PassphraseError(f"passphrase file {path}: expected 1 to {FILE_BYTES_MAX} bytes, got {len(content)}")
    return passphrase


def _ask(what: str, *, is_new: bool) -> bytes:
    try:
        with warnings.catch_warnings():
            # Without a terminal the typed passphrase would be shown.
            warnings.simplefilter("error", GetPassWarning)
            typed: str = typer.prompt(
                f"{'New passphrase' if is_new else 'Passphrase'} of {what}",
                hide_input=True,
                confirmation_prompt=is_new,
                err=True,
            )
    except (typer.Abort, GetPassWarning):
        raise PassphraseError(
            "passphrase: none was typed at a terminal; type it there, or give a file with --passphrase-file"
        ) from None
    return typed.encode()
