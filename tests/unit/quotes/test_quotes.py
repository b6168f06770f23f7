"""Requests, firm quotes and reserves between a bank and two providers, on the real contracts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from contracts.client import typed_data
from node.messages.ports import Message
from node.quotes import store
from node.quotes.errors import (
    MessageRejectedError,
    NoQuoteError,
    QuoteExpiredError,
    RequestConflictError,
    UnknownRequestError,
)
from node.quotes.requests import ANSWER, REQUEST
from node.quotes.store import QuoteOffer
from node.quotes.taker import Ask
from node.quotes.wire import from_json, hex_of, to_json
from node.storage.cursor import booked_until_s
from tests.unit.messages.post import message as json_message
from tests.unit.quotes.desks import BUY_MINOR, handle, held, issued_states, offers, start
from tests.unit.trades import story
from tests.unit.trades.world import World


def ask(world: World, request_id: str = "r1", **changes: Any) -> None:
    asked = {
        "request_id": request_id,
        "taker": world.account("bank-nl", "bloem"),
        "sell_currency": "EUR",
        "buy_currency": "KES",
        "buy_minor": BUY_MINOR,
        "trade_id": None,
    }
    world["bank-nl"].run(world["bank-nl"].quotes.taker.ask, Ask(**{**asked, **changes}))


def declined(world: World, request_id: str) -> list[tuple[str, str]]:
    with world["bank-nl"].database.read() as session:
        return world["bank-nl"].quotes.taker.declined(session, request_id)


def test_quotes_are_ranked_by_what_is_paid_when_both_providers_answer() -> None:
    world = start()
    ask(world)
    world.settle_down()
    found = offers(world)
    assert [offer.provider for offer in found] == ["fx-baobab", "fx-amber"]
    for offer in found:
        assert offer.sell_minor == offer.value_minor + offer.spread_minor + offer.fee_minor
        assert offer.post_quantum is not None
        assert held(world, offer.provider) == BUY_MINOR
    # (1 - 0.003)(1 - 0.0008): spread and fee of the cast, in percent.
    assert float(found[0].cost_percent) == pytest.approx(0.37976)


def test_a_quote_leaves_only_when_its_reserve_stands() -> None:
    world = start()
    ask(world)
    silent = world.desks.pop("fx-amber")
    world.settle_down()
    assert [offer.provider for offer in offers(world)] == ["fx-baobab"]
    world.desks["fx-amber"] = silent
    world.settle_down()
    assert len(offers(world)) == 2


def test_a_provider_declines_when_it_has_not_the_money() -> None:
    world = start()
    ask(world, buy_minor=20_000_000_000_00)
    world.settle_down()
    assert offers(world) == []
    reasons = dict(declined(world, "r1"))
    assert set(reasons) == {"fx-amber", "fx-baobab"}
    assert "reserve" in reasons["fx-amber"]
    with pytest.raises(NoQuoteError, match="a live firm quote; ask again"):
        world["bank-nl"].run(world["bank-nl"].quotes.taker.accept, "r1", None)


def test_a_provider_declines_when_the_asker_holds_too_many_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.quotes.desk.LIVE_QUOTES_MAX", 2)
    world = start()
    for number in range(3):
        ask(world, f"r{number}", buy_minor=100)
    world.settle_down()
    assert "live quotes" in dict(declined(world, "r2"))["fx-amber"]
    assert declined(world, "r1") == []


def test_a_reserve_goes_back_when_its_quote_has_expired() -> None:
    world = start()
    ask(world)
    world.settle_down()
    expires = offers(world)[0].expires_at_s
    with pytest.raises(UnknownRequestError):
        offers(world, "r2")
    digest = offers(world)[0].digest
    world.advance_to(expires + 1)
    assert offers(world) == []
    with pytest.raises(QuoteExpiredError):
        world["bank-nl"].run(world["bank-nl"].quotes.taker.accept, "r1", digest)
    assert held(world, "fx-baobab") == held(world, "fx-amber") == 0
    assert issued_states(world, "fx-amber") == [store.RELEASED]


def test_asking_again_changes_nothing_when_the_request_is_the_same() -> None:
    world = start()
    ask(world)
    world.settle_down()
    ask(world)
    world.settle_down()
    assert len(issued_states(world, "fx-amber")) == 1
    with pytest.raises(RequestConflictError):
        ask(world, buy_minor=BUY_MINOR + 1)


def test_a_provider_declines_when_the_asker_is_no_bank_or_the_pair_is_unknown() -> None:
    world = start()
    desk = world["fx-amber"].quotes.desk
    assert desk is not None
    body = {
        "request_id": "r9",
        "taker": world.account("bank-nl", "bloem"),
        "sell_currency": "EUR",
        "buy_currency": "USD",
        "buy_minor": "100",
        "trade_id": None,
    }
    for number, (sender, buy) in enumerate((("bank-nl", "USD"), ("carrier", "KES"))):
        message = json_message(f"m{number}", sender, "fx-amber", REQUEST, {**body, "buy_currency": buy})
        with world["fx-amber"].database.transaction() as session:
            desk.on_request(session, message)
    assert issued_states(world, "fx-amber") == []


Change = Callable[[dict[str, Any]], None]


def forged(field: str, value: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        body["quote"] = {**body["quote"], field: value}

    return change


def resigned(field: str, value: Any) -> Change:
    """Change a field and sign it anew, as a provider that does not do what it was asked."""

    def change(body: dict[str, Any]) -> None:
        from pqc import secp256k1
        from tests.unit.trades.ledger import devnet_seed, genesis

        forged(field, value)(body)
        message = from_json("Quote", body["quote"], "quote")
        digest = typed_data.digest(genesis()[1].domain("FxSettlement"), "Quote", message)
        body["quote"] = to_json("Quote", message)
        body["signature"] = hex_of(secp256k1.sign_digest(devnet_seed("fx-amber", "transaction"), digest))

    return change


def other_key(body: dict[str, Any]) -> None:
    body["post_quantum"] = {**body["post_quantum"], "key": "00" * 32}


def other_value(body: dict[str, Any]) -> None:
    body["post_quantum"] = {**body["post_quantum"], "value": body["post_quantum"]["public_key"]}


ZERO = "0x" + "00" * 20
BAD_ANSWERS = {
    "better rate, old signature": (forged("rate_num", "1"), "signature"),
    "for another taker": (resigned("taker", ZERO), "quote.taker"),
    "of another provider": (resigned("provider", ZERO), "quote.provider"),
    "a lock quote": (resigned("kind", "1"), "quote.kind"),
    "for another token": (resigned("buy_token", ZERO), "quote.buy_token"),
    "for another trade": (resigned("trade_id", "0x" + "11" * 32), "quote.trade_id"),
    "for less": (resigned("max_amount", "1"), "quote.max_amount"),
    "rate of zero": (resigned("rate_num", "0"), "quote.rate_num"),
    "rate beyond the contract": (resigned("rate_den", str(2**64)), "quote.rate_den"),
    "fee of everything": (resigned("fee_bps", "10000"), "quote.fee_bps"),
    "with a premium": (resigned("premium", "1"), "quote.premium"),
    "other post-quantum key": (other_key, "post_quantum.key"),
    "other post-quantum signature": (other_value, "post_quantum.value"),
}


@pytest.fixture(scope="module")
def answered() -> Iterator[tuple[World, Message]]:
    """A world where a provider's answer lies in an inbox, not handled yet."""
    from node.messages.store import ReceivedMessage

    world = start()
    ask(world)
    world.settle_down()
    with world["bank-nl"].database.transaction() as session:
        row = session.scalars(
            select(ReceivedMessage).where(ReceivedMessage.kind == ANSWER, ReceivedMessage.sender == "fx-amber")
        ).one()
        for offer in session.scalars(select(QuoteOffer)):
            session.delete(offer)
        import json

        message = json_message("m1", "fx-amber", "bank-nl", ANSWER, json.loads(row.payload))
    return world, message


@pytest.mark.parametrize(("change", "field"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_is_refused_with_the_field_when_it_is_not_what_was_asked(
    answered: tuple[World, Message], change: Change, field: str
) -> None:
    world, message = answered
    body = dict(message.body)
    change(body)
    with pytest.raises(MessageRejectedError) as caught:
        handle(world, json_message("m2", "fx-amber", "bank-nl", ANSWER, body))
    assert caught.value.field == field
    assert offers(world) == []


def test_an_answer_is_refused_when_its_sender_was_not_asked(answered: tuple[World, Message]) -> None:
    world, message = answered
    with pytest.raises(MessageRejectedError, match="sender: expected a provider that was asked"):
        handle(world, json_message("m3", "bank-ke", "bank-nl", ANSWER, message.body))
    with pytest.raises(UnknownRequestError):
        handle(world, json_message("m4", "fx-amber", "bank-nl", ANSWER, {**message.body, "request_id": "r7"}))


def test_the_true_answer_is_taken_once(answered: tuple[World, Message]) -> None:
    world, message = answered
    handle(world, message)
    handle(world, message)
    assert [offer.provider for offer in offers(world)] == ["fx-amber"]


def test_the_ledger_time_of_a_desk_is_that_of_its_books() -> None:
    world = start()
    with world["bank-nl"].database.read() as session:
        assert booked_until_s(session) == world.ledger.now_s >= story.DRAFTED_S
