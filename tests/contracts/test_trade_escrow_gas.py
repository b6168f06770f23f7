"""What a trade costs: two milestones, three attesters each, two payees beside the exporter."""

from itertools import count

import pytest

from contracts.client.typed_data import as_tuple, digest
from tests.contracts.gas import GasSnapshot
from tests.contracts.support import DAY_S, advance, now_s
from tests.contracts.trades import PAIR, PERIOD_S, World, price


@pytest.fixture(autouse=True)
def same_numbers(world: World) -> None:
    """Salts and action numbers do not depend on the tests before: hashes decide a few units of gas."""
    world.numbers = count(1)


def test_escrow_gas_equals_the_snapshot(world: World, gas_snapshot: GasSnapshot) -> None:
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


def test_fx_gas_equals_the_snapshot(world: World, gas_snapshot: GasSnapshot) -> None:
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
