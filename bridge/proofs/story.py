"""A trade replayed from its events: what the contract said must be what the terms demand.

The replay follows docs/spec/settlement.md by itself and believes no event that the rules do not allow at that
moment: a milestone becomes due only by the quorum of the attestations seen here, by silence, acceptance, award or
the terms' split; it is settled only when final; every payment is the payee's share of what terms, quote and median
make of it, and moved out of the hold. So nothing that mattered can be left out of a pack, and no amount changed in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.proofs.event_logs import Event
from bridge.proofs.network import Network
from bridge.proofs.records import BY_SETTLEMENT, FLOAT, NO_ONE, PENDING, SETTLED, Milestone, Story, Transaction
from bridge.proofs.step import Has, Step
from bridge.proofs.story_calls import reprice, top_up
from bridge.proofs.story_changes import amend, defer, end
from bridge.proofs.story_funding import fund
from bridge.proofs.story_milestones import (
    accept,
    assign,
    attest,
    award,
    declare_silence,
    dispute,
    equivocate,
    silence_event,
    waive,
)
from bridge.proofs.story_settling import ORDINARY, settle_at_last, settle_at_quote, settle_held, settle_ordinary_at_last
from fx.errors import RejectedError as FxRejectedError
from fx.slices import milestone_slices, payee_split

_OF_TRADE: Final[Mapping[str, Callable[[Step], None]]] = {
    "TradeFunded": fund,
    "FundingLegOpened": fund,
    "AttestationRecorded": attest,
    "EquivocationRecorded": equivocate,
    "LastResort": settle_ordinary_at_last,
    "Repriced": reprice,
    "ToppedUp": top_up,
    "DeadlineDeferred": defer,
    "MilestoneAmended": amend,
    "TradeAmended": amend,
}
_OF_MILESTONE: Final[Mapping[str, Callable[[Step, Milestone], None]]] = {
    "MilestoneAccepted": accept,
    "DisputeRaised": dispute,
    "AwardMade": award,
    "AmountWaived": waive,
    "MilestoneAssigned": assign,
}
_BEGINNING: Final = ("TradeFunded", "FundingLegOpened")


def replay(
    trade_id: bytes,
    network: Network,
    versions: Sequence[Mapping[str, Any]],
    quotes: Mapping[bytes, Mapping[str, Any]],
    transactions: Sequence[Transaction],
    has: Has,
) -> Story:
    """Return the story of a closed trade.

    Args:
        versions: EIP-712 messages `Terms`: of the funding, then of each amendment.
        quotes: Firm quotes by digest.
        has: Tells what the pack holds of a message that the escrow took; raises where it is not what it claims.

    Raises:
        EvidenceError: an event that the rules do not allow, a payment that is not the share, or no closing.
    """
    for number, terms in enumerate(versions):
        try:
            milestone_slices(terms["invoice_amount"], [one["weight_bps"] for one in terms["milestones"]])
            payee_split(0, [one["share_bps"] for one in terms["payees"]])
        except FxRejectedError as error:
            where = "terms.struct" if number == 0 else f"amendments[{number - 1}].struct"
            raise EvidenceError(where, "weights and shares that divide the invoice", error) from None
    story = Story(trade_id, network, list(versions), quotes)
    for transaction in transactions:
        _take_surroundings(story, transaction)
        try:
            _replay_one(Step(story, transaction, has))
        except FxRejectedError as error:
            raise EvidenceError(transaction.path, "numbers that the rules allow", error) from None
    if not story.closed_cause:
        unsettled = [one.index for one in story.milestones if one.state != SETTLED]
        raise EvidenceError("blocks", "a trade that is closed", f"one with milestones {unsettled} open")
    if story.version != len(story.versions):
        raise EvidenceError("amendments", f"{story.version - 1} amendments", f"{len(story.versions) - 1}")
    return story


def _take_surroundings(story: Story, transaction: Transaction) -> None:
    tokens = {story.versions[0]["invoice_token"], story.versions[0]["funding_token"]}
    for event in transaction.events:
        if event.name == "DigestRecorded":
            key = (event.args["institution"], event.args["digest"])
            story.recorded.setdefault(key, transaction.time_s)
        elif event.name == "RoundRecorded" and event.args["pair"] == story.pair:
            story.rounds.record(event.args, transaction.time_s)
        elif event.name == "FreezeOrdered" and event.address in tokens:
            story.freezes.order(event.address, event.args, transaction.time_s)
        elif event.name == "FreezeLifted" and event.address in tokens:
            story.freezes.lift(event.address, event.args, transaction.time_s)


def _replay_one(step: Step) -> None:
    if not step.left:
        return
    while step.left:
        _replay_call(step)
    step.finish()


def _replay_call(step: Step) -> None:
    event = step.peek()
    assert event is not None
    if event.name not in _BEGINNING and not step.story.funded_at:
        raise step.refuse("TradeFunded first", event.name)
    if step.story.closed_cause:
        raise step.refuse("nothing after the trade was closed", event.name)
    if event.name == "MilestoneDue":
        one = step.milestone(event.args["milestone"])
        if _is_silence(step, one, event):
            declare_silence(step, one)
            return
        following = step.peek(1)
        if following is None or following.args.get("milestone") != one.index:
            raise step.refuse(f"a reason why milestone {one.index} is due (quorum, silence, award)", one.state)
        event = following
    if event.name in _OF_TRADE:
        _OF_TRADE[event.name](step)
    elif event.name in _OF_MILESTONE:
        _OF_MILESTONE[event.name](step, step.milestone(event.args["milestone"]))
    elif event.name == "MilestoneSettled":
        _replay_settlement(step, event)
    else:
        raise step.refuse("a step of a trade", event.name)


def _is_silence(step: Step, one: Milestone, event: Event) -> bool:
    if one.state != PENDING or step.now_s <= one.deadline:
        return False
    return all(event.args[name] == value for name, value in silence_event(one).items())


def _replay_settlement(step: Step, event: Event) -> None:
    cause = _closing_cause(step)
    if cause is not None:
        end(step, cause)
        return
    one = step.milestone(event.args["milestone"])
    last = _after_payments(step, event)
    if last is not None and last.name == "LastResort" and _is_in_funding(last, one):
        settle_at_last(step, one)
    elif step.story.policy == FLOAT and last is not None and last.args.get("provider", NO_ONE) != NO_ONE:
        settle_at_quote(step, one)
    else:
        settle_held(step, one)


def _is_in_funding(last: Event, one: Milestone) -> bool:
    return bool(last.args["milestone"] == one.index and last.args["cause"] != ORDINARY)


def _closing_cause(step: Step) -> int | None:
    """Return why the trade ends here without being settled: refunds in a row, then the closing; None otherwise."""
    ahead = 0
    while (event := step.peek(ahead)) is not None and event.name == "MilestoneSettled":
        ahead += 1
    if event is not None and event.name == "TradeClosed" and event.args["cause"] != BY_SETTLEMENT:
        cause: int = event.args["cause"]
        return cause if ahead else None
    return None


def _after_payments(step: Step, settled: Event) -> Event | None:
    """Return the event after a settlement's payments, which tells what kind of settlement it is."""
    ahead = 0
    while step.peek(ahead) is not settled:
        ahead += 1
    ahead += 1
    while (event := step.peek(ahead)) is not None and event.name in ("TradeClosed", "PaymentMade"):
        ahead += 1
    return event
