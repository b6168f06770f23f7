"""Files of `landfall keys`: written new and never over another, read up to a limit."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from node.app.errors import KeyFileError
from node.app.shown import show_time
from pqc import whole_file
from pqc.jwks import build_jwks
from pqc.keys import KeyInfo

SHARE_BYTES_MAX: Final = 4096
"""33 words and the lines that say what they are take 600."""
_WORDS_PER_LINE: Final = 11
_T = TypeVar("_T")


def write_backup(folder: Path, info: KeyInfo, threshold: int, shares: Sequence[str]) -> list[Path]:
    """Write a file for each share and one for the public half, which is the last of those returned.

    Raises:
        KeyFileError: one of them exists, or cannot be written.
    """
    stem = f"{info.name}-{info.thumbprint.hex()[:8]}"
    files = {
        folder / f"{stem}-share-{number}.txt": _share_text(info, threshold, number, len(shares), words).encode()
        for number, words in enumerate(shares, 1)
    }
    files[folder / f"{stem}-public.json"] = json_bytes(build_jwks([info]))
    _file_work(folder, lambda: folder.mkdir(mode=0o700, parents=True, exist_ok=True))
    for path, content in files.items():
        write_new(path, content)
    return list(files)


def _share_text(info: KeyInfo, threshold: int, number: int, shares: int, words: str) -> str:
    listed = words.split()
    rows = [" ".join(listed[at : at + _WORDS_PER_LINE]) for at in range(0, len(listed), _WORDS_PER_LINE)]
    return "\n".join(
        [
            f"# Landfall key share {number} of {shares}; any {threshold} of them restore the key. Keep it secret, and",
            "# apart from the others. How to restore: landfall keys restore --help",
            f"# key         {info.name}, role {info.role}, {info.alg}, valid from {show_time(info.valid_from_s)} UTC",
            f"# thumbprint  {info.thumbprint.hex()}",
            *rows,
            "",
        ]
    )


def read_share(path: Path) -> str:
    """Return a share's words: everything but lines that begin with #."""
    lines = read(path, SHARE_BYTES_MAX).decode("utf-8", "replace").splitlines()
    return " ".join(line for line in lines if not line.startswith("#"))


def read(path: Path, bytes_max: int) -> bytes:
    """Return a file's content.

    Raises:
        KeyFileError: it cannot be read, or is over the limit.
    """
    data = _file_work(path, lambda: whole_file.read(path, bytes_max))
    if len(data) > bytes_max:
        raise KeyFileError(f"{path}: expected at most {bytes_max} bytes, got more")
    return data


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only this user can read.

    Raises:
        KeyFileError: it exists, or cannot be written.
    """
    _file_work(path, lambda: whole_file.create(path, data))


def _file_work(path: Path, work: Callable[[], _T]) -> _T:
    try:
        return work()
    except FileExistsError:
        raise KeyFileError(f"{path}: expected no file, got one; nothing is overwritten, choose another name") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read or written ({error.strerror})") from error


def json_bytes(document: Any) -> bytes:
    """Return a JSON file's content."""
    return (json.dumps(document, indent=2) + "\n").encode()
