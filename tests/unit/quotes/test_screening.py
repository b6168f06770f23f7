"""A quote without its reserve: seen, not taken, shown to the chain, recorded for everybody."""

from typing import Any

import pytest

from node.quotes import store
from node.quotes.errors import NoQuoteError, QuoteExpiredError, QuoteRefusedError, UnknownQuoteError
from node.quotes.screening import PATIENCE_S
from node.storage import outbox
from tests.unit.quotes.desks import (
    BUY_MINOR,
    accept,
    answer,
    ask,
    bare_quote,
    offers,
    silence,
    start,
    stored_offer,
)
from tests.unit.trades.ledger import address_of, genesis
from tests.unit.trades.world import World

LIAR = "fx-amber"


def asked() -> World:
    """Return a world where bank-nl waits for answers, and one provider's desk is played by hand."""
    world = start()
    silence(world, LIAR, "fx-baobab")
    ask(world)
    return world


def reserve(world: World, quote: dict[str, Any], owner: str | None = None, **changes: Any) -> None:
    """Place a hold behind a quote, as it should be unless changed."""
    from contracts.client import typed_data
    from contracts.client.artifacts import encode_call

    deployment = genesis()[1]
    digest = typed_data.digest(deployment.domain("FxSettlement"), "Quote", quote)
    fields = {
        "amount": quote["max_amount"],
        "expires_at": quote["expires_at"] + 1,
        "reference": digest,
        "salt": quote["salt"],
    } | changes
    data = encode_call("KES", "hold", (deployment.address("FxSettlement"), *fields.values()))
    assert world.ledger.transact(owner or quote["provider"], deployment.address("KES"), data) is None
    world.settle_down()


def dishonours(world: World) -> int:
    return int(world.ledger.call("FxSettlement", "dishonours", address_of(LIAR)))


def dishonour(world: World, digest: bytes) -> None:
    world["bank-nl"].run(world["bank-nl"].quotes.screen.dishonour, digest)


def test_a_quote_without_its_reserve_is_not_taken_and_says_why() -> None:
    world = asked()
    digest = answer(world, LIAR, bare_quote(world, LIAR))
    (offer,) = offers(world)
    assert offer.refusal is not None
    assert f"got {BUY_MINOR} minor units less" in offer.refusal
    with pytest.raises(NoQuoteError, match="fx-amber: reserve: expected a hold behind"):
        accept(world)
    with pytest.raises(QuoteRefusedError, match="reserve: expected a hold behind"):
        accept(world, digest)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, 0),
        ({"amount": BUY_MINOR + 1}, 0),
        ({"amount": BUY_MINOR - 1}, 1),
        ({"expires_at": 0}, BUY_MINOR),
        ({"reference": b"\x01" * 32}, BUY_MINOR),
        ({"salt": b"\x01" * 32}, BUY_MINOR),
    ],
    ids=["just enough", "more", "a unit short", "ends with its quote", "for another quote", "another hold"],
)
def test_a_reserve_counts_when_it_is_this_quotes_whole_and_outlives_it(changes: dict[str, Any], missing: int) -> None:
    world = asked()
    quote = bare_quote(world, LIAR)
    if "expires_at" in changes:
        changes = {"expires_at": quote["expires_at"]}
    reserve(world, quote, **changes)
    digest = answer(world, LIAR, quote)
    (offer,) = offers(world)
    assert (offer.refusal is None) == (missing == 0)
    with world["bank-nl"].database.read() as session:
        assert world["bank-nl"].quotes.screen.missing(session, stored_offer(world, digest)) == missing
    world.advance_to(world.ledger.now_s + PATIENCE_S + 1)
    assert dishonours(world) == (missing != 0)


def test_a_quote_without_its_reserve_is_shown_to_the_chain_and_every_bank_knows() -> None:
    world = asked()
    digest = answer(world, LIAR, bare_quote(world, LIAR))
    world.advance_to(world.ledger.now_s + PATIENCE_S)
    assert stored_offer(world, digest).fault is None
    world.advance_to(world.ledger.now_s + 1)
    assert stored_offer(world, digest).fault == store.SHOWN
    assert dishonours(world) == 1
    for bank in ("bank-nl", "bank-ke"):
        with world[bank].database.read() as session:
            (fault,) = session.scalars(world[bank].quotes.screen.faults())
            assert (fault.digest, fault.provider, fault.missing_minor) == (digest, address_of(LIAR), BUY_MINOR)
    world.advance_to(world.ledger.now_s + PATIENCE_S)
    dishonour(world, digest)
    world.settle_down()
    assert dishonours(world) == 1


@pytest.mark.parametrize("late_s", [0, 1])
def test_a_quote_can_be_shown_until_its_last_second(late_s: int) -> None:
    world = asked()
    quote = bare_quote(world, LIAR) | {"expires_at": world.ledger.now_s + PATIENCE_S}
    digest = answer(world, LIAR, quote)
    # The transaction is in the block after the one that was booked last.
    world.advance_to(quote["expires_at"] - 1 + 2 * late_s)
    if late_s:
        with pytest.raises(QuoteExpiredError, match="one that expired at"):
            dishonour(world, digest)
    else:
        dishonour(world, digest)
    world.settle_down()
    assert dishonours(world) == 1 - late_s


def test_showing_a_quote_fails_when_the_reserve_came_after_all() -> None:
    world = asked()
    quote = bare_quote(world, LIAR)
    digest = answer(world, LIAR, quote)
    reserve(world, quote)
    dishonour(world, digest)
    world.settle_down()
    row = stored_offer(world, digest)
    assert (row.fault, row.fault_reason) == (store.REFUSED, "fx: reserve is enough")
    assert accept(world).digest == digest
    assert dishonours(world) == 0


def test_a_quote_that_never_came_cannot_be_shown() -> None:
    with pytest.raises(UnknownQuoteError):
        dishonour(asked(), b"\x01" * 32)


def test_reserves_are_forgotten_when_their_time_is_over() -> None:
    from sqlalchemy import select

    from node.quotes.store import QuoteReserve

    world = start()
    ask(world)
    expires_at_s = offers(world)[0].expires_at_s
    world.advance_to(expires_at_s + 4_000)
    for bank in ("bank-nl", "bank-ke"):
        with world[bank].database.read() as session:
            assert session.scalars(select(QuoteReserve)).all() == []


def test_an_honest_quote_is_never_shown() -> None:
    world = start()
    ask(world)
    world.advance_to(world.ledger.now_s + PATIENCE_S + 1)
    with world["bank-nl"].database.read() as session:
        assert outbox.by_reference(session, f"quotes-fault:{offers(world)[0].digest.hex()}") == []
    assert all(offer.refusal is None for offer in offers(world))


def test_a_stranger_cannot_put_a_reserve_behind_somebody_elses_quote() -> None:
    world = asked()
    quote = bare_quote(world, LIAR)
    # The id of a hold comes from its owner, so the stranger's is another hold.
    reserve(world, quote, owner=address_of("fx-baobab"))
    answer(world, LIAR, quote)
    assert offers(world)[0].refusal is not None
