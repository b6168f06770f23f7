"""Trades funded under lock and float, on the real contracts."""

from functools import cache

import pytest

from node.errors import UnavailableError
from node.trades.errors import TermsRejectedError, WrongStateError
from node.trades.store import AGREED, FUNDED, NEGOTIATING
from node.trades.terms.document import funding_slices
from tests.unit.trades import story
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import World

LOCK = ('policy = "convert_now"', 'policy = "lock"')
FLOAT = ('policy = "convert_now"', 'policy = "float"\n\n[funding.float]\nshare_bps = 5000')


def agreed(world: World, *replacements: tuple[str, str]) -> None:
    story.draft(world, changed(*replacements))
    story.sign(world)


@cache
def _lock_quoted() -> World:
    world = story.start()
    agreed(world, LOCK)
    story.quote(world)
    return world


def lock_quoted() -> World:
    return _lock_quoted().copy()


def test_a_lock_holds_both_legs_and_pays_the_premium_when_it_is_funded() -> None:
    world = lock_quoted()
    before = world.balance("EUR", world.account("bank-nl", "bloem"))
    nl = world["bank-nl"]
    offer = nl.run(nl.trades.funding.accept, story.REFERENCE, story.IMPORTER, None)
    assert offer.premium > 0
    nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    world.settle_down()
    for bank in ("bank-nl", "bank-ke"):
        trade = story.view(world[bank])
        assert (trade.state, trade.failure) == (FUNDED, None)
    importer = world.account("bank-nl", "bloem")
    assert before - world.balance("EUR", importer) == offer.premium
    assert world.ledger.call("EUR", "heldOf", importer) == offer.sell_minor
    provider = world[offer.provider].participants.institution.address
    assert world.ledger.call("KES", "heldOf", provider) >= 150_000_000


def test_quotes_of_an_earlier_version_are_gone_when_terms_are_countered() -> None:
    world = story.start()
    story.draft(world, changed(LOCK))
    story.quote(world)
    story.counter(world, changed(LOCK, ("weight_bps = 4000", "weight_bps = 3000"), ("6000", "7000")))
    story.sign(world)
    nl = world["bank-nl"]
    with pytest.raises(WrongStateError, match="quotes: expected a request for quotes"):
        nl.run(nl.trades.funding.accept, story.REFERENCE, story.IMPORTER, None)


def test_a_lock_shows_what_the_importer_needs_before_anybody_signs() -> None:
    world = story.start()
    story.draft(world, changed(LOCK))
    story.quote(world)
    nl = world["bank-nl"]
    assert story.view(nl).state == NEGOTIATING
    offers = nl.run(nl.trades.funding.offers, story.REFERENCE, story.IMPORTER)
    assert len(offers) == 2
    assert all(offer.hold is not None for offer in offers)


def with_oracle() -> World:
    """Return a world with a recorded median of EUR/KES."""
    return _with_oracle().copy()


@cache
def _with_oracle() -> World:
    world = World(with_oracle=True)
    world.fund_cast()
    world.advance_to(story.DRAFTED_S)
    return world


def test_a_float_holds_its_slices_when_the_median_lies_within_the_band() -> None:
    world = with_oracle()
    agreed(world, FLOAT)
    nl = world["bank-nl"]
    with nl.database.read() as session:
        document = nl.trades.desk.document(session, nl.trades.desk.trade(session, story.REFERENCE))
    assert document.funding.float_ is not None
    assert document.windows.choice_s == 3_600
    nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    world.settle_down()
    for bank in ("bank-nl", "bank-ke"):
        trade = story.view(world[bank])
        assert (trade.state, trade.failure) == (FUNDED, None)
    held = world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem"))
    assert held == sum(funding_slices(document))
    assert 10_400_00 < held < 10_600_00


@pytest.mark.parametrize(
    ("rate", "error"), [("150.00", None), ("160.00", TermsRejectedError)], ids=["in the band", "outside"]
)
def test_a_float_is_funded_only_while_the_median_lies_within_the_band(rate: str, error: type[Exception] | None) -> None:
    world = with_oracle()
    agreed(world, (FLOAT[0], f'{FLOAT[1]}\nrate = "{rate}"'))
    nl = world["bank-nl"]
    if error is None:
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
        world.settle_down()
        assert story.view(nl).state == FUNDED
        return
    with pytest.raises(error, match=r"funding\.float\.rate: expected the median .* counter with the present rate"):
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    assert story.view(nl).state == AGREED


def test_a_float_is_not_funded_when_no_median_is_usable() -> None:
    world = story.start()
    agreed(world, (FLOAT[0], f'{FLOAT[1]}\nrate = "150"'))
    nl = world["bank-nl"]
    with pytest.raises(UnavailableError, match="median EUR/KES"):
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    assert story.view(nl).state == AGREED
