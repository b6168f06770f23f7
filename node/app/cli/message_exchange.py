"""`landfall message send | track | repair`: messages to other institutions of a running devnet."""

from pathlib import Path
from typing import Annotated, Any

import typer

from node.app.cli.output import print_json, print_line

DEFAULT_HOME = Path("devnet")

Who = Annotated[str, typer.Option("--as", help="Which institution of the devnet acts")]
HomeOption = Annotated[Path, typer.Option("--home", envvar="LANDFALL_HOME", help="Directory of the running devnet")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]


def send(
    file: Annotated[Path, typer.Argument(help="ISO 20022 message (XML)", exists=True, dir_okay=False, metavar="FILE")],
    who: Who,
    to: Annotated[str, typer.Option("--to", help="Recipient: institution's id or LEI")],
    thread: Annotated[str | None, typer.Option(help="The trade it is about: a reference")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Send an ISO 20022 message, signed and sealed; the same file to the same institution goes once."""
    from node.app.devnet import open_devnet

    query = {"to": to} | ({} if thread is None else {"thread": thread})
    with open_devnet(home) as devnet:
        queued = devnet.client(who).post_bytes("/messages", file.read_bytes(), query=query)
    if as_json:
        print_json(queued)
        return
    uetr = queued["uetr"]
    print_line(f"queued: {queued['kind']} to {to}, message {queued['message_id']}")
    print_line(f"next: landfall message track {uetr or '--id ' + queued['message_id']} --as {who}")


def track(
    who: Who,
    uetr: Annotated[str | None, typer.Argument(help="Reference of a payment", metavar="[UETR]")] = None,
    message_id: Annotated[str | None, typer.Option("--id", help="Id of a message")] = None,
    thread: Annotated[str | None, typer.Option(help="Reference of a trade")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show where messages are, as `--as` knows it: state, since when, how protected, why they wait."""
    from node.app.devnet import open_devnet
    from node.app.errors import StepError

    if len([one for one in (uetr, message_id, thread) if one is not None]) != 1:
        raise StepError("track: expected one of UETR, --id and --thread, got none or several")
    with open_devnet(home) as devnet:
        client = devnet.client(who)
        if message_id is not None:
            found = client.get(f"/messages/{message_id}")
        else:
            found = client.get("/messages", uetr=uetr, thread=thread, sort="time")
    _show(found, as_json, "no such message is known here")


def repair(
    who: Who,
    resend: Annotated[str | None, typer.Option(metavar="ID", help="Send this one again as it is")] = None,
    correct: Annotated[str | None, typer.Option(metavar="ID", help="Send --file in the place of this one")] = None,
    reject: Annotated[str | None, typer.Option(metavar="ID", help="Let this one be, for --reason")] = None,
    file: Annotated[
        Path | None, typer.Option(help="What it should have said (XML)", exists=True, dir_okay=False)
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is let be")] = None,
    received_from: Annotated[
        str | None, typer.Option(metavar="ID", help="The message was received, from this institution")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List messages of `--as` that were refused or given up, or decide about one of them."""
    from node.app.devnet import open_devnet
    from node.app.errors import StepError

    chosen = [(step, one) for step, one in (("resend", resend), ("correct", correct), ("reject", reject)) if one]
    if len(chosen) > 1:
        raise StepError("repair: expected one of --resend, --correct and --reject, got several")
    if (correct is None) != (file is None) or (reject is None) != (reason is None):
        raise StepError("repair: expected --file with --correct and --reason with --reject, got one alone")
    with open_devnet(home) as devnet:
        client = devnet.client(who)
        for step, message_id in chosen:
            order = {"message_id": message_id} | ({} if reason is None else {"reason": reason})
            order |= {} if file is None else {"document": file.read_text("utf-8")}
            order |= {} if received_from is None else {"direction": "received", "peer": received_from}
            _show([client.post(f"/repairs/{step}", order)], as_json, "")
            return
        found = client.get("/repairs")
    _show(found, as_json, "nothing to repair")


def _show(found: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    if as_json:
        print_json(found)
        return
    for line in [line for one in found for line in _lines(one)] or [nothing]:
        print_line(line)


def _lines(one: dict[str, Any]) -> list[str]:
    way = f"to {one['peer']}" if one["direction"] == "sent" else f"from {one['peer']}"
    lines = [f"{one['kind']} {way}: {one['state']} since {_time(one['since'])}", f"  message {one['message_id']}"]
    lines += [f"  {name} {one[name]}" for name in ("uetr", "thread") if one[name]]
    if one["attempts"]:
        following = one["next_attempt_at"]
        lines.append(f"  attempts {one['attempts']}" + (f", the next at {_time(following)}" if following else ""))
    if one["reason"]:
        lines.append(f"  why: {one['reason']}")
    if one["protection"]:
        used = one["protection"]
        quantum = f"quantum key {used['qkd_key_id']}" if used["qkd_key_id"] else "no quantum key"
        lines.append(f"  signed {used['alg']}, sealed {used['kem']}, {quantum}")
    return lines


def _time(at: str) -> str:
    from node.app.shown import show_time

    return show_time(at)
