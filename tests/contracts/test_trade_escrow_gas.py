"""What a trade costs: two milestones, three attesters each, two payees beside the exporter."""

from itertools import count

import pytest

from contracts.client.typed_data import as_tuple, digest
from tests.contracts.gas import GasSnapshot
from tests.contracts.support import DAY_S, advance, now_s
from tests.contracts.trades import BPS, PAIR, PERIOD_S, price
from tests.contracts.trades_fx import FxWorld


@pytest.fixture(autouse=True)
def same_numbers(world: FxWorld) -> None:
    """Salts and action numbers do not depend on the tests before: hashes decide a few units of gas."""
    world.numbers = count(1)


def test_escrow_gas_equals_the_snapshot(world: FxWorld, gas_snapshot: GasSnapshot) -> None:
    converted = world.converted_terms()
    world.fund(converted)
    gas_snapshot.check(world.escrow, "fund (convert_now)")

    terms = world.terms()
    world.fund(terms)
    gas_snapshot.check(world.escrow, "fund (none)")
    world.attest(terms, 0, world.attesters[0])
    gas_snapshot.check(world.escrow, "attest")
    world.attest(terms, 0, world.attesters[1])
    gas_snapshot.check(world.escrow, "attest (quorum)")
    advance(DAY_S + 1)
    world.settle(terms, 0)
    gas_snapshot.check(world.escrow, "settle")
    world.accept(terms, 1)
    gas_snapshot.check(world.escrow, "accept")
    world.settle(terms, 1)
    gas_snapshot.check(world.escrow, "settle (last)")


def test_escrow_gas_under_convert_now_equals_the_snapshot(world: FxWorld, gas_snapshot: GasSnapshot) -> None:
    terms = world.converted_terms()
    world.fund(terms)
    world.accept(terms, 0)
    world.settle(terms, 0)
    gas_snapshot.check(world.escrow, "settle (convert_now)")


def test_escrow_gas_under_lock_equals_the_snapshot(world: FxWorld, gas_snapshot: GasSnapshot) -> None:
    terms = world.lock_terms()
    world.fund_lock(terms)
    gas_snapshot.check(world.escrow, "fund (lock)")
    world.attest(terms, 0, world.attesters[0])
    gas_snapshot.check(world.escrow, "attest (lock)")
    world.attest(terms, 0, world.attesters[1])
    advance(DAY_S + 1)
    world.settle(terms, 0)
    gas_snapshot.check(world.escrow, "settle (lock)")
    world.cancel(terms)
    gas_snapshot.check(world.escrow, "cancel (lock)")


def test_escrow_gas_under_float_equals_the_snapshot(market: FxWorld, gas_snapshot: GasSnapshot) -> None:
    milestones = [market.milestone(share, now_s() + 10 * DAY_S) for share in (3_000, 7_000)]
    payees = market.terms()["payees"]
    terms = market.float_terms(BPS, milestones=milestones, payees=payees)
    market.fund_float(terms)
    gas_snapshot.check(market.escrow, "fund (float)")
    market.attest(terms, 0, market.attesters[0])
    gas_snapshot.check(market.escrow, "attest (float)")
    market.report(144)
    market.reprice(terms)
    gas_snapshot.check(market.escrow, "reprice")
    market.top_up(terms, sum(market.target_of(terms, index) - market.slice_of(terms, index) for index in range(2)))
    gas_snapshot.check(market.escrow, "top_up")
    market.accept(terms, 0)
    market.settle_float(terms, 0, market.spot(terms, "143.28"), market.importer)
    gas_snapshot.check(market.escrow, "settle_float")
    market.accept(terms, 1)
    advance(3 * DAY_S + 1)
    market.last_resort(terms, 1)
    gas_snapshot.check(market.escrow, "last_resort (float)")


def test_escrow_gas_of_changes_equals_the_snapshot(world: FxWorld, gas_snapshot: GasSnapshot) -> None:
    terms = world.terms()
    world.fund(terms)
    world.waive(terms, 0, 1_000)
    gas_snapshot.check(world.escrow, "waive")
    world.assign(terms, 0)
    gas_snapshot.check(world.escrow, "assign")
    first, second = terms["milestones"]
    new = world.amended(terms, milestones=[first, second | {"quorum": 3}])
    world.amend(terms, new, holders=[world.financier, world.exporter])
    gas_snapshot.check(world.escrow, "amend (one milestone)")
    world.cancel(new, holders=[world.financier, world.exporter])
    gas_snapshot.check(world.escrow, "cancel")


def test_fx_gas_equals_the_snapshot(world: FxWorld, gas_snapshot: GasSnapshot) -> None:
    quote = world.quote()
    world.reserve(quote)
    hold = world.signed_hold(
        world.eur,
        world.importer,
        world.fx,
        price(quote, 100_000),
        now_s() + 600,
        digest(world.fx_domain, "Quote", quote),
    )
    world.fx.exchange(as_tuple("Quote", quote), world.sign_quote(quote), world.importer.address, 100_000, hold)
    gas_snapshot.check(world.fx, "exchange")

    world.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, 300, 100, sender=world.governor.address)
    message = {"pair": PAIR, "rate": 150 * 10**18, "observed_at": now_s(), "round": now_s() // PERIOD_S}
    reports = [
        (
            reporter.address,
            message["rate"],
            message["observed_at"],
            reporter.sign(world.oracle_domain, "Report", message),
        )
        for reporter in world.reporters
    ]
    world.oracle.submit(PAIR, message["round"], reports)
    gas_snapshot.check(world.oracle, "submit (4 reports)")
