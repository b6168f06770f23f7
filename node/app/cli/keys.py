"""`landfall keys ...`: an institution's keystore, from the first key to the last share of a backup."""

import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from node.app.cli.output import print_json, print_line
from pqc.roles import KeyRole

if TYPE_CHECKING:
    from pqc.keystore import KeyInfo, Keystore

app = typer.Typer(help="An institution's keys: make, rotate, export, back up, restore, destroy.", no_args_is_help=True)

KeystoreOption = Annotated[Path, typer.Option("--keystore", envvar="LANDFALL_KEYSTORE", help="The keystore's file")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(envvar="LANDFALL_PASSPHRASE_FILE", help="File with its passphrase, mode 600 (default: ask)"),
]
NewPassphraseFile = Annotated[
    Path | None, typer.Option(help="File with the copy's passphrase, mode 600 (default: ask)")
]
SharePassphraseFile = Annotated[
    Path | None, typer.Option(help="File with a passphrase that the shares need too, mode 600 (default: none)")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]
Name = Annotated[str, typer.Argument(help="The key's name")]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d{1,9})([smhd])")


def now_s() -> int:
    """Return the wall clock: when a key begins and ends is told to people and to other institutions."""
    return int(time.time())


@app.command()
def create(keystore: KeystoreOption, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Make an empty keystore; an existing file is left as it is."""
    from node.app.cli.passphrase import new_passphrase_for
    from pqc.keystore import Keystore

    made = Keystore.create(keystore, new_passphrase_for(str(keystore), passphrase_file))
    _print({"keystore": str(keystore), "profile": made.cost.profile}, as_json, [f"made {keystore}, without keys yet"])


@app.command("list")
def list_keys(keystore: KeystoreOption, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """List the current keys."""
    infos = _open(keystore, passphrase_file).keys()
    lines = _table(infos) if infos else ["no keys yet; landfall keys add makes one"]
    _print([_shown(info) for info in infos], as_json, lines)


@app.command()
def add(
    name: Name,
    role: Annotated[KeyRole, typer.Option(help="What the key is for")],
    keystore: KeystoreOption,
    alg: Annotated[str | None, typer.Option(help="Algorithm (default: the role's usual one)")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for one role; it can be used for no other."""
    from pqc.keys import DEFAULT_ALGORITHMS

    chosen = alg or DEFAULT_ALGORITHMS[role]
    _print_key(_open(keystore, passphrase_file).add(name, chosen, role, valid_from_s=now_s()), as_json)


@app.command()
def show(name: Name, keystore: KeystoreOption, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Show the public half of a key."""
    _print_key(_open(keystore, passphrase_file).key_info(name), as_json)


@app.command()
def rotate(
    name: Name,
    keystore: KeystoreOption,
    overlap: Annotated[str, typer.Option(help="How long the old key still counts: 7d, 36h, 0s if it leaked")] = "7d",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the next key of a name; it signs from now on, the old one counts until the overlap has passed."""
    overlap_s = _seconds(overlap)
    opened = _open(keystore, passphrase_file)
    opened.rotate(name, now_s(), overlap_s)
    old, new = opened.history(name)[-2:]
    _print(
        {"new": _shown(new), "old": _shown(old)},
        as_json,
        [
            *_table([new, old]),
            "next: back the new key up (landfall keys backup), and tell the others (landfall keys export)",
        ],
    )


@app.command()
def history(
    name: Name, keystore: KeystoreOption, passphrase_file: PassphraseFile = None, as_json: AsJson = False
) -> None:
    """Show every key that served this name, oldest first, and when it counted."""
    infos = _open(keystore, passphrase_file).history(name)
    _print([_shown(info) for info in infos], as_json, _table(infos))


@app.command()
def export(
    keystore: KeystoreOption,
    names: Annotated[list[str] | None, typer.Argument(help="Which keys (default: all)")] = None,
    out: Annotated[Path | None, typer.Option(help="New file to write (default: standard output)")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Write public halves with their history as a JSON Web Key Set, for everybody to see."""
    from node.app.cli.key_files import json_bytes, write_new
    from pqc.jwks import build_jwks

    opened = _open(keystore, passphrase_file)
    current = opened.keys()
    chosen = names or [info.name for info in current]
    infos = [info for name in chosen for info in opened.history(name)]
    document = build_jwks(infos)
    if out is None:
        print_json(document)
        return
    write_new(out, json_bytes(document))
    out.chmod(0o644)
    _print({"file": str(out), "keys": len(infos)}, as_json, [f"{len(infos)} public keys written to {out}"])


@app.command("export-secret")
def export_secret(
    name: Name,
    keystore: KeystoreOption,
    out: Annotated[Path, typer.Option(help="New file to write")],
    passphrase_file: PassphraseFile = None,
    new_passphrase_file: NewPassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy one key with its history into a keystore of its own, under another passphrase."""
    from node.app.cli.passphrase import new_passphrase_for

    opened = _open(keystore, passphrase_file)
    info = opened.key_info(name)
    opened.export_key(name, out, new_passphrase_for(str(out), new_passphrase_file))
    _print({"file": str(out), **_shown(info)}, as_json, [f"{name} copied to {out}, which is a keystore of its own"])


@app.command("import-secret")
def import_secret(
    name: Name,
    source: Annotated[Path, typer.Option("--from", help="Keystore that has the key (export-secret makes one)")],
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    from_passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of --from, mode 600 (default: ask)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take over one key with its history from another keystore; nothing is overwritten."""
    opened = _open(keystore, passphrase_file)
    _print_key(opened.import_key(_open(source, from_passphrase_file), name), as_json)


@app.command()
def backup(
    name: Name,
    keystore: KeystoreOption,
    out: Annotated[Path, typer.Option(help="Folder for the shares")],
    threshold: Annotated[int, typer.Option(help="How many shares give the key back")] = 2,
    shares: Annotated[int, typer.Option(help="How many shares to make")] = 3,
    share_passphrase_file: SharePassphraseFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Split the current key into lists of words for several keepers (SLIP-39)."""
    from node.app.cli.key_files import write_backup

    opened = _open(keystore, passphrase_file)
    info = opened.key_info(name)
    words = opened.split(name, threshold, shares, _share_passphrase(share_passphrase_file))
    files = write_backup(out, info, threshold, words)
    lines = [f"{path}   {'public half, needed to restore' if path.suffix == '.json' else 'secret'}" for path in files]
    _print(
        {"files": [str(path) for path in files], "threshold": threshold, **_shown(info)},
        as_json,
        [*lines, f"any {threshold} of the {shares} shares restore {name}; give each to another keeper, keep none here"],
    )


@app.command()
def restore(
    name: Name,
    share: Annotated[list[Path], typer.Option(help="File with a share's words; once for each share")],
    public: Annotated[Path, typer.Option(help="Public half: the backup's .json, or a file of landfall keys export")],
    keystore: KeystoreOption,
    share_passphrase_file: SharePassphraseFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Store the key that shares of a backup give back, after comparing it with its public half."""
    from node.app.cli.key_files import read, read_share
    from pqc import jwks

    expected = jwks.read_jwks(read(public, jwks.BYTES_MAX))
    words = [read_share(path) for path in share]
    opened = _open(keystore, passphrase_file)
    _print_key(opened.restore(name, expected, words, _share_passphrase(share_passphrase_file)), as_json)


@app.command()
def destroy(
    name: Name,
    keystore: KeystoreOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove the seeds of a name's ended keys; public halves and times stay, so old messages still verify."""
    opened, at_s = _open(keystore, passphrase_file), now_s()
    ended = [
        info
        for info in opened.history(name)
        if not info.is_destroyed and info.valid_until_s is not None and info.valid_until_s <= at_s
    ]
    if ended and not yes:
        _confirm(ended)
    destroyed = opened.destroy_retired(name, at_s)
    _print([_shown(info) for info in destroyed], as_json, _table(destroyed))


def _open(path: Path, passphrase_file: Path | None) -> "Keystore":
    from node.app.cli.passphrase import passphrase_of
    from node.app.errors import KeyFileError
    from pqc.keystore import Keystore

    if not path.exists():
        raise KeyFileError(f"keystore: expected a file, got none at {path}; landfall keys create makes one")
    return Keystore.open(path, passphrase_of(str(path), passphrase_file))


def _confirm(ended: Sequence["KeyInfo"]) -> None:
    from node.app.errors import KeyFileError

    for line in _table(ended):
        typer.echo(line, err=True)
    typer.echo(
        "Their signatures still verify afterwards, but messages sealed to them cannot be opened any more. "
        "Exports and shares of a backup are not reached.",
        err=True,
    )
    if not typer.confirm("Destroy these seeds for good?", err=True):
        raise KeyFileError("destroy: expected a yes, got no; nothing was destroyed")


def _share_passphrase(file: Path | None) -> bytes:
    from node.app.cli.passphrase import read_passphrase_file

    return b"" if file is None else read_passphrase_file(file)


def _seconds(duration: str) -> int:
    from node.app.errors import SettingsError

    found = _DURATION.fullmatch(duration)
    if found is None:
        raise SettingsError(f"--overlap: expected a number with s, m, h or d (7d, 36h, 0s), got {duration[:20]!r}")
    return int(found[1]) * _SECONDS[found[2]]


def _shown(info: "KeyInfo") -> dict[str, Any]:
    from pqc import base64url

    return {
        "name": info.name,
        "role": str(info.role),
        "alg": info.alg,
        "thumbprint": info.thumbprint.hex(),
        "kid": base64url.encode(info.thumbprint).decode(),
        "public_key": base64url.encode(info.public_key).decode(),
        "address": info.address,
        "valid_from_s": info.valid_from_s,
        "valid_until_s": info.valid_until_s,
        "successor": None if info.successor is None else info.successor.hex(),
        "is_destroyed": info.is_destroyed,
    }


def _table(infos: Iterable["KeyInfo"]) -> list[str]:
    from node.app.shown import show_time, table

    return table(
        ("name", "role", "algorithm", "thumbprint", "valid from (UTC)", "until", "seed"),
        [
            (
                info.name,
                info.role,
                info.alg,
                info.thumbprint.hex()[:16],
                _from(info),
                show_time(info.valid_until_s),
                "destroyed" if info.is_destroyed else "here",
            )
            for info in infos
        ],
    )


def _from(info: "KeyInfo") -> str:
    from node.app.shown import show_time

    return show_time(info.valid_from_s) if info.valid_from_s else "always"


def _print_key(info: "KeyInfo", as_json: bool) -> None:

    shown = _shown(info)
    lines = [
        f"name        {info.name}",
        f"role        {info.role}",
        f"algorithm   {info.alg}",
        f"thumbprint  {shown['thumbprint']}",
        f"kid         {shown['kid']}",
        *([] if info.address is None else [f"address     {info.address}"]),
        f"valid from  {_from(info)} (UTC)",
        f"public key  {len(info.public_key)} bytes; landfall keys export {info.name} writes it",
    ]
    _print(shown, as_json, lines)


def _print(document: Any, as_json: bool, lines: Iterable[str]) -> None:
    if as_json:
        print_json(document)
        return
    for line in lines:
        print_line(line)
