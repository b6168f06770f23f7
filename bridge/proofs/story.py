"""A trade replayed from its events: what the contract said must be what the terms demand.

The replay follows docs/spec/settlement.md by itself and believes no event that the rules do not allow at that
moment: a milestone becomes due only by the quorum of the attestations seen here, by silence, acceptance, award or
the terms' split; it is settled only when final; every payment is the payee's share, and moved out of the hold.
So attestations cannot be left out of a pack, and amounts cannot be changed in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.proofs.event_logs import Event
from bridge.proofs.fields import expect
from fx.errors import RejectedError as FxRejectedError
from fx.slices import milestone_slices, payee_split, share_of

BPS: Final = 10_000
PAY: Final = 1
REFUND: Final = 2
PARTIAL: Final = 3
BY_SETTLEMENT: Final = 1
BY_CANCEL: Final = 2
BY_LAPSE: Final = 3
CONVERT_NOW: Final = 1


@dataclass(frozen=True, slots=True)
class Transaction:
    """A proven transaction of the trade."""

    path: str
    """Where it is in the pack."""
    block: int
    time_s: int
    index: int
    events: tuple[Event, ...]
    """Events of the network's contracts that the table knows, in log order."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that left the hold for a payee."""

    milestone: int
    account: str
    amount_minor: int
    blocked_minor: int
    """What the receiver could not have at once (frozen, over a limit) and was credited as blocked."""


@dataclass(frozen=True, slots=True)
class Attested:
    """One attestation as recorded."""

    milestone: int
    attester: str
    outcome: int
    share_bps: int
    evidence_hash: bytes
    digest: bytes
    time_s: int
    block: int


@dataclass(slots=True)
class Milestone:
    """A milestone as the replay has it."""

    index: int
    amount_minor: int
    terms: Mapping[str, Any]
    """EIP-712 message `Milestone`."""
    state: str = "pending"
    share_bps: int = 0
    outcome: int = 0
    due_at: int = 0
    why: str = ""
    """Why it is due: `attested`, `silence`, `accepted`, `awarded` or `unawarded`."""
    disputed_at: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    settled_at: int = 0
    settled_in: int = 0
    tally: dict[tuple[int, int], int] = field(default_factory=dict)
    attesters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Story:
    """What happened to a trade, replayed."""

    trade_id: bytes
    escrow: str
    terms: Mapping[str, Any]
    """EIP-712 message `Terms`."""
    milestones: list[Milestone] = field(default_factory=list)
    attestations: list[Attested] = field(default_factory=list)
    equivocations: list[tuple[int, str, int]] = field(default_factory=list)
    """(milestone, attester, block)"""
    payments: list[Payment] = field(default_factory=list)
    recorded: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """(institution, digest) to the block's time."""
    funded_at: int = 0
    funded_in: int = 0
    funding_minor: int = 0
    quote_digest: bytes | None = None
    hold_id: bytes = b""
    closed_cause: int = 0
    closed_at: int = 0
    closed_in: int = 0


def replay(trade_id: bytes, escrow: str, terms: Mapping[str, Any], transactions: Sequence[Transaction]) -> Story:
    """Return the story of a closed trade.

    Raises:
        EvidenceError: an event that the rules do not allow, a payment that is not the share, or no closing.
    """
    try:
        slices = milestone_slices(terms["invoice_amount"], [one["weight_bps"] for one in terms["milestones"]])
        payee_split(0, [one["share_bps"] for one in terms["payees"]])
    except FxRejectedError as error:
        raise EvidenceError("terms.struct", "weights and shares that divide the invoice", error) from None
    story = Story(trade_id, escrow, terms)
    parts = enumerate(zip(slices, terms["milestones"], strict=True))
    story.milestones = [Milestone(index, amount, one) for index, (amount, one) in parts]
    for transaction in transactions:
        _Step(story, transaction).apply()
    if not story.closed_cause:
        unsettled = [one.index for one in story.milestones if one.state != "settled"]
        raise EvidenceError("blocks", "a trade that is closed", f"one with milestones {unsettled} open")
    return story


class _Step:
    """One transaction's effect on the story."""

    def __init__(self, story: Story, transaction: Transaction) -> None:
        self.story = story
        self.tx = transaction
        self.path = transaction.path
        self.own = [event for event in transaction.events if self._is_own(event)]
        self.closing = next((event.args["cause"] for event in self.own if event.name == "TradeClosed"), 0)
        self.expected: list[tuple[int, str, int]] = []
        """Payments that the settlements of this transaction owe: (milestone, account, amount)."""
        self.refunds = 0

    def apply(self) -> None:
        self._take_records()
        handlers: dict[str, Callable[[Mapping[str, Any], Event | None], None]] = {
            "TradeFunded": self._funded,
            "AttestationRecorded": self._attested,
            "EquivocationRecorded": self._equivocated,
            "MilestoneDue": self._due,
            "MilestoneAccepted": self._accepted,
            "DisputeRaised": self._disputed,
            "AwardMade": self._awarded,
            "MilestoneSettled": self._settled,
            "TradeClosed": self._closed,
            "PaymentMade": self._nothing,
        }
        for position, event in enumerate(self.own):
            following = self.own[position + 1] if position + 1 < len(self.own) else None
            if event.name != "TradeFunded" and not self.story.funded_at:
                raise self._refuse("TradeFunded first", event.name)
            if self.story.closed_cause and event.name != "PaymentMade":
                raise self._refuse("nothing after the trade was closed", event.name)
            handlers[event.name](event.args, following)
        if self.own:
            self._check_money()

    def _is_own(self, event: Event) -> bool:
        return event.address == self.story.escrow and event.args.get("trade_id") == self.story.trade_id

    def _refuse(self, expected: object, got: object) -> EvidenceError:
        return EvidenceError(self.path, expected, got)

    def _expect(self, what: str, expected: object, got: object) -> None:
        expect(f"{self.path} ({what})", expected, got)

    def _milestone(self, args: Mapping[str, Any]) -> Milestone:
        index: int = args["milestone"]
        if index >= len(self.story.milestones):
            raise self._refuse(f"a milestone below {len(self.story.milestones)}", index)
        return self.story.milestones[index]

    def _tokens(self, name: str, token: str) -> Iterator[Mapping[str, Any]]:
        return (event.args for event in self.tx.events if event.name == name and event.address == token)

    def _nothing(self, _args: Mapping[str, Any], _following: Event | None) -> None:
        """Payments are compared as a whole, in `_check_money`."""

    def _take_records(self) -> None:
        for event in self.tx.events:
            if event.name == "DigestRecorded":
                key = (event.args["institution"], event.args["digest"])
                self.story.recorded.setdefault(key, self.tx.time_s)

    def _funded(self, args: Mapping[str, Any], _following: Event | None) -> None:
        story, terms = self.story, self.story.terms
        if story.funded_at:
            raise self._refuse("one funding", "a second")
        for name in ("importer", "exporter", "invoice_token", "invoice_amount"):
            self._expect(f"TradeFunded.{name}", terms[name], args[name])
        self._expect("TradeFunded.policy", terms["fx"]["policy"], args["policy"])
        if self.tx.time_s > terms["fund_by"]:
            raise self._refuse(f"funding until {terms['fund_by']}", self.tx.time_s)
        story.funded_at, story.funded_in, story.funding_minor = self.tx.time_s, self.tx.block, args["funding_amount"]
        holds = [
            hold
            for hold in self._tokens("HoldPlaced", terms["invoice_token"])
            if hold["reference"] == story.trade_id and hold["amount"] == terms["invoice_amount"]
        ]
        wanted = {"owner": terms["importer"], "notary": story.escrow, "expires_at": terms["hold_expires_at"]}
        matching = [hold for hold in holds if all(hold[name] == value for name, value in wanted.items())]
        if len(matching) != 1:
            raise self._refuse("one hold of the invoice amount for this trade", f"{len(matching)}")
        story.hold_id = matching[0]["id"]
        if args["policy"] == CONVERT_NOW:
            self._converted(args)
        else:
            self._expect("TradeFunded.funding_amount", terms["invoice_amount"], args["funding_amount"])

    def _converted(self, args: Mapping[str, Any]) -> None:
        terms = self.story.terms
        settled = [event.args for event in self.tx.events if event.name == "QuoteSettled"]
        if len(settled) != 1:
            raise self._refuse("one settled quote", f"{len(settled)}")
        quote = settled[0]
        self._expect("QuoteSettled.taker", terms["importer"], quote["taker"])
        self._expect("QuoteSettled.buy_amount", terms["invoice_amount"], quote["buy_amount"])
        self._expect("QuoteSettled.sell_amount", args["funding_amount"], quote["sell_amount"])
        self._leg("sold", terms["funding_token"], terms["importer"], quote["provider"], quote["sell_amount"])
        self._leg("bought", terms["invoice_token"], quote["provider"], terms["importer"], quote["buy_amount"])
        self.story.quote_digest = quote["digest"]

    def _leg(self, what: str, token: str, owner: str, to: str, amount: int) -> None:
        legs = [(leg["owner"], leg["to"], leg["amount"]) for leg in self._tokens("HoldExecuted", token)]
        if (owner, to, amount) not in legs:
            raise self._refuse(f"the {what} leg, {amount} minor units from {owner} to {to}", "none")

    def _attested(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone = self._milestone(args)
        attester, claim = args["attester"], (args["outcome"], args["share_bps"])
        self._expect("milestone state", "pending", milestone.state)
        if attester not in milestone.terms["attesters"] or attester in milestone.attesters:
            raise self._refuse("an attester of this milestone, once", attester)
        if self.tx.time_s > milestone.terms["deadline"]:
            raise self._refuse(f"an attestation until {milestone.terms['deadline']}", self.tx.time_s)
        milestone.attesters.add(attester)
        milestone.tally[claim] = milestone.tally.get(claim, 0) + 1
        self.story.attestations.append(
            Attested(
                milestone=milestone.index,
                attester=attester,
                outcome=args["outcome"],
                share_bps=args["share_bps"],
                evidence_hash=args["evidence_hash"],
                digest=args["signature_digest"],
                time_s=self.tx.time_s,
                block=self.tx.block,
            )
        )
        if milestone.tally[claim] == milestone.terms["quorum"]:
            milestone.state, milestone.why = "attested", "attested"
            milestone.share_bps, milestone.due_at = claim[1], self.tx.time_s

    def _equivocated(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone = self._milestone(args)
        if args["attester"] not in milestone.attesters:
            raise self._refuse("equivocation of one who attested", args["attester"])
        self.story.equivocations.append((milestone.index, args["attester"], self.tx.block))

    def _due(self, args: Mapping[str, Any], following: Event | None) -> None:
        milestone = self._milestone(args)
        share, due_at = self._justify(milestone, following)
        if share > BPS:
            raise self._refuse(f"a share of at most {BPS} basis points", share)
        outcome = PARTIAL
        if milestone.amount_minor * share // BPS == 0:
            share, outcome = 0, REFUND
        elif share == BPS:
            outcome = PAY
        self._expect("MilestoneDue.share_bps", share, args["share_bps"])
        self._expect("MilestoneDue.outcome", outcome, args["outcome"])
        self._expect("MilestoneDue.due_at", due_at, args["due_at"])
        milestone.share_bps, milestone.outcome, milestone.due_at = share, outcome, due_at
        if milestone.state in ("pending", "attested"):
            milestone.state = "due"

    def _justify(self, milestone: Milestone, following: Event | None) -> tuple[int, int]:
        """Return (share, since when) that the rules make due now."""
        after = following.name if following and following.args.get("milestone") == milestone.index else ""
        now_s, windows = self.tx.time_s, self.story.terms["windows"]
        if milestone.state == "attested":
            return milestone.share_bps, milestone.due_at
        if after == "MilestoneAccepted" and milestone.state != "settled":
            milestone.why = "accepted"
            return BPS, now_s
        if milestone.state == "pending" and now_s > milestone.terms["deadline"]:
            milestone.why = "silence"
            return BPS if milestone.terms["silence_pays"] else 0, milestone.terms["deadline"]
        if milestone.state == "disputed" and after == "AwardMade" and following:
            milestone.why = "awarded"
            return following.args["share_bps"], milestone.due_at
        if milestone.state == "disputed" and now_s > milestone.disputed_at + windows["award_s"]:
            milestone.why = "unawarded"
            return windows["unawarded_bps"], milestone.due_at
        raise self._refuse(f"a reason why milestone {milestone.index} is due (quorum, silence, award)", milestone.state)

    def _accepted(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone = self._milestone(args)
        self._expect("share of an accepted milestone", BPS, milestone.share_bps)
        milestone.state, milestone.why = "final", "accepted"

    def _disputed(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone, terms = self._milestone(args), self.story.terms
        self._expect("milestone state", "due", milestone.state)
        if args["party"] not in (terms["importer"], terms["exporter"]):
            raise self._refuse("a dispute by a party", args["party"])
        if self.tx.time_s > milestone.due_at + terms["windows"]["dispute_s"]:
            raise self._refuse("a dispute within its window", self.tx.time_s)
        milestone.state, milestone.disputed_at = "disputed", self.tx.time_s

    def _awarded(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone = self._milestone(args)
        self._expect("milestone state", "disputed", milestone.state)
        awarded = args["share_bps"] if share_of(milestone.amount_minor, min(args["share_bps"], BPS)) else 0
        self._expect("share of an award", milestone.share_bps, awarded)
        milestone.state, milestone.why = "final", "awarded"

    def _settled(self, args: Mapping[str, Any], _following: Event | None) -> None:
        milestone = self._milestone(args)
        if milestone.state == "settled":
            raise self._refuse(f"milestone {milestone.index} settled once", "twice")
        if self.closing in (BY_CANCEL, BY_LAPSE) and args["paid"] == 0:
            milestone.share_bps, milestone.outcome = 0, REFUND
            milestone.why = "cancelled" if self.closing == BY_CANCEL else "lapsed"
        else:
            self._check_final(milestone)
            self.refunds += args["refunded"]
        paid = share_of(milestone.amount_minor, milestone.share_bps)
        self._expect("MilestoneSettled.paid", paid, args["paid"])
        self._expect("MilestoneSettled.refunded", milestone.amount_minor - paid, args["refunded"])
        milestone.paid_minor, milestone.refunded_minor = paid, milestone.amount_minor - paid
        milestone.state, milestone.settled_at, milestone.settled_in = "settled", self.tx.time_s, self.tx.block
        self.expected += self._shares(milestone.index, paid)

    def _check_final(self, milestone: Milestone) -> None:
        windows, now_s = self.story.terms["windows"], self.tx.time_s
        final = milestone.state == "final"
        if milestone.state == "due":
            final = now_s > milestone.due_at + windows["dispute_s"]
        if milestone.state == "disputed":
            final = now_s > milestone.disputed_at + windows["award_s"]
        if not final:
            raise self._refuse(f"milestone {milestone.index} final before it is settled", milestone.state)

    def _shares(self, index: int, paid: int) -> list[tuple[int, str, int]]:
        payees, exporter = self.story.terms["payees"], self.story.terms["exporter"]
        parts, rest = payee_split(paid, [payee["share_bps"] for payee in payees])
        accounts = [(payee["account"], part) for payee, part in zip(payees, parts, strict=True)]
        return [(index, account, amount) for account, amount in [*accounts, (exporter, rest)] if amount]

    def _closed(self, args: Mapping[str, Any], _following: Event | None) -> None:
        cause = args["cause"]
        if cause not in (BY_SETTLEMENT, BY_CANCEL, BY_LAPSE):
            raise self._refuse("a cause of 1 settled, 2 cancelled, 3 lapsed", cause)
        if any(milestone.state != "settled" for milestone in self.story.milestones):
            raise self._refuse("every milestone settled before the trade closes", "one open")
        if cause == BY_LAPSE and self.tx.time_s <= self.story.terms["hold_expires_at"]:
            raise self._refuse("a lapse after the hold's expiry", self.tx.time_s)
        story = self.story
        story.closed_cause, story.closed_at, story.closed_in = cause, self.tx.time_s, self.tx.block

    def _check_money(self) -> None:
        """Compare what was owed, what the contract said it paid, and what the token moved."""
        token, hold = self.story.terms["invoice_token"], self.story.hold_id
        said = [
            (event.args["milestone"], event.args["account"], event.args["amount"])
            for event in self.own
            if event.name == "PaymentMade"
        ]
        tokens = {event.args["token"] for event in self.own if event.name == "PaymentMade"}
        self._expect("payments", self.expected, said)
        self._expect("PaymentMade.token", {token} if said else set(), tokens)
        moved = [move for move in self._tokens("HoldExecuted", token) if move["id"] == hold]
        self._expect("moved by the token", [owed[1:] for owed in said], [(one["to"], one["amount"]) for one in moved])
        released = sum(one["amount"] for one in self._tokens("HoldReleased", token) if one["id"] == hold)
        if self.closing not in (BY_CANCEL, BY_LAPSE):
            self._expect("released by the token", self.refunds, released)
        for (milestone, account, amount), move in zip(said, moved, strict=True):
            self.story.payments.append(Payment(milestone, account, amount, move["blocked"]))
