"""Quotes that real desks give, used by the real escrow: a lock funds a trade, a float settles at a moved median."""

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from contracts.client import typed_data
from contracts.client.artifacts import encode_call
from fx.rates import Rate
from fx.reprice import FloatTerms, funding_slice, settle
from node.quotes import store
from node.quotes.medians import Median
from node.quotes.settlement import payment_bounds, settlement_ask
from node.quotes.taker import Offer
from tests.unit.quotes.desks import (
    BUY_MINOR,
    accept,
    ask_lock,
    held,
    issued_states,
    offers,
    start,
    start_with_oracle,
)
from tests.unit.trades.ledger import address_of, genesis
from tests.unit.trades.story import DAY_S, at
from tests.unit.trades.world import World

DEADLINE_S, HOLD_UNTIL_S = at("2026-09-20T12:00"), at("2026-10-01T12:00")
NO_FX = dict.fromkeys((name for name, _ in typed_data.TYPES["FxTerms"]), 0)


@dataclass
class Trade:
    """A trade of bank-nl's Bloemenhuis with bank-ke's Naivasha Roses, 1,500,000.00 KES against EUR, one milestone."""

    world: World
    fx: dict[str, int]
    numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        deployment = genesis()[1]
        self.escrow = deployment.domain("TradeEscrow")
        self.importer = self.world.account("bank-nl", "bloem")
        self.exporter = self.world.account("bank-ke", "naivasha")
        self.milestone = {
            "kind": b"delivered".ljust(32, b"\0"),
            "weight_bps": 10_000,
            "deadline": DEADLINE_S,
            "quorum": 1,
            "silence_pays": False,
            "attesters": [address_of("carrier")],
        }
        windows = {"dispute_s": DAY_S, "award_s": DAY_S, "unawarded_bps": 0, "call_s": DAY_S, "choice_s": 3_600}
        self.terms = {
            "importer": self.importer,
            "exporter": self.exporter,
            "arbiter": "0x" + "00" * 20,
            "invoice_token": deployment.address("KES"),
            "invoice_amount": BUY_MINOR,
            "funding_token": deployment.address("EUR"),
            "fx": NO_FX | self.fx,
            "milestones": [self.milestone],
            "payees": [],
            "windows": windows | {"grace_s": 3 * DAY_S},
            "hold_expires_at": HOLD_UNTIL_S,
            "fund_by": self.world.ledger.now_s + DAY_S,
            "document_hash": keccak(b"document"),
            "salt": bytes(32),
        }
        self.id = typed_data.digest(self.escrow, "Terms", self.terms)

    def sign(self, bank: str, customer: str, domain: typed_data.Domain, kind: str, message: dict[str, Any]) -> bytes:
        desk = self.world[bank]

        def effect(session: Any, now_s: int) -> bytes:
            return desk.participants.sign_typed(
                session,
                signer=customer,
                domain=domain,
                primary_type=kind,
                message=message,
                given_by="test",
                now_s=now_s,
            )

        signature: bytes = desk.run(effect)
        return signature

    def consent(self, bank: str, customer: str, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        stamp = {"valid_until": self.world.ledger.now_s + 3_600, "action": next(self.numbers)}
        return stamp | {"signature": self.sign(bank, customer, self.escrow, kind, message | stamp)}

    def importers_hold(self, amount: int, salt: bytes) -> dict[str, Any]:
        hold = {
            "owner": self.importer,
            "notary": genesis()[1].address("TradeEscrow"),
            "amount": amount,
            "expires_at": HOLD_UNTIL_S,
            "reference": self.id,
            "salt": salt,
            "valid_until": self.world.ledger.now_s + 3_600,
        }
        signature = self.sign("bank-nl", "bloem", genesis()[1].token_domain("EUR"), "Hold", hold)
        return {key: hold[key] for key in ("amount", "expires_at", "salt", "valid_until")} | {"signature": signature}

    def call(self, function: str, *args: Any) -> str | None:
        """Send a call to the escrow as anybody; return why it reverted."""
        data = encode_call("TradeEscrow", function, args)
        escrow = genesis()[1].address("TradeEscrow")
        reason: str | None = self.world.ledger.transact(address_of("bank-nl"), escrow, data)
        self.world.settle_down()
        return reason

    def fund(self, amount: int, lock: Offer | None = None) -> str | None:
        consents = [
            self.consent(bank, customer, "Consent", {"terms": self.terms})
            for bank, customer in (("bank-nl", "bloem"), ("bank-ke", "naivasha"))
        ]
        hold = self.importers_hold(amount, lock.digest if lock else secrets.token_bytes(32))
        return self.call("fund", self.terms, *consents, hold, [conversion(lock)] if lock else [])

    def about_milestone(self, **fields: Any) -> dict[str, Any]:
        parts = (typed_data.hash_struct("Milestone", self.milestone), 0, BUY_MINOR, 1)
        bound = keccak(encode(["bytes32", "uint256", "uint256", "uint256"], parts))
        return {"trade_id": self.id, "version": 1, "milestone": 0, "milestone_hash": bound} | fields

    def accept_milestone(self) -> str | None:
        consent = self.consent("bank-nl", "bloem", "Accept", self.about_milestone())
        return self.call("accept", self.id, 0, consent)

    def settle_float(self, offer: Offer, least: int) -> str | None:
        message = self.about_milestone(quote=offer.digest, least=least)
        choice = {"least": least, "consent": self.consent("bank-nl", "bloem", "ChooseQuote", message)}
        return self.call("settle_float", self.id, 0, [], offer.quote, offer.signature, [choice])


def locked() -> tuple[Trade, Offer]:
    """Return a trade that waits for its funding, and the lock that was taken for it."""
    trade = Trade(start(), {"policy": 2})
    ask_lock(trade.world, trade_id=trade.id, lock_until_s=HOLD_UNTIL_S)
    return trade, accept(trade.world)


def conversion(offer: Offer) -> dict[str, Any]:
    return {"quote": offer.quote, "quote_signature": offer.signature, "hold": offer.hold}


def test_a_lock_funds_a_trade_with_what_the_desks_gave() -> None:
    trade, offer = locked()
    before = trade.world.balance("EUR", address_of(offer.provider))
    assert trade.fund(offer.paid_minor, offer) is None
    leg = trade.world.ledger.call("TradeEscrow", "get_fx", trade.id)
    assert (leg["provider"], leg["cancel_fee"]) == (address_of(offer.provider), offer.cancel_fee)
    assert trade.world.ledger.call("TradeEscrow", "get_slice", trade.id, 0)["amount"] == offer.sell_minor
    # The reserve is free, the escrow's hold stands in its place, the premium is paid, the price waits.
    assert held(trade.world, offer.provider) == BUY_MINOR
    assert issued_states(trade.world, offer.provider) == [store.USED]
    assert trade.world.balance("EUR", address_of(offer.provider)) == before + offer.premium
    assert int(trade.world.ledger.call("EUR", "heldOf", trade.importer)) == offer.sell_minor
    assert trade.accept_milestone() is None
    assert trade.call("settle", trade.id, 0, []) is None
    assert trade.world.balance("KES", trade.exporter) == BUY_MINOR
    assert trade.world.balance("EUR", address_of(offer.provider)) == before + offer.paid_minor
    assert held(trade.world, offer.provider) == 0


@pytest.mark.parametrize("missing", [-1, 1])
def test_a_lock_funds_no_trade_when_the_importers_hold_is_not_the_price_and_the_premium(missing: int) -> None:
    trade, offer = locked()
    reason = trade.fund(offer.paid_minor - missing, offer)
    assert str(reason).startswith("escrow: ")
    assert issued_states(trade.world, offer.provider) == [store.OFFERED]
    assert trade.fund(offer.paid_minor, offer) is None


@pytest.mark.parametrize(("late_s", "is_funded"), [(0, True), (1, False)])
def test_a_lock_funds_a_trade_until_its_last_second(late_s: int, is_funded: bool) -> None:
    trade, offer = locked()
    # The transaction is in the next block, a second later.
    trade.world.advance_to(offer.expires_at_s - 1 + late_s)
    reason = trade.fund(offer.paid_minor, offer)
    assert (reason is None) == is_funded
    if not is_funded:
        assert reason == "fx: quote expired"


# From 16 to 17 September the euro falls by 75 basis points against the shilling.
EVENING_S, MORNING_S = at("2026-09-16T23:55"), at("2026-09-17T00:01")
BAND_BPS, SPREAD_BPS = 10, 50


def median(world: World) -> Median:
    found: Median = world["bank-nl"].run(world["bank-nl"].quotes.medians.median, "EUR/KES")
    return found


def floating() -> tuple[Trade, FloatTerms, Offer]:
    """Return a float with a final milestone, and the quote that was taken late at night above the band."""
    world = start_with_oracle()
    agreed = Rate(14_877, 100)
    rates = {"rate_num": agreed.numerator, "rate_den": agreed.denominator}
    trade = Trade(world, {"policy": 3, "band_bps": BAND_BPS, "spread_bps": SPREAD_BPS, **rates})
    terms = FloatTerms(agreed, BAND_BPS, SPREAD_BPS, 0)
    held_minor = funding_slice(terms, BUY_MINOR)
    assert trade.fund(held_minor) is None
    world.advance_to(EVENING_S)
    assert trade.accept_milestone() is None
    ask = settlement_ask(
        request_id="r1",
        importer=trade.importer,
        trade_id=trade.id,
        currencies=("EUR", "KES"),
        terms=terms,
        amount=BUY_MINOR,
        held=held_minor,
        share_bps=10_000,
        median=median(world).rate,
    )
    world["bank-nl"].run(world["bank-nl"].quotes.taker.ask, ask)
    world.settle_down()
    return trade, terms, accept(world)


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_float_settles_at_the_quote_that_was_taken_however_the_median_moves(is_moved: bool) -> None:
    trade, terms, offer = floating()
    world = trade.world
    held_minor = funding_slice(terms, BUY_MINOR)
    bounds = payment_bounds(terms, BUY_MINOR, held_minor, 10_000, median(world).rate)
    assert (offer.min_amount, offer.max_amount) == (bounds[0], bounds[2])
    asked_at = median(world)
    assert terms.high.is_below(asked_at.rate)
    if is_moved:
        world.advance_to(MORNING_S)
        assert median(world).value < asked_at.value
        assert median(world).rate.is_below(terms.low)
    expected = settle(terms, BUY_MINOR, held_minor, 10_000, median=median(world).rate, quote=offer.all_in)
    assert (expected.paid < BUY_MINOR) == is_moved
    before = world.balance("EUR", address_of(offer.provider))
    taken = world["bank-nl"].run(world["bank-nl"].quotes.taker.accepted, "r1")
    assert trade.settle_float(taken, expected.paid + 1) == "escrow: less than agreed"
    assert trade.settle_float(taken, expected.paid) is None
    assert world.balance("KES", trade.exporter) == expected.paid
    assert world.balance("EUR", address_of(offer.provider)) == before + expected.sold
    # The rest of the slice is the importer's again, the rest of the reserve the provider's.
    assert int(world.ledger.call("EUR", "heldOf", trade.importer)) == 0
    assert held(world, offer.provider) == 0
    assert issued_states(world, offer.provider) == [store.USED]


def test_a_quote_over_the_spread_is_refused_by_the_bank_and_by_the_escrow() -> None:
    trade, _, _ = floating()
    amber = next(offer for offer in offers(trade.world) if offer.provider == "fx-amber")
    assert str(amber.refusal).startswith("rate: expected at most 0.50 % below the median")
    assert trade.settle_float(amber, 1) == "escrow: quote over the spread"
