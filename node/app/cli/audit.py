"""`landfall audit ...`: an institution's audit log, exported and proved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from node.app.cli.output import print_json, print_line
from node.app.cli.trade import DEFAULT_HOME, AsJson, HomeOption, Who

app = typer.Typer(help="An institution's audit log: export it, and prove that nobody rewrote it.", no_args_is_help=True)


@app.command()
def export(
    who: Who,
    out: Annotated[Path, typer.Option(help="New file to write, JSON lines")] = Path("audit.jsonl"),
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write the log of an institution of a running `landfall devnet` with its signed heads."""
    from node.app.cli.key_files import write_new
    from node.app.devnet import open_devnet

    with open_devnet(home) as devnet:
        data = devnet.client(who).get_bytes("/audit/export")
    write_new(out, data)
    if as_json:
        print_json({"file": str(out), "bytes": len(data)})
        return
    print_line(f"{data.count(b'content')} entries written to {out}; prove them: landfall audit verify {out}")


@app.command()
def sign(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Sign the log of an institution of a running `landfall devnet` now; the desk does it once a day by itself."""
    from node.app.devnet import open_devnet

    with open_devnet(home) as devnet:
        head = devnet.client(who).post("/audit/heads")
    if as_json:
        print_json(head)
    elif head is None:
        print_line("nothing to sign: today has its head, or nothing is new")
    else:
        print_line(f"signed up to entry {head['number']}, hash {head['hash']}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An export of an audit log")],
    key_id: Annotated[
        str | None, typer.Option(help="The key that must have signed every head (landfall participant show)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove an export offline: exit code 0 = nobody has rewritten it, 1 = somebody has, or it is no export."""
    from node.app.errors import KeyFileError
    from node.audit.errors import AuditFileError, TamperedError
    from node.audit.export import read_lines, verify_lines

    try:
        with file.open("rb") as content:
            verdict = verify_lines(read_lines(content), key_id)
    except OSError as error:
        raise KeyFileError(f"{file}: expected a readable export, got: {error.strerror}") from error
    except (AuditFileError, TamperedError) as error:
        _say({"verdict": "no", "reason": str(error)}, as_json, [f"no: {error}"])
        raise typer.Exit(1) from None
    signers = sorted(verdict.keys)
    lines = [
        f"yes: entries {verdict.first} to {verdict.last} of {verdict.institution} are as they were written",
        f"hash of the last one: {verdict.hash.hex()}",
        f"signed up to entry {verdict.signed_until}, {verdict.heads} heads, by key {', '.join(signers)}"
        if signers
        else "no signed head: whoever holds the database could have written all of it anew",
    ]
    if signers and key_id is None:
        lines.append("compare the key with the institution's (landfall participant show), or give it with --key-id")
    shown = {
        "verdict": "yes",
        "institution": verdict.institution,
        "first": verdict.first,
        "last": verdict.last,
        "hash": verdict.hash.hex(),
        "heads": verdict.heads,
        "signed_until": verdict.signed_until,
        "keys": signers,
    }
    _say(shown, as_json, lines)


def _say(shown: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    if as_json:
        print_json(shown)
        return
    for line in lines:
        print_line(line)
