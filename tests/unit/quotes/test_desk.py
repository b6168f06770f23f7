"""The provider's inventory and its quotes' ends: never more than it has, and everything unused comes back."""

import pytest

from fx.quotes import sell_amount
from node.quotes import store
from node.quotes.errors import QuoteExpiredError
from node.quotes.requests import SETTLEMENT
from tests.unit.quotes.desks import (
    BUY_MINOR,
    TRADE_ID,
    accept,
    as_contract,
    ask,
    ask_lock,
    declined,
    held,
    issued_states,
    offers,
    silence,
    start,
)
from tests.unit.trades.ledger import address_of
from tests.unit.trades.world import World

HAS_MINOR = 150_000_000_00
"""What the cast gives a provider in KES."""


def alone() -> World:
    world = start()
    silence(world, "fx-baobab")
    return world


def test_a_provider_quotes_all_it_has_and_not_a_unit_more() -> None:
    world = alone()
    ask(world, "more", buy_minor=HAS_MINOR + 1)
    assert offers(world, "more") == []
    assert declined(world, "more")["fx-amber"].startswith("reserve: ")
    ask(world, "all", buy_minor=HAS_MINOR)
    assert held(world, "fx-amber") == HAS_MINOR
    assert offers(world, "all")[0].max_amount == HAS_MINOR


def test_a_provider_quotes_what_its_other_quotes_leave_and_not_a_unit_more() -> None:
    world = alone()
    ask(world, "first", buy_minor=100_000_000_00)
    ask_lock(world, "more", buy_minor=50_000_000_01)
    assert offers(world, "more") == []
    ask_lock(world, "rest", buy_minor=50_000_000_00)
    assert len(offers(world, "rest")) == 1
    ask(world, "nothing", buy_minor=1)
    assert offers(world, "nothing") == []
    # What comes back can be quoted again.
    world.advance_to(offers(world, "first")[0].expires_at_s + 1)
    ask(world, "again", buy_minor=HAS_MINOR)
    assert len(offers(world, "again")) == 1


def test_a_quote_can_be_taken_until_its_last_second() -> None:
    world = alone()
    ask(world)
    (offer,) = offers(world)
    world.advance_to(offer.expires_at_s)
    assert accept(world, offer.digest) == offers(world)[0]
    world.advance_to(offer.expires_at_s + 1)
    with pytest.raises(QuoteExpiredError):
        accept(world, offer.digest)
    with pytest.raises(QuoteExpiredError, match="one that expired at"):
        world["bank-nl"].run(world["bank-nl"].quotes.taker.accepted, "r1")


@pytest.mark.parametrize("left", [0, 3])
def test_what_a_use_leaves_in_the_reserve_goes_back(left: int) -> None:
    world = alone()
    ask(world, trade_id=TRADE_ID, min_minor=BUY_MINOR - 10, max_minor=BUY_MINOR)
    (offer,) = offers(world)
    bought = BUY_MINOR - left
    exporter = world.account("bank-ke", "naivasha")
    deliver = ("deliver", offer.quote, offer.signature, offer.quote["taker"], bought, [(exporter, bought)])
    assert as_contract(world, "TradeEscrow", SETTLEMENT, *deliver) is None
    assert held(world, "fx-amber") == left
    world.settle_down()
    assert held(world, "fx-amber") == 0
    assert world.balance("KES", exporter) == bought
    assert issued_states(world, "fx-amber") == [store.USED]


def test_a_quote_refuses_another_taker_and_an_amount_outside_it_on_chain() -> None:
    world = alone()
    ask(world, trade_id=TRADE_ID, min_minor=BUY_MINOR - 10, max_minor=BUY_MINOR)
    (offer,) = offers(world)
    exporter = world.account("bank-ke", "naivasha")

    def deliver(taker: str, amount: int) -> str | None:
        arguments = (offer.quote, offer.signature, taker, amount, [(exporter, amount)])
        return as_contract(world, "TradeEscrow", SETTLEMENT, "deliver", *arguments)

    assert deliver(address_of("bank-nl"), BUY_MINOR) == "fx: quote is for another taker"
    assert deliver(offer.quote["taker"], BUY_MINOR + 1) == "fx: amount outside the quote"
    assert deliver(offer.quote["taker"], BUY_MINOR - 11) == "fx: amount outside the quote"
    assert deliver(offer.quote["taker"], BUY_MINOR - 10) is None
    assert sell_amount(offer.all_in, BUY_MINOR) == offer.sell_minor
