"""Stories other than the plain one, and stories that the rules forbid although validators signed them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import EvidenceError
from bridge.proofs.event_logs import EVENTS, parse_declaration, topic_of
from bridge.proofs.evidence import verify_pack
from bridge.proofs.pack import build_pack
from bridge.proofs.verified import VerifiedPack
from contracts.client.artifacts import load_artifact
from tests.unit.bridge.evidence_fixture import ACCOUNTS, DAY, GENESIS_HASH, Trade, delivered_trade, log, terms_document

SHARE = 10_000


def funded(policy: str = "none", **changes: Any) -> Trade:
    trade = Trade(terms_document(policy, **changes))
    trade.fund()
    return trade


def attested(trade: Trade, share: int = SHARE) -> Trade:
    """Make the first milestone due."""
    trade.attest(0, "carrier", share=share, due=True)
    return trade


def finish(trade: Trade) -> VerifiedPack:
    """Let silence refund the second milestone, and verify."""
    deadline = trade.terms["milestones"][1]["deadline"]
    late = trade.due(1, 0, deadline)
    trade.seal(late, *trade.settlement(1, 0, cause=1), wait_s=deadline + 2 * DAY + 1 - trade.now_s)
    return verify_pack(build_pack(trade.inputs()), GENESIS_HASH)


def test_events_are_those_of_the_compiled_contracts_when_compared():
    for contract, texts in EVENTS.items():
        declared = {event.name: event for event in load_artifact(contract).events.values()}
        for text in texts:
            name, fields = parse_declaration(text)
            found = [(field.name, field.type, field.indexed) for field in declared[name].inputs]
            assert [(field.name, field.type, field.indexed) for field in fields] == found


def test_every_event_of_a_trade_is_known_when_the_contract_declares_it():
    declared = {
        event.name for event in load_artifact("TradeEscrow").events.values() if event.inputs[0].name == "trade_id"
    }
    assert declared == {parse_declaration(text)[0] for text in EVENTS["TradeEscrow"]}


def test_story_pays_the_part_when_quantity_was_partial():
    trade = attested(funded(), share=6_000)
    trade.seal(*trade.settlement(0, 6_000), wait_s=3 * DAY)
    pack = finish(trade)
    assert (pack.milestones[0].paid_minor, pack.milestones[0].refunded_minor) == (27_000_000, 18_000_000)
    assert any("fulfilled 60.00 %" in line for line in pack.statement)


def test_story_refunds_when_attesters_say_failed():
    trade = funded()
    trade.attest(0, "carrier", outcome=2, due=True)
    trade.seal(*trade.settlement(0, 0), wait_s=3 * DAY)
    assert finish(trade).milestones[0].refunded_minor == 45_000_000


def test_story_ends_at_once_when_importer_accepts():
    trade = funded()
    accepted = trade.escrow("MilestoneAccepted", milestone=0)
    trade.seal(trade.due(0, SHARE, trade.now_s + 60), accepted)
    trade.seal(*trade.settlement(0, SHARE))
    assert finish(trade).milestones[0].why == "accepted"


def test_story_follows_the_award_when_disputed():
    trade = attested(funded())
    due_at = trade.now_s
    trade.seal(_dispute(trade))
    award = trade.escrow("AwardMade", milestone=0, share_bps=4_000, reason_hash=bytes(32))
    trade.seal(trade.due(0, 4_000, due_at), award, wait_s=DAY)
    trade.seal(*trade.settlement(0, 4_000))
    pack = finish(trade)
    assert (pack.milestones[0].why, pack.milestones[0].paid_minor) == ("awarded", 18_000_000)


def test_story_takes_the_terms_split_when_no_award_came():
    trade = attested(funded())
    due_at = trade.now_s
    trade.seal(_dispute(trade))
    trade.seal(trade.due(0, 5_000, due_at), *trade.settlement(0, 5_000), wait_s=7 * DAY + 1)
    assert finish(trade).milestones[0].why == "unawarded"


def test_story_tells_equivocation_when_an_attester_contradicts_itself():
    trade = attested(funded())
    carrier = ACCOUNTS["carrier"]
    trade.seal(trade.escrow("EquivocationRecorded", milestone=0, attester=carrier, digest=bytes(32)))
    trade.seal(*trade.settlement(0, SHARE), wait_s=3 * DAY)
    pack = finish(trade)
    assert [index for index, _, _ in pack.equivocations] == [0]
    assert "Carrier Ltd later said otherwise about milestone 1, block 4." in pack.statement


@pytest.mark.parametrize(("cause", "why"), [(2, "cancelled"), (3, "lapsed")])
def test_story_refunds_the_rest_when_cancelled_or_lapsed(cause: int, why: str):
    trade = attested(funded("convert_now"))
    trade.seal(*trade.settlement(0, SHARE), wait_s=3 * DAY)
    if cause == 3:
        trade.now_s = trade.terms["hold_expires_at"]
    trade.seal(*trade.settlement(1, 0, cause=cause))
    pack = verify_pack(build_pack(trade.inputs()), GENESIS_HASH)
    assert [milestone.why for milestone in pack.milestones] == ["attested", why]
    assert (pack.paid_minor, pack.refunded_minor) == (45_000_000, 105_000_000)


def _dispute(trade: Trade) -> dict[str, Any]:
    party = trade.terms["importer"]
    return trade.escrow("DisputeRaised", milestone=0, party=party, digest=bytes(32), reason_hash=bytes(32))


FIELDS = dict(parse_declaration(text) for texts in EVENTS.values() for text in texts)


def _bend(name: str, **changes: Any) -> Callable[[Trade], None]:
    """Make the chain emit other values in the first event of this name; the validators sign it all the same."""

    def bend(trade: Trade) -> None:
        honest, bent = trade.seal, []

        def seal(*logs: Any, wait_s: int = 60) -> None:
            out = list(logs)
            for position, one in enumerate(logs):
                if not bent and one["topics"][0] == "0x" + topic_of(name, FIELDS[name]).hex():
                    out[position] = _changed(one, name, changes)
                    bent.append(name)
            honest(*out, wait_s=wait_s)

        trade.seal = seal  # type: ignore[method-assign]

    return bend


def _changed(one: dict[str, Any], name: str, changes: dict[str, Any]) -> dict[str, Any]:
    data = bytes.fromhex(one["data"][2:])
    words = [bytes.fromhex(topic[2:]) for topic in one["topics"][1:]]
    words += [data[at : at + 32] for at in range(0, len(data), 32)]
    ordered = sorted(FIELDS[name], key=lambda field: not field.indexed)
    values = {field.name: word for field, word in zip(ordered, words, strict=True)}
    return log(one["address"], name, **(values | changes))


def run(trade: Trade) -> None:
    trade.fund()
    trade.attest(0, "carrier", due=True)
    trade.seal(*trade.settlement(0, SHARE), wait_s=3 * DAY)
    finish(trade)


def test_run_is_accepted_when_nothing_is_bent():
    run(Trade(terms_document()))


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (_bend("TradeFunded", invoice_amount=1), "TradeFunded.invoice_amount"),
        (_bend("TradeFunded", exporter=ACCOUNTS["kra"]), "TradeFunded.exporter"),
        (_bend("TradeFunded", policy=0), "TradeFunded.policy"),
        (_bend("TradeFunded", funding_amount=1), "TradeFunded.funding_amount"),
        (_bend("QuoteSettled", taker=ACCOUNTS["kra"]), "QuoteSettled.taker"),
        (_bend("QuoteSettled", buy_amount=1), "QuoteSettled.sell_amount"),
        (_bend("QuoteSettled", digest=bytes(32)), "quotes"),
        (_bend("HoldPlaced", amount=1), "one hold of"),
        (_bend("HoldPlaced", notary=ACCOUNTS["kra"]), "one hold of"),
        (_bend("HoldPlaced", expires_at=1), "payment until 1"),
        (_bend("HoldPlaced", reference=bytes(32)), "one hold of"),
        (_bend("HoldExecuted", amount=1), "moved by the token"),
        (_bend("AttestationRecorded", attester=ACCOUNTS["kra"]), "an attester of this milestone"),
        (_bend("AttestationRecorded", milestone=1), "a reason why milestone 0 is due"),
        (_bend("AttestationRecorded", milestone=9), "a milestone below 2"),
        (_bend("AttestationRecorded", share_bps=20_000), "at most 10000 basis points"),
        (_bend("AttestationRecorded", signature_digest=bytes(32)), "the attestation recorded as"),
        (_bend("MilestoneDue", share_bps=9_999), "MilestoneDue.share_bps"),
        (_bend("MilestoneDue", outcome=2), "MilestoneDue.outcome"),
        (_bend("MilestoneDue", due_at=1), "MilestoneDue.due_at"),
        (_bend("MilestoneSettled", paid=45_000_001), "MilestoneSettled.paid"),
        (_bend("MilestoneSettled", refunded=1), "MilestoneSettled.refunded"),
        (_bend("MilestoneSettled", milestone=1), "final before it is settled"),
        (_bend("PaymentMade", amount=1), "PaymentMade.amount"),
        (_bend("PaymentMade", account=ACCOUNTS["carrier"]), "PaymentMade.account"),
        (_bend("PaymentMade", token=ACCOUNTS["carrier"]), "PaymentMade.token"),
        (_bend("TradeClosed", cause=9), "a cause of 1 settled"),
        (_bend("TradeClosed", cause=3), "a lapse after the hold's expiry"),
        (_bend("DigestRecorded", digest=bytes(32)), ""),
    ],
)
def test_story_is_refused_when_an_event_breaks_the_rules(bend: Callable[[Trade], None], said: str):
    trade = Trade(terms_document())
    bend(trade)
    if not said:
        # A record that is not there weakens the proof to the chain's word; the story still holds.
        run(trade)
        return
    with pytest.raises(EvidenceError) as caught:
        run(trade)
    assert said in str(caught.value)


def _settled_too_early(trade: Trade) -> None:
    attested(trade)
    trade.seal(*trade.settlement(0, SHARE), wait_s=2 * DAY)


def _settled_twice(trade: Trade) -> None:
    attested(trade)
    trade.seal(*trade.settlement(0, SHARE), wait_s=3 * DAY)
    trade.seal(*trade.settlement(0, SHARE))


def _attested_twice(trade: Trade) -> None:
    trade.attest(1, "inspector")
    trade.attest(1, "inspector")


def _attested_late(trade: Trade) -> None:
    trade.attest(0, "inspector", wait_s=21 * DAY)


def _due_without_quorum(trade: Trade) -> None:
    trade.attest(1, "inspector")
    trade.seal(trade.due(1, SHARE, trade.now_s + 60))


def _disputed_late(trade: Trade) -> None:
    attested(trade)
    trade.seal(_dispute(trade), wait_s=3 * DAY)


def _unpaid(trade: Trade) -> None:
    attested(trade)
    trade.seal(*trade.settlement(0, SHARE)[:-2], wait_s=3 * DAY)


def _not_moved(trade: Trade) -> None:
    attested(trade)
    logs = trade.settlement(0, SHARE)
    trade.seal(*logs[:1], *(logs[2::2]), wait_s=3 * DAY)


def _refund_kept(trade: Trade) -> None:
    attested(trade, share=5_000)
    trade.seal(*trade.settlement(0, 5_000)[:-1], wait_s=3 * DAY)


def _funded_twice(trade: Trade) -> None:
    trade.fund()


def _closed_early(trade: Trade) -> None:
    trade.seal(trade.escrow("TradeClosed", cause=1))


def _awarded_undisputed(trade: Trade) -> None:
    attested(trade)
    trade.seal(trade.escrow("AwardMade", milestone=0, share_bps=0, reason_hash=bytes(32)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_settled_too_early, "final before it is settled"),
        (_settled_twice, "settled once"),
        (_attested_twice, "once"),
        (_attested_late, "an attester of this milestone"),
        (_due_without_quorum, "a reason why milestone 1 is due"),
        (_disputed_late, "within its window"),
        (_unpaid, "expected PaymentMade"),
        (_not_moved, "moved by the token"),
        (_refund_kept, "released by the token"),
        (_funded_twice, "one funding"),
        (_closed_early, "a step of a trade"),
        (_awarded_undisputed, "milestone state"),
        (lambda trade: None, "a trade that is closed"),
    ],
)
def test_story_is_refused_when_a_step_is(wrong: Callable[[Trade], None], said: str):
    trade = funded()
    wrong(trade)
    with pytest.raises(EvidenceError) as caught:
        build_pack(trade.inputs())
    assert said in str(caught.value)


def test_story_is_refused_when_an_attestation_that_mattered_is_left_out():
    inputs = delivered_trade().inputs()
    left_out = [block for number, block in enumerate(inputs.blocks, start=1) if number != 5]
    with pytest.raises(EvidenceError, match="a reason why milestone 1 is due"):
        build_pack(replace(inputs, blocks=left_out))


def test_story_is_refused_when_too_few_validators_signed():
    trade = Trade(terms_document("none"))
    trade.chain.signers = 1
    with pytest.raises(EvidenceError, match="more than 2/3 of power 10, got 4"):
        run(trade)


def test_build_leaves_out_blocks_and_receipts_when_they_are_not_the_trades():
    trade = delivered_trade()
    trade.now_s += 60
    trade.chain.seal(trade.now_s, [[]])
    pack = verify_pack(build_pack(trade.inputs()), GENESIS_HASH)
    assert len(pack.blocks) == len(trade.chain.blocks) - 1
