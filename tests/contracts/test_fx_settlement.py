"""FxSettlement: firm quotes, payment versus payment, reserves and dishonour (SPEC section 6)."""

from typing import Any

import boa
import pytest

from contracts.client.typed_data import Domain, as_tuple, digest
from tests.contracts.support import ROOT, START_S, Actor, advance, advance_to, deploy, events_of, now_s
from tests.contracts.trades import Fields, World, price

BUY = 1_432_801  # shillings; the price does not come out even
SCOPE_ALL = 2
HELPERS = ROOT / "tests" / "contracts" / "helpers"


@pytest.fixture
def quote(world: World) -> Fields:
    """A quote with its reserve in place."""
    quote = world.quote()
    world.reserve(quote)
    return quote


def quote_digest(world: World, quote: Fields) -> bytes:
    return digest(world.fx_domain, "Quote", quote)


def exchange(world: World, quote: Fields, buy_amount: int = BUY, **changes: Any) -> None:
    """Exchange as the importer; `changes` replace an argument or a field of the sell hold."""
    signature = changes.pop("quote_signature", None) or world.sign_quote(quote)
    taker: Actor = changes.pop("taker", world.importer)
    fields: Fields = {
        "amount": changes.get("amount") or price(quote, buy_amount),
        "expires_at": now_s() + 600,
        "reference": quote_digest(world, quote),
    } | changes
    hold = world.signed_hold(world.eur, taker, world.fx, **fields)
    world.fx.exchange(
        as_tuple("Quote", quote), signature, taker.address, buy_amount, hold, sender=world.relayer.address
    )


def deliver(world: World, quote: Fields, payees: list[tuple[str, int]], sender: Actor, **changes: Any) -> None:
    world.fx.deliver(
        as_tuple("Quote", quote),
        changes.get("signature") or world.sign_quote(quote),
        changes.get("taker", world.importer.address),
        changes.get("buy_amount", BUY),
        payees,
        sender=sender.address,
    )


def dishonour(world: World, quote: Fields, signature: bytes | None = None) -> None:
    world.fx.dishonour(as_tuple("Quote", quote), signature or world.sign_quote(quote), sender=world.stranger.address)


def test_fx_refuses_deployment_when_registry_is_zero() -> None:
    with boa.reverts("fx: no registry"):
        deploy("FxSettlement", "0x" + "00" * 20)


def test_quote_digest_is_the_one_of_the_table(world: World, quote: Fields) -> None:
    assert bytes(world.fx.quote_digest(as_tuple("Quote", quote))) == quote_digest(world, quote)


def test_exchange_pays_both_legs_when_the_quote_is_firm(world: World, quote: Fields) -> None:
    sold = price(quote, BUY)
    before = world.eur.availableOf(world.importer.address)
    exchange(world, quote)
    (event,) = events_of(world.fx, "QuoteSettled")
    assert (event["sell_amount"], event["buy_amount"]) == (sold, BUY)
    assert world.balances(world.kes, world.importer) == [BUY]
    assert world.balances(world.eur, world.importer, world.provider) == [before - sold, sold]
    assert world.eur.heldOf(world.importer.address) == 0
    assert world.fx.is_used(quote_digest(world, quote))
    assert [token.balanceOf(world.fx.address) for token in (world.eur, world.kes)] == [0, 0]


def test_exchange_gives_back_what_the_hold_has_over_the_price(world: World, quote: Fields) -> None:
    before = world.eur.availableOf(world.importer.address)
    exchange(world, quote, amount=price(quote, BUY) + 7)
    assert world.balances(world.eur, world.importer) == [before - price(quote, BUY)]


def test_exchange_is_refused_when_the_hold_is_one_unit_short(world: World, quote: Fields) -> None:
    with boa.reverts("fx: hold below the price"):
        exchange(world, quote, amount=price(quote, BUY) - 1)


def test_exchange_counts_until_the_last_second_of_the_quote(world: World, quote: Fields) -> None:
    advance_to(quote["expires_at"])
    with boa.env.anchor():
        exchange(world, quote)
    advance(1)
    with boa.reverts("fx: quote expired"):
        exchange(world, quote)


def test_exchange_is_refused_when_the_quote_was_used(world: World, quote: Fields) -> None:
    exchange(world, quote, 2_000)
    with boa.reverts("fx: quote used"):
        exchange(world, quote, 2_000)


def test_exchange_is_refused_when_someone_else_takes_the_quote(world: World, quote: Fields) -> None:
    world.pay_in(world.eur, world.stranger, 1_000_000)
    with boa.reverts("fx: quote is for another taker"):
        exchange(world, quote, taker=world.stranger)


def test_exchange_is_refused_when_the_taker_signed_another_quote(world: World, quote: Fields) -> None:
    with boa.reverts("token: bad signature"):
        sell = list(world.signed_hold(world.eur, world.importer, world.fx, price(quote, BUY), now_s() + 600, bytes(32)))
        world.fx.exchange(as_tuple("Quote", quote), world.sign_quote(quote), world.importer.address, BUY, tuple(sell))


@pytest.mark.parametrize("amount", [999, 5_000_001])
def test_exchange_is_refused_when_the_amount_is_outside_the_quote(world: World, quote: Fields, amount: int) -> None:
    with boa.reverts("fx: amount outside the quote"):
        exchange(world, quote, amount)


@pytest.mark.parametrize("amount", [1_000, 5_000_000])
def test_exchange_takes_the_bounds_of_the_quote(world: World, quote: Fields, amount: int) -> None:
    exchange(world, quote, amount)
    assert world.balances(world.kes, world.importer) == [amount]


def test_exchange_is_refused_when_the_amount_is_zero(world: World) -> None:
    quote = world.quote(min_amount=0)
    world.reserve(quote)
    with boa.reverts("fx: amount is zero"):
        exchange(world, quote, 0, amount=1)


def test_exchange_is_refused_when_the_quote_is_a_lock(world: World) -> None:
    quote = world.quote(kind=1)
    world.reserve(quote)
    with boa.reverts("fx: wrong kind of quote"):
        exchange(world, quote)


def test_exchange_is_refused_when_the_quote_names_a_trade(world: World) -> None:
    quote = world.quote(trade_id=b"\1" * 32)
    world.reserve(quote)
    with boa.reverts("fx: quote is for a trade"):
        exchange(world, quote)


@pytest.mark.parametrize("changes", [{"rate_num": 0}, {"rate_num": 2**64}, {"rate_den": 0}, {"rate_den": 2**64}])
def test_exchange_is_refused_when_a_rate_is_out_of_range(world: World, changes: Fields) -> None:
    quote = world.quote(**changes)
    world.reserve(quote)
    with boa.reverts("fx: rate out of range"):
        exchange(world, quote, amount=10)


def test_sell_amount_is_refused_when_the_amount_is_too_large(world: World, quote: Fields) -> None:
    with boa.reverts("fx: amount too large"):
        world.fx.sell_amount(as_tuple("Quote", quote), 2**72)
    assert world.fx.sell_amount(as_tuple("Quote", quote), 2**72 - 1) == price(quote, 2**72 - 1)


def test_exchange_is_refused_when_the_quote_promises_more_than_arithmetic_holds(world: World) -> None:
    quote = world.quote(max_amount=2**72)
    world.reserve(quote, amount=5_000_000)
    with boa.reverts("fx: amount too large"):
        exchange(world, quote)


def test_exchange_is_refused_when_the_provider_did_not_sign(world: World, quote: Fields) -> None:
    with boa.reverts("fx: bad signature"):
        exchange(world, quote, quote_signature=world.sign_quote(quote, world.other_provider))
    right = world.fx_domain
    for domain in (
        Domain(right.name, right.chain_id + 1, right.verifying_contract),
        Domain(right.name, right.chain_id, world.escrow.address),
    ):
        with boa.reverts("fx: bad signature"):
            exchange(world, quote, quote_signature=world.provider.sign(domain, "Quote", quote))


def test_exchange_is_refused_when_the_provider_is_suspended(world: World, quote: Fields) -> None:
    world.registry.set_status(world.provider.address, False, sender=world.governor.address)
    with boa.reverts("fx: not an active provider"):
        exchange(world, quote)


def test_exchange_is_refused_when_the_signer_is_no_provider(world: World) -> None:
    world.pay_in(world.kes, world.stranger, 5_000_000)
    quote = world.quote(provider=world.stranger.address)
    world.reserve(quote, world.stranger)
    with boa.reverts("fx: not an active provider"):
        exchange(world, quote, quote_signature=world.sign_quote(quote, world.stranger))


def test_exchange_is_refused_when_the_amount_is_over_the_reserve(world: World) -> None:
    quote = world.quote()
    world.reserve(quote, amount=BUY)
    with boa.reverts("fx: reserve too small"):
        exchange(world, quote, BUY + 1)
    exchange(world, quote, BUY)


@pytest.mark.parametrize("defect", ["missing", "reference", "expiry", "notary", "owner"])
def test_exchange_is_refused_when_the_reserve_is_not_this_quotes(world: World, defect: str) -> None:
    quote = world.quote()
    if defect == "reference":
        world.reserve(quote, reference=b"\2" * 32)
    elif defect == "expiry":
        world.reserve(quote, expires_at=quote["expires_at"])
    elif defect == "notary":
        hold = [world.escrow.address, 5_000_000, quote["expires_at"] + 60, quote_digest(world, quote), quote["salt"]]
        quote["reserve_id"] = bytes(world.kes.hold(*hold, sender=world.provider.address))
    elif defect == "owner":
        other = world.quote(provider=world.other_provider.address)
        quote["reserve_id"] = other["reserve_id"]
        world.reserve(other, world.other_provider, reference=quote_digest(world, quote))
    with boa.reverts("fx: reserve too small"):
        exchange(world, quote)


def test_exchange_moves_nothing_when_the_reserve_stands_still(world: World, quote: Fields) -> None:
    before = world.balances(world.eur, world.importer, world.provider)
    world.kes.order_freeze(world.provider.address, 1, SCOPE_ALL, now_s() + 100, bytes(32), sender=world.issuer.address)
    with boa.reverts("token: hold stands still"):
        exchange(world, quote)
    assert world.balances(world.eur, world.importer, world.provider) == before
    assert not world.fx.is_used(quote_digest(world, quote))


def test_deliver_pays_the_payees_when_a_notary_asks(world: World, quote: Fields, notary_actor: Actor) -> None:
    payees = [(world.exporter.address, BUY - 5), (world.tax.address, 5)]
    deliver(world, quote, payees, notary_actor)
    assert world.balances(world.kes, world.exporter, world.tax) == [BUY - 5, 5]
    with boa.reverts("fx: quote used"):
        deliver(world, quote, payees, notary_actor)


@pytest.fixture
def notary_actor(world: World) -> Actor:
    """A registered notary with a key instead of code."""
    actor = Actor("notary")
    world.registry.set_notary(actor.address, True, False, sender=world.governor.address)
    return actor


def test_deliver_is_refused_when_the_caller_is_no_notary(world: World, quote: Fields) -> None:
    with boa.reverts("fx: not a notary"):
        deliver(world, quote, [(world.stranger.address, BUY)], world.provider)


@pytest.mark.parametrize("amounts", [[], [BUY - 1], [BUY + 1], [BUY, 0], [BUY - 1, 2]])
def test_deliver_is_refused_when_payments_are_not_the_amount(
    world: World, quote: Fields, notary_actor: Actor, amounts: list[int]
) -> None:
    with boa.reverts("fx: payments are not the amount"):
        deliver(world, quote, [(world.exporter.address, amount) for amount in amounts], notary_actor)


def test_deliver_is_refused_when_the_quote_is_for_another_taker(
    world: World, quote: Fields, notary_actor: Actor
) -> None:
    with boa.reverts("fx: quote is for another taker"):
        deliver(world, quote, [(world.tax.address, BUY)], notary_actor, taker=world.tax.address)


def test_deliver_pays_nine_payees_and_not_ten(world: World, quote: Fields, notary_actor: Actor) -> None:
    payees = [(Actor(f"payee {number}").address, 1) for number in range(8)]
    with boa.env.anchor():
        deliver(world, quote, [*payees, (world.exporter.address, BUY - 8)], notary_actor)
        assert world.balances(world.kes, world.exporter) == [BUY - 8]
    with boa.reverts(compiler="DynArray[Payment, 9] bounds check"):
        deliver(world, quote, [*payees, (world.tax.address, 1), (world.exporter.address, BUY - 9)], notary_actor)


def take_lock(world: World, quote: Fields, sender: Actor, **changes: Any) -> None:
    world.fx.take_lock(
        as_tuple("Quote", quote),
        changes.get("signature") or world.sign_quote(quote),
        changes.get("taker", world.importer.address),
        changes.get("buy_amount", BUY),
        sender=sender.address,
    )


@pytest.fixture
def lock_quote(world: World) -> Fields:
    """A lock quote with its reserve in place."""
    quote = world.quote(kind=1, lock_until=now_s() + 86_400)
    world.reserve(quote)
    return quote


def test_take_lock_frees_the_whole_reserve_when_a_notary_asks(
    world: World, lock_quote: Fields, notary_actor: Actor
) -> None:
    before = world.balances(world.kes, world.provider)
    take_lock(world, lock_quote, notary_actor)
    assert events_of(world.fx, "LockTaken") == [
        {
            "digest": quote_digest(world, lock_quote),
            "provider": world.provider.address,
            "taker": world.importer.address,
            "sell_amount": price(lock_quote, BUY),
            "buy_amount": BUY,
        }
    ]
    assert world.fx.is_used(quote_digest(world, lock_quote))
    assert world.kes.heldOf(world.provider.address) == 0
    assert world.balances(world.kes, world.provider) == [before[0] + lock_quote["max_amount"]]
    with boa.reverts("fx: quote used"):
        take_lock(world, lock_quote, notary_actor)


def test_take_lock_is_refused_when_the_caller_is_no_notary(world: World, lock_quote: Fields) -> None:
    with boa.reverts("fx: not a notary"):
        take_lock(world, lock_quote, world.provider)


def test_take_lock_is_refused_when_the_quote_is_spot(world: World, quote: Fields, notary_actor: Actor) -> None:
    with boa.reverts("fx: wrong kind of quote"):
        take_lock(world, quote, notary_actor)


def test_deliver_is_refused_when_the_quote_is_a_lock(world: World, lock_quote: Fields, notary_actor: Actor) -> None:
    with boa.reverts("fx: wrong kind of quote"):
        deliver(world, lock_quote, [(world.exporter.address, BUY)], notary_actor)


def test_take_lock_counts_until_the_last_second_of_the_quote(
    world: World, lock_quote: Fields, notary_actor: Actor
) -> None:
    advance_to(lock_quote["expires_at"])
    with boa.env.anchor():
        take_lock(world, lock_quote, notary_actor)
    advance(1)
    with boa.reverts("fx: quote expired"):
        take_lock(world, lock_quote, notary_actor)


def test_take_lock_is_refused_when_taker_amount_or_signer_differ(
    world: World, lock_quote: Fields, notary_actor: Actor
) -> None:
    for reason, changes in (
        ("fx: quote is for another taker", {"taker": world.tax.address}),
        ("fx: amount outside the quote", {"buy_amount": lock_quote["min_amount"] - 1}),
        ("fx: amount outside the quote", {"buy_amount": lock_quote["max_amount"] + 1}),
        ("fx: bad signature", {"signature": world.sign_quote(lock_quote, world.other_provider)}),
    ):
        with boa.reverts(reason):
            take_lock(world, lock_quote, notary_actor, **changes)
    take_lock(world, lock_quote, notary_actor, buy_amount=lock_quote["max_amount"])


def test_take_lock_is_refused_when_the_amount_is_over_the_reserve(world: World, notary_actor: Actor) -> None:
    quote = world.quote(kind=1)
    world.reserve(quote, amount=BUY)
    with boa.reverts("fx: reserve too small"):
        take_lock(world, quote, notary_actor, buy_amount=BUY + 1)
    take_lock(world, quote, notary_actor)


def test_dishonour_records_what_is_missing_when_there_is_no_reserve(world: World) -> None:
    quote = world.quote()
    dishonour(world, quote)
    (event,) = events_of(world.fx, "QuoteDishonoured")
    assert event["reserve_missing"] == quote["max_amount"]
    assert world.fx.dishonours(world.provider.address) == 1


def test_dishonour_records_one_missing_unit(world: World) -> None:
    quote = world.quote()
    world.reserve(quote, amount=quote["max_amount"] - 1)
    dishonour(world, quote)
    (event,) = events_of(world.fx, "QuoteDishonoured")
    assert event["reserve_missing"] == 1


def test_dishonour_is_refused_when_the_reserve_is_enough(world: World, quote: Fields) -> None:
    with boa.reverts("fx: reserve is enough"):
        dishonour(world, quote)


def test_dishonour_is_refused_when_shown_twice(world: World) -> None:
    quote = world.quote()
    dishonour(world, quote)
    with boa.reverts("fx: already dishonoured"):
        dishonour(world, quote)


def test_dishonour_is_refused_when_the_quote_is_not_firm(world: World) -> None:
    quote = world.quote()
    with boa.reverts("fx: bad signature"):
        dishonour(world, quote, world.sign_quote(quote, world.stranger))
    advance_to(quote["expires_at"] + 1)
    with boa.reverts("fx: quote expired"):
        dishonour(world, quote)


def test_dishonour_is_refused_when_the_quote_was_used(world: World, quote: Fields) -> None:
    exchange(world, quote, 5_000_000)
    with boa.reverts("fx: quote used"):
        dishonour(world, quote)


def test_release_reserve_waits_for_use_or_expiry(world: World, quote: Fields) -> None:
    release = as_tuple("Quote", quote)
    with boa.reverts("fx: quote is live"):
        world.fx.release_reserve(release)
    with boa.env.anchor():
        exchange(world, quote, 1_000)
        world.fx.release_reserve(release, sender=world.stranger.address)
        assert world.kes.heldOf(world.provider.address) == 0
        with boa.reverts("fx: no reserve of this quote"):
            world.fx.release_reserve(release)
    advance_to(quote["expires_at"])
    with boa.reverts("fx: quote is live"):
        world.fx.release_reserve(release)
    advance(1)
    world.fx.release_reserve(release, sender=world.stranger.address)
    assert world.kes.heldOf(world.provider.address) == 0


def test_release_reserve_is_refused_when_an_invented_quote_names_a_live_reserve(world: World, quote: Fields) -> None:
    invented = quote | {"expires_at": START_S - 1}
    with boa.reverts("fx: no reserve of this quote"):
        world.fx.release_reserve(as_tuple("Quote", invented))


def test_exchange_cannot_be_entered_again_by_a_token(world: World) -> None:
    token = deploy("HostileToken", folder=HELPERS)
    quote = world.quote(sell_token=token.address)
    world.reserve(quote)
    arguments = (
        as_tuple("Quote", quote),
        world.sign_quote(quote),
        world.importer.address,
        BUY,
        (price(quote, BUY), now_s() + 600, bytes(32), now_s(), b""),
    )
    token.call_back(world.fx.address, world.fx.exchange.prepare_calldata(*arguments))
    world.fx.exchange(*arguments)
    assert (token.calls_back(), token.calls_succeeded()) == (2, 0)
    assert world.balances(world.kes, world.importer) == [BUY]


def test_exchange_is_refused_when_the_buy_token_claims_another_providers_reserve(world: World, quote: Fields) -> None:
    token = deploy("HostileToken", folder=HELPERS)
    fake = world.quote(provider=world.other_provider.address, buy_token=token.address, reserve_id=quote["reserve_id"])
    token.claim(quote["reserve_id"], tuple(world.kes.get_hold(quote["reserve_id"])), quote["expires_at"] + 60)
    signature = world.sign_quote(fake, world.other_provider)
    with boa.reverts("fx: reserve too small"):
        exchange(world, fake, quote_signature=signature)
    assert world.kes.get_hold(quote["reserve_id"]).amount == quote["max_amount"]
