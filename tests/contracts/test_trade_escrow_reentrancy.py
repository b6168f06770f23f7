"""TradeEscrow: a token that calls back in the middle of a call changes nothing (one lock over all pieces of code)."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from contracts.client.typed_data import as_tuple
from tests.contracts.support import DAY_S, ZERO_BYTES32, advance, deploy, now_s
from tests.contracts.trades import BPS, INVOICE, Fields
from tests.contracts.trades_fx import EXAMPLE, EXAMPLE_SLICE, HELPERS, FxWorld

Call = tuple[str, tuple[Any, ...]]


@pytest.fixture
def token() -> Any:
    """Calls back, claims any hold and moves nothing."""
    return deploy("HostileToken", folder=HELPERS)


def plain(world: FxWorld, token: Any) -> Fields:
    """A funded trade in it."""
    terms = world.terms(invoice_token=token.address, funding_token=token.address)
    trade_id, expires_at = world.trade_id(terms), terms["hold_expires_at"]
    held = (world.importer.address, world.escrow.address, INVOICE, expires_at, 1, trade_id, True)
    token.claim(b"\1" * 32, held, expires_at)
    world.fund(terms, invoice_hold=(INVOICE, terms["hold_expires_at"], ZERO_BYTES32, now_s(), b""))
    return terms


def every_call(world: FxWorld, terms: Fields) -> list[Call]:
    """One call of each state-changing function, of each piece of code, and some reads."""
    trade_id = world.trade_id(terms)
    payees = [as_tuple("Payee", payee) for payee in terms["payees"]]
    consent = (now_s(), 1, b"")
    signed_hold = (INVOICE, terms["hold_expires_at"], ZERO_BYTES32, now_s(), b"")
    milestone = as_tuple("Milestone", terms["milestones"][0])
    quote = as_tuple("Quote", world.quote(reserve_id=b"\1" * 32))
    attestation = (world.attesters[0].address, 1, BPS, b"\1" * 32, now_s(), 5, b"")
    return [
        ("attest", (trade_id, 1, milestone, *attestation)),
        ("declare_silence", (trade_id, 1)),
        ("accept", (trade_id, 1, consent)),
        ("waive", (trade_id, 1, 1, consent)),
        ("assign", (trade_id, 1, milestone, world.financier.address, consent, consent)),
        ("dispute", (trade_id, 0, world.importer.address, ZERO_BYTES32, consent)),
        ("award", (trade_id, 0, BPS, ZERO_BYTES32, consent)),
        ("revoke", (b"\1" * 32,)),
        ("fund", (as_tuple("Terms", terms), consent, consent, signed_hold, [])),
        ("amend", (trade_id, as_tuple("Terms", terms), consent, [consent], [], [])),
        ("settle", (trade_id, 0, payees)),
        ("settle_float", (trade_id, 0, payees, quote, b"", [])),
        ("last_resort", (trade_id, 0, payees)),
        ("reprice", (trade_id,)),
        ("top_up", (trade_id, 1, now_s(), b"")),
        ("defer", (trade_id, 1, now_s() + 30 * DAY_S, consent)),
        ("close_out_of_band", (trade_id, True, [consent])),
        ("cancel", (trade_id, consent, [consent], [])),
        ("lapse", (trade_id,)),
        ("get_trade", (trade_id,)),
        ("state_of", (trade_id, 0)),
        ("is_action_used", (trade_id, world.importer.address, 1)),
        ("trade_id_of", (as_tuple("Terms", terms),)),
    ]


def record_of(world: FxWorld, terms: Fields) -> Any:
    trade_id = world.trade_id(terms)
    parts = [world.escrow.get_milestone(trade_id, index) for index in range(len(terms["milestones"]))]
    return world.escrow.get_trade(trade_id), parts


def test_every_function_is_called_back_here(world: FxWorld, token: Any) -> None:
    terms = world.terms()
    called = {name for name, _ in every_call(world, terms)}
    changing = {
        entry["name"]
        for entry in world.escrow.abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    assert changing <= called


def test_settle_is_not_entered_again_by_any_function(world: FxWorld, token: Any) -> None:
    terms = plain(world, token)
    world.accept(terms, 0)
    with boa.env.anchor():
        world.settle(terms, 0)
        honest = record_of(world, terms)
    for name, arguments in every_call(world, terms):
        with boa.env.anchor():
            token.call_back(world.escrow.address, getattr(world.escrow, name).prepare_calldata(*arguments))
            world.settle(terms, 0)
            assert (token.calls_back(), token.calls_succeeded()) == (3, 0), name
            assert record_of(world, terms) == honest, name


@pytest.mark.parametrize("entry", ["cancel", "lapse", "waive", "last_resort", "amend"])
def test_ways_out_are_not_entered_again(world: FxWorld, token: Any, entry: str) -> None:
    terms = plain(world, token)
    trade_id = world.trade_id(terms)
    world.accept(terms, 0)
    advance(4 * DAY_S)
    if entry == "lapse":
        token.claim(b"\1" * 32, tuple(token.claimed()), 0)
    new = world.amended(terms, invoice_amount=INVOICE - 1, touched=[1])
    acts: dict[str, Callable[[], Any]] = {
        "cancel": lambda: world.cancel(terms),
        "lapse": lambda: world.escrow.lapse(trade_id),
        "waive": lambda: world.waive(terms, 1, 1),
        "last_resort": lambda: world.last_resort(terms, 0),
        "amend": lambda: world.amend(terms, new),
    }
    for name, arguments in every_call(world, terms):
        with boa.env.anchor():
            token.call_back(world.escrow.address, getattr(world.escrow, name).prepare_calldata(*arguments))
            acts[entry]()
            assert token.calls_back() > 0, name
            assert token.calls_succeeded() == 0, name


def hostile_float(world: FxWorld, token: Any) -> Fields:
    """A float funded in the hostile token, paid in honest shillings, and claimed to be all there."""
    terms = world.float_terms(BPS, funding_token=token.address)
    trade_id, expires_at = world.trade_id(terms), terms["hold_expires_at"]
    held = (world.importer.address, world.escrow.address, EXAMPLE_SLICE, expires_at, 1, trade_id, True)
    token.claim(b"\1" * 32, held, expires_at)
    world.fund(terms, invoice_hold=(EXAMPLE_SLICE, expires_at, ZERO_BYTES32, now_s(), b""), conversion=[])
    return terms


def test_settle_float_is_not_entered_again(market: FxWorld, token: Any) -> None:
    terms = hostile_float(market, token)
    market.accept(terms, 0)
    quote = market.spot(terms, 150, sell_token=token.address)
    for name, arguments in every_call(market, terms):
        with boa.env.anchor():
            token.call_back(market.escrow.address, getattr(market.escrow, name).prepare_calldata(*arguments))
            market.settle_float(terms, 0, quote, market.importer)
            assert (token.calls_back(), token.calls_succeeded()) == (2, 0), name
            assert market.balances(market.kes, market.exporter) == [EXAMPLE], name


def test_top_up_is_not_entered_again(market: FxWorld, token: Any) -> None:
    terms = hostile_float(market, token)
    market.report(144)
    market.reprice(terms)
    for name, arguments in every_call(market, terms):
        with boa.env.anchor():
            token.call_back(market.escrow.address, getattr(market.escrow, name).prepare_calldata(*arguments))
            market.escrow.top_up(market.trade_id(terms), 43_171, now_s(), b"")
            assert (token.calls_back(), token.calls_succeeded()) == (1, 0), name
            assert market.slice_of(terms) == EXAMPLE_SLICE + 43_171
