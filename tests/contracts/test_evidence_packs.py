"""Evidence packs of every policy and way out, from the real contracts' logs."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import EvidenceError
from bridge.proofs.canonical_json import canonical
from bridge.proofs.event_logs import EVENTS, parse_declaration, topic_of
from bridge.proofs.evidence import verify_pack
from contracts.client.typed_data import as_tuple
from tests.contracts.packs import Recorder, record
from tests.contracts.support import DAY_S, advance, advance_to, now_s
from tests.contracts.trades import BPS, FAILED, Fields
from tests.contracts.trades_fx import EXAMPLE, FxWorld
from tests.unit.bridge.evidence_changes import at, changed, sample_paths

HALF = BPS // 2


@pytest.fixture
def recorder(market: FxWorld, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = record(market, monkeypatch)
    advance(60)
    market.report(150)
    return found


def funded(recorder: Recorder, policy: str, **changes: Any) -> Fields:
    """Fund a trade of the policy whose terms are in writing."""
    world = recorder.world
    makers = {
        "none": world.terms,
        "convert_now": world.converted_terms,
        "lock": world.lock_terms,
        "float": world.float_terms,
    }
    terms = recorder.written(makers[policy](**changes))
    {"lock": world.fund_lock, "float": world.fund_float}.get(policy, world.fund)(terms)
    advance(60)
    return terms


def paid_by_attesters(recorder: Recorder, terms: Fields, index: int, **claim: Any) -> None:
    """Let two attesters agree, the dispute window pass, and the milestone be settled."""
    recorder.world.make_due(terms, index, **claim)
    advance(DAY_S + 1)
    recorder.world.settle(terms, index)
    advance(60)


@pytest.mark.parametrize("policy", ["none", "convert_now", "lock"])
def test_pack_is_true_when_everything_was_attested(recorder: Recorder, policy: str) -> None:
    terms = funded(recorder, policy)
    paid_by_attesters(recorder, terms, 0, share_bps=HALF)
    paid_by_attesters(recorder, terms, 1)
    pack = recorder.verified()
    assert pack.paid_minor == 100_003 - 15_000
    assert pack.refunded_minor == 15_000
    assert pack.fx_adjustment_minor == 0


def test_pack_tells_the_award_when_disputed(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "lock")
    world.make_due(terms, 0)
    world.dispute(terms, 0, world.importer)
    world.award(terms, 0, 4_000)
    world.settle(terms, 0)
    advance_to(terms["milestones"][1]["deadline"] + 1)
    world.escrow.declare_silence(world.trade_id(terms), 1, sender=world.stranger.address)
    advance(DAY_S + 1)
    world.settle(terms, 1)
    pack = recorder.verified()
    assert [one.why for one in pack.milestones] == ["awarded", "silence"]
    assert pack.paid_minor == 12_000
    assert "Dispute" in {one.type for one in pack.decisions}


def test_pack_pays_the_assignee_when_a_milestone_is_assigned(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "convert_now")
    world.assign(terms, 1)
    paid_by_attesters(recorder, terms, 0)
    paid_by_attesters(recorder, terms, 1)
    pack = recorder.verified()
    last = [one for one in pack.payments if one.milestone == 1][-1]
    assert (last.account, last.purpose) == (world.financier.address, "assignee")
    assert [one.signer for one in pack.decisions] == [world.exporter.address, world.financier.address]
    assert {one.proof for one in pack.decisions} == {"signature"}


@pytest.mark.parametrize("policy", ["none", "lock", "float"])
def test_pack_shows_what_was_waived_when_part_and_whole_are(recorder: Recorder, policy: str) -> None:
    world = recorder.world
    milestones = [world.milestone(3_000, now_s() + 10 * DAY_S), world.milestone(7_000, now_s() + 20 * DAY_S)]
    terms = funded(recorder, policy, milestones=milestones)
    amount = terms["invoice_amount"]
    whole = amount - amount * 3_000 // BPS
    world.waive(terms, 0, 10_001)
    world.waive(terms, 1, whole)
    world.accept(terms, 0)
    if policy == "float":
        world.settle_float(terms, 0, world.spot(terms, 150), world.importer)
    else:
        world.settle(terms, 0)
    world.settle(terms, 1)
    pack = recorder.verified()
    assert [one.waived_minor for one in pack.milestones] == [10_001, whole]
    assert pack.paid_minor == amount * 3_000 // BPS - 10_001
    assert pack.milestones[1].why == "waived"
    fee = sum(-(-700 * part // amount) for part in (10_001, whole)) if policy == "lock" else 0
    assert pack.cancel_fee_minor == fee


@pytest.mark.parametrize("agrees", [False, True])
def test_pack_explains_the_cancel_fee_when_a_lock_is_cancelled(recorder: Recorder, agrees: bool) -> None:
    world, terms = recorder.world, funded(recorder, "lock")
    paid_by_attesters(recorder, terms, 0)
    if agrees:
        cancel_with_provider(recorder, terms)
    else:
        world.cancel(terms)
    pack = recorder.verified()
    assert pack.closed_cause == 2
    assert pack.cancel_fee_minor == (0 if agrees else 491)
    assert pack.refunded_minor == 70_003


def cancel_with_provider(recorder: Recorder, terms: Fields) -> None:
    """Cancel a lock with the provider's consent, which counts once recorded."""
    world = recorder.world
    message = world.cancel_message(terms)
    consent = world.consent(world.provider, "Cancel", message)
    world.record(world.provider, recorder.digest_of(recorder.decisions[-1]))
    world.escrow.cancel(
        world.trade_id(terms),
        world.consent(world.importer, "Cancel", message),
        [world.consent(world.exporter, "Cancel", message)],
        [consent],
        sender=world.relayer.address,
    )


def test_pack_ends_with_the_hold_when_a_trade_lapses(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float")
    advance_to(terms["hold_expires_at"] + 1)
    world.escrow.lapse(world.trade_id(terms), sender=world.stranger.address)
    pack = recorder.verified()
    assert (pack.closed_cause, pack.refunded_minor, pack.paid_minor) == (3, EXAMPLE, 0)


def test_pack_pays_in_the_funding_currency_when_a_locks_provider_is_frozen(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "lock")
    order = (world.kes.last_order() + 1, 2, now_s() + 20 * DAY_S, b"sanctions".ljust(32, b"\0"))
    world.kes.order_freeze(world.provider.address, *order, sender=world.issuer.address)
    world.accept(terms, 0)
    world.accept(terms, 1)
    advance(3 * DAY_S + 1)
    world.last_resort(terms, 0)
    world.last_resort(terms, 1)
    pack = recorder.verified()
    assert [one.last_resort for one in pack.milestones] == [3, 3]
    assert pack.paid_minor == 0
    assert sum(one.amount_minor for one in pack.payments) == pack.funding_minor
    assert {one.token.currency for one in pack.payments} == {"EUR"}


def test_pack_needs_the_freeze_order_when_a_hold_outlived_its_expiry(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "none")
    world.accept(terms, 0)
    order = world.eur.last_order() + 1
    reason = b"sanctions".ljust(32, b"\0")
    world.eur.order_freeze(world.importer.address, order, 2, now_s() + 60 * DAY_S, reason, sender=world.issuer.address)
    advance_to(terms["hold_expires_at"] + 5)
    world.eur.lift_freeze(world.importer.address, order, sender=world.issuer.address)
    advance(60)
    world.settle(terms, 0)
    world.accept(terms, 1)
    world.settle(terms, 1)
    assert recorder.verified().paid_minor == 100_003
    ordered = topic_of(*parse_declaration(EVENTS["SettlementToken"][4]))
    kept = [one for one in recorder.transactions if one[1][0]["topics"][0] != "0x" + ordered.hex()]
    assert len(kept) == len(recorder.transactions) - 1
    recorder.transactions = kept
    with pytest.raises(EvidenceError, match="the freeze orders that moved it"):
        recorder.pack()


@pytest.mark.parametrize(("rate", "quote"), [(150, 150), (144, "143.5"), (156, 156)])
def test_pack_shows_the_adjustment_apart_when_a_float_leaves_its_band(
    recorder: Recorder, rate: int, quote: int | str
) -> None:
    world, terms = recorder.world, funded(recorder, "float")
    world.make_due(terms, 0)
    advance(DAY_S + 1)
    world.report(rate)
    world.settle_float(terms, 0, world.spot(terms, quote), world.importer)
    pack = recorder.verified()
    paid = {150: EXAMPLE, 144: 148_453_608, 156: 151_456_310}[rate]
    assert (pack.invoice_minor, pack.paid_minor) == (EXAMPLE, paid)
    assert pack.fx_adjustment_minor == paid - EXAMPLE
    assert any("FX adjustment" in line for line in pack.statement) == (rate != 150)
    (used,) = [one for one in pack.quotes if one.is_used]
    assert used.fee_minor is not None or rate != 144
    assert ("ChooseQuote", "signature") in {(one.type, one.proof) for one in pack.decisions}


def test_pack_follows_call_and_top_up_when_the_rate_falls(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float", share_bps=BPS)
    world.report(144)
    world.reprice(terms)
    world.top_up(terms, world.target_of(terms) - world.slice_of(terms))
    world.report(143)
    world.accept(terms)
    advance(3_601)
    world.settle_float(terms, 0, world.spot(terms, 143))
    pack = recorder.verified()
    assert pack.paid_minor == EXAMPLE
    assert [one.kind for one in pack.happenings] == ["called", "topped_up"]


def test_pack_pays_what_the_slice_buys_when_a_call_stayed_unpaid(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float", share_bps=BPS, fx={"calls_max": 1})
    world.report(144)
    world.reprice(terms)
    world.accept(terms)
    advance(DAY_S + 3_601)
    world.settle_float(terms, 0, world.spot(terms, "143.28"))
    pack = recorder.verified()
    assert pack.paid_minor == 148_453_697
    assert pack.fx_adjustment_minor == 148_453_697 - EXAMPLE


def test_pack_needs_the_holders_choice_when_a_short_slice_could_be_topped_up(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float", share_bps=BPS)
    world.report(144)
    world.accept(terms)
    world.settle_float(terms, 0, world.spot(terms, "143.28"), world.exporter, 148_000_000)
    assert recorder.verified().paid_minor == 148_453_697
    recorder.decisions = [one for one in recorder.decisions if one.type != "ChooseQuote"]
    with pytest.raises(EvidenceError, match="the ChooseQuote of"):
        recorder.pack()


def test_pack_pays_at_the_last_good_median_when_nobody_converts(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float")
    world.report(144)
    world.accept(terms)
    advance(3 * DAY_S + 1)
    world.last_resort(terms)
    pack = recorder.verified()
    (one,) = pack.milestones
    assert (one.last_resort, one.paid_minor, one.paid_funding_minor) == (4, 0, 1_036_109)
    assert pack.fx_adjustment_minor == 0


def test_pack_refunds_when_a_float_failed(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float")
    world.make_due(terms, 0, outcome=FAILED, share_bps=0)
    advance(DAY_S + 1)
    world.settle(terms)
    assert recorder.verified().refunded_minor == EXAMPLE


def test_pack_defers_when_the_terms_let_it_wait(recorder: Recorder) -> None:
    world = recorder.world
    terms = funded(recorder, "float", fx={"option": 1})
    deadline = terms["milestones"][0]["deadline"] + DAY_S
    world.defer(terms, 0, deadline)
    advance_to(deadline)
    world.make_due(terms, 0, share_bps=HALF)
    advance(DAY_S + 1)
    world.report(150)
    world.settle_float(terms, 0, world.spot(terms, 150), world.importer)
    assert recorder.verified().paid_minor == EXAMPLE // 2


@pytest.mark.parametrize("by_importer", [True, False])
def test_pack_shows_two_rounds_when_closed_out_of_band(recorder: Recorder, by_importer: bool) -> None:
    world = recorder.world
    terms = funded(recorder, "float", fx={"option": 2})
    world.report(140)
    world.report(141)
    signer = world.importer if by_importer else world.exporter
    world.close_out_of_band(terms, signer, by_importer=by_importer)
    pack = recorder.verified()
    assert (pack.closed_cause, pack.refunded_minor) == (4, EXAMPLE)
    assert [one.signer for one in pack.decisions] == [signer.address]


def test_pack_carries_both_versions_when_a_float_is_amended(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float")
    fx = terms["fx"] | {"rate_num": 140}
    new = amended(recorder, terms, fx=fx, windows=terms["windows"] | {"dispute_s": 3_600})
    hold_id = bytes(world.escrow.get_fx(world.trade_id(terms)).hold)
    more = world.increase(world.eur, world.importer, hold_id, world.float_sum(new), terms["hold_expires_at"])
    new = world.amend(terms, new, increases=[more])
    world.make_due(new, 0)
    advance(3_601)
    world.report(140)
    world.settle_float(new, 0, world.spot(new, 140), world.importer)
    pack = recorder.verified()
    assert (pack.version, pack.paid_minor) == (2, EXAMPLE)
    assert {one.type for one in pack.decisions} == {"Amend", "ChooseQuote"}


def amended(recorder: Recorder, terms: Fields, **changes: Any) -> Fields:
    """Return the terms after an amendment, in writing."""
    new = recorder.world.amended(terms, **changes)
    return new | recorder.written(new)


def test_pack_explains_the_fee_when_a_lock_shrinks(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "lock")
    world.attest(terms, 0, world.attesters[0])
    new = world.amend(terms, amended(recorder, terms, invoice_amount=80_001))
    paid_by_attesters(recorder, new, 0)
    paid_by_attesters(recorder, new, 1)
    pack = recorder.verified()
    assert (pack.version, pack.invoice_minor, pack.paid_minor) == (2, 80_001, 80_001)
    assert pack.cancel_fee_minor == -(-700 * 20_002 // 100_003)
    assert len(pack.attestations) == 5


def test_pack_needs_the_provider_when_its_lock_grows(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "lock")
    new = amended(recorder, terms, invoice_amount=120_001)
    trade, fx = world.escrow.get_trade(world.trade_id(terms)), world.escrow.get_fx(world.trade_id(terms))
    sold = -(-120_001 * 10_000 // 14_328)
    until = terms["hold_expires_at"]
    increases = [
        world.increase(world.eur, world.importer, bytes(fx.hold), sold, until),
        world.increase(world.kes, world.provider, bytes(trade.invoice_hold), 120_001, until),
    ]
    message = {"trade_id": world.trade_id(terms), "version": 1, "terms": new}
    consent = world.consent(world.provider, "Amend", message)
    agreed = recorder.decisions[-1]
    world.record(world.provider, recorder.digest_of(agreed))
    world.escrow.amend(
        world.trade_id(terms),
        as_tuple("Terms", new),
        world.consent(world.importer, "Amend", message),
        [world.consent(world.exporter, "Amend", message)],
        [consent],
        increases,
        sender=world.relayer.address,
    )
    advance(60)
    paid_by_attesters(recorder, new, 0)
    paid_by_attesters(recorder, new, 1)
    assert recorder.verified().paid_minor == 120_001
    recorder.decisions.remove(agreed)
    with pytest.raises(EvidenceError, match="the provider's Amend in the pack"):
        recorder.pack()


def settled_float(recorder: Recorder) -> bytes:
    """Return the pack of a float with a call, a top-up, a waiver and a choice."""
    world, terms = recorder.world, funded(recorder, "float", share_bps=BPS)
    world.report(144)
    world.reprice(terms)
    world.top_up(terms, world.target_of(terms) - world.slice_of(terms))
    world.waive(terms, 0, 5)
    world.make_due(terms, 0)
    advance(DAY_S + 1)
    world.report(143)
    world.settle_float(terms, 0, world.spot(terms, 143), world.importer)
    return recorder.pack()


def cancelled_lock(recorder: Recorder) -> bytes:
    """Return the pack of a lock that was assigned, amended, paid in part and cancelled."""
    world, terms = recorder.world, funded(recorder, "lock")
    world.assign(terms, 0)
    new = world.amend(terms, amended(recorder, terms, invoice_amount=90_001), holders=[world.financier, world.exporter])
    paid_by_attesters(recorder, new, 0)
    cancel_with_provider(recorder, new)
    return recorder.pack()


@pytest.mark.parametrize("make", [settled_float, cancelled_lock])
def test_verify_refuses_when_any_value_of_the_pack_is_changed(
    recorder: Recorder, make: Callable[[Recorder], bytes]
) -> None:
    data = make(recorder)
    # Genesis and finality are the same in every pack; the unit tests change each of their values.
    paths = [path for path in sample_paths(data) if path[0] != "genesis" and "finality" not in path]
    assert len(paths) > 60
    for path in paths:
        mutated = json.loads(data)
        holder = at(mutated, path[:-1])
        holder[path[-1]] = changed(holder[path[-1]])
        with pytest.raises(EvidenceError):
            verify_pack(canonical(mutated), recorder.genesis)


@pytest.mark.parametrize("make", [settled_float, cancelled_lock])
def test_verify_refuses_when_a_round_version_decision_or_quote_is_missing(
    recorder: Recorder, make: Callable[[Recorder], bytes]
) -> None:
    data = make(recorder)
    for name in ("amendments", "blocks", "quotes"):
        for place in range(len(json.loads(data)[name])):
            mutated = json.loads(data)
            del mutated[name][place]
            with pytest.raises(EvidenceError):
                verify_pack(canonical(mutated), recorder.genesis)


Bent = tuple[str, str, dict[str, Any]]


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        (("TradeEscrow", "MilestoneSettled", {"paid": 148_000_000}), "MilestoneSettled.paid"),
        (("TradeEscrow", "PaymentMade", {"account": "stranger"}), "PaymentMade.account"),
        (("TradeEscrow", "PaymentMade", {"amount": 1}), "PaymentMade.amount"),
        (("TradeEscrow", "FundingSliceSettled", {"median": 150 * 10**18}), "FundingSliceSettled.median"),
        (("TradeEscrow", "FundingSliceSettled", {"refunded": 0}), "FundingSliceSettled.refunded"),
        (("TradeEscrow", "FundingLegOpened", {"amount": 1}), "FundingLegOpened.amount"),
        (("TradeEscrow", "Repriced", {"missing": 1}), "Repriced.missing"),
        (("TradeEscrow", "Repriced", {"median": 1}), "Repriced.median"),
        (("TradeEscrow", "ToppedUp", {"amount": 1}), "ToppedUp.amount"),
        (("TradeEscrow", "ToppedUp", {"in_call": 0}), "ToppedUp.in_call"),
        (("TradeEscrow", "AmountWaived", {"left": 1}), "AmountWaived.left"),
        (("FxSettlement", "QuoteSettled", {"buy_amount": 1}), "QuoteSettled.sell_amount"),
        (("SettlementToken", "HoldIncreased", {"amount": 1}), "the hold raised to"),
        (("FxOracle", "RoundRecorded", {"usable": 0}), "a proven usable round"),
        (("FxOracle", "RoundRecorded", {"median": 100 * 10**18}), "a median within the band"),
    ],
)
def test_build_refuses_when_the_chain_says_what_the_rule_forbids(recorder: Recorder, bent: Bent, said: str) -> None:
    settled_float(recorder)
    contract, name, changes = bent
    stranger = recorder.world.stranger.address
    bend(recorder, contract, name, {key: stranger if value == "stranger" else value for key, value in changes.items()})
    with pytest.raises(EvidenceError, match=re.escape(said)):
        recorder.pack()


def test_build_refuses_when_a_call_is_left_out(recorder: Recorder) -> None:
    world, terms = recorder.world, funded(recorder, "float", share_bps=BPS, fx={"calls_max": 1})
    world.report(144)
    calls_before = len(recorder.transactions)
    world.reprice(terms)
    world.accept(terms)
    advance(DAY_S + 3_601)
    world.settle_float(terms, 0, world.spot(terms, "143.28"))
    del recorder.transactions[calls_before]
    with pytest.raises(EvidenceError, match="while a top-up can be called for"):
        recorder.pack()


def bend(recorder: Recorder, contract: str, name: str, changes: dict[str, Any]) -> None:
    """Make the chain have said something else in the first event of this name; validators sign it all the same."""
    declared = dict(parse_declaration(text) for text in EVENTS[contract])
    fields = declared[name]
    topic = "0x" + topic_of(name, fields).hex()
    log = next(log for _, logs in recorder.transactions for log in logs if log["topics"][0] == topic)
    indexed, plain = ([one for one in fields if one.indexed is kind] for kind in (True, False))
    for key, value in changes.items():
        word = (
            value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")
        ).hex()
        if key in [one.name for one in indexed]:
            log["topics"][1 + [one.name for one in indexed].index(key)] = "0x" + word
        else:
            start = 2 + 64 * [one.name for one in plain].index(key)
            log["data"] = log["data"][:start] + word + log["data"][start + 64 :]
