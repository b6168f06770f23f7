"""A lock from funding to payment: what it buys, what giving up costs, and what happens when its provider fails."""

from node.trades.store import FxLeg
from tests.unit.trades import story
from tests.unit.trades.rated import (
    LOCK,
    act,
    check_books,
    check_slices,
    funded,
    memos,
    milestone,
    notices,
    steps,
    wait_until_final,
)
from tests.unit.trades.world import TestDesk, World

ALL = 2
"""Scope of a freeze order that stops holds too."""


def provider_of(world: World) -> TestDesk:
    """Return the desk of the lock's provider."""
    nl = world["bank-nl"]
    with nl.database.read() as session:
        trade = nl.trades.desk.trade(session, story.REFERENCE)
        provider = session.get_one(FxLeg, trade.trade_id).provider
    return next(desk for desk in world.desks.values() if desk.participants.institution.address == provider)


def test_a_lock_pays_the_invoice_amount_when_the_rate_has_fallen_out_of_any_band() -> None:
    world = funded(LOCK, later="120")
    nl, ke, provider = world["bank-nl"], world["bank-ke"], provider_of(world)
    check_books(world)
    assert dict(memos(nl, "bloem", "EUR")) == {"premium": None}
    assert ("premium", None) in memos(provider, provider.id, "EUR")
    held = world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem"))
    sold = world.balance("EUR", provider.participants.institution.address)
    story.load(world)
    wait_until_final(world)
    for desk in (nl, ke):
        assert milestone(desk).paid == "600,000.00 KES"
    sold = world.balance("EUR", provider.participants.institution.address) - sold
    assert held - world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem")) == sold > 0
    assert dict(memos(nl, "bloem", "EUR")) == {"premium": None, "conversion": None}
    assert "invoice" in dict(memos(ke, "naivasha", "KES"))
    check_books(world)


def test_the_provider_gets_its_fee_when_the_exporter_waives_a_part_of_a_lock() -> None:
    world = funded(LOCK)
    nl, ke, provider = world["bank-nl"], world["bank-ke"], provider_of(world)
    act(ke, ke.trades.deciding.waive, 0, 30_000_000, story.EXPORTER)
    assert milestone(nl).amount == "300,000.00 KES"
    assert "cancel_fee" in dict(memos(nl, "bloem", "EUR"))
    assert ("cancel_fee", None) in memos(provider, provider.id, "EUR")
    check_books(world)


def test_the_payees_get_the_funding_currency_when_the_locks_provider_is_frozen() -> None:
    world = funded(LOCK)
    nl, ke, provider = world["bank-nl"], world["bank-ke"], provider_of(world)
    address = provider.participants.institution.address
    until = world.ledger.now_s + 60 * story.DAY_S
    world._call("cb-kes", "KES", "order_freeze", address, 1, ALL, until, bytes(32))
    story.load(world)
    wait_until_final(world)
    assert milestone(ke).state == "final"
    assert steps(ke)["settle:0"][0] == "failed"
    assert steps(ke)["settle:0"][1] == "token: hold stands still"
    # Grace first: the order may be lifted.
    story.wait_a_day(world)
    assert milestone(ke).state == "final"
    world.advance_to(world.ledger.now_s + 3 * story.DAY_S)
    found = milestone(ke)
    assert (found.state, found.paid) == ("settled", "4,015.26 EUR")
    assert [owner for owner, _ in notices(ke, "trade.last_resort_open")] == ["naivasha"]
    assert memos(ke, "naivasha", "EUR") == [("invoice", None), ("last_resort", None)]
    assert world.ledger.call("EUR", "balanceOf", world.account("bank-ke", "naivasha")) > 390_000
    for desk in (nl, ke):
        check_slices(world, desk)
    check_books(world)


def test_the_lock_pays_after_all_when_the_order_is_lifted_in_time() -> None:
    world = funded(LOCK)
    ke, provider = world["bank-ke"], provider_of(world)
    address = provider.participants.institution.address
    world._call("cb-kes", "KES", "order_freeze", address, 1, ALL, world.ledger.now_s + 60 * story.DAY_S, bytes(32))
    story.load(world)
    wait_until_final(world)
    world._call("cb-kes", "KES", "lift_freeze", address, 1)
    world.advance_to(world.ledger.now_s + 3_600)
    assert milestone(ke).paid == "600,000.00 KES"
    check_books(world)
