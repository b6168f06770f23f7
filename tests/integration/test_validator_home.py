"""Homes that we write, taken by CometBFT itself: four nodes, with its own key-value application in place of ours."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.app.supervisor import Program, Unit, locked_home, running_unit
from node.app.validator.home import StateSync, read_settings
from node.app.validator.local_network import LocalNetwork, LocalValidator
from node.app.validator.preparing import prepare_run

NOW_S = 1_790_000_000
WAIT_S = 60


@dataclass(frozen=True)
class Rpc:
    """CometBFT's RPC over its Unix socket."""

    client: httpx.Client

    def __call__(self, method: str, **parameters: str) -> Any:
        """Return a method's result."""
        answer = self.client.get(f"http://localhost/{method}", params=parameters).json()
        assert "result" in answer, answer
        return answer["result"]


@contextlib.contextmanager
def rpc_of(one: LocalValidator) -> Iterator[Rpc]:
    """Open the RPC of a node."""
    transport = httpx.HTTPTransport(uds=str(one.home.run / "cometbft.sock"))
    with httpx.Client(transport=transport, timeout=20) as client:
        yield Rpc(client)


@pytest.fixture(params=["ML-DSA-65", "Ed25519"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> LocalNetwork:
    """A network that does not run, for either kind of key."""
    made = LocalNetwork(tmp_path / "network")
    made.make(4, engine="pyevm", algorithm=request.param, now_s=NOW_S)
    return made


async def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def kvstore_unit(one: LocalValidator, engines: Path) -> Unit:
    """The unit of a home with CometBFT's example application inside CometBFT."""
    command = (str(engines / "cometbft"), "start", "--home", str(one.home.cometbft), "--proxy_app", "kvstore")
    program = Program("cometbft", command, ready=one.home.run / "cometbft.sock")
    return Unit(one.home.root, (program,), prepare=lambda: prepare_run(one.home, read_settings(one.home), None))


@pytest.mark.network
async def test_four_homes_find_each_other_and_agree_when_cometbft_runs_in_them(
    network: LocalNetwork, engines: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for one in network.validators:
            lock = stack.enter_context(locked_home(one.home.root))
            await stack.enter_async_context(running_unit(kvstore_unit(one, engines), lock))
        asks = [stack.enter_context(rpc_of(one)) for one in network.validators]
        await wait(lambda: all(ask("net_info")["n_peers"] == "3" for ask in asks))
        # Until then they take no transactions.
        await wait(lambda: not any(ask("status")["sync_info"]["catching_up"] for ask in asks))
        sent = asks[0]("broadcast_tx_commit", tx='"a=b"')
        assert sent["tx_result"]["code"] == 0
        assert asks[-1]("status")["node_info"]["network"] == "landfall-local"
        validators = asks[-1]("validators")
    assert validators["total"] == "4"
    assert {one["voting_power"] for one in validators["validators"]} == {"10"}


def test_cometbft_reads_the_keys_that_we_wrote(network: LocalNetwork, engines: Path) -> None:
    genesis = json.loads(network.validator(1).home.genesis.read_text())
    for one in network.validators:
        prepare_run(one.home, read_settings(one.home), None)
        shown = [
            subprocess.run(
                [engines / "cometbft", command, "--home", one.home.cometbft], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in ("show-validator", "show-node-id")
        ]
        written = json.loads((one.home.cometbft / "config" / "priv_validator_key.json").read_text())
        assert json.loads(shown[0]) == written["pub_key"]
        assert shown[1] in [peer["node_id"] for peer in genesis["landfall"]["peers"]]


async def test_node_does_not_start_when_a_key_was_damaged(tmp_path: Path, engines: Path) -> None:
    network = LocalNetwork(tmp_path)
    network.make(1, engine="pyevm", now_s=NOW_S)
    one = network.validator(1)
    (one.home.cometbft / "config" / "priv_validator_key.json").write_text("{}")
    unit = kvstore_unit(one, engines)
    with locked_home(one.home.root) as lock, pytest.raises(Exception, match="cometbft did not start"):
        async with running_unit(unit, lock):
            pytest.fail("must not run")


@pytest.mark.parametrize(("servers", "code"), [(("127.0.0.1:1", "127.0.0.1:2"), 0), (("127.0.0.1:1",), 1)])
def test_cometbft_takes_our_state_sync_only_when_two_servers_prove_headers(
    tmp_path: Path, engines: Path, servers: tuple[str, ...], code: int
) -> None:
    network = LocalNetwork(tmp_path)
    network.make(1, engine="pyevm", now_s=NOW_S)
    one = network.validator(1)
    sync = StateSync.model_construct(trust_height=7, trust_hash="AB" * 32, rpc_servers=servers)
    prepare_run(one.home, read_settings(one.home).model_copy(update={"statesync": sync}), None)
    command = [engines / "cometbft", "show-node-id", "--home", one.home.cometbft]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
