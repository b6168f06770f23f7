"""`landfall light` against a real chain process: the commands of docs/spec/light-client.md, and refusals."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.proofs.light import light_block_from_json
from node.app import light
from node.app.errors import SourceUnavailableError
from tests.integration.desk_chain import ChainProcess
from tests.unit.chain.support import ETHER, Actor, write_home

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "spec" / "light-client.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
PAYER = Actor(1)


@dataclass
class Chain:
    """A running chain of three blocks, and what its user knows."""

    url: str
    folder: Path
    transaction: str
    trust: str
    now: str

    def shell(self, *lines: str, code: int = 0) -> str:
        """Run commands as a user would; return what they printed, standard error last."""
        landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([landfall, *lines])],
            cwd=self.folder,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "BANK_A": self.url,
                "BANK_B": self.url.replace("127.0.0.1", "localhost"),
                "TRUST": self.trust,
                "LEDGER_TIME": self.now,
                "TRANSACTION": self.transaction,
                "ADDRESS": "0x" + PAYER.address.hex(),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("light")
    home = folder / "home"
    write_home(home, {PAYER.address: ETHER})
    with asyncio.Runner() as runner:
        process = ChainProcess(home)
        runner.run(process.start())
        try:
            yield _filled(process.url, folder)
        finally:
            runner.run(process.kill())


def _filled(url: str, folder: Path) -> Chain:
    def rpc(method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = httpx.post(url, json=request, timeout=30, trust_env=False).json()
        assert "error" not in answer, answer
        return answer["result"]

    sent = [rpc("eth_sendRawTransaction", "0x" + PAYER.sign(value=5).hex()) for _ in range(2)]
    rpc("evm_mine")
    rpc("evm_mine")
    first = light_block_from_json(rpc("landfall_getLightBlock", 1))
    now = datetime.fromtimestamp(rpc("landfall_clock")["time_s"], UTC)
    return Chain(url, folder, sent[0], f"1:{first.hash.hex()}", f"{now:%Y-%m-%dT%H:%M:%S}")


def test_commands_of_the_guide_prove_what_they_say_when_run_as_they_stand(chain: Chain) -> None:
    assert len(COMMANDS) == 4
    printed = [chain.shell(command) for command in COMMANDS]
    followed = printed[0].splitlines()
    assert followed[0].startswith(f"{chain.trust}  20")
    assert len(followed) == 2
    assert "signed by 1 of 1" in followed[1]
    assert "proven: block " in printed[1]
    assert f"transaction {chain.transaction}: index 0, succeeded, 0 events" in printed[2]
    found = json.loads(printed[3])
    assert (found["block"], found["account"]["exists"]) == (1, True)


def test_receipt_of_web3_names_the_height_that_made_it_final(chain: Chain) -> None:
    from web3 import HTTPProvider, Web3

    receipt: Any = Web3(HTTPProvider(chain.url)).eth.get_transaction_receipt(chain.transaction)  # type: ignore[arg-type]
    assert receipt["finality"]["consensusHeight"] == "0x1"
    assert (receipt["status"], receipt["blockNumber"]) == (1, 1)


def test_line_that_was_printed_is_the_trust_of_the_next_run(chain: Chain) -> None:
    last = json.loads(chain.shell(f"{COMMANDS[0]} --json").splitlines()[-1])
    trust = f"{last['height']}:{last['hash']}"
    again = chain.shell(f'landfall light --source "$BANK_A" --trust {trust} --now "$LEDGER_TIME" --verify 1')
    assert "final at consensus height 1" in again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--trust 1:" + "ab" * 32, "dropped: http"),
        ("--trust 1:abc", "--trust: expected HEIGHT:HASH"),
        ("--trust 0:" + "ab" * 32, "--trust: expected HEIGHT:HASH"),
        ('--trust "$TRUST" --verify 0x12', "--verify: expected a block's number"),
        ('--trust "$TRUST" --verify 99', "expected a proof of 0x63, got nothing"),
        ('--trust "$TRUST" --account "$ADDRESS"', "--account: expected --verify beside it"),
        ('--trust "$TRUST" --verify 1 --account 0x12', "--account: expected 0x and 40 hex digits"),
    ],
)
def test_command_ends_with_one_and_says_why_when(chain: Chain, arguments: str, message: str) -> None:
    line = f'landfall light --source "$BANK_A" --now "$LEDGER_TIME" --once {arguments}'
    assert message in chain.shell(line, code=1)


def test_source_is_unavailable_when_its_answer_is_too_long_or_an_error(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = light.HttpSource(chain.url)
    assert source.call("landfall_getLightBlock", 1)["header"]["height"] == 1
    with pytest.raises(SourceUnavailableError, match=r"expected a result of landfall_getNothing, got .*-32601"):
        source.call("landfall_getNothing")
    monkeypatch.setattr(light, "ANSWER_BYTES_MAX", 1_000)
    with pytest.raises(SourceUnavailableError, match="expected at most 1000 bytes, got more"):
        source.call("landfall_getLightBlock", 1)
    source.close()


def test_command_ends_with_one_when_the_trust_is_too_old_or_the_node_is_away(chain: Chain) -> None:
    old = 'landfall light --source "$BANK_A" --trust "$TRUST" --now 2099-01-01T00:00:00 --once'
    assert "give a newer height and hash" in chain.shell(old, code=1)
    away = 'landfall light --source http://127.0.0.1:9 --trust "$TRUST" --once'
    assert "no answer: http://127.0.0.1:9" in chain.shell(away, code=1)
    assert "no answer: no-url" in chain.shell('landfall light --source no-url --trust "$TRUST" --once', code=1)
