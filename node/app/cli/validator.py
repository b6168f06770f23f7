"""`landfall validator ...`: the validator set and its parameters, as the members decide about them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from node.app.cli.keys import KeystoreOption, PassphraseFile
from node.app.cli.output import print_answer, print_line

if TYPE_CHECKING:
    from contracts.client.chain_client import ChainClient
    from node.app.council.sending import Account
    from node.app.council.state import Council
    from node.app.council.verdict import Flight

app = typer.Typer(
    help="The validator set and its parameters: look, simulate a change, propose it, vote, execute.",
    no_args_is_help=True,
)

DEFAULT_RPC = "http://127.0.0.1:8545"
UNSAFE = 2
"""Exit code of a change that is unsafe."""
TITLE_BYTES_MAX = 128
"""Of a proposal (contracts/src/modules/proposals.vy)."""

Rpc = Annotated[str, typer.Option("--rpc", envvar="LANDFALL_RPC", help="JSON-RPC of the bank's own node")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="CHANGE...",
        help="add BANK KEY [POWER] | remove BANK | power BANK N | rotate BANK NEWKEY [POWER] | jail BANK |"
        " params block_bytes=N block_gas=N | a proposal's number; several at once are one proposal",
    ),
]
Number = Annotated[int, typer.Argument(metavar="N", help="The proposal", min=1)]
Bank = Annotated[str, typer.Argument(metavar="BANK", help="Its id, LEI or account")]
Offline = Annotated[list[str] | None, typer.Option("--offline", help="A bank known not to vote now (repeatable)")]
Force = Annotated[
    bool, typer.Option("--force", help="The proposal may move more than a third of the power in one block")
]
IKnow = Annotated[bool, typer.Option("--i-know", help="Send it although it is unsafe")]
KeyName = Annotated[str, typer.Option("--key", help="Name of the account's key in the keystore")]
DEFAULT_KEY = "transaction"

Result = TypeVar("Result")


@app.command("list")
def list_validators(rpc: Rpc = DEFAULT_RPC, as_json: AsJson = False) -> None:
    """Show who sits in the set: bank, power, key, node; who is jailed; what passes a proposal."""
    from node.app.council.shown import council_json, council_lines

    print_answer(council_json(_read(rpc)), as_json, council_lines)


@app.command()
def proposals(rpc: Rpc = DEFAULT_RPC, as_json: AsJson = False) -> None:
    """Show the proposals that are being voted on, wait for their lock to end, or can be executed."""
    from node.app.council.shown import proposal_json, proposal_lines

    council = _read(rpc)
    shown = [proposal_json(council, one) for one in council.proposals]
    print_answer(shown, as_json, lambda all_: [line for one in all_ for line in proposal_lines(one)] or ["none open"])


@app.command()
def simulate(
    words: Words, force: Force = False, offline: Offline = None, rpc: Rpc = DEFAULT_RPC, as_json: AsJson = False
) -> None:
    """Say what a change would do and whether it is safe; exit code 2 = unsafe."""
    from node.app.council.changes import addresses_in

    council = _read(rpc, addresses_in(words))
    _, flight = _simulated(council, words, offline, is_forced=force)
    _print_flight(flight, as_json)
    if not flight.is_safe:
        raise typer.Exit(UNSAFE)


@app.command()
def propose(
    words: Words,
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    key: KeyName = DEFAULT_KEY,
    title: Annotated[str | None, typer.Option(help="For people, up to 128 bytes (default: what it does)")] = None,
    force: Force = False,
    offline: Offline = None,
    i_know: IKnow = False,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Put a change to the vote, as a member; an unsafe one is refused (exit code 2) without --i-know."""
    from node.app.council import actions
    from node.app.council.changes import addresses_in
    from node.app.council.shown import proposal_lines
    from node.app.errors import ChangeError

    council = _read(rpc, addresses_in(words))
    numbers, flight = _simulated(council, words, offline, is_forced=force)
    if numbers:
        raise ChangeError("propose: expected a change, got a proposal's number; it is proposed already")
    _stop_if_unsafe(flight, i_know, as_json)
    named = _title(flight, title)
    account = _account(keystore, passphrase_file, key)
    answer = _with_chain(rpc, lambda chain: actions.propose(chain, account, flight.calls, named, is_forced=force))
    print_answer(answer, as_json, proposal_lines)


@app.command()
def vote(
    number: Number,
    answer: Annotated[str, typer.Argument(metavar="yes|no", help="For it or against it; a vote is final")],
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    key: KeyName = DEFAULT_KEY,
    offline: Offline = None,
    i_know: IKnow = False,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Vote about a proposal, as a member; yes to an unsafe one is refused (exit code 2) without --i-know."""
    from node.app.council import actions
    from node.app.council.shown import proposal_lines
    from node.app.errors import ChangeError

    if answer not in ("yes", "no"):
        raise ChangeError(f"vote: expected yes or no, got {answer[:20]!r}")
    _check_proposal(_read(rpc), number, offline, i_know or answer == "no", as_json)
    account = _account(keystore, passphrase_file, key)
    voted = _with_chain(rpc, lambda chain: actions.vote(chain, account, number, approve=answer == "yes"))
    print_answer(voted, as_json, proposal_lines)


@app.command()
def execute(
    number: Number,
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    key: KeyName = DEFAULT_KEY,
    offline: Offline = None,
    i_know: IKnow = False,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Have a proposal carried out whose lock has ended; an unsafe one is refused (exit code 2) without --i-know."""
    from node.app.council import actions

    _check_proposal(_read(rpc), number, offline, i_know, as_json)
    account = _account(keystore, passphrase_file, key)
    done = _with_chain(rpc, lambda chain: actions.execute(chain, account, number))
    print_answer(done, as_json, lambda one: [f"proposal {one['proposal']} is executed, {one['transaction']}"])


@app.command()
def cancel(
    number: Number,
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    key: KeyName = DEFAULT_KEY,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Take back an own proposal that has not passed."""
    from node.app.council import actions

    account = _account(keystore, passphrase_file, key)
    done = _with_chain(rpc, lambda chain: actions.cancel(chain, account, number))
    print_answer(done, as_json, lambda one: [f"proposal {one['proposal']} is cancelled, {one['transaction']}"])


@app.command()
def rotate(
    bank: Bank,
    new_key: Annotated[str, typer.Argument(metavar="NEWKEY", help="The next public key: hex, or a file")],
    power: Annotated[int | None, typer.Option(help="What the bank has in the end (default: as now)", min=1)] = None,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Show the steps of a rotation with overlap, where it stands and what to do next; exit code 2 = unsafe now."""
    from node.app.council.changes import addresses_in, bank_address
    from node.app.council.keys import read_key
    from node.app.council.rotation import plan_rotation, rotation_json, rotation_lines

    council = _read(rpc, addresses_in([bank]))
    plan = plan_rotation(council, bank_address(council, bank), read_key(new_key), power)
    words = " ".join([bank, new_key, *([] if power is None else [str(power)])])
    print_answer(rotation_json(council, plan, words), as_json, rotation_lines)
    if not plan.is_safe:
        raise typer.Exit(UNSAFE)


@app.command()
def jail(
    bank: Bank,
    evidence: Annotated[
        Path,
        typer.Option(help="CometBFT's evidence: its RPC's answer to /block, or the evidence alone", dir_okay=False),
    ],
    keystore: KeystoreOption,
    passphrase_file: PassphraseFile = None,
    key: KeyName = DEFAULT_KEY,
    keep: Annotated[Path, typer.Option(help="Folder in which the evidence is kept", file_okay=False)] = Path(
        "evidence"
    ),
    report: Annotated[
        bool, typer.Option("--report", help="Report it instead: two thirds of the members jail at once, without a lock")
    ] = False,
    force: Force = False,
    offline: Offline = None,
    i_know: IKnow = False,
    rpc: Rpc = DEFAULT_RPC,
    as_json: AsJson = False,
) -> None:
    """Check the evidence of a double signature, keep it, and propose to jail the bank that signed twice."""
    from node.app.council import actions
    from node.app.council.changes import addresses_in, bank_address, jail_call
    from node.app.council.evidence import keep as keep_evidence
    from node.app.council.evidence import read_conviction
    from node.app.council.shown import proposal_lines
    from node.app.council.verdict import fly

    council = _read(rpc, addresses_in([bank]))
    owner = bank_address(council, bank)
    found = read_conviction(evidence, council.deployment.network, council.keys_of(owner))
    kept = keep_evidence(found, keep)
    height = found.evidence.vote_a.height
    if not as_json:
        print_line(f"proven: {found.summary}")
        print_line(f"evidence {found.digest.hex()} kept in {kept}")
    calls = [jail_call(council, owner, "double sign", found.digest, height)]
    _stop_if_unsafe(fly(council, calls, offline=_names(council, offline), is_forced=force), i_know, as_json)
    account = _account(keystore, passphrase_file, key)
    checked = {
        "evidence": {"summary": found.summary, "digest": found.digest.hex(), "height": height, "file": str(kept)}
    }
    if report:
        told = _with_chain(rpc, lambda chain: actions.report(chain, account, council, owner, found.digest, height))
        print_answer(told | checked, as_json, lambda one: [_report_line(one)])
        return
    title = f"jail {council.name(owner)}: signed twice at height {height}"
    proposed = _with_chain(rpc, lambda chain: actions.propose(chain, account, calls, title, is_forced=force))
    print_answer(proposed | checked, as_json, proposal_lines)


def _report_line(told: dict[str, Any]) -> str:
    if told["is_jailed"]:
        return f"{told['bank']} is jailed"
    return f"reported by {', '.join(told['reports'])}: {len(told['reports'])} of {told['reports_needed']}"


def _read(rpc: str, others: Collection[str] = ()) -> "Council":
    from node.app.council.state import read_council

    return _with_chain(rpc, lambda chain: read_council(chain, others))


def _with_chain(rpc: str, act: "Callable[[ChainClient], Awaitable[Result]]") -> Result:
    from contracts.client.chain_client import ChainClient
    from node.app.council.state import fetch_deployment

    client = ChainClient(rpc, fetch_deployment(rpc))

    async def run() -> Result:
        try:
            await client.connect()
            return await act(client)
        finally:
            await client.close()

    return asyncio.run(run())


def _simulated(
    council: "Council", words: list[str], offline: list[str] | None, *, is_forced: bool
) -> "tuple[frozenset[int], Flight]":
    from node.app.council.changes import read_changes
    from node.app.council.verdict import fly

    calls, numbers = read_changes(words, council)
    forced = is_forced or any(council.proposal(number).is_forced for number in numbers)
    return numbers, fly(council, calls, numbers=numbers, offline=_names(council, offline), is_forced=forced)


def _check_proposal(council: "Council", number: int, offline: list[str] | None, i_know: bool, as_json: bool) -> None:
    _, flight = _simulated(council, [str(number)], offline, is_forced=False)
    _stop_if_unsafe(flight, i_know, as_json)


def _stop_if_unsafe(flight: "Flight", i_know: bool, as_json: bool) -> None:
    if flight.is_safe or i_know:
        return
    _print_flight(flight, as_json)
    typer.echo("landfall: nothing was sent; --i-know sends it all the same", err=True)
    raise typer.Exit(UNSAFE)


def _print_flight(flight: "Flight", as_json: bool) -> None:
    from node.app.council.shown import flight_json, flight_lines

    print_answer(flight_json(flight), as_json, flight_lines)


def _names(council: "Council", banks: list[str] | None) -> list[str]:
    from node.app.council.changes import bank_address

    return [council.name(bank_address(council, bank)) for bank in banks or ()]


def _account(keystore: Path, passphrase_file: Path | None, key: str) -> "Account":
    from node.app.cli.passphrase import passphrase_of
    from node.app.council.sending import Account
    from pqc.keystore import Keystore

    return Account(Keystore.open(keystore, passphrase_of(str(keystore), passphrase_file)), key)


def _title(flight: "Flight", given: str | None) -> str:
    """Return the title that was given, or what the calls do in words."""
    from node.app.council.shown import call_text
    from node.app.errors import ChangeError

    if given is None:
        told = "; ".join(call_text(flight.council, call) for call in flight.calls)
        return told.encode()[:TITLE_BYTES_MAX].decode("utf-8", "ignore")
    if not 0 < len(given.encode()) <= TITLE_BYTES_MAX:
        raise ChangeError(f"--title: expected 1 to {TITLE_BYTES_MAX} bytes, got {len(given.encode())}")
    return given
