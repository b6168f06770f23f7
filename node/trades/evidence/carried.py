"""What a trade's own transactions carried, and what its steps rested on elsewhere: read from the chain, not tables.

Both banks of a trade, and a bank that came late, find the same here: the terms as funded and amended, the quotes that
were used, who signed what, the oracle's rounds and freeze orders. Only who hands the calls in differs from trade to
trade: a call through another contract is not read, and then the chain's word stands for its signatures.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from bridge.proofs.pack import DecisionInput, QuoteInput
from contracts.client.artifacts import Function, Parameter, checksummed, load_artifact
from contracts.client.deployment import Deployment
from node.trades.context import ESCROW
from node.trades.evidence.ports import ProofSource

LOGS_BLOCKS: Final = 100_000
"""Blocks in one query for logs, as a node allows."""
_DECISIONS: Final = {
    "accept": "Accept",
    "amend": "Amend",
    "assign": "Assign",
    "award": "Award",
    "cancel": "Cancel",
    "close_out_of_band": "CloseOutOfBand",
    "defer": "Defer",
    "dispute": "Dispute",
    "settle_float": "ChooseQuote",
    "waive": "Waive",
}
"""What the signatures of a call are of."""
_CONSENT: Final = {"valid_until", "action", "signature"}
_ROUNDS_EACH: Final = 2
"""A step rests on the last round before it, closing out of band on the last two."""


@dataclass(slots=True)
class Carried:
    """What the calls of one trade carried, in the order of the chain."""

    amended: list[dict[str, Any]] = field(default_factory=list)
    """EIP-712 messages `Terms` of each amendment."""
    quotes: list[QuoteInput] = field(default_factory=list)
    decisions: list[DecisionInput] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction is, or a log."""

    block: int
    index: int


class CarriedReader:
    """Reads transactions and logs of the chain for one network."""

    def __init__(self, chain: ProofSource, deployment: Deployment) -> None:
        self._chain = chain
        self._deployment = deployment
        self._escrow = deployment.address(ESCROW)
        self._functions = {one.selector: one for one in load_artifact(ESCROW).functions.values()}

    async def calls(self, places: Iterable[Place]) -> Carried:
        """Return what the transactions at these places carried, those that called the escrow themselves."""
        wanted = sorted({(place.block, place.index) for place in places})
        found = Carried()
        for number in dict.fromkeys(block for block, _ in wanted):
            block = await self._chain.raw("eth_getBlockByNumber", [hex(number), True])
            for index in [index for at, index in wanted if at == number]:
                transaction = block["transactions"][index]
                if transaction["to"] and checksummed(transaction["to"]) == self._escrow:
                    self._read(found, Place(number, index), bytes.fromhex(transaction["input"].removeprefix("0x")))
        return found

    async def rounds(self, pair: str, places: Sequence[Place], since: int) -> set[int]:
        """Return the blocks of the oracle's rounds that steps at these places can rest on."""
        artifact = load_artifact("FxOracle")
        topics = [_hex(artifact.topic("RoundRecorded")), _hex(pair.encode().ljust(32, b"\0"))]
        last = max(place.block for place in places)
        logs = await self._logs([self._deployment.address("FxOracle")], topics, since, last)
        rounds = [(_place(log), int(log["data"][-64:], 16) != 0) for log in logs]
        found: set[int] = set()
        for place in places:
            before = [one for one in rounds if (one[0].block, one[0].index) <= (place.block, place.index)]
            found |= {one.block for one, _ in before[-_ROUNDS_EACH:]}
            found |= {one.block for one, is_usable in [each for each in before if each[1]][-1:]}
        return found

    async def freezes(self, tokens: Iterable[str], accounts: Iterable[str], first: int, last: int) -> set[int]:
        """Return the blocks of freeze orders on these accounts."""
        artifact = load_artifact("SettlementToken")
        names = [_hex(artifact.topic(name)) for name in ("FreezeOrdered", "FreezeLifted")]
        owners = ["0x" + account[2:].lower().rjust(64, "0") for account in accounts]
        logs = await self._logs(sorted(set(tokens)), [names, owners], first, last)
        return {_place(log).block for log in logs}

    async def records(self, digests: Iterable[tuple[str, bytes]], first: int, last: int) -> set[int]:
        """Return the blocks in which institutions recorded these digests."""
        wanted = sorted(digests)
        if not wanted:
            return set()
        artifact = load_artifact("ParticipantRegistry")
        topics = [
            _hex(artifact.topic("DigestRecorded")),
            ["0x" + account[2:].lower().rjust(64, "0") for account in sorted({account for account, _ in wanted})],
            [_hex(digest) for digest in sorted({digest for _, digest in wanted})],
        ]
        registry = self._deployment.address("ParticipantRegistry")
        return {_place(log).block for log in await self._logs([registry], topics, first, last)}

    async def _logs(self, addresses: Sequence[str], topics: Sequence[Any], first: int, last: int) -> list[Any]:
        found: list[Any] = []
        for start in range(max(first, 0), last + 1, LOGS_BLOCKS):
            end = min(start + LOGS_BLOCKS - 1, last)
            query = {"address": list(addresses), "topics": list(topics), "fromBlock": hex(start), "toBlock": hex(end)}
            found += await self._chain.raw("eth_getLogs", [query])
        return found

    def _read(self, found: Carried, place: Place, data: bytes) -> None:
        function = self._functions.get(data[:4])
        if function is None:
            return
        try:
            values = decode([one.type for one in function.inputs], data[4:])
        except DecodingError:
            # The escrow took these bytes, so they mean something; what it made of them is in its events.
            return
        args = {one.name: _named(one, value) for one, value in zip(function.inputs, values, strict=True)}
        found.amended += [args["terms"]] if function.name == "amend" else []
        found.quotes += _quotes(function, args)
        kind = _DECISIONS.get(function.name)
        if kind is not None:
            for consent, least in _consents(args):
                own = {"valid_until": consent["valid_until"], "action": consent["action"]} | least
                found.decisions.append(DecisionInput(kind, own, consent["signature"], (place.block, place.index)))


def _quotes(function: Function, args: Mapping[str, Any]) -> list[QuoteInput]:
    if function.name == "settle_float":
        return [QuoteInput(args["quote"], args["quote_signature"])]
    return [QuoteInput(one["quote"], one["quote_signature"]) for one in args.get("conversion", [])]


def _consents(value: Any, least: Mapping[str, int] | None = None) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Yield every `SignedConsent` of a call's arguments, in their order; of a `Choice` with its least."""
    own = dict(least or {})
    if isinstance(value, dict):
        if set(value) == _CONSENT:
            yield value, own
            return
        own |= {"least": value["least"]} if "least" in value else {}
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _consents(item, own)


def _named(parameter: Parameter, value: Any) -> Any:
    """Return a decoded argument with its structs as mappings and its addresses checksummed."""
    if parameter.is_array:
        return [_named(parameter.element, item) for item in value]
    if parameter.components:
        return {one.name: _named(one, part) for one, part in zip(parameter.components, value, strict=True)}
    return checksummed(value) if parameter.type == "address" else value


def _place(log: Mapping[str, Any]) -> Place:
    return Place(int(log["blockNumber"], 16), int(log["transactionIndex"], 16))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
