"""`landfall message validate | show`: ISO 20022 messages on the command line. Needs no node and no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.output import print_json, print_line

if TYPE_CHECKING:
    from node.messages.iso20022.report import Finding, Report

app = typer.Typer(help="ISO 20022 messages: judge a file, show what it says, send it, follow it.", no_args_is_help=True)

MessageFile = Annotated[Path, typer.Argument(help="Message (XML)", exists=True, dir_okay=False, metavar="FILE")]


@app.command()
def validate(
    file: MessageFile,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Judge a message by its schema and the CBPR+ usage rules: exit code 0 = valid, 1 = not."""
    from node.messages.iso20022.validation import validate as judge

    report = judge(_read(file))
    if as_json:
        print_json({"file": str(file), **report.plain()})
    else:
        _print(file, report)
    if not report.is_valid:
        raise typer.Exit(1)


@app.command()
def show(file: MessageFile) -> None:
    """Show what a message says: who pays whom, how much, under which references."""
    from node.messages.iso20022.reading import read
    from node.messages.iso20022.summary import summarize
    from node.messages.iso20022.validation import validate_parts

    parts = read(_read(file))
    rows = summarize(parts)
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        print_line(f"{label:<{width}}  {text}".rstrip())
    report = validate_parts(parts)
    if not report.is_valid:
        print_line()
        print_line(f"It is not valid: `landfall message validate {file}` says why.")


def _read(file: Path) -> bytes:
    from node.messages.iso20022.limits import MESSAGE_BYTES_MAX

    # One byte over the limit is enough to refuse it.
    with file.open("rb") as stream:
        return stream.read(MESSAGE_BYTES_MAX + 1)


def _print(file: Path, report: "Report") -> None:
    what = report.definition or "message"
    under = f" under {report.header}" if report.header is not None else ""
    print_line(f"{'valid' if report.is_valid else 'not valid'}: {file}, {what}{under}")
    print_line(f"  schema       {report.schema}")
    print_line(f"  usage rules  {report.usage}")
    for finding in report.findings:
        _print_finding(finding)
    if report.left_out:
        print_line()
        print_line(f"and {report.left_out} more findings")


def _print_finding(finding: "Finding") -> None:
    from node.messages.iso20022.summary import printable

    print_line()
    print_line(f"{finding.severity}: {finding.rule}")
    rows = (("where", finding.xpath), ("value", finding.value), ("why", finding.text), ("write", finding.repair or ""))
    for label, text in rows:
        if text:
            print_line(f"  {label:<6} {printable(text)}")
