"""Lock quotes between a bank and two providers, on the real contracts: price, reserve, standing hold, use."""

from collections.abc import Callable
from typing import Any

import pytest

from fx.quotes import sell_amount
from node.messages.ports import Message
from node.quotes import store
from node.quotes.errors import MessageRejectedError
from node.quotes.pricing import Pricing
from node.quotes.requests import ANSWER
from node.quotes.wire import from_json, hex_of, to_json
from tests.unit.messages.post import message as json_message
from tests.unit.quotes.desks import (
    BUY_MINOR,
    HOLD_UNTIL_S,
    TRADE_ID,
    accept,
    as_contract,
    ask_lock,
    declined,
    handle,
    held,
    issued_states,
    offers,
    sign,
    silence,
    start,
    stored_offer,
)
from tests.unit.trades.ledger import address_of, genesis
from tests.unit.trades.world import World

DAY_S = 86_400


def test_a_lock_is_offered_with_the_providers_own_hold_for_the_escrow() -> None:
    world = start()
    ask_lock(world)
    found = offers(world)
    assert [offer.provider for offer in found] == ["fx-baobab", "fx-amber"]
    for offer in found:
        assert (offer.quote["kind"], offer.lock_until_s, offer.quote["trade_id"]) == (1, HOLD_UNTIL_S, TRADE_ID)
        assert offer.sell_minor == sell_amount(offer.all_in, BUY_MINOR)
        # 40 basis points for each of two 30 days.
        assert offer.premium == -(-offer.sell_minor * 80 // 10_000)
        assert offer.cancel_fee == -(-offer.sell_minor * 50 // 10_000)
        assert offer.paid_minor == offer.sell_minor + offer.premium
        assert held(world, offer.provider) == BUY_MINOR
        assert offer.refusal is None
    # Half a percent of rate at most, and eight tenths of premium for 60 days.
    assert float(found[0].cost_percent) == pytest.approx(0.38 + 0.80, abs=0.02)


def test_the_escrow_can_place_the_standing_hold_as_it_came() -> None:
    world = start()
    ask_lock(world)
    offer = offers(world)[0]
    assert offer.hold is not None
    signed = offer.hold
    owner = address_of(offer.provider)
    place = ("hold_signed", owner, signed["amount"], signed["expires_at"], TRADE_ID, signed["salt"])
    validity = (signed["valid_until"], signed["signature"])
    assert "signature" in str(as_contract(world, "FxSettlement", "KES", *place, *validity))
    assert as_contract(world, "TradeEscrow", "KES", *place, *validity) is None
    hold_id = world.ledger.call("KES", "hold_id", owner, genesis()[1].address("TradeEscrow"), signed["salt"])
    found = world.ledger.call("KES", "get_hold", hold_id)
    assert (found["amount"], found["expires_at"], found["reference"]) == (BUY_MINOR, HOLD_UNTIL_S, TRADE_ID)


def test_a_taken_lock_is_booked_as_used_and_its_reserve_is_free() -> None:
    world = start()
    ask_lock(world)
    offer = offers(world)[0]
    take = ("take_lock", offer.quote, offer.signature, offer.quote["taker"], BUY_MINOR)
    assert as_contract(world, "KES", "FxSettlement", *take) == "fx: not a notary"
    assert as_contract(world, "TradeEscrow", "FxSettlement", *take) is None
    world.settle_down()
    assert issued_states(world, offer.provider) == [store.USED]
    assert held(world, offer.provider) == 0
    world.advance_to(offer.expires_at_s + 1)
    assert issued_states(world, offer.provider) == [store.USED]
    # A quote that was used is none that could be dishonoured.
    assert stored_offer(world, offer.digest).fault is None


def test_a_lock_that_nobody_takes_gives_its_reserve_back() -> None:
    world = start()
    ask_lock(world)
    offer = offers(world)[0]
    world.advance_to(offer.expires_at_s)
    assert held(world, offer.provider) == BUY_MINOR
    world.advance_to(offer.expires_at_s + 1)
    assert held(world, offer.provider) == 0
    assert issued_states(world, offer.provider) == [store.RELEASED]


def test_the_cheapest_lock_is_the_one_that_costs_least_with_its_premium() -> None:
    world = start()
    desk = world["fx-baobab"].quotes.desk
    assert desk is not None
    # Better than Amber's by 17 basis points of rate, worse by 20 of premium for two months.
    desk._pricing = Pricing(spread_bps=30, fee_bps=8, lock_premium_bps_per_30d=50)
    ask_lock(world)
    amber, baobab = offers(world)
    assert (amber.provider, baobab.provider) == ("fx-amber", "fx-baobab")
    assert baobab.sell_minor < amber.sell_minor
    assert accept(world).digest == amber.digest
    assert accept(world, baobab.digest).digest == baobab.digest


def test_a_provider_declines_a_lock_with_the_reason_when_it_could_not_stand_ready() -> None:
    world = start()
    now_s = world.ledger.now_s
    ask_lock(world, "long", lock_until_s=now_s + 401 * DAY_S)
    ask_lock(world, "short", lock_until_s=now_s + 600)
    ask_lock(world, "nothing", trade_id=None)
    assert "lock_until_s: expected more than 600 s and at most 400 days" in declined(world, "long")["fx-amber"]
    assert "lock_until_s" in declined(world, "short")["fx-amber"]
    assert "trade_id: expected the trade that the lock is for" in declined(world, "nothing")["fx-amber"]
    assert issued_states(world, "fx-amber") == []


Change = Callable[[dict[str, Any]], None]


def quote_with(field: str, value: int) -> Change:
    def change(body: dict[str, Any]) -> None:
        quote = from_json("Quote", body["quote"], "quote") | {field: value}
        body["quote"] = to_json("Quote", quote)
        body["signature"] = hex_of(sign("fx-amber", genesis()[1].domain("FxSettlement"), "Quote", quote))
        body["post_quantum"] = None

    return change


def hold_with(field: str, value: Any, signer: str = "fx-amber") -> Change:
    def change(body: dict[str, Any]) -> None:
        hold = from_json("Hold", body["hold"], "hold")
        hold[field] = hold[field] + value if isinstance(value, int) else value
        body["hold"] = to_json("Hold", hold)
        body["hold_signature"] = hex_of(sign(signer, genesis()[1].token_domain("KES"), "Hold", hold))

    return change


def without_hold(body: dict[str, Any]) -> None:
    del body["hold"]


BAD_LOCKS: dict[str, tuple[Change, str]] = {
    "spot instead": (quote_with("kind", 0), "quote.kind"),
    "standing a second less": (quote_with("lock_until", HOLD_UNTIL_S - 1), "quote.lock_until"),
    "fee beyond the price": (quote_with("cancel_fee", 2_000_000), "quote.cancel_fee"),
    "premium beyond the contract": (quote_with("premium", 2**72), "quote.premium"),
    "for less than asked": (quote_with("max_amount", BUY_MINOR - 1), "quote.max_amount"),
    "no hold": (without_hold, "hold"),
    "hold of less": (hold_with("amount", -1), "hold.amount"),
    "hold for a second less": (hold_with("expires_at", -1), "hold.expires_at"),
    "hold for another trade": (hold_with("reference", b"\x08" * 32), "hold.reference"),
    "hold for another contract": (hold_with("notary", "0x" + "11" * 20), "hold.notary"),
    "hold of another": (hold_with("owner", "0x" + "11" * 20), "hold.owner"),
    "hold that ends before its quote": (hold_with("valid_until", -1), "hold.valid_until"),
    "hold signed by another": (hold_with("amount", 0, "fx-baobab"), "hold_signature"),
}
GOOD_LOCKS: dict[str, Change] = {
    "as it came": lambda body: None,
    "fee just the price": quote_with("cancel_fee", 1_000_000),
    "dear premium": quote_with("premium", 2**72 - 1),
    "hold that outlives its quote": hold_with("valid_until", 1),
}


@pytest.fixture(scope="module")
def lock_answer() -> tuple[World, Message]:
    """A world where a provider's lock lies in an inbox, not handled yet."""
    import json

    from sqlalchemy import select

    from node.messages.store import ReceivedMessage
    from node.quotes.store import QuoteOffer

    world = start()
    silence(world, "fx-baobab")
    ask_lock(world)
    with world["bank-nl"].database.transaction() as session:
        row = session.scalars(select(ReceivedMessage).where(ReceivedMessage.kind == ANSWER)).one()
        session.delete(session.scalars(select(QuoteOffer)).one())
        message = json_message("m1", "fx-amber", "bank-nl", ANSWER, json.loads(row.payload))
    return world, message


@pytest.mark.parametrize(("change", "field"), BAD_LOCKS.values(), ids=BAD_LOCKS)
def test_a_lock_is_refused_with_the_field_when_it_is_not_what_was_asked(
    lock_answer: tuple[World, Message], change: Change, field: str
) -> None:
    world, message = lock_answer
    body = dict(message.body)
    change(body)
    with pytest.raises(MessageRejectedError) as caught:
        handle(world, json_message("m2", "fx-amber", "bank-nl", ANSWER, body))
    assert caught.value.field == field
    assert offers(world) == []


@pytest.mark.parametrize("change", GOOD_LOCKS.values(), ids=GOOD_LOCKS)
def test_a_lock_is_kept_when_it_is_at_the_edge_of_what_was_asked(
    lock_answer: tuple[World, Message], change: Change
) -> None:
    world, message = lock_answer
    body = dict(message.body)
    change(body)
    copy = world.copy()
    handle(copy, json_message("m2", "fx-amber", "bank-nl", ANSWER, body))
    assert [offer.provider for offer in offers(copy)] == ["fx-amber"]
