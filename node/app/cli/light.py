"""`landfall light`: follow a network from one header that is trusted, believing no node."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.app.cli.output import print_json, print_line
from node.app.errors import ForkError, SettingsError

if TYPE_CHECKING:
    from bridge.proofs.light import LightBlock
    from node.app.light import LightClient
    from node.app.light_proofs import ProvenThing

_TRUST = re.compile(r"(\d{1,18}):(?:0x)?([0-9a-fA-F]{64})")
_WHAT = re.compile(r"0x[0-9a-fA-F]{64}|\d{1,18}|latest")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def run(
    trust: Annotated[
        str,
        typer.Option(help="HEIGHT:HASH of a consensus header that you know from elsewhere, as this command prints it"),
    ],
    source: Annotated[list[str], typer.Option(help="JSON-RPC of a node; name several, so that none can mislead you")],
    verify: Annotated[
        str | None, typer.Option(help="Prove this and end: a block's number or hash, `latest`, or a transaction's hash")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="With --verify: also prove this address's account after that block")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the latest height")] = False,
    interval_s: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between looks at the sources")] = 2.0,
    trust_days: Annotated[
        int, typer.Option(min=1, max=365, help="How old a proven header may be when the next is built on it")
    ] = 14,
    now: Annotated[
        datetime | None, typer.Option(help="What time it is, UTC, where a devnet's ledger time was moved")
    ] = None,
    fork_file: Annotated[Path, typer.Option(help="Where the evidence goes if two histories are both signed")] = Path(
        "light-fork.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line, for machines")] = False,
) -> None:
    """Follow a network from one trusted header; exit code 1 = not proven, or two histories are signed."""
    from bridge.proofs.light import fork_to_json
    from node.app.light import HttpSource, LightClient, Trust

    height, trusted_hash = _trust(trust)
    what, address = _what(verify), _address(account)
    if address is not None and what is None:
        raise SettingsError("--account: expected --verify beside it, to say after which block")
    sources = [HttpSource(url) for url in source]
    try:
        start = Trust(height, trusted_hash, trust_days * 86_400)
        client = LightClient(sources, start, _clock(now), lambda line: typer.echo(line, err=True))
        if what is not None:
            _verify(client, what, address, as_json)
        else:
            _follow(client, once, interval_s, as_json)
    except ForkError as error:
        fork_file.write_text(json.dumps(fork_to_json(error.fork), indent=1) + "\n", "utf-8")
        raise ForkError(f"{error}; evidence in {fork_file}", error.fork) from error
    except KeyboardInterrupt:
        print_line("stopped")
    finally:
        for one in sources:
            one.close()


def _follow(client: "LightClient", once: bool, interval_s: float, as_json: bool) -> None:
    from node.app.errors import SourceUnavailableError

    _print_block(client.head, as_json)
    while True:
        before = client.head.height
        try:
            block = client.advance()
        except SourceUnavailableError:
            # Said by the client already; a network may be away for a while.
            if once:
                raise
        else:
            if block.height > before:
                _print_block(block, as_json)
        if once:
            return
        time.sleep(interval_s)


def _verify(client: "LightClient", what: str, address: bytes | None, as_json: bool) -> None:
    from node.app.light_proofs import prove, prove_account

    thing = prove(client, what)
    found = _facts(thing)
    if address is not None:
        account = prove_account(client, thing, address)
        found["account"] = {
            "address": "0x" + address.hex(),
            "exists": account is not None,
            "nonce": account.nonce if account else 0,
            "balance_wei": str(account.balance_wei if account else 0),
            "code_hash": "0x" + account.code_hash.hex() if account else None,
            "storage_root": "0x" + account.storage_root.hex() if account else None,
        }
    if as_json:
        print_json(found)
        return
    print_line(f"proven: block {thing.block.number} 0x{thing.block.hash.hex()}, {_time(thing.block.time_s)}")
    print_line(f"  final at consensus height {thing.height}")
    if thing.transaction is not None:
        outcome = "succeeded" if thing.transaction.receipt.succeeded else "failed"
        print_line(
            f"  transaction {what}: index {thing.transaction.index}, {outcome},"
            f" {len(thing.transaction.receipt.logs)} events"
        )
    if address is not None:
        shown = found["account"]
        print_line(f"  account {shown['address']}: nonce {shown['nonce']}, {shown['balance_wei']} wei")


def _facts(thing: "ProvenThing") -> dict[str, Any]:
    found: dict[str, Any] = {
        "consensus_height": thing.height,
        "block": thing.block.number,
        "block_hash": "0x" + thing.block.hash.hex(),
        "time_s": thing.block.time_s,
    }
    if thing.transaction is not None:
        receipt = thing.transaction.receipt
        found["transaction"] = {
            "index": thing.transaction.index,
            "succeeded": receipt.succeeded,
            "logs": [
                {
                    "address": log.address,
                    "topics": ["0x" + topic.hex() for topic in log.topics],
                    "data": "0x" + log.data.hex(),
                }
                for log in receipt.logs
            ],
        }
    return found


def _print_block(block: "LightBlock", as_json: bool) -> None:
    header = block.header
    powers = {one.address: one.power for one in block.validators}
    signed = sum(powers[vote.validator_address] for vote in block.commit.signatures)
    if as_json:
        line = {
            "height": header.height,
            "hash": block.hash.hex(),
            "time_s": header.time.seconds,
            "ethereum_block_hash_before": "0x" + header.app_hash.hex(),
            "signed_power": signed,
            "total_power": sum(powers.values()),
        }
        print_line(json.dumps(line))
        return
    print_line(
        f"{header.height}:{block.hash.hex()}  {_time(header.time.seconds)}  signed by {signed} of"
        f" {sum(powers.values())}  Ethereum block before it 0x{header.app_hash.hex()}"
    )


def _clock(now: datetime | None) -> Callable[[], int]:
    if now is None:
        return lambda: int(time.time())
    fixed_s = int(now.replace(tzinfo=UTC).timestamp())
    return lambda: fixed_s


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _trust(text: str) -> tuple[int, bytes]:
    found = _TRUST.fullmatch(text)
    if found is None or int(found[1]) < 1:
        raise SettingsError(f"--trust: expected HEIGHT:HASH, such as 12:5f3a… with 64 hex digits, got {text[:90]!r}")
    return int(found[1]), bytes.fromhex(found[2])


def _what(text: str | None) -> str | None:
    if text is None:
        return None
    if not _WHAT.fullmatch(text):
        raise SettingsError(
            f"--verify: expected a block's number, `latest` or a hash of 64 hex digits, got {text[:80]!r}"
        )
    return hex(int(text)) if text.isdigit() else text


def _address(text: str | None) -> bytes | None:
    if text is None:
        return None
    if not _ADDRESS.fullmatch(text):
        raise SettingsError(f"--account: expected 0x and 40 hex digits, got {text[:60]!r}")
    return bytes.fromhex(text[2:])
