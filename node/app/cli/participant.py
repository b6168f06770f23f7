"""`landfall participant ...`: who is in the network, and whose keys count."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.app.cli.output import print_json, print_line

if TYPE_CHECKING:
    from node.participants.papers import AnyPaper

app = typer.Typer(help="Institutions, their documents and their keys.", no_args_is_help=True)

DEFAULT_HOME = Path("devnet")
_DAY_S = 86_400

Who = Annotated[str, typer.Option("--as", help="Which institution of the devnet acts")]
HomeOption = Annotated[Path, typer.Option("--home", envvar="LANDFALL_HOME", help="Directory of the running devnet")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The institution's id or LEI")]
PaperFile = Annotated[
    Path, typer.Argument(help="A document, rotation notice or revocation (JSON)", exists=True, dir_okay=False)
]
Out = Annotated[Path, typer.Option("--out", help="File to write")]


@app.command("list")
def list_participants(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the network's institutions as `--as` knows them."""
    _show(_call(home, who, lambda client: client.get("/institutions")), as_json, _list_lines)


@app.command()
def show(institution: Id, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show an institution: identifiers, endpoints, keys, and since when each key counts."""
    _show(_call(home, who, lambda client: client.get(f"/institutions/{institution}")), as_json, _lines)


@app.command()
def export(
    who: Who,
    institution: Annotated[str | None, typer.Argument(metavar="[ID]", help="Default: its own")] = None,
    out: Out = Path("participant.json"),
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write a participant document for somebody else to import; its own is signed anew and sent where it changed."""

    def act(client: Any) -> bytes:
        if institution in (None, who):
            client.post("/own-keys/documents")
        data: bytes = client.get_bytes(f"/institutions/{institution or who}/document")
        return data

    data = _call(home, who, act)
    _write(data, out, as_json, "document", f"landfall participant verify {out}")


@app.command("import")
def import_paper(
    file: PaperFile,
    who: Who,
    accept_key: Annotated[
        str | None,
        typer.Option(help="Key id that you have checked with an institution that lost its key"),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a document, rotation notice or revocation into the directory of `--as`."""
    path = "/institutions/papers" + (f"?accept_key={accept_key}" if accept_key else "")
    _show(
        _call(home, who, lambda client: client.post_bytes(path, _read(file))),
        as_json,
        lambda taken: [f"taken: {taken['type']} of {taken['lei']}, signed by key {taken['kid']}"],
    )


@app.command()
def rotate(
    who: Who,
    overlap_days: Annotated[int, typer.Option(help="How long the old key still counts", min=0, max=30)] = 7,
    out: Out = Path("rotation.json"),
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make the next message key of `--as`, write its notice and send it to every institution."""
    body = {"overlap_s": overlap_days * _DAY_S}
    notice = _call(home, who, lambda client: client.post("/own-keys/rotations", body))
    _write(_canonical(notice), out, as_json, "rotation notice", f"landfall participant anchor {who} --as GOVERNOR")


@app.command()
def anchor(
    institution: Id,
    who: Who,
    key: Annotated[str | None, typer.Option(help="Key id, for an institution that lost its key")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put the key that an institution's notice names on the chain, as the network's governor."""
    from node.app.errors import StepError
    from node.participants.kids import thumbprint_of

    def act(client: Any) -> Any:
        return client.post(f"/institutions/{institution}/anchor", {"key": key})

    queued = _call(home, who, act, settle=True)
    found = _call(home, who, lambda client: client.get(f"/institutions/{institution}"))
    if found["key_thumbprint"] != "0x" + thumbprint_of(queued["key"]).hex():
        raise StepError(
            f"anchor: expected the chain to take {queued['key']}, got a refusal; only the network's governor may do it"
        )
    _show(found, as_json, _lines)


@app.command()
def revoke(
    kid: Annotated[str, typer.Argument(metavar="KEY-ID", help="The message key, as `participant show` names it")],
    who: Who,
    reason: Annotated[str, typer.Option(help="Why, for the others to read")],
    out: Out = Path("revocation.json"),
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take back a message key of `--as`, for good: nothing it signs from now on counts."""
    body = {"kid": kid, "reason": reason}
    paper = _call(home, who, lambda client: client.post("/own-keys/revocations", body), settle=True)
    _write(_canonical(paper), out, as_json, "revocation", f"landfall participant show {who} --as {who}")


@app.command()
def verify(
    file: PaperFile,
    anchored: Annotated[
        str | None, typer.Option("--anchor", help="Key id that the registry holds, 43 characters of base64url")
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            help="The institution's document, to check a notice or revocation with", exists=True, dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a paper offline: exit code 0 = it is whole and signed by the institution's key, 1 = it is not."""
    from node.errors import RejectedError

    try:
        paper, checked = _verified(file, document, anchored)
    except RejectedError as error:
        if as_json:
            print_json({"verdict": "no", "reason": str(error)})
        else:
            print_line(f"no: {file}: {error}")
        raise typer.Exit(1) from error
    if as_json:
        print_json({"verdict": "yes", "checked": checked, "paper": json.loads(paper.data)})
        return
    print_line(f"yes: {file} is a {paper.type} of {paper.lei}")
    for line in checked:
        print_line(f"  {line}")


def _verified(file: Path, document: Path | None, anchored: str | None) -> "tuple[AnyPaper, list[str]]":
    """Return the paper and what was checked about it, in words."""
    from node.participants.errors import AnchorMismatchError, PaperFormatError
    from node.participants.papers import ParticipantDocument, parse_paper

    paper = parse_paper(_read(file))
    known = paper if document is None else parse_paper(_read(document))
    if not isinstance(known, ParticipantDocument) or known.lei != paper.lei:
        got = "none" if document is None else f"{known.type} of {known.lei}"
        raise PaperFormatError("--document", f"the document of {paper.lei} to check the signature with", got)
    key = known.message_key
    if anchored not in (None, key.kid):
        raise AnchorMismatchError(known.lei, str(anchored), key.kid)
    paper.verify(key.alg, key.public_key)
    told = "it is the anchor given" if anchored else "compare it with the registry"
    return paper, [f"signed by the message key {key.kid} ({key.alg}); {told}"]


def _read(file: Path) -> bytes:
    from node.participants.limits import PAPER_BYTES_MAX

    with file.open("rb") as opened:
        return opened.read(PAPER_BYTES_MAX + 1)


def _call(home: Path, who: str, act: Callable[[Any], Any], *, settle: bool = False) -> Any:
    from node.app.devnet import open_devnet

    with open_devnet(home) as devnet:
        answer = act(devnet.client(who))
        if settle:
            devnet.settle_down()
        return answer


def _show(answer: Any, as_json: bool, lines: Callable[[Any], list[str]]) -> None:
    if as_json:
        print_json(answer)
        return
    for line in lines(answer):
        print_line(line)


def _write(data: bytes, out: Path, as_json: bool, what: str, following: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    if as_json:
        print_json(json.loads(data))
    else:
        print_line(f"{what} written to {out}; next: {following}")


def _canonical(paper: dict[str, Any]) -> bytes:
    import rfc8785

    data: bytes = rfc8785.dumps(paper)
    return data


def _list_lines(found: list[dict[str, Any]]) -> list[str]:
    from node.app.shown import table

    rows = [
        (one["id"], one["lei"], one["bic"] or "none", one["status"], one["name"], ", ".join(one["role_names"]))
        for one in found
    ]
    return table(("id", "LEI", "BIC", "status", "name", "roles"), rows)


def _lines(one: dict[str, Any]) -> list[str]:
    from node.app.shown import show_time

    lines = [
        f"{one['name']} ({one['id']}): {one['status']}",
        f"  LEI {one['lei']}  BIC {one['bic'] or 'none'}  roles {', '.join(one['role_names'])}",
        f"  account {one['address']}",
    ]
    endpoints = one["endpoints"]
    lines += [f"  {name} {endpoints[name]}" for name in ("messages", "rest") if endpoints[name]]
    lines += [f"  TLS certificate, SHA-256 {_fingerprint(text)}" for text in endpoints["certificates"] or ()]
    for key in one["jwks"]["keys"]:
        lines.append(f"  {key['role']} key {key['kid']} ({key['alg']})")
    for key in one["message_keys"]:
        until = "on" if key["until"] is None else f"until {show_time(key['until'])} ({key['ended_by']})"
        lines.append(f"  message key {key['kid']} counts from {show_time(key['from'])} {until}")
    if one["rotation"]:
        waiting = one["rotation"]
        lines.append(
            f"  announced: key {waiting['new']}, the old one until {show_time(waiting['old_until'])}; "
            "waits for the governor's anchor"
        )
    return lines


def _fingerprint(certificate: str) -> str:
    """Return the SHA-256 of a certificate in base64url, as `openssl x509 -fingerprint` has it without colons."""
    from hashlib import sha256

    from pqc import base64url

    return sha256(base64url.decode("certificates", certificate.encode())).hexdigest().upper()
