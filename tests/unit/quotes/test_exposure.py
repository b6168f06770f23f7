"""What a provider owes on taken quotes counts until it is paid or over; quotes above its limit are not taken."""

import pytest

from contracts.client.blocks import BlockInfo
from node.quotes.errors import NoQuoteError, QuoteRefusedError, RejectedError, UnknownCurrencyError
from node.quotes.exposure import Exposure
from tests.unit.quotes.desks import BUY_MINOR, HOLD_UNTIL_S, accept, ask, ask_lock, offers, start
from tests.unit.trades import story
from tests.unit.trades.acting.test_locking import provider_of
from tests.unit.trades.rated import LOCK, funded, wait_until_final
from tests.unit.trades.world import World


def open_with(world: World, provider: str, currency: str = "KES") -> int:
    with world["bank-nl"].database.read() as session:
        return world["bank-nl"].quotes.exposure.exposure(session, provider, currency).used


def limit(world: World, provider: str, most: int | None) -> Exposure:
    with world["bank-nl"].database.transaction() as session:
        return world["bank-nl"].quotes.exposure.limit(session, provider, "KES", most)


def test_taken_quote_counts_until_its_time_is_over_when_nobody_settles_it() -> None:
    world = start()
    ask(world)
    offer = offers(world)[0]
    assert open_with(world, offer.provider) == 0
    for _ in range(2):
        accept(world, offer.digest)
        assert open_with(world, offer.provider) == BUY_MINOR
    world.advance_to(offer.expires_at_s)
    assert open_with(world, offer.provider) == BUY_MINOR
    world.advance_to(offer.expires_at_s + 1)
    assert open_with(world, offer.provider) == 0


def test_another_quote_counts_in_its_place_when_it_is_taken_instead() -> None:
    world = start()
    ask(world)
    first, second = offers(world)
    accept(world, first.digest)
    accept(world, second.digest)
    assert (open_with(world, first.provider), open_with(world, second.provider)) == (0, BUY_MINOR)


def test_quote_is_refused_with_the_reason_when_it_would_exceed_the_limit_and_taken_at_it() -> None:
    world = start()
    ask(world)
    first, second = offers(world)
    limit(world, first.provider, BUY_MINOR - 1)
    refused = next(offer for offer in offers(world) if offer.provider == first.provider)
    assert refused.refusal == (
        f"exposure: expected at most 1,499,999.99 KES open with {first.provider}, got 1,500,000.00 KES with this quote"
    )
    with pytest.raises(QuoteRefusedError, match="exposure"):
        accept(world, first.digest)
    assert accept(world).digest == second.digest
    limit(world, second.provider, 0)
    with pytest.raises(NoQuoteError, match="exposure"):
        accept(world)
    assert limit(world, first.provider, BUY_MINOR) == Exposure(first.provider, "KES", 0, BUY_MINOR)
    assert accept(world, first.digest).digest == first.digest
    # What is taken already is not counted twice.
    assert accept(world, first.digest).digest == first.digest
    ask(world, "r2")
    again = next(offer for offer in offers(world, "r2") if offer.provider == first.provider)
    assert "3,000,000.00 KES with this quote" in (again.refusal or "")
    assert limit(world, first.provider, None).limit is None
    assert next(offer for offer in offers(world, "r2") if offer.provider == first.provider).refusal is None


def test_lock_counts_with_its_hold_when_it_was_taken_and_no_more_once_it_has_paid() -> None:
    world = funded(LOCK)
    provider = provider_of(world).id
    held = open_with(world, provider)
    assert held >= BUY_MINOR
    story.load(world)
    wait_until_final(world)
    left = open_with(world, provider)
    assert 0 < left < held
    hold = world.ledger.call("KES", "heldOf", provider_of(world).participants.institution.address)
    assert left == hold


def test_lock_that_nobody_funds_is_over_with_its_quote() -> None:
    world = start()
    ask_lock(world)
    offer = offers(world)[0]
    accept(world, offer.digest)
    world.advance_to(offer.expires_at_s + 1)
    assert open_with(world, offer.provider) == 0
    assert offer.expires_at_s < HOLD_UNTIL_S


def test_limit_is_refused_when_provider_or_currency_is_none() -> None:
    world = start()
    book = world["bank-nl"].quotes.exposure
    with world["bank-nl"].database.transaction() as session:
        with pytest.raises(RejectedError, match="fx-amber, fx-baobab"):
            book.limit(session, "bank-ke", "KES", 1)
        with pytest.raises(UnknownCurrencyError, match="USD"):
            book.limit(session, "fx-amber", "USD", 1)
        book.limit(session, "fx-baobab", "EUR", 7)
        book.limit(session, "fx-amber", "KES", 0)
        found = book.exposures(session)
        book.on_block(session, BlockInfo(1, b"", 2**39))
    assert found == [Exposure("fx-amber", "KES", 0, 0), Exposure("fx-baobab", "EUR", 0, 7)]
    assert [one.free for one in found] == [0, 7]
