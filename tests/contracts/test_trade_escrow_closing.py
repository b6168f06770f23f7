"""TradeEscrow: settlement, cancellation and lapse (SPEC section 3)."""

from typing import Any

import boa
import pytest

from contracts.client.typed_data import Domain
from tests.contracts.support import DAY_S, ZERO_BYTES32, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, FAILED, INVOICE, Fields, World
from tests.models.escrow import Cause, State

FIRST, SECOND = 30_000, 70_003
SCOPE_AVAILABLE, SCOPE_ALL = 1, 2


@pytest.fixture
def terms(world: World) -> Fields:
    """A funded trade of the default terms."""
    terms = world.terms()
    world.fund(terms)
    return terms


def make_final(world: World, terms: Fields, index: int = 0, **changes: Any) -> None:
    """Let two attesters agree and the dispute window pass."""
    for attester in world.attesters[:2]:
        world.attest(terms, index, attester, **changes)
    advance(DAY_S + 1)


def freeze(world: World, account: str, scope: int, order: int, days: int) -> None:
    world.eur.order_freeze(account, order, scope, now_s() + days * DAY_S, ZERO_BYTES32, sender=world.issuer.address)


def is_closed(world: World, terms: Fields) -> bool:
    return bool(world.escrow.get_trade(world.trade_id(terms)).closed)


# Settlement ----------------------------------------------------------------------------------------------------------


def test_settle_pays_the_payees_and_the_exporter_the_rest(world: World, terms: Fields) -> None:
    make_final(world, terms)
    world.settle(terms, 0, sender=world.stranger.address)
    payments = [(event["account"], event["amount"]) for event in events_of(world.escrow, "PaymentMade")]
    assert payments == [(world.tax.address, 4_800), (world.fee.address, 150), (world.exporter.address, 25_050)]
    (event,) = events_of(world.escrow, "MilestoneSettled")
    assert (event["paid"], event["refunded"]) == (FIRST, 0)
    assert world.held(terms) == SECOND
    assert world.balances(world.eur, world.tax, world.fee, world.exporter) == [4_800, 150, 25_050]


def test_settle_closes_the_trade_with_its_last_milestone(world: World, terms: Fields) -> None:
    make_final(world, terms, 1)
    world.settle(terms, 1)
    assert not is_closed(world, terms)
    make_final(world, terms, 0)
    world.settle(terms, 0)
    (event,) = events_of(world.escrow, "TradeClosed")
    assert event["cause"] == Cause.SETTLED
    assert is_closed(world, terms)
    assert world.held(terms) == 0
    with boa.reverts("escrow: trade closed"):
        world.settle(terms, 0)


def test_settle_gives_back_what_was_not_fulfilled(world: World, terms: Fields) -> None:
    before = world.eur.availableOf(world.importer.address)
    make_final(world, terms, 1, share_bps=3_333)
    world.settle(terms, 1)
    (event,) = events_of(world.escrow, "MilestoneSettled")
    # floor(70,003 x 33.33 %) = 23,331; of it floor(16 %) = 3,732 and floor(0.5 %) = 116, the rest is the exporter's.
    assert (event["paid"], event["refunded"]) == (23_331, SECOND - 23_331)
    assert world.balances(world.eur, world.tax, world.fee, world.exporter) == [3_732, 116, 19_483]
    assert world.eur.availableOf(world.importer.address) == before + SECOND - 23_331


def test_settle_refunds_everything_when_the_milestone_failed(world: World, terms: Fields) -> None:
    before = world.eur.availableOf(world.importer.address)
    make_final(world, terms, outcome=FAILED, share_bps=0)
    world.settle(terms, 0)
    assert not events_of(world.escrow, "PaymentMade")
    assert world.eur.availableOf(world.importer.address) == before + FIRST


def test_settle_skips_a_payee_whose_part_is_nothing(world: World) -> None:
    terms = world.terms(invoice_amount=100, payees=[{"account": world.fee.address, "share_bps": 50}])
    world.fund(terms)
    make_final(world, terms)
    world.settle(terms, 0)
    payments = [(event["account"], event["amount"]) for event in events_of(world.escrow, "PaymentMade")]
    assert payments == [(world.exporter.address, 30)]


def test_settle_skips_the_exporter_when_payees_get_all(world: World) -> None:
    terms = world.terms(payees=[{"account": world.fee.address, "share_bps": BPS}])
    world.fund(terms)
    make_final(world, terms)
    world.settle(terms, 0)
    assert world.balances(world.eur, world.fee, world.exporter) == [FIRST, 0]


def test_settle_pays_the_importer_when_it_is_a_payee(world: World) -> None:
    terms = world.terms(payees=[{"account": world.importer.address, "share_bps": 1_000}])
    world.fund(terms)
    before = world.eur.availableOf(world.importer.address)
    make_final(world, terms)
    world.settle(terms, 0)
    assert world.balances(world.eur, world.importer, world.exporter) == [before + 3_000, 27_000]


def test_settle_applies_silence_that_nobody_declared(world: World, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"] + DAY_S + 1)
    world.settle(terms, 0)
    (due,) = events_of(world.escrow, "MilestoneDue")
    (settled,) = events_of(world.escrow, "MilestoneSettled")
    assert (due["due_at"], settled["paid"]) == (terms["milestones"][0]["deadline"], 0)


def test_settle_is_refused_until_the_dispute_window_passed(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: milestone not final"):
        world.settle(terms, 0)
    for attester in world.attesters[:2]:
        world.attest(terms, 0, attester)
    advance(DAY_S)
    with boa.reverts("escrow: milestone not final"):
        world.settle(terms, 0)
    advance(1)
    world.settle(terms, 0)


def test_settle_is_refused_when_the_milestone_was_settled(world: World, terms: Fields) -> None:
    make_final(world, terms)
    world.settle(terms, 0)
    with boa.reverts("escrow: milestone not final"):
        world.settle(terms, 0)
    assert world.held(terms) == SECOND


def test_settle_is_refused_when_the_payees_are_others(world: World, terms: Fields) -> None:
    make_final(world, terms)
    stranger = {"account": world.stranger.address, "share_bps": BPS}
    first, second = terms["payees"]
    for payees in ([], [stranger], [second, first], [first], [first, second, stranger], [first, first, second]):
        with boa.reverts("escrow: other payees"):
            world.settle(terms, 0, payees=payees)


def test_settle_is_refused_when_there_is_no_such_trade_or_milestone(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: no such milestone"):
        world.settle(terms, 2)
    with boa.reverts("escrow: no such trade"):
        world.escrow.settle(b"\7" * 32, 0, [])


def test_settle_credits_blocked_when_a_payee_is_frozen(world: World, terms: Fields) -> None:
    freeze(world, world.exporter.address, SCOPE_ALL, 1, 9)
    make_final(world, terms)
    world.settle(terms, 0)
    assert (world.eur.availableOf(world.exporter.address), world.eur.blockedOf(world.exporter.address)) == (0, 25_050)


def test_settle_goes_on_when_creditors_froze_the_importer(world: World, terms: Fields) -> None:
    freeze(world, world.importer.address, SCOPE_AVAILABLE, 1, 9)
    make_final(world, terms)
    world.settle(terms, 0)
    assert world.balances(world.eur, world.exporter) == [25_050]


def test_settle_waits_when_sanctions_froze_the_importer(world: World, terms: Fields) -> None:
    make_final(world, terms)
    freeze(world, world.importer.address, SCOPE_ALL, 1, 9)
    with boa.reverts("token: hold stands still"):
        world.settle(terms, 0)
    advance(9 * DAY_S + 1)
    world.settle(terms, 0)
    assert world.balances(world.eur, world.exporter) == [25_050]


def test_settle_counts_until_the_last_second_of_the_hold(world: World, terms: Fields) -> None:
    make_final(world, terms, 1)
    advance_to(terms["hold_expires_at"])
    with boa.env.anchor():
        world.settle(terms, 1)
    advance(1)
    with boa.reverts("token: hold expired"):
        world.settle(terms, 1)


def test_settle_pays_the_bought_currency_when_the_policy_converts(world: World) -> None:
    terms = world.converted_terms()
    world.fund(terms)
    euros = world.balances(world.eur, world.importer, world.exporter)
    make_final(world, terms)
    world.settle(terms, 0)
    assert world.balances(world.kes, world.exporter, world.tax) == [25_050, 4_800]
    assert world.balances(world.eur, world.importer, world.exporter) == euros
    advance_to(terms["milestones"][1]["deadline"] + DAY_S + 1)
    world.settle(terms, 1)
    assert world.balances(world.kes, world.importer) == [SECOND]


# Cancellation --------------------------------------------------------------------------------------------------------


def test_cancel_gives_back_what_is_unsettled(world: World, terms: Fields) -> None:
    make_final(world, terms)
    world.settle(terms, 0)
    before = world.eur.availableOf(world.importer.address)
    world.cancel(terms)
    (closed,) = events_of(world.escrow, "TradeClosed")
    (settled,) = events_of(world.escrow, "MilestoneSettled")
    assert closed["cause"] == Cause.CANCELLED
    assert (settled["milestone"], settled["paid"], settled["refunded"]) == (1, 0, SECOND)
    assert world.eur.availableOf(world.importer.address) == before + SECOND
    assert world.state_of(terms, 1) == State.SETTLED


def test_cancel_ends_a_dispute(world: World, terms: Fields) -> None:
    for attester in world.attesters[:2]:
        world.attest(terms, 0, attester)
    world.dispute(terms, 0, world.importer)
    world.cancel(terms)
    with boa.reverts("escrow: trade closed"):
        world.award(terms, 0, BPS)


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_cancel_is_refused_when_one_party_did_not_sign(world: World, terms: Fields, party: str) -> None:
    other = world.exporter if party == "importer" else world.importer
    for signer in (world.stranger, other):
        with boa.reverts("escrow: bad signature"):
            world.cancel(
                terms,
                signer if party == "importer" else world.importer,
                signer if party == "exporter" else world.exporter,
            )
    assert world.held(terms) == INVOICE


def test_cancel_is_refused_when_a_message_is_for_another_version_contract_or_time(world: World, terms: Fields) -> None:
    right, message = world.escrow_domain, world.cancel_message(terms)
    good = world.consent(world.exporter, "Cancel", message)
    for bad, reason in (
        (world.consent(world.importer, "Cancel", message | {"version": 2}), "escrow: bad signature"),
        (world.consent(world.importer, "Cancel", message | {"trade_id": b"\7" * 32}), "escrow: bad signature"),
        (world.consent(world.importer, "Cancel", message, valid_until=now_s() - 1), "escrow: signature expired"),
        (
            world.consent(
                world.importer, "Cancel", message, domain=Domain(right.name, 1 + right.chain_id, str(world.eur.address))
            ),
            "escrow: bad signature",
        ),
    ):
        with boa.reverts(reason):
            world.escrow.cancel(world.trade_id(terms), bad, [good], [])


def test_cancel_is_refused_when_the_trade_is_closed_or_unknown(world: World, terms: Fields) -> None:
    world.cancel(terms)
    with boa.reverts("escrow: trade closed"):
        world.cancel(terms)
    with boa.reverts("escrow: no such trade"):
        world.cancel(world.terms())


def test_cancel_is_possible_while_the_importer_is_frozen(world: World, terms: Fields) -> None:
    freeze(world, world.importer.address, SCOPE_ALL, 1, 90)
    world.cancel(terms)
    assert world.held(terms) == 0


# Lapse ---------------------------------------------------------------------------------------------------------------


def test_lapse_gives_the_rest_back_once_the_hold_expired(world: World, terms: Fields) -> None:
    before = world.eur.availableOf(world.importer.address)
    advance_to(terms["hold_expires_at"])
    with boa.reverts("escrow: hold not expired"):
        world.escrow.lapse(world.trade_id(terms))
    advance(1)
    world.escrow.lapse(world.trade_id(terms), sender=world.stranger.address)
    (event,) = events_of(world.escrow, "TradeClosed")
    assert event["cause"] == Cause.LAPSED
    assert [settled["refunded"] for settled in events_of(world.escrow, "MilestoneSettled")] == [FIRST, SECOND]
    assert world.eur.availableOf(world.importer.address) == before + INVOICE
    with boa.reverts("escrow: trade closed"):
        world.escrow.lapse(world.trade_id(terms))


def test_lapse_books_what_the_token_already_gave_back(world: World, terms: Fields) -> None:
    trade_id = world.trade_id(terms)
    hold_id = world.escrow.get_trade(trade_id).invoice_hold
    advance_to(terms["hold_expires_at"] + 1)
    world.eur.release_hold(hold_id, INVOICE, sender=world.stranger.address)
    world.escrow.lapse(trade_id)
    assert is_closed(world, terms)


def test_lapse_waits_as_long_as_a_freeze_moved_the_hold(world: World, terms: Fields) -> None:
    make_final(world, terms, 1)
    freeze(world, world.importer.address, SCOPE_ALL, 1, 5)
    frozen_s = 5 * DAY_S + 1  # first and last second included
    advance_to(terms["hold_expires_at"] + frozen_s)
    with boa.reverts("escrow: hold not expired"):
        world.escrow.lapse(world.trade_id(terms))
    with boa.env.anchor():
        world.settle(terms, 1)
        # Milestone 1: 70,003 less floor(16 %) = 11,200 and floor(0.5 %) = 350.
        assert world.balances(world.eur, world.exporter) == [58_453]
    advance(1)
    world.escrow.lapse(world.trade_id(terms))
    assert is_closed(world, terms)


def test_lapse_is_refused_when_there_is_no_such_trade(world: World) -> None:
    with boa.reverts("escrow: no such trade"):
        world.escrow.lapse(b"\7" * 32)


def test_close_moves_no_money_to_the_escrow(world: World, terms: Fields) -> None:
    make_final(world, terms)
    world.settle(terms, 0)
    world.cancel(terms)
    assert world.eur.balanceOf(world.escrow.address) == 0
