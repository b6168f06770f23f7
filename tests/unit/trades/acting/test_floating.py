"""A float from funding to payment at two banks: choices of quotes, calls for a top-up, and the last resort."""

import pytest

from fx.slices import payee_split
from node.errors import RejectedError, UnavailableError
from node.trades.errors import NotPermittedError, WrongStateError
from tests.unit.trades import story
from tests.unit.trades.rated import (
    ONE_INSPECTOR,
    act,
    check_books,
    check_slices,
    float_terms,
    funded,
    memos,
    milestone,
    notices,
    steps,
    wait_until_final,
)
from tests.unit.trades.world import World, example

HALF = float_terms(5_000)
NONE = float_terms(0)


def split(world: World, amount: int) -> tuple[tuple[int, ...], int]:
    """Return what of an amount tax and fee are, and what is the exporter's."""
    desk = world["bank-ke"]
    with desk.database.read() as session:
        document = desk.trades.desk.document(session, desk.trades.desk.trade(session, story.REFERENCE))
    return payee_split(amount, [payee.share_bps for payee in document.payees])


def final(world: World) -> World:
    story.load(world)
    wait_until_final(world)
    return world


def test_the_exporter_is_paid_in_full_when_the_importer_chooses_a_quote_within_the_band() -> None:
    world = final(funded(NONE))
    nl, ke = world["bank-nl"], world["bank-ke"]
    assert [(owner, body["milestone"]) for owner, body in notices(nl, "trade.choice_open")] == [("bloem", 0)]
    assert milestone(nl).state == "final"
    with pytest.raises(WrongStateError, match="quotes: expected a request for quotes"):
        act(nl, nl.trades.settling.conversions, 0, story.IMPORTER)
    act(nl, nl.trades.settling.request_quotes, 0, story.IMPORTER)
    found = act(nl, nl.trades.settling.conversions, 0, story.IMPORTER)
    best, other = found
    assert (best.offer.provider, best.refusal, best.chooser) == ("fx-baobab", None, "importer")
    # Amber asks for more than the terms' half percent.
    assert other.settlement is None
    assert "0.50 % below the median" in str(other.refusal)
    with pytest.raises(RejectedError, match="choose another"):
        act(nl, nl.trades.settling.settle, 0, story.IMPORTER, quote=other.offer.digest)
    act(ke, ke.trades.settling.request_quotes, 0, story.EXPORTER)
    with pytest.raises(NotPermittedError, match="the importer, as it pays in full"):
        act(ke, ke.trades.settling.settle, 0, story.EXPORTER)
    act(nl, nl.trades.settling.settle, 0, story.IMPORTER)
    for desk in (nl, ke):
        assert (milestone(desk).state, milestone(desk).paid) == ("settled", "600,000.00 KES")
        assert story.refused(desk) == []
    assert ("invoice", None) in memos(ke, "naivasha", "KES")
    assert "fx_adjustment" not in dict(memos(ke, "naivasha", "KES"))
    assert memos(nl, "bloem", "EUR") == [("conversion", None)]
    assert ("conversion", None) in memos(world["fx-baobab"], "fx-baobab", "EUR")
    check_books(world)


def test_the_rates_effect_is_booked_apart_when_the_rate_has_left_the_band() -> None:
    world = final(funded(NONE, later="156"))
    ke = world["bank-ke"]
    world.advance_to(world.ledger.now_s + 3_601)
    # Nobody chose, so the exporter's bank brought a quote for this trade.
    # 600,000 x 156 / 154.5, the upper edge of the band.
    assert milestone(ke).paid == "605,825.24 KES"
    paid = 60_582_524
    (tax, _), exporters = split(world, paid)
    due_rest = split(world, 60_000_000)[1]
    found = dict(memos(ke, "naivasha", "KES"))
    assert found["invoice"] == due_rest
    assert found["fx_adjustment"] == exporters - due_rest
    assert dict(memos(ke, "kra", "KES")) == {"tax": 1_200_000, "fx_adjustment": tax - 1_200_000}
    check_books(world)


def test_the_exporter_decides_about_a_short_slice_when_a_call_was_not_paid() -> None:
    world = funded(HALF, later="144")
    nl, ke = world["bank-nl"], world["bank-ke"]
    story.load(world)
    # The rate fell below the band: the exporter's bank called at once.
    ((owner, body),) = notices(nl, "trade.top_up_wanted")
    assert (owner, body["amount"]) == ("bloem", "211.45 EUR")
    check_slices(world, nl)
    called = story.view(nl).fx
    assert called is not None
    assert (called.calls, called.top_up_missing, called.call_ends_s) == (1, "211.45 EUR", body["by_s"])
    with pytest.raises(WrongStateError, match="none that runs"):
        act(ke, ke.trades.repricing.reprice, story.EXPORTER)
    wait_until_final(world)
    assert world.ledger.now_s > body["by_s"]
    for desk, actor in ((nl, story.IMPORTER), (ke, story.EXPORTER)):
        act(desk, desk.trades.settling.request_quotes, 0, actor)
    with pytest.raises(NotPermittedError, match="the slice is short, so the exporter's side"):
        act(nl, nl.trades.settling.settle, 0, story.IMPORTER)
    best = act(ke, ke.trades.settling.conversions, 0, story.EXPORTER)[0]
    assert best.settlement is not None
    assert best.settlement.is_short
    assert best.settlement.paid < best.settlement.full
    act(ke, ke.trades.settling.settle, 0, story.EXPORTER, least=best.settlement.paid)
    assert milestone(ke).state == "settled"
    assert milestone(nl).refunded == "0.00 KES"
    found = dict(memos(ke, "naivasha", "KES"))
    assert found["invoice"] == split(world, 60_000_000)[1]
    assert (found["fx_adjustment"] or 0) < 0
    check_books(world)


def test_a_settlement_is_refused_when_it_pays_less_than_the_exporter_agreed_to() -> None:
    world = funded(HALF, later="144")
    ke = world["bank-ke"]
    final(world)
    act(ke, ke.trades.settling.request_quotes, 0, story.EXPORTER)
    best = act(ke, ke.trades.settling.conversions, 0, story.EXPORTER)[0]
    assert best.settlement is not None
    act(ke, ke.trades.settling.settle, 0, story.EXPORTER, least=best.settlement.paid + 1)
    assert milestone(ke).state == "final"
    assert steps(ke)["settle:0"] == ("failed", "escrow: less than agreed")


def test_the_payment_is_full_when_the_importer_has_topped_up_in_time() -> None:
    world = funded(HALF, later="144")
    nl, ke = world["bank-nl"], world["bank-ke"]
    story.load(world)
    with pytest.raises(NotPermittedError):
        act(ke, ke.trades.repricing.top_up, None, story.EXPORTER)
    with pytest.raises(RejectedError, match=r"exactly what is missing, 21145 minor units \(211.45 EUR\)"):
        act(nl, nl.trades.repricing.top_up, 21_144, story.IMPORTER)
    held = world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem"))
    act(nl, nl.trades.repricing.top_up, 21_145, story.IMPORTER)
    assert world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem")) == held + 21_145
    topped = story.view(ke).fx
    assert topped is not None
    # Paid in time: the call does not count, and it has ended.
    assert (topped.calls, topped.top_up_missing) == (0, None)
    with pytest.raises(WrongStateError, match="nothing to top up"):
        act(nl, nl.trades.repricing.top_up, None, story.IMPORTER)
    check_books(world)
    wait_until_final(world)
    act(nl, nl.trades.settling.request_quotes, 0, story.IMPORTER)
    act(nl, nl.trades.settling.settle, 0, story.IMPORTER)
    # 600,000 x 144 / 144.75.
    assert milestone(ke).paid == "596,891.19 KES"
    check_books(world)


def test_the_funding_currency_is_paid_when_the_oracle_is_dead() -> None:
    world = funded(NONE)
    nl, ke = world["bank-nl"], world["bank-ke"]
    for desk in world.desks.values():
        if desk.quotes.reporter is not None:
            with desk.database.transaction() as session:
                for pair in ("EUR/KES", "EUR/UGX"):
                    desk.quotes.reporter.pause(session, pair, "test")
    final(world)
    with pytest.raises(UnavailableError, match="expected a fresh one"):
        act(nl, nl.trades.settling.request_quotes, 0, story.IMPORTER)
    with pytest.raises(WrongStateError, match="or the hold's last day"):
        act(ke, ke.trades.settling.last_resort, 0, story.EXPORTER)
    story.wait_a_day(world)
    assert milestone(ke).state == "final"
    world.advance_to(world.ledger.now_s + 3 * story.DAY_S)
    assert [owner for owner, _ in notices(nl, "trade.last_resort_open")] == ["bloem"]
    found = milestone(ke)
    assert (found.state, found.paid, found.refunded) == ("settled", "4,020.11 EUR", "0.00 KES")
    # 600,000 / (150 x 0.995) euro, shared by payees as the terms say.
    exporter = world.ledger.call("EUR", "balanceOf", world.account("bank-ke", "naivasha"))
    assert 392_000 < exporter < 402_011
    assert memos(ke, "naivasha", "EUR") == [("invoice", None), ("last_resort", None)]
    check_books(world)


def test_a_part_is_paid_when_the_inspector_counts_a_part() -> None:
    world = funded(NONE, ONE_INSPECTOR)
    world.advance_to(story.LOADED_S)
    inspector = world["inspector"]
    part = example("roses/statement-loaded.json").replace(b'"share_bps": 10000', b'"share_bps": 7000')
    inspector.run(inspector.trades.attesting.attest_statement, story.REFERENCE, part)
    world.settle_down()
    ke = world["bank-ke"]
    assert milestone(ke).due_percent == "70.00 %"
    wait_until_final(world)
    world.advance_to(world.ledger.now_s + 3_601)
    found = milestone(ke)
    assert (found.state, found.paid, found.refunded) == ("settled", "420,000.00 KES", "180,000.00 KES")
    check_books(world)


def test_the_slice_shrinks_with_the_milestone_when_the_exporter_waives_a_part() -> None:
    world = funded(HALF, later="144")
    ke, nl = world["bank-ke"], world["bank-nl"]
    story.load(world)
    held = world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem"))
    act(ke, ke.trades.deciding.waive, 0, 20_000_000, story.EXPORTER)
    assert world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem")) < held
    # The call's targets shrink too, on both sides alike.
    for desk in (nl, ke):
        check_slices(world, desk)
    assert milestone(nl).amount == "400,000.00 KES"


def test_the_exporter_waits_when_the_terms_let_it() -> None:
    world = funded(float_terms(0, 'option = "wait"'))
    ke = world["bank-ke"]
    before = milestone(ke, 1).deadline_s
    with pytest.raises(RejectedError, match="as the hold's expiry allows"):
        act(ke, ke.trades.repricing.defer, 1, before + story.DAY_S, story.EXPORTER)
    first = milestone(ke, 0).deadline_s
    act(ke, ke.trades.repricing.defer, 0, first + story.DAY_S, story.EXPORTER)
    for bank in ("bank-nl", "bank-ke"):
        assert milestone(world[bank], 0).deadline_s == first + story.DAY_S
    # The attester knows of it.
    with world["carrier"].database.read() as session:
        deadlines = {one.index: one.deadline_s for one in world["carrier"].trades.attesting.appointments(session)}
    assert deadlines[0] == first + story.DAY_S
    with pytest.raises(WrongStateError, match="terms with the option refund"):
        act(ke, ke.trades.repricing.close_out_of_band, story.EXPORTER, None)


def test_either_party_closes_when_two_rounds_lie_outside_the_band() -> None:
    world = funded(float_terms(0, 'option = "refund"'), later="156")
    nl, ke = world["bank-nl"], world["bank-ke"]
    with pytest.raises(WrongStateError, match="a median outside the band in two rounds"):
        act(nl, nl.trades.repricing.close_out_of_band, story.IMPORTER, None)
    world.advance_to(story.LOADED_S)
    # One round is not enough; the chain says so.
    act(nl, nl.trades.repricing.close_out_of_band, story.IMPORTER, None)
    assert steps(nl)["close_out_of_band"] == ("failed", "escrow: rate within the band")
    world.advance_to(world.ledger.now_s + 4 * story.DAY_S)
    act(ke, ke.trades.repricing.close_out_of_band, story.EXPORTER, None)
    for desk in (nl, ke):
        assert story.view(desk).closed_cause == "out of band"
    assert world.ledger.call("EUR", "heldOf", world.account("bank-nl", "bloem")) == 0
    check_books(world)
