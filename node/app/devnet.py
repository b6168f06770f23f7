"""A running devnet: its clock, its money at the start, and a client for each of its people."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from fx.money import Money
from node.app.cast import Cast
from node.app.errors import HomeError, ProcessError
from node.app.home import Home, load_cast_of, load_tokens
from node.client import LandfallClient

_DAY_S: Final = 86_400
_TIMEOUT_S: Final = 60.0
_STARTING_MONEY: Final = "starting money"


@dataclass(slots=True)
class Devnet:
    """A running devnet, as its people see it."""

    cast: Cast
    rpc_url: str
    rest_url: str
    tokens: dict[str, str]
    _clients: dict[str, LandfallClient] = field(default_factory=dict)
    _rpc: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_TIMEOUT_S, trust_env=False))

    def client(self, owner: str) -> LandfallClient:
        """Return the client of an institution or a customer.

        Raises:
            HomeError: nobody of that name lives here.
        """
        if owner not in self.tokens:
            raise HomeError(f"--as: expected one of {', '.join(sorted(self.tokens))}, got {owner!r}")
        if owner not in self._clients:
            self._clients[owner] = LandfallClient(self.rest_url, self.tokens[owner])
        return self._clients[owner]

    def close(self) -> None:
        """Close every client."""
        self._rpc.close()
        for client in self._clients.values():
            client.close()

    def now_s(self) -> int:
        """Return ledger time."""
        return int(self.rpc("landfall_clock")["time_s"])

    def advance(self, target_s: int) -> int:
        """Move ledger time to `target_s`, one block a day at the latest, and return it.

        Every day's fixing is played: after each step the desk has followed the block.
        """
        now_s = self.now_s()
        if target_s < now_s:
            raise HomeError(
                f"--to: expected {datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%S} or later, got an earlier time"
            )
        while now_s < target_s:
            now_s = min(now_s + _DAY_S, target_s)
            self.rpc("landfall_advanceTo", now_s)
            self.settle_down()
            now_s = max(now_s, self.now_s())
        return now_s

    def advance_to(self, when: str) -> int:
        """Move ledger time to `when` (ISO 8601, UTC)."""
        return self.advance(self.time_of(when))

    @staticmethod
    def time_of(when: str) -> int:
        """Return `when` (ISO 8601, UTC) as a second of ledger time."""
        return int(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp())

    def settle_down(self) -> None:
        """Wait until the desk has followed the chain and nothing is queued or pending.

        Raises:
            ProcessError: it did not in time.
        """
        end = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < end:
            block_number = int(self.rpc("eth_blockNumber"), 16)
            status = self.client(self.cast.governor).get("/status", idle_at=block_number)
            is_idle = not status["transactions"] and not status["messages"]
            if is_idle and status["block_number"] == int(self.rpc("eth_blockNumber"), 16):
                return
        raise ProcessError(f"desk: expected to follow the chain within {_TIMEOUT_S:.0f} s; see logs/desk.log")

    def rpc(self, method: str, *params: Any) -> Any:
        """Return the result of a JSON-RPC method of the chain."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._rpc.post(self.rpc_url, json=request).json()
        if "error" in answer:
            raise ProcessError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]


@contextlib.contextmanager
def open_devnet(root: Path) -> Iterator[Devnet]:
    """Open the devnet that runs in `root`.

    Raises:
        HomeError: none runs there.
    """
    home = Home(root)
    try:
        urls = json.loads(home.run.read_text("utf-8"))
    except OSError as error:
        raise HomeError(f"--home: expected a running devnet, got none in {root}; start one: landfall devnet") from error
    devnet = Devnet(load_cast_of(home), urls["rpc_url"], urls["rest_url"], load_tokens(home))
    try:
        yield devnet
    finally:
        devnet.close()


def issue_starting_money(devnet: Devnet) -> list[tuple[str, str, int]]:
    """Let everyone get what the cast says it starts with; doing it again changes nothing.

    In two tiers: banks and FX providers ask, central banks approve, banks pay out to their customers.

    Returns:
        (owner, currency, minor units), in order.
    """
    issuers = {currency.code: currency.issuer for currency in devnet.cast.currencies}
    done, requests = [], []
    for institution in devnet.cast.institutions:
        for currency, minor in _starting_amounts(institution.funds):
            asked = {"currency": currency, "amount": str(minor), "text": _STARTING_MONEY}
            key = f"starting-money/{institution.id}/{currency}"
            request = devnet.client(institution.id).post("/issuance-requests", asked, key=key)
            requests.append((issuers[currency], request["id"]))
            done.append((institution.id, currency, minor))
    devnet.settle_down()
    for issuer, request_id in requests:
        path = f"/issuance-requests/{request_id}/approve"
        devnet.client(issuer).post(path, key=f"starting-money/{request_id}")
    devnet.settle_down()
    for institution in devnet.cast.institutions:
        for customer in institution.customers:
            for currency, minor in _starting_amounts(customer.funds):
                order = {"payee": customer.id, "currency": currency, "amount": str(minor), "text": _STARTING_MONEY}
                key = f"starting-money/{customer.id}/{currency}"
                devnet.client(institution.id).post("/payments", order, key=key)
                done.append((customer.id, currency, minor))
    devnet.settle_down()
    return done


def _starting_amounts(funds: dict[str, str]) -> list[tuple[str, int]]:
    return [(currency, Money.parse(amount, currency).amount_minor) for currency, amount in funds.items()]
