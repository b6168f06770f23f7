"""`landfall trade ...`: one trade, step by step, against a running devnet."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from node.app.cli.output import print_answer, print_line

app = typer.Typer(help="One trade, step by step, against a running `landfall devnet`.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="The trade's reference, as its terms give it")]
Who = Annotated[str, typer.Option("--as", help="Who acts: a customer or an institution of the devnet")]
HomeOption = Annotated[Path, typer.Option("--home", envvar="LANDFALL_HOME", help="Directory of the running devnet")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]
Side = Annotated[str | None, typer.Option(help="importer or exporter, where the caller is both sides' bank")]
TermsFile = Annotated[Path, typer.Argument(help="Terms (TOML, docs/spec/terms.md)", exists=True, dir_okay=False)]
Invoice = Annotated[Path | None, typer.Option(help="Invoice (UBL 2.1 XML)", exists=True, dir_okay=False)]
AskProvider = Annotated[
    bool, typer.Option("--ask-provider", help="Of a lock: let its provider agree, which spares the cancel fee")
]
EvidenceFile = Annotated[Path, typer.Argument(help="The document (JSON)", exists=True, dir_okay=False)]

Paper = Annotated[Path | None, typer.Option(help="File to write (default: in out/, named after the trade)")]
PaperLanguage = Annotated[str, typer.Option("--language", help="en, nl or sw")]
Milestone = Annotated[int, typer.Argument(help="The milestone, from 1", min=1, max=8)]
Reasons = Annotated[str, typer.Option(help="Why; kept by the banks and the arbiter, its hash goes on chain")]

DEFAULT_HOME = Path("devnet")


@app.command()
def draft(
    terms: TermsFile,
    who: Who,
    invoice: Invoice = None,
    side: Side = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Draft a trade and offer it to the other side; its funding may convert now, lock a rate or float."""
    _act(home, who, as_json, lambda steps: steps.draft(who, terms, invoice, side))


@app.command()
def counter(
    reference: Reference,
    terms: TermsFile,
    who: Who,
    invoice: Invoice = None,
    side: Side = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Answer with another version of the terms."""
    _act(home, who, as_json, lambda steps: steps.counter(who, reference, terms, invoice, side))


@app.command()
def sign(
    reference: Reference, who: Who, side: Side = None, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Consent to the latest version."""
    _act(home, who, as_json, lambda steps: steps.sign(who, reference, side))


@app.command()
def quotes(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Ask every FX provider for a firm quote and show what they answer."""
    from node.app.shown import quote_lines

    with _steps(home) as steps:
        answer = steps.quotes(who, reference)
        print_answer(answer, as_json, lambda found: quote_lines(found["quotes"], found["accepted"]))


@app.command()
def accept(
    reference: Reference,
    who: Who,
    quote: Annotated[str | None, typer.Option(help="Digest of the quote (default: the cheapest)")] = None,
    milestone: Annotated[int | None, typer.Option(help="Accept this milestone (from 1) instead of a quote")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a firm quote; with --milestone, say as the importer that it is to be paid in full."""
    from node.app.shown import cost_lines

    if milestone is not None:
        _act(home, who, as_json, lambda steps: steps.decide(who, reference, "accept", milestone))
        return
    with _steps(home) as steps:
        print_answer(steps.accept(who, reference, quote), as_json, cost_lines)


@app.command()
def fund(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Sign the holds and fund the trade, in one transaction; a float needs no quote for it."""
    _act(home, who, as_json, lambda steps: steps.fund(who, reference))


@app.command()
def event(
    reference: Reference, document: EvidenceFile, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Attest what a GS1 EPCIS 2.0 document shows, as an attester of the trade."""
    with _steps(home) as steps:
        print_answer(steps.attest(who, reference, "events", document), as_json, _attested_lines)


@app.command()
def statement(
    reference: Reference, document: EvidenceFile, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Attest what an inspector's statement says, as that inspector."""
    with _steps(home) as steps:
        print_answer(steps.attest(who, reference, "statements", document), as_json, _attested_lines)


@app.command()
def needs(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what the importer must have for the trade to be funded, before anybody signs."""
    from node.app.shown import need_lines

    with _steps(home) as steps:
        print_answer(steps.needs(who, reference), as_json, need_lines)


@app.command()
def cancel(
    reference: Reference,
    who: Who,
    side: Side = None,
    ask_provider: AskProvider = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Sign a cancellation; with both sides' signatures the money goes back."""
    _act(home, who, as_json, lambda steps: steps.cancel(who, reference, side, ask_provider=ask_provider))


@app.command()
def amend(
    reference: Reference,
    terms: TermsFile,
    who: Who,
    invoice: Invoice = None,
    side: Side = None,
    ask_provider: AskProvider = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Propose other terms for a funded trade: a whole file, of which settled milestones stay as they are."""
    _act(
        home,
        who,
        as_json,
        lambda steps: steps.amend(who, reference, terms, invoice, side, ask_provider=ask_provider),
    )


@app.command()
def agree(
    reference: Reference, who: Who, side: Side = None, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Sign the amendment that the other side has proposed."""
    _act(home, who, as_json, lambda steps: steps.agree(who, reference, side))


@app.command()
def assign(
    reference: Reference,
    milestone: Annotated[int, typer.Argument(min=1, help="Which one, counted from 1 as the trade shows them")],
    to: Annotated[str, typer.Option("--to", help="The financier, or the bank that keeps its key")],
    who: Who,
    account: Annotated[str | None, typer.Option(help="Account of a financier that is a bank's customer")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Offer a milestone to a financier, for good; it answers with `landfall trade answer`."""
    _act(home, who, as_json, lambda steps: steps.assign(who, reference, milestone - 1, to, account))


@app.command()
def motions(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show amendments, assignments and cancellations on the table, and whose signature is missing."""
    from node.app.shown import motion_lines

    with _steps(home) as steps:
        print_answer(steps.motions(who, reference), as_json, motion_lines)


@app.command()
def asked(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what others ask `--as` to sign: a milestone to take over, an amendment, a cancellation."""
    from node.app.shown import request_lines

    with _steps(home) as steps:
        print_answer(steps.requests(who), as_json, request_lines)


@app.command()
def answer(
    reference: Reference,
    who: Who,
    decline: Annotated[str | None, typer.Option(help="Do not sign; say why")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Sign what `landfall trade asked` shows of a trade, or decline it."""
    from node.app.shown import request_lines

    with _steps(home) as steps:
        print_answer(steps.answer_requests(who, reference, decline), as_json, request_lines)


@app.command()
def waive(
    reference: Reference,
    milestone: Milestone,
    amount: Annotated[str, typer.Argument(help="What is given up, in the invoice currency: 50000.00")],
    who: Who,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Give up a part of a milestone, or all of it, as the exporter's side."""
    _act(home, who, as_json, lambda steps: steps.waive(who, reference, milestone, amount))


@app.command()
def dispute(
    reference: Reference,
    milestone: Milestone,
    who: Who,
    reasons: Reasons,
    side: Side = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put a milestone that is due before the arbiter."""
    body = {"reasons": reasons, "side": side}
    _act(home, who, as_json, lambda steps: steps.decide(who, reference, "dispute", milestone, body))


@app.command()
def disputes(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the disputes put before an arbiter, with what they are about."""
    from node.app.shown import case_lines

    with _steps(home) as steps:
        print_answer(steps.get(who, "/disputes"), as_json, case_lines)


@app.command()
def award(
    reference: Reference,
    milestone: Milestone,
    share: Annotated[
        float, typer.Argument(help="Percent of the whole milestone for the exporter's side", min=0, max=100)
    ],
    who: Who,
    reasons: Reasons,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Decide a dispute, as its arbiter."""
    from node.app.shown import case_lines

    with _steps(home) as steps:
        decided = steps.award(who, reference, milestone, round(share * 100), reasons)
        print_answer([decided], as_json, case_lines)


@app.command("settlement-quotes")
def settlement_quotes(
    reference: Reference, milestone: Milestone, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Ask for quotes that settle a final milestone of a float, and show what each would pay."""
    from node.app.shown import conversion_lines

    with _steps(home) as steps:
        answer = steps.settlement_quotes(who, reference, milestone)
        print_answer(answer, as_json, lambda found: conversion_lines(found["quotes"]))


@app.command()
def settle(
    reference: Reference,
    milestone: Milestone,
    who: Who,
    quote: Annotated[str | None, typer.Option(help="Digest of the quote (default: the best)")] = None,
    least: Annotated[str | None, typer.Option(help="The fewest minor units you take for it")] = None,
    side: Side = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Settle a final milestone; under float at the quote that is yours to choose."""
    body = {"quote": quote, "least": least, "side": side}
    _act(home, who, as_json, lambda steps: steps.decide(who, reference, "settle", milestone, body))


@app.command("last-resort")
def last_resort(
    reference: Reference, milestone: Milestone, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Pay a final milestone without a quote, once its time has come."""
    _act(home, who, as_json, lambda steps: steps.decide(who, reference, "last-resort", milestone))


@app.command()
def reprice(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Call the importer of a float for a top-up, where the rate has fallen below the band."""
    _act(home, who, as_json, lambda steps: steps.act(who, reference, "reprice"))


@app.command("top-up")
def top_up(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Add to a float what the last call asks for, as the importer."""
    _act(home, who, as_json, lambda steps: steps.act(who, reference, "top-up", {"amount": None}))


@app.command()
def defer(
    reference: Reference,
    milestone: Milestone,
    deadline: Annotated[str, typer.Argument(help="The later deadline: 2026-10-01T18:00:00Z")],
    who: Who,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a later deadline, as the exporter's side of a float with the option wait."""
    _act(home, who, as_json, lambda steps: steps.defer(who, reference, milestone, deadline))


@app.command()
def close(
    reference: Reference, who: Who, side: Side = None, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """End a float whose rate stays outside its band, where the terms have the option refund."""
    _act(home, who, as_json, lambda steps: steps.act(who, reference, "close", {"side": side}))


@app.command()
def withdraw(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """End a negotiation before funding."""
    _act(home, who, as_json, lambda steps: steps.withdraw(who, reference))


@app.command()
def show(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a trade: who pays, who gets, what it costs, what is waited for."""
    _act(home, who, as_json, lambda steps: steps.trade(who, reference))


@app.command("next")
def show_next(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what a trade waits for: by whom, and until when."""
    from node.app.shown import next_lines

    with _steps(home) as steps:
        print_answer(steps.get(who, f"/trades/{reference}/next"), as_json, next_lines)


@app.command()
def history(reference: Reference, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what the chain says happened to a trade."""
    from node.app.shown import show_time

    with _steps(home) as steps:
        print_answer(
            steps.get(who, f"/trades/{reference}/history"),
            as_json,
            lambda events: [f"{show_time(one['time'])}  block {one['block_number']}  {one['name']}" for one in events],
        )


@app.command()
def messages(
    reference: Reference,
    who: Who,
    xml: Annotated[Path | None, typer.Option(help="Folder to write each message's XML to", file_okay=False)] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List a trade's payment messages (ISO 20022) between the banks and to you, and where they are."""
    from node.app.shown import payment_lines

    with _steps(home) as steps:
        print_answer(steps.get(who, f"/trades/{reference}/messages"), as_json, payment_lines)
        if xml is not None:
            paths = steps.write_messages(who, reference, xml)
            if not as_json:
                print_line(f"{len(paths)} files in {xml}; check one: landfall message validate FILE")


@app.command("list")
def list_trades(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List a customer's trades, or all of a bank."""
    with _steps(home) as steps:
        print_answer(
            steps.get(who, "/trades"),
            as_json,
            lambda trades: (
                [
                    f"{one['reference']}  {one['state']}  {one['importer']} -> {one['exporter']}  {one['amount']}"
                    for one in trades
                ]
                or ["no trades"]
            ),
        )


@app.command()
def balances(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a customer's money, or all accounts of an institution."""
    from node.app.shown import balance_lines

    with _steps(home) as steps:
        print_answer(steps.get(who, "/balances"), as_json, balance_lines)


@app.command()
def evidence(
    reference: Reference,
    who: Who,
    out: Annotated[Path | None, typer.Option(help="File to write (default: out/REFERENCE.evidence.json)")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the evidence pack of a closed trade."""
    with _steps(home) as steps:
        path = steps.write_evidence(who, reference, out or Path("out") / f"{reference}.evidence.json")
        print_line(f"evidence pack written to {path}; check it: landfall verify {path}")


@app.command()
def summary(
    reference: Reference, who: Who, out: Paper = None, language: PaperLanguage = "en", home: HomeOption = DEFAULT_HOME
) -> None:
    """Write a trade on paper (PDF): who trades what, what it cost, who got what and when."""
    with _steps(home) as steps:
        path = steps.write_summary(who, reference, out or Path("out") / f"{reference}.summary.pdf", language)
        print_line(f"summary written to {path}")


@app.command()
def cover(
    reference: Reference, who: Who, out: Paper = None, language: PaperLanguage = "en", home: HomeOption = DEFAULT_HOME
) -> None:
    """Write the cover sheet of a closed trade's evidence (PDF): its hash, and how anybody verifies it offline."""
    with _steps(home) as steps:
        path = steps.write_cover(who, reference, out or Path("out") / f"{reference}.cover.pdf", language)
        print_line(f"cover sheet written to {path}")


def _steps(home: Path) -> Any:
    from node.app.steps import open_steps

    return open_steps(home)


def _act(home: Path, who: str, as_json: bool, act: Callable[[Any], dict[str, Any]]) -> None:
    from node.app.shown import trade_lines

    with _steps(home) as steps:
        print_answer(act(steps), as_json, trade_lines)


def _attested_lines(attested: dict[str, Any]) -> list[str]:
    from node.app.shown import show_bps

    share = "" if attested["share_bps"] == 10_000 else f" for {show_bps(attested['share_bps'])}"
    return [
        f"attested milestone {attested['milestone'] + 1}: {attested['outcome']}{share}",
        f"  {attested['summary']}",
        f"  document sha256 {attested['evidence_sha256']}",
    ]
