"""TradeEscrow: attestations, silence, acceptance, dispute and award (SPEC section 3)."""

from typing import Any

import boa
import pytest

from contracts.client.typed_data import Domain, digest
from tests.contracts.support import ARBITER, DAY_S, ZERO_ADDRESS, Actor, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, FAILED, FULFILLED, Fields, World, windows
from tests.models.escrow import Outcome, State


@pytest.fixture
def terms(world: World) -> Fields:
    """A funded trade of the default terms."""
    terms = world.terms()
    world.fund(terms)
    return terms


def record_of(world: World, terms: Fields, index: int = 0) -> Any:
    return world.escrow.get_milestone(world.trade_id(terms), index)


def make_due(world: World, terms: Fields, index: int = 0, **changes: Any) -> None:
    """Let two attesters agree."""
    for attester in world.attesters[:2]:
        world.attest(terms, index, attester, **changes)


def make_disputed(world: World, terms: Fields) -> None:
    make_due(world, terms)
    world.dispute(terms, 0, world.importer)


# Attestations --------------------------------------------------------------------------------------------------------


def test_attest_records_what_one_attester_says(world: World, terms: Fields) -> None:
    message = world.attest(terms, 0, world.attesters[0])
    (event,) = events_of(world.escrow, "AttestationRecorded")
    assert event["attester"] == world.attesters[0].address
    assert (event["milestone"], event["outcome"], event["share_bps"]) == (0, FULFILLED, BPS)
    assert event["signature_digest"] == digest(world.escrow_domain, "Attestation", message)
    assert world.state_of(terms, 0) == State.PENDING


def test_attest_makes_the_milestone_due_when_the_quorum_agrees(world: World, terms: Fields) -> None:
    make_due(world, terms)
    (event,) = events_of(world.escrow, "MilestoneDue")
    assert (event["outcome"], event["share_bps"], event["due_at"]) == (Outcome.PAY, BPS, now_s())
    record = record_of(world, terms)
    assert (record.state, record.outcome, record.share_bps) == (State.DUE, Outcome.PAY, BPS)
    assert world.state_of(terms, 1) == State.PENDING


@pytest.mark.parametrize(
    ("outcome", "share_bps", "due", "due_share_bps"),
    [
        (FULFILLED, BPS, Outcome.PAY, BPS),
        (FULFILLED, BPS - 1, Outcome.PARTIAL, BPS - 1),
        (FULFILLED, 1, Outcome.PARTIAL, 1),
        (FAILED, 0, Outcome.REFUND, 0),
    ],
)
def test_attest_decides_what_is_due(
    world: World, terms: Fields, outcome: int, share_bps: int, due: Outcome, due_share_bps: int
) -> None:
    make_due(world, terms, outcome=outcome, share_bps=share_bps)
    record = record_of(world, terms)
    assert (record.outcome, record.share_bps) == (due, due_share_bps)


def test_attest_makes_a_refund_due_when_the_share_comes_to_nothing(world: World) -> None:
    terms = world.terms(invoice_amount=20_000)  # the first slice is 6,000; one basis point of it is nothing
    world.fund(terms)
    make_due(world, terms, share_bps=1)
    record = record_of(world, terms)
    assert (record.outcome, record.share_bps) == (Outcome.REFUND, 0)


def test_attest_waits_when_outcomes_or_shares_differ(world: World, terms: Fields) -> None:
    world.attest(terms, 0, world.attesters[0], share_bps=9_000)
    world.attest(terms, 0, world.attesters[1], outcome=FAILED, share_bps=0)
    assert world.state_of(terms, 0) == State.PENDING
    world.attest(terms, 0, world.attesters[2], share_bps=9_000, evidence_hash=b"\5" * 32)
    assert record_of(world, terms).share_bps == 9_000


def test_attest_counts_until_the_deadline_and_not_a_second_longer(world: World, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"])
    with boa.env.anchor():
        make_due(world, terms)
        assert world.state_of(terms, 0) == State.DUE
    advance(1)
    with boa.reverts("escrow: deadline passed"):
        world.attest(terms, 0, world.attesters[0])


def test_attest_is_refused_when_the_same_is_said_twice(world: World, terms: Fields) -> None:
    world.attest(terms, 0, world.attesters[0])
    with boa.reverts("escrow: already attested"):
        world.attest(terms, 0, world.attesters[0], evidence_hash=b"\6" * 32)


def test_attest_is_refused_when_the_message_is_replayed(world: World, terms: Fields) -> None:
    message = world.attest(terms, 0, world.attesters[0])
    with boa.reverts("escrow: action used"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_is_refused_when_the_action_number_was_used(world: World, terms: Fields) -> None:
    message = world.attest(terms, 0, world.attesters[0])
    with boa.reverts("escrow: action used"):
        world.attest(terms, 1, world.attesters[0], action=message["action"])
    world.attest(terms, 1, world.attesters[1], action=message["action"])


def test_attest_records_equivocation_when_an_attester_says_otherwise(world: World, terms: Fields) -> None:
    world.attest(terms, 0, world.attesters[0])
    message = world.attest(terms, 0, world.attesters[0], outcome=FAILED, share_bps=0)
    (event,) = events_of(world.escrow, "EquivocationRecorded")
    assert event["attester"] == world.attesters[0].address
    assert event["digest"] == digest(world.escrow_domain, "Attestation", message)
    assert not events_of(world.escrow, "AttestationRecorded")
    world.attest(terms, 0, world.attesters[1], outcome=FAILED, share_bps=0)
    assert world.state_of(terms, 0) == State.PENDING


def test_attest_records_equivocation_until_the_milestone_is_settled(world: World, terms: Fields) -> None:
    make_due(world, terms)
    advance_to(terms["milestones"][0]["deadline"] + 2 * DAY_S)
    world.attest(terms, 0, world.attesters[0], share_bps=1)
    assert len(events_of(world.escrow, "EquivocationRecorded")) == 1
    assert record_of(world, terms).share_bps == BPS
    world.settle(terms, 0)
    with boa.reverts("escrow: milestone settled"):
        world.attest(terms, 0, world.attesters[0], share_bps=2)


def test_attest_is_refused_when_the_milestone_is_due(world: World, terms: Fields) -> None:
    make_due(world, terms)
    with boa.reverts("escrow: milestone not pending"):
        world.attest(terms, 0, world.attesters[2])


@pytest.mark.parametrize(
    ("outcome", "share_bps", "reason"),
    [
        (0, 0, "escrow: unknown outcome"),
        (3, 0, "escrow: unknown outcome"),
        (FULFILLED, 0, "escrow: share out of range"),
        (FULFILLED, BPS + 1, "escrow: share out of range"),
        (FAILED, 1, "escrow: share out of range"),
        (2**256 - 1, 2**256 - 1, "escrow: unknown outcome"),
    ],
)
def test_attest_is_refused_when_the_claim_makes_no_sense(
    world: World, terms: Fields, outcome: int, share_bps: int, reason: str
) -> None:
    with boa.reverts(reason):
        world.attest(terms, 0, world.attesters[0], outcome=outcome, share_bps=share_bps)


def test_attest_is_refused_when_an_attester_only_signed(world: World, terms: Fields) -> None:
    attester, message = world.attesters[0], world.attestation(terms, 0)
    signature = attester.sign(world.escrow_domain, "Attestation", message)
    with boa.reverts("escrow: digest not recorded"):
        world.submit_attestation(terms, attester, message, signature=signature)
    world.submit_attestation(terms, attester, message, sender=attester.address)


def test_attest_is_refused_when_another_attester_recorded_it(world: World, terms: Fields) -> None:
    message = world.attestation(terms, 0)
    world.record(world.attesters[1], digest(world.escrow_domain, "Attestation", message))
    with boa.reverts("escrow: digest not recorded"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_is_refused_when_recorded_for_another_chain(world: World, terms: Fields) -> None:
    right, message = world.escrow_domain, world.attestation(terms, 0)
    other = Domain(right.name, right.chain_id + 1, right.verifying_contract)
    world.record(world.attesters[0], digest(other, "Attestation", message))
    with boa.reverts("escrow: digest not recorded"):
        world.submit_attestation(terms, world.attesters[0], message)


@pytest.mark.parametrize("who", ["stranger", "importer", "exporter", "bank"])
def test_attest_is_refused_when_the_signer_is_not_its_attester(world: World, terms: Fields, who: str) -> None:
    actor: Actor = getattr(world, who)
    with boa.reverts("escrow: not its attester"):
        world.submit_attestation(terms, actor, world.attestation(terms, 0), sender=actor.address)


def test_attest_is_refused_when_the_attester_is_suspended(world: World, terms: Fields) -> None:
    message = world.attestation(terms, 0)
    world.record(world.attesters[0], digest(world.escrow_domain, "Attestation", message))
    world.registry.set_status(world.attesters[0].address, False, sender=world.governor.address)
    with boa.reverts("escrow: attester not active"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_takes_a_message_until_its_last_second(world: World, terms: Fields) -> None:
    message = world.attestation(terms, 0)
    world.record(world.attesters[0], digest(world.escrow_domain, "Attestation", message))
    advance_to(message["valid_until"])
    with boa.env.anchor():
        world.submit_attestation(terms, world.attesters[0], message)
    advance(1)
    with boa.reverts("escrow: signature expired"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_is_refused_when_the_attester_revoked_it(world: World, terms: Fields) -> None:
    message = world.attestation(terms, 0)
    recorded = digest(world.escrow_domain, "Attestation", message)
    world.record(world.attesters[0], recorded)
    world.escrow.revoke(recorded, sender=world.attesters[0].address)
    with boa.reverts("escrow: digest used or revoked"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_is_refused_when_the_milestone_terms_are_not_the_stored_ones(world: World, terms: Fields) -> None:
    attester = world.attesters[0]
    for changes in (
        {"deadline": terms["milestones"][0]["deadline"] + 1},
        {"quorum": 1},
        {"attesters": [attester.address]},
        {"kind": b"loaded".ljust(32, b"\0")},
        {"silence_pays": True},
        {"weight_bps": 3_001},
    ):
        with boa.reverts("escrow: other milestone terms"):
            world.submit_attestation(
                terms,
                attester,
                world.attestation(terms, 0),
                milestone=terms["milestones"][0] | changes,
                sender=attester.address,
            )


def test_attest_is_refused_when_the_milestone_is_another_or_none(world: World, terms: Fields) -> None:
    for index in (1, 2, 2**256 - 1):
        with boa.reverts("escrow: other milestone terms"):
            world.submit_attestation(
                terms,
                world.attesters[0],
                world.attestation(terms, 0) | {"milestone": index},
                milestone=terms["milestones"][0],
                sender=world.attesters[0].address,
            )


def test_attest_is_refused_when_a_signature_binds_another_milestone_hash(world: World, terms: Fields) -> None:
    message = world.attestation(terms, 0)
    for changes in ({"milestone_hash": world.milestone_hash(terms, 1)}, {"trade_id": b"\7" * 32}):
        world.record(world.attesters[0], digest(world.escrow_domain, "Attestation", message | changes))
    with boa.reverts("escrow: digest not recorded"):
        world.submit_attestation(terms, world.attesters[0], message)


def test_attest_is_refused_when_there_is_no_such_trade(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: no such trade"):
        world.submit_attestation(
            terms,
            world.attesters[0],
            world.attestation(terms, 0, trade_id=b"\7" * 32),
            sender=world.attesters[0].address,
        )


# Silence -------------------------------------------------------------------------------------------------------------


def test_declare_silence_is_refused_until_the_deadline_passed(world: World, terms: Fields) -> None:
    trade_id = world.trade_id(terms)
    advance_to(terms["milestones"][0]["deadline"])
    with boa.reverts("escrow: deadline not passed"):
        world.escrow.declare_silence(trade_id, 0)
    advance(1)
    world.escrow.declare_silence(trade_id, 0, sender=world.stranger.address)
    record = record_of(world, terms)
    assert (record.outcome, record.due_at) == (Outcome.REFUND, terms["milestones"][0]["deadline"])
    with boa.reverts("escrow: milestone not pending"):
        world.escrow.declare_silence(trade_id, 0)


def test_declare_silence_pays_when_the_terms_say_so(world: World) -> None:
    terms = world.terms(milestones=[world.milestone(BPS, now_s() + DAY_S, silence_pays=True)])
    world.fund(terms)
    advance(DAY_S + 1)
    world.escrow.declare_silence(world.trade_id(terms), 0)
    record = record_of(world, terms)
    assert (record.outcome, record.share_bps) == (Outcome.PAY, BPS)


def test_declare_silence_is_refused_when_there_is_no_such_milestone(world: World, terms: Fields) -> None:
    advance(20 * DAY_S)
    with boa.reverts("escrow: milestone not pending"):
        world.escrow.declare_silence(world.trade_id(terms), 2)
    with boa.reverts("escrow: no such trade"):
        world.escrow.declare_silence(b"\7" * 32, 0)


def test_state_of_runs_from_the_deadline_whenever_silence_is_declared(world: World, terms: Fields) -> None:
    deadline = terms["milestones"][0]["deadline"]
    states = []
    for time_s in (deadline, deadline + 1, deadline + DAY_S, deadline + DAY_S + 1):
        advance_to(time_s)
        states.append(world.state_of(terms, 0))
    assert states == [State.PENDING, State.DUE, State.DUE, State.FINAL]
    world.escrow.declare_silence(world.trade_id(terms), 0)
    assert world.state_of(terms, 0) == State.FINAL
    assert record_of(world, terms).due_at == deadline
    assert world.state_of(terms, 2) == 0


# Acceptance ----------------------------------------------------------------------------------------------------------


def test_accept_makes_a_pending_milestone_final_in_full(world: World, terms: Fields) -> None:
    world.accept(terms, 0)
    assert len(events_of(world.escrow, "MilestoneAccepted")) == 1
    record = record_of(world, terms)
    assert (record.state, record.outcome, record.share_bps) == (State.FINAL, Outcome.PAY, BPS)


def test_accept_overrides_a_refund_and_a_dispute(world: World, terms: Fields) -> None:
    make_due(world, terms, outcome=FAILED, share_bps=0)
    world.dispute(terms, 0, world.exporter)
    world.accept(terms, 0)
    assert record_of(world, terms).outcome == Outcome.PAY
    with boa.reverts("escrow: milestone not disputed"):
        world.award(terms, 0, 0)


def test_accept_keeps_the_clock_of_a_milestone_that_is_final(world: World, terms: Fields) -> None:
    make_due(world, terms, share_bps=1)
    due_at = now_s()
    advance(DAY_S)
    with boa.env.anchor():
        world.accept(terms, 0)
        assert record_of(world, terms).final_at == due_at + DAY_S
    advance(60)
    world.accept(terms, 0)
    record = record_of(world, terms)
    assert (record.outcome, record.final_at) == (Outcome.PAY, due_at + DAY_S)
    advance(60)
    world.accept(terms, 0)
    assert record_of(world, terms).final_at == due_at + DAY_S


@pytest.mark.parametrize("signer", ["exporter", "stranger", "arbiter"])
def test_accept_is_refused_when_another_signs(world: World, terms: Fields, signer: str) -> None:
    with boa.reverts("escrow: bad signature"):
        world.accept(terms, 0, getattr(world, signer))


def test_accept_is_refused_when_expired_or_for_another_contract(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: signature expired"):
        world.accept(terms, 0, valid_until=now_s() - 1)
    right = world.escrow_domain
    with boa.reverts("escrow: bad signature"):
        world.accept(terms, 0, domain=Domain(right.name, right.chain_id, world.fx.address))


def test_accept_is_refused_when_settled_or_unknown(world: World, terms: Fields) -> None:
    world.accept(terms, 0)
    world.settle(terms, 0)
    with boa.reverts("escrow: milestone settled"):
        world.accept(terms, 0)
    with boa.reverts("escrow: no such milestone"):
        world.escrow.accept(world.trade_id(terms), 2, (now_s(), 1, b""), sender=world.importer.address)
    with boa.reverts("escrow: no such trade"):
        world.escrow.accept(b"\7" * 32, 0, (now_s(), 1, b""), sender=world.importer.address)


# Dispute and award ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_dispute_puts_a_due_milestone_before_the_arbiter(world: World, terms: Fields, party: str) -> None:
    make_due(world, terms)
    world.dispute(terms, 0, getattr(world, party))
    (event,) = events_of(world.escrow, "DisputeRaised")
    dispute = world.escrow.get_dispute(world.trade_id(terms), 0)
    assert (bytes(dispute.digest), dispute.raised_at) == (event["digest"], now_s())
    assert world.state_of(terms, 0) == State.DISPUTED
    advance(2 * DAY_S)
    with boa.reverts("escrow: milestone not final"):
        world.settle(terms, 0)


def test_dispute_counts_until_the_last_second_of_the_window(world: World, terms: Fields) -> None:
    make_due(world, terms)
    advance(DAY_S)
    with boa.env.anchor():
        world.dispute(terms, 0, world.importer)
    advance(1)
    with boa.reverts("escrow: milestone not due"):
        world.dispute(terms, 0, world.importer)


def test_dispute_is_possible_after_silence_that_nobody_declared(world: World, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"] + 1)
    world.dispute(terms, 0, world.exporter)
    assert record_of(world, terms).outcome == Outcome.REFUND
    world.award(terms, 0, BPS)
    assert record_of(world, terms).outcome == Outcome.PAY


def test_dispute_is_refused_when_the_milestone_is_pending_or_disputed(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: milestone not due"):
        world.dispute(terms, 0, world.importer)
    make_disputed(world, terms)
    with boa.reverts("escrow: milestone not due"):
        world.dispute(terms, 0, world.exporter)


def test_dispute_is_refused_when_the_party_is_none_or_did_not_sign(world: World, terms: Fields) -> None:
    make_due(world, terms)
    with boa.reverts("escrow: not a party"):
        world.dispute(terms, 0, world.arbiter)
    with boa.reverts("escrow: bad signature"):
        world.dispute(terms, 0, world.importer, world.exporter)


def test_dispute_is_refused_when_the_terms_name_no_arbiter(world: World) -> None:
    terms = world.terms(arbiter=ZERO_ADDRESS)
    world.fund(terms)
    make_due(world, terms)
    with boa.reverts("escrow: no arbiter"):
        world.dispute(terms, 0, world.importer)


@pytest.mark.parametrize(("share_bps", "outcome"), [(0, Outcome.REFUND), (1, Outcome.PARTIAL), (BPS, Outcome.PAY)])
def test_award_replaces_what_was_due(world: World, terms: Fields, share_bps: int, outcome: Outcome) -> None:
    make_disputed(world, terms)
    world.award(terms, 0, share_bps)
    (event,) = events_of(world.escrow, "AwardMade")
    assert event["share_bps"] == share_bps
    record = record_of(world, terms)
    assert (record.state, record.outcome, record.share_bps) == (State.FINAL, outcome, share_bps)
    with boa.reverts("escrow: milestone not disputed"):
        world.award(terms, 0, 5)


def test_award_counts_until_the_last_second_of_the_award_time(world: World, terms: Fields) -> None:
    make_disputed(world, terms)
    advance(2 * DAY_S)
    with boa.env.anchor():
        world.award(terms, 0, 1)
    advance(1)
    with boa.reverts("escrow: milestone not disputed"):
        world.award(terms, 0, 1)


def test_award_is_refused_when_above_all_or_not_disputed(world: World, terms: Fields) -> None:
    with boa.reverts("escrow: milestone not disputed"):
        world.award(terms, 0, 1)
    make_disputed(world, terms)
    with boa.reverts("escrow: share out of range"):
        world.award(terms, 0, BPS + 1)


def test_award_is_refused_when_the_arbiter_did_not_record_it(world: World, terms: Fields) -> None:
    make_disputed(world, terms)
    with boa.reverts("escrow: digest not recorded"):
        world.award(terms, 0, 1, sender=world.relayer)


def test_award_is_refused_when_the_arbiter_lost_the_role(world: World, terms: Fields) -> None:
    make_disputed(world, terms)
    world.registry.set_roles(world.arbiter.address, 255 - ARBITER, sender=world.governor.address)
    with boa.reverts("escrow: arbiter not active"):
        world.award(terms, 0, 1)


def test_award_counts_when_recorded_for_this_dispute_only(world: World, terms: Fields) -> None:
    make_disputed(world, terms)
    trade_id = world.trade_id(terms)
    raised = bytes(world.escrow.get_dispute(trade_id, 0).digest)
    message = world.stamp() | {
        "trade_id": trade_id,
        "milestone": 0,
        "milestone_hash": world.milestone_hash(terms, 0),
        "dispute": bytes(32),
        "share_bps": 4_000,
        "reason_hash": b"\7" * 32,
    }
    consent = (message["valid_until"], message["action"], b"")
    world.record(world.arbiter, digest(world.escrow_domain, "Award", message))
    with boa.reverts("escrow: digest not recorded"):
        world.escrow.award(trade_id, 0, 4_000, b"\7" * 32, consent, sender=world.relayer.address)
    world.record(world.arbiter, digest(world.escrow_domain, "Award", message | {"dispute": raised}))
    world.escrow.award(trade_id, 0, 4_000, b"\7" * 32, consent, sender=world.relayer.address)
    assert record_of(world, terms).share_bps == 4_000


@pytest.mark.parametrize(("unawarded_bps", "share_bps"), [(0, BPS), (2_500, 2_500)])
def test_dispute_without_award_ends_as_the_terms_say(world: World, unawarded_bps: int, share_bps: int) -> None:
    terms = world.terms(windows=windows(unawarded_bps=unawarded_bps))
    world.fund(terms)
    make_disputed(world, terms)
    advance(2 * DAY_S + 1)
    assert world.state_of(terms, 0) == State.FINAL
    world.settle(terms, 0)
    (event,) = events_of(world.escrow, "MilestoneSettled")
    assert event["paid"] == 30_000 * share_bps // BPS
    assert record_of(world, terms).share_bps == share_bps
