"""TradeEscrow: other terms in the place of the present ones (SPEC section 3)."""

from typing import Any

import boa
import pytest

from contracts.client.typed_data import as_tuple, digest
from tests.contracts.support import DAY_S, ZERO_ADDRESS, Actor, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, INVOICE, Fields, windows
from tests.contracts.trades_fx import EXAMPLE, EXAMPLE_SLICE, FxWorld
from tests.models.escrow import State

FIRST, SECOND = 30_000, 70_003


@pytest.fixture
def terms(world: FxWorld) -> Fields:
    """A funded trade of the default terms."""
    terms = world.terms()
    world.fund(terms)
    return terms


def with_milestone(terms: Fields, index: int, **fields: Any) -> Fields:
    """The `milestones` of an amendment that changes one."""
    parts = list(terms["milestones"])
    parts[index] = parts[index] | fields
    return {"milestones": parts}


def invoice_increase(world: FxWorld, terms: Fields, amount: int, expires_at: int, owner: Actor | None = None) -> Any:
    hold_id = bytes(world.escrow.get_trade(world.trade_id(terms)).invoice_hold)
    token = world.kes if terms["invoice_token"] == world.kes.address else world.eur
    return world.increase(token, owner or world.importer, hold_id, amount, expires_at)


def funding_increase(world: FxWorld, terms: Fields, amount: int, expires_at: int) -> Any:
    hold_id = bytes(world.escrow.get_fx(world.trade_id(terms)).hold)
    return world.increase(world.eur, world.importer, hold_id, amount, expires_at)


# What changes, and who agrees ----------------------------------------------------------------------------------------


def test_amend_puts_other_terms_in_place(world: FxWorld, terms: Fields) -> None:
    new = world.amended(
        terms,
        payees=[{"account": world.fee.address, "share_bps": 1_000}],
        windows=windows(dispute_s=60, unawarded_bps=7),
        arbiter=ZERO_ADDRESS,
    )
    world.amend(terms, new)
    (event,) = events_of(world.escrow, "TradeAmended")
    assert event["version"] == 2
    assert not events_of(world.escrow, "MilestoneAmended")
    trade = world.escrow.get_trade(world.trade_id(terms))
    assert (trade.version, trade.arbiter, trade.windows.dispute_s) == (2, ZERO_ADDRESS, 60)
    assert (trade.importer, trade.exporter, trade.unsettled) == (world.importer.address, world.exporter.address, 2)
    world.make_due(new)
    with boa.reverts("escrow: no arbiter"):
        world.dispute(new, 0, world.importer)
    advance(61)
    with boa.reverts("escrow: other payees"):
        world.settle(terms)
    world.settle(new)
    assert world.balances(world.eur, world.fee, world.tax, world.exporter) == [3_000, 0, 27_000]


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_amend_is_refused_when_a_party_did_not_sign(world: FxWorld, terms: Fields, party: str) -> None:
    new = world.amended(terms, payees=[])
    signers = {"importer": world.stranger} if party == "importer" else {"holders": [world.stranger]}
    with boa.reverts("escrow: bad signature"):
        world.amend(terms, new, **signers)
    with boa.reverts("escrow: consent missing"):
        world.amend(terms, new, holders=[])
    with boa.reverts("escrow: too many consents"):
        world.amend(terms, new, holders=[world.exporter, world.exporter])
    with boa.reverts("escrow: no provider"):
        world.amend(terms, new, provider=world.provider)


def test_amend_binds_the_version_it_replaces(world: FxWorld, terms: Fields) -> None:
    new = world.amended(terms, payees=[])
    with boa.reverts("escrow: bad signature"):
        world.amend(terms | {"version": 2}, new)
    world.amend(terms, new)
    with boa.reverts("escrow: bad signature"):
        world.amend(terms, new)
    world.amend(new, world.amended(new, payees=[]))
    assert world.escrow.get_trade(world.trade_id(terms)).version == 3


def test_messages_of_the_old_version_fall_when_the_terms_change(world: FxWorld, terms: Fields) -> None:
    new = world.amended(terms, payees=[])
    world.amend(terms, new)
    with boa.reverts("escrow: bad signature"):
        world.accept(terms)
    with boa.reverts("escrow: bad signature"):
        world.waive(terms, 0, 1)
    with boa.reverts("escrow: bad signature"):
        world.cancel(terms)
    world.accept(new)


@pytest.mark.parametrize("field", ["importer", "exporter", "invoice_token", "funding_token", "fx", "milestones"])
def test_amend_is_refused_when_it_would_be_another_trade(world: FxWorld, terms: Fields, field: str) -> None:
    changes: Fields = {
        "importer": world.stranger.address,
        "exporter": world.stranger.address,
        "invoice_token": world.kes.address,
        "funding_token": world.kes.address,
        "fx": terms["fx"] | {"policy": 1},
        "milestones": [world.milestone(BPS, now_s() + DAY_S)],
    }
    new = world.amended(terms, touched=[0, 1], **{field: changes[field]})
    signers = {"importer": world.stranger} if field == "importer" else {}
    with boa.reverts("escrow: another trade"):
        world.amend(terms, new, holders=[world.stranger if field == "exporter" else world.exporter], **signers)


def test_amend_checks_the_new_terms(world: FxWorld, terms: Fields) -> None:
    for changes, reason in (
        ({"payees": [{"account": world.tax.address, "share_bps": BPS + 1}]}, "terms: payee share"),
        ({"windows": windows(unawarded_bps=BPS + 1)}, "terms: unawarded share"),
        ({"arbiter": world.stranger.address}, "terms: arbiter not registered"),
        ({"windows": windows(grace_s=7 * DAY_S)}, "terms: hold ends too early"),
        (with_milestone(terms, 0, weight_bps=2_999), "terms: weights are not 10000"),
        (with_milestone(terms, 0, quorum=1), "terms: quorum not above half"),
        (with_milestone(terms, 0, deadline=now_s()), "terms: deadline passed"),
        ({"invoice_amount": 3}, "terms: slice is zero"),
    ):
        with boa.reverts(reason):
            world.amend(terms, world.amended(terms, **changes))


def test_amend_is_refused_when_the_trade_is_closed_or_unknown(world: FxWorld, terms: Fields) -> None:
    with boa.reverts("escrow: no such trade"):
        other = world.terms()
        world.amend(other, world.amended(other, payees=[]))
    world.cancel(terms)
    with boa.reverts("escrow: trade closed"):
        world.amend(terms, world.amended(terms, payees=[]))


# Milestones ----------------------------------------------------------------------------------------------------------


def test_amended_milestone_is_pending_again_and_the_other_untouched(world: FxWorld, terms: Fields) -> None:
    world.make_due(terms, 0)
    world.make_due(terms, 1, share_bps=5_000)
    before = [world.escrow.get_milestone(world.trade_id(terms), index) for index in range(2)]
    deadline = terms["milestones"][0]["deadline"] + DAY_S
    new = world.amended(terms, **with_milestone(terms, 0, deadline=deadline, silence_pays=True))
    world.amend(terms, new)
    (event,) = events_of(world.escrow, "MilestoneAmended")
    assert (event["milestone"], event["amount"], event["deadline"], event["slice"]) == (0, FIRST, deadline, 0)
    assert event["terms_hash"] == world.milestone_hash(new, 0)
    after = [world.escrow.get_milestone(world.trade_id(terms), index) for index in range(2)]
    assert after[1] == before[1]
    record = after[0]
    assert (record.state, record.outcome, record.share_bps, record.due_at) == (State.PENDING, 0, 0, 0)
    assert (record.version, record.silence_pays, record.deadline) == (2, True, deadline)
    world.make_due(new, 0)
    assert world.state_of(terms, 0) == State.DUE


def test_attestation_never_revives_when_the_old_terms_come_back(world: FxWorld, terms: Fields) -> None:
    world.attest(terms, 0, world.attesters[0])
    early = world.attestation(terms, 0)
    world.record(world.attesters[1], digest(world.escrow_domain, "Attestation", early))
    other = world.amended(terms, **with_milestone(terms, 0, quorum=3))
    world.amend(terms, other)
    with boa.reverts("escrow: other milestone terms"):
        world.submit_attestation(terms, world.attesters[1], early)
    back = world.amended(other, milestones=terms["milestones"])
    world.amend(other, back)
    assert back["milestone_versions"][:2] == [3, 1]
    # What one attester said under version 1 counts no more; what another recorded then is not of this version.
    with boa.reverts("escrow: digest not recorded"):
        world.submit_attestation(terms, world.attesters[1], early)
    world.attest(back, 0, world.attesters[1])
    assert world.state_of(back, 0) == State.PENDING
    world.attest(back, 0, world.attesters[0])
    assert world.state_of(back, 0) == State.DUE


def test_amend_keeps_a_waiver_while_the_milestones_terms_stand(world: FxWorld, terms: Fields) -> None:
    world.waive(terms, 0, 1_000)
    same = world.amended(terms, payees=[])
    world.amend(terms, same)
    assert world.escrow.get_milestone(world.trade_id(terms), 0).amount == FIRST - 1_000
    changed = world.amended(same, **with_milestone(same, 0, quorum=3))
    increase = invoice_increase(world, terms, INVOICE, terms["hold_expires_at"])
    with boa.reverts("escrow: increase missing"):
        world.amend(same, changed)
    world.amend(same, changed, increases=[increase])
    assert world.escrow.get_milestone(world.trade_id(terms), 0).amount == FIRST


def test_settled_milestone_stands_when_the_other_is_amended(world: FxWorld, terms: Fields) -> None:
    world.accept(terms)
    world.settle(terms)
    for changes in (with_milestone(terms, 0, quorum=3), {"invoice_amount": INVOICE - 10}):
        with boa.reverts("escrow: milestone settled"):
            world.amend(terms, world.amended(terms, **changes))
    before = world.escrow.get_milestone(world.trade_id(terms), 0)
    # 30 % of both amounts is 30,000 rounded down: the last milestone alone loses.
    new = world.amended(terms, invoice_amount=INVOICE - 1, touched=[1])
    world.amend(terms, new)
    assert world.escrow.get_milestone(world.trade_id(terms), 0) == before
    assert world.held(terms) == SECOND - 1
    assert world.eur.availableOf(world.exporter.address) == 25_050


def test_amend_leaves_a_passed_deadline_of_an_unchanged_milestone_alone(world: FxWorld, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"] + 1)
    new = world.amended(terms, **with_milestone(terms, 1, quorum=3))
    world.amend(terms, new)
    assert world.state_of(terms, 0) == State.DUE
    late = world.amended(new, **with_milestone(new, 0, quorum=3))
    with boa.reverts("terms: deadline passed"):
        world.amend(new, late)
    later = world.amended(new, **with_milestone(new, 0, deadline=now_s() + DAY_S))
    world.amend(new, later)
    assert world.state_of(terms, 0) == State.PENDING


def test_amend_counts_deadlines_of_settled_milestones_toward_the_expiry(world: FxWorld, terms: Fields) -> None:
    world.accept(terms, 1)
    world.settle(terms, 1)
    latest = terms["hold_expires_at"] - 7 * DAY_S
    with boa.reverts("terms: hold ends too early"):
        world.amend(terms, world.amended(terms, **with_milestone(terms, 0, deadline=latest + 1)))
    world.amend(terms, world.amended(terms, **with_milestone(terms, 0, deadline=latest)))


# Money ---------------------------------------------------------------------------------------------------------------


def test_amend_gives_back_what_a_smaller_amount_frees(world: FxWorld, terms: Fields) -> None:
    before = world.balances(world.eur, world.importer)
    new = world.amended(terms, invoice_amount=INVOICE - 10_000)
    world.amend(terms, new)
    assert world.balances(world.eur, world.importer) == [before[0] + 10_000]
    assert (world.held(terms), world.escrow.get_trade(world.trade_id(terms)).invoice_amount) == (90_003, 90_003)


def test_amend_takes_more_with_the_importers_increase(world: FxWorld, terms: Fields) -> None:
    new = world.amended(terms, invoice_amount=INVOICE + 10_000)
    with boa.reverts("escrow: increase missing"):
        world.amend(terms, new)
    for bad in (
        invoice_increase(world, terms, INVOICE + 9_999, terms["hold_expires_at"]),
        invoice_increase(world, terms, INVOICE + 10_000, terms["hold_expires_at"] + 1),
        invoice_increase(world, terms, INVOICE + 10_000, terms["hold_expires_at"], world.exporter),
    ):
        with boa.reverts("token: bad signature"):
            world.amend(terms, new, increases=[bad])
    world.amend(terms, new, increases=[invoice_increase(world, terms, INVOICE + 10_000, terms["hold_expires_at"])])
    assert world.held(terms) == INVOICE + 10_000


def test_amend_lengthens_the_hold_and_never_shortens_it(world: FxWorld, terms: Fields) -> None:
    hold_id = world.escrow.get_trade(world.trade_id(terms)).invoice_hold
    longer = terms["hold_expires_at"] + DAY_S
    new = world.amended(terms, hold_expires_at=longer)
    with boa.reverts("escrow: increase missing"):
        world.amend(terms, new)
    world.amend(terms, new, increases=[invoice_increase(world, terms, INVOICE, longer)])
    assert world.eur.get_hold(hold_id).expires_at == longer
    with boa.reverts("escrow: hold would end earlier"):
        world.amend(new, world.amended(new, hold_expires_at=longer - 1))
    world.amend(new, world.amended(new, payees=[]))
    assert world.eur.get_hold(hold_id).expires_at == longer


def test_amend_shrinks_and_lengthens_in_one(world: FxWorld, terms: Fields) -> None:
    longer = terms["hold_expires_at"] + DAY_S
    new = world.amended(terms, invoice_amount=INVOICE - 3, hold_expires_at=longer)
    world.amend(terms, new, increases=[invoice_increase(world, terms, INVOICE, longer)])
    assert world.held(terms) == INVOICE - 3


# Lock ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lock(world: FxWorld) -> Fields:
    """A funded lock: 697.96 euros for 1,000.03 shillings, cancel fee 7.00."""
    terms = world.lock_terms()
    world.fund_lock(terms)
    return terms


def provider_agrees(world: FxWorld, terms: Fields, new: Fields) -> tuple[int, int, bytes]:
    """The provider's recorded `Amend`."""
    stamp = world.stamp()
    message = {"trade_id": world.trade_id(terms), "version": terms.get("version", 1), "terms": new} | stamp
    world.record(world.provider, digest(world.escrow_domain, "Amend", message))
    return stamp["valid_until"], stamp["action"], b""


def amend_lock(world: FxWorld, terms: Fields, new: Fields, increases: list[Any], agreed: bool) -> None:
    message = {"trade_id": world.trade_id(terms), "version": terms.get("version", 1), "terms": new}
    world.escrow.amend(
        world.trade_id(terms),
        as_tuple("Terms", new),
        world.consent(world.importer, "Amend", message),
        [world.consent(world.exporter, "Amend", message)],
        [provider_agrees(world, terms, new)] if agreed else [],
        increases,
    )
    world.check_books(new)


def test_amend_lock_needs_no_provider_when_its_hold_stays(world: FxWorld, lock: Fields) -> None:
    new = world.amended(lock, payees=[], **with_milestone(lock, 0, quorum=3))
    amend_lock(world, lock, new, [], agreed=False)
    assert not events_of(world.escrow, "CancelFeePaid")
    assert [world.slice_of(lock, index) for index in range(2)] == [20_939, 48_857]


def test_amend_lock_pays_the_fee_when_the_amount_shrinks_without_the_provider(world: FxWorld, lock: Fields) -> None:
    euros = world.balances(world.eur, world.importer, world.provider)
    shillings = world.balances(world.kes, world.provider)
    new = world.amended(lock, invoice_amount=90_000)
    amend_lock(world, lock, new, [], agreed=False)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    # ceil(700 x 10,003 / 100,003) = 71; the price of 900.00 shillings is 628.15.
    assert event["amount"] == 71
    assert world.balances(world.eur, world.importer, world.provider) == [
        euros[0] + 69_796 - 62_815 - 71,
        euros[1] + 71,
    ]
    assert world.balances(world.kes, world.provider) == [shillings[0] + 10_003]
    # What is left of the fee is for what is left of the amount: ceil(700 x 90,000 / 100,003).
    assert world.escrow.get_fx(world.trade_id(lock)).cancel_fee == 630
    world.cancel(new)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert event["amount"] == 630


def test_amend_lock_is_free_when_the_provider_agrees_to_less(world: FxWorld, lock: Fields) -> None:
    new = world.amended(lock, invoice_amount=90_000)
    amend_lock(world, lock, new, [], agreed=True)
    assert not events_of(world.escrow, "CancelFeePaid")
    assert world.funding_held(lock) == 62_815


def test_amend_lock_grows_and_lives_longer_with_the_provider_only(world: FxWorld, lock: Fields) -> None:
    longer = lock["hold_expires_at"] + DAY_S
    for changes, euros, shillings in (
        ({"invoice_amount": 110_000}, 76_773, 110_000),
        ({"hold_expires_at": longer}, 69_796, INVOICE),
    ):
        new = world.amended(lock, **changes)
        expires_at = new["hold_expires_at"]
        increases = [
            funding_increase(world, lock, euros, expires_at),
            invoice_increase(world, lock, shillings, expires_at, world.provider),
        ]
        with boa.env.anchor():
            with boa.reverts("escrow: provider does not agree"):
                amend_lock(world, lock, new, increases, agreed=False)
            with boa.reverts("escrow: increase missing"):
                amend_lock(world, lock, new, increases[:1], agreed=True)
            with boa.reverts("token: bad signature"):
                amend_lock(world, lock, new, increases[::-1], agreed=True)
            amend_lock(world, lock, new, increases, agreed=True)
            assert (world.funding_held(lock), world.held(lock)) == (euros, shillings)


def test_amend_lock_is_refused_when_the_providers_word_is_not_recorded(world: FxWorld, lock: Fields) -> None:
    with boa.reverts("escrow: digest not recorded"):
        world.amend(lock, world.amended(lock, invoice_amount=90_000), provider=world.provider)


# Float ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def float_trade(market: FxWorld) -> Fields:
    """SPEC's example with the importer bearing the market, funded."""
    terms = market.float_terms(BPS)
    market.fund_float(terms)
    return terms


@pytest.mark.parametrize(
    "fields",
    [{"rate_num": 140}, {"rate_num": 160}, {"band_bps": 500}, {"spread_bps": 100}, {"rate_den": 2, "rate_num": 301}],
)
def test_amend_float_resizes_the_slices_in_both_directions(
    market: FxWorld, float_trade: Fields, fields: Fields
) -> None:
    new = market.amended(float_trade, fx=float_trade["fx"] | fields)
    amount = market.float_sum(new)
    increases = []
    if amount > EXAMPLE_SLICE:
        with boa.reverts("escrow: increase missing"):
            market.amend(float_trade, new)
        increases = [funding_increase(market, float_trade, amount, float_trade["hold_expires_at"])]
    market.amend(float_trade, new, increases=increases)
    assert not events_of(market.escrow, "MilestoneAmended")
    assert (market.slice_of(float_trade), market.funding_held(float_trade)) == (amount, amount)
    assert tuple(market.escrow.get_fx(market.trade_id(float_trade)).terms) == tuple(new["fx"].values())


def test_amend_float_keeps_the_slices_when_rate_band_and_spread_stand(market: FxWorld, float_trade: Fields) -> None:
    market.report(144)
    market.reprice(float_trade)
    market.top_up(float_trade, 43_171)
    new = market.amended(float_trade, fx=float_trade["fx"] | {"share_bps": 0, "calls_max": 9, "cool_down_s": 1})
    market.amend(float_trade, new)
    assert market.slice_of(float_trade) == EXAMPLE_SLICE + 43_171
    assert market.escrow.get_fx(market.trade_id(float_trade)).terms.share_bps == 0


def test_amend_float_resizes_what_a_waiver_left(market: FxWorld, float_trade: Fields) -> None:
    market.waive(float_trade, 0, EXAMPLE // 3)
    new = market.amended(float_trade, fx=float_trade["fx"] | {"rate_num": 160})
    market.amend(float_trade, new)
    assert market.slice_of(float_trade) == 647_568  # ceil(1,000,000.00 / (160 x 0.97 x 0.995))


def test_amend_float_sizes_a_changed_milestone_anew(market: FxWorld, float_trade: Fields) -> None:
    new = market.amended(float_trade, invoice_amount=EXAMPLE // 2)
    market.amend(float_trade, new)
    (event,) = events_of(market.escrow, "MilestoneAmended")
    assert (event["amount"], event["slice"]) == (EXAMPLE // 2, 518_055)
    assert market.funding_held(float_trade) == 518_055


def test_amend_ends_a_running_call(market: FxWorld, float_trade: Fields) -> None:
    market.report(144)
    market.reprice(float_trade)
    new = market.amended(float_trade, payees=[])
    market.amend(float_trade, new)
    fx = market.escrow.get_fx(market.trade_id(float_trade))
    assert (fx.calls, fx.call_ends_at) == (1, now_s() - 1)
    # What the call asked for can still be added, as late.
    market.top_up(new, 43_171)
    (event,) = events_of(market.escrow, "ToppedUp")
    assert event["in_call"] is False


def test_amend_leaves_a_call_that_has_ended_alone(market: FxWorld, float_trade: Fields) -> None:
    market.report(144)
    market.reprice(float_trade)
    ends_at = now_s() + DAY_S
    advance_to(ends_at)
    with boa.env.anchor():
        market.amend(float_trade, market.amended(float_trade, payees=[]))
        assert market.escrow.get_fx(market.trade_id(float_trade)).call_ends_at == ends_at - 1
    advance(5)
    market.amend(float_trade, market.amended(float_trade, payees=[]))
    assert market.escrow.get_fx(market.trade_id(float_trade)).call_ends_at == ends_at


def test_amend_float_forgets_what_a_call_asked_for_when_it_resizes(market: FxWorld, float_trade: Fields) -> None:
    market.report(144)
    market.reprice(float_trade)
    new = market.amended(float_trade, fx=float_trade["fx"] | {"rate_num": 160})
    market.amend(float_trade, new)
    assert market.target_of(float_trade) == 0
    with boa.reverts("escrow: nothing to top up"):
        market.top_up(new, 1)
