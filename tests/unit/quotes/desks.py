"""Steps that tests of quotes share: a world with money, requests, answers by hand."""

from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.artifacts import encode_call
from node.messages.ports import Message
from node.quotes.requests import ANSWER
from node.quotes.store import IssuedQuote, QuoteOffer
from node.quotes.taker import Ask, Offer
from node.quotes.wire import hex_of, to_json
from pqc import secp256k1
from tests.unit.messages.post import message as json_message
from tests.unit.trades import story
from tests.unit.trades.ledger import address_of, devnet_seed, genesis
from tests.unit.trades.world import World

REPORTERS = ("bank-nl", "bank-ke", "fx-amber", "fx-baobab")
"""Who reports rates; two of them are the banks of the example, two its providers."""
BUY_MINOR = 150_000_000
TRADE_ID = b"\x07" * 32
HOLD_UNTIL_S = story.DRAFTED_S + 60 * story.DAY_S


def start() -> World:
    """Return a world where everybody has its money and nobody has asked for anything."""
    return story.start(REPORTERS)


def start_with_oracle() -> World:
    """Return the same, with a recorded median of EUR/KES."""
    return _with_oracle().copy()


@cache
def _with_oracle() -> World:
    world = World(only=REPORTERS, with_oracle=True)
    world.fund_cast()
    world.advance_to(story.DRAFTED_S)
    return world


def ask(world: World, request_id: str = "r1", **changes: Any) -> None:
    """Let bank-nl ask for its customer; and let everybody answer."""
    asked = {
        "request_id": request_id,
        "taker": world.account("bank-nl", "bloem"),
        "sell_currency": "EUR",
        "buy_currency": "KES",
        "buy_minor": BUY_MINOR,
        "trade_id": None,
    }
    world["bank-nl"].run(world["bank-nl"].quotes.taker.ask, Ask(**{**asked, **changes}))
    world.settle_down()


def ask_lock(world: World, request_id: str = "r1", **changes: Any) -> None:
    """Let bank-nl ask for a lock."""
    ask(world, request_id, **{"trade_id": TRADE_ID, "lock_until_s": HOLD_UNTIL_S, **changes})


def offers(world: World, request_id: str = "r1") -> list[Offer]:
    found: list[Offer] = world["bank-nl"].run(world["bank-nl"].quotes.taker.offers, request_id)
    return found


def accept(world: World, digest: bytes | None = None, request_id: str = "r1") -> Offer:
    taken: Offer = world["bank-nl"].run(world["bank-nl"].quotes.taker.accept, request_id, digest)
    return taken


def declined(world: World, request_id: str = "r1") -> dict[str, str]:
    with world["bank-nl"].database.read() as session:
        return dict(world["bank-nl"].quotes.taker.declined(session, request_id))


def held(world: World, provider: str, currency: str = "KES") -> int:
    return int(world.ledger.call(currency, "heldOf", address_of(provider)))


def issued_states(world: World, provider: str) -> list[str]:
    with world[provider].database.read() as session:
        return list(session.scalars(select(IssuedQuote.state)))


def stored_offer(world: World, digest: bytes) -> QuoteOffer:
    with world["bank-nl"].database.read() as session:
        return session.scalars(select(QuoteOffer).where(QuoteOffer.digest == digest)).one()


def sign(owner: str, domain: typed_data.Domain, primary_type: str, message: typed_data.Message) -> bytes:
    """Sign as an institution whose desk does not do what it should."""
    digest = typed_data.digest(domain, primary_type, message)
    return secp256k1.sign_digest(devnet_seed(owner, "transaction"), digest)


def answer(world: World, provider: str, quote: dict[str, Any], **changes: Any) -> bytes:
    """Hand bank-nl a quote that `provider` signed, reserve or not; return its digest."""
    domain = genesis()[1].domain("FxSettlement")
    body = {
        "request_id": "r1",
        "quote": to_json("Quote", quote),
        "signature": hex_of(sign(provider, domain, "Quote", quote)),
        "post_quantum": None,
        "spread_bps": "45",
        **changes,
    }
    handle(world, json_message(f"by-hand/{provider}", provider, "bank-nl", ANSWER, body))
    return typed_data.digest(domain, "Quote", quote)


def handle(world: World, message: Message) -> None:
    def effect(session: Session, _: int) -> None:
        world["bank-nl"].quotes.taker.on_answer(session, message)

    world["bank-nl"].run(effect)


def as_contract(world: World, sender: str, target: str, function: str, *args: Any) -> str | None:
    """Call as a contract does from within a transaction; return why it reverted."""
    deployment = genesis()[1]
    data = encode_call(target, function, args)
    reason: str | None = world.ledger.transact(deployment.address(sender), deployment.address(target), data)
    return reason


def silence(world: World, *names: str) -> None:
    """Take desks away for good: they answer nothing, and nothing reaches them."""
    for name in names:
        del world.desks[name]


def bare_quote(world: World, provider: str) -> dict[str, Any]:
    """Return a spot quote that `provider` could sign for the request `r1`, without any reserve."""
    deployment = genesis()[1]
    salt = b"\x05" * 32
    return {
        "provider": address_of(provider),
        "kind": 0,
        "lock_until": 0,
        "sell_token": deployment.address("EUR"),
        "buy_token": deployment.address("KES"),
        "rate_num": 149,
        "rate_den": 1,
        "fee_bps": 10,
        "premium": 0,
        "cancel_fee": 0,
        "min_amount": BUY_MINOR,
        "max_amount": BUY_MINOR,
        "taker": world.account("bank-nl", "bloem"),
        "trade_id": bytes(32),
        "reserve_id": world.ledger.call(
            "KES", "hold_id", address_of(provider), deployment.address("FxSettlement"), salt
        ),
        "expires_at": world.ledger.now_s + 600,
        "salt": salt,
    }
