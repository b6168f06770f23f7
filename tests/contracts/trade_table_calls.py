"""Every call of the state table, made with the right words or with one of them signed by somebody else.

`Call.make` signs and submits; the rows say nothing of arguments, so each call is written out here once. What a case
needs beside state and time (a quote, a fallen rate, a frozen provider) is arranged by `arrange`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import boa
from eth_abi.abi import decode
from eth_hash.auto import keccak

from contracts.client.typed_data import as_tuple, digest
from contracts.trade_transitions import Moment, Option, Party, Policy, State, Transition
from tests.contracts.support import DAY_S, SCOPE_ALL, ZERO_BYTES32, Actor, advance, now_s, token_domain
from tests.contracts.trades import BPS, PAIR, PERIOD_S, Fields, World, fx_terms, payees_of, price, windows

INVOICE: Final = 3_000_001
"""In shillings or euros, minor units; odd, so that every division leaves something."""
PREMIUM: Final = 7
CANCEL_FEE: Final = 11
RATE: Final = 150
FALLEN: Final = 140
RISEN: Final = 160
BAND_BPS: Final = 300
SPREAD_BPS: Final = 50
COOL_DOWN_S: Final = 2 * DAY_S
MEDIAN_UNIT: Final = 10**18
MUCH: Final = 10**12
AGES: Final = 400 * DAY_S
ERROR_SELECTOR: Final = keccak(b"Error(string)")[:4]


@dataclass(frozen=True)
class Variant:
    """A policy with its option."""

    policy: Policy
    option: Option = Option.SHARE

    def __str__(self) -> str:
        return self.policy.name.lower() + ("" if self.option is Option.SHARE else f"-{self.option.name.lower()}")


VARIANTS: Final = (
    Variant(Policy.NONE),
    Variant(Policy.CONVERT_NOW),
    Variant(Policy.LOCK),
    Variant(Policy.FLOAT),
    Variant(Policy.FLOAT, Option.WAIT),
    Variant(Policy.FLOAT, Option.REFUND),
)


@dataclass
class Stage:
    """A trade of two milestones; everything happens to the first."""

    world: World
    variant: Variant
    terms: Fields

    @property
    def trade_id(self) -> bytes:
        return self.world.trade_id(self.terms)

    @property
    def assignee(self) -> Actor:
        return Actor("financier")

    def record(self, index: int = 0) -> Any:
        return self.world.escrow.get_milestone(self.trade_id, index)

    def state(self, index: int = 0) -> int:
        return int(self.world.escrow.state_of(self.trade_id, index))

    def is_closed(self) -> bool:
        return bool(self.world.escrow.get_trade(self.trade_id).closed)

    def expiry(self) -> int:
        """Of the paying hold, as orders have moved it."""
        leg = self.world.escrow.get_fx(self.trade_id)
        if leg.hold != ZERO_BYTES32:
            return int(self.world.eur.effective_expiry(leg.hold))
        token = self.world.eur if self.variant.policy is Policy.NONE else self.world.kes
        return int(token.effective_expiry(self.world.escrow.get_trade(self.trade_id).invoice_hold))

    def moment_s(self, moment: Moment) -> int:
        """Return a moment's second, from what the chain says."""
        record, lengths = self.record(), self.terms["windows"]
        match moment:
            case Moment.FUND_BY:
                return int(self.terms["fund_by"])
            case Moment.DEADLINE:
                return int(record.deadline)
            case Moment.DISPUTE_ENDS:
                return int(record.due_at + lengths["dispute_s"])
            case Moment.AWARD_ENDS:
                return int(self.world.escrow.get_dispute(self.trade_id, 0).raised_at + lengths["award_s"])
            case Moment.CHOICE_ENDS:
                return int(record.final_at + lengths["choice_s"])
            case Moment.GRACE_ENDS:
                return int(record.final_at + lengths["grace_s"])
            case Moment.CALL_ENDS:
                return int(self.world.escrow.get_fx(self.trade_id).call_ends_at)
            case Moment.COOLED_DOWN:
                return self.moment_s(Moment.CALL_ENDS) + COOL_DOWN_S
            case Moment.LAST_CALL:
                return self.expiry() - int(lengths["call_s"]) - int(lengths["grace_s"])
            case Moment.LAST_DAY:
                return self.expiry() - DAY_S
            case Moment.EXPIRY:
                return self.expiry()

    def actor(self, party: Party) -> Actor:
        """Return who a party is here."""
        world = self.world
        return {
            Party.IMPORTER: world.importer,
            Party.EXPORTER: world.exporter,
            Party.HOLDER: world.exporter,
            Party.HOLDERS: world.exporter,
            Party.ASSIGNEE: self.assignee,
            Party.PROVIDER: world.provider,
            Party.ATTESTER: world.attesters[2],
            Party.ARBITER: world.arbiter,
        }[party]


# Stages --------------------------------------------------------------------------------------------------------------


def prepare(world: World) -> None:
    """Give the provider money for every quote, and the oracle a rate that does not age."""
    world.kes.request_issuance(MUCH, ZERO_BYTES32, sender=world.provider.address)
    world.kes.issue(world.provider.address, MUCH, ZERO_BYTES32, sender=world.issuer.address)
    world.pay_in(world.eur, world.importer, MUCH)
    world.oracle.configure_pair(PAIR, PERIOD_S, AGES, BPS, BPS, sender=world.governor.address)
    report_rate(world, RATE)


def build_terms(world: World, variant: Variant) -> Fields:
    """Terms of a variant: deadlines after 10 and 20 days, holds for 40."""
    start = now_s()
    shares = {} if variant.option is not Option.SHARE else {"share_bps": BPS}
    rates: Fields = {
        "rate_num": RATE,
        "rate_den": 1,
        "band_bps": BAND_BPS,
        "spread_bps": SPREAD_BPS,
        "option": int(variant.option),
        "cool_down_s": COOL_DOWN_S,
        "calls_max": 3,
    }
    is_float = variant.policy is Policy.FLOAT
    return world.terms(
        invoice_amount=INVOICE,
        invoice_token=(world.eur if variant.policy is Policy.NONE else world.kes).address,
        fx=fx_terms(int(variant.policy), **(rates | shares if is_float else {})),
        # Silence pays for the second, so that it stays open for calls.
        milestones=[
            world.milestone(3_000, start + 10 * DAY_S),
            world.milestone(7_000, start + 20 * DAY_S, silence_pays=True),
        ],
        windows=windows(call_s=DAY_S, choice_s=3_600),
        hold_expires_at=start + 40 * DAY_S,
    )


def fund_arguments(stage: Stage, signers: Mapping[Party, Actor]) -> tuple[Any, ...]:
    """Return what `fund` takes, the consents signed by `signers`."""
    world, terms, policy = stage.world, stage.terms, stage.variant.policy
    conversion: list[tuple[Any, ...]] = []
    token, amount = (world.eur if policy is Policy.NONE else world.kes), INVOICE
    if policy is Policy.CONVERT_NOW:
        quote = reserved_quote(world)
        conversion = [world.conversion(terms, quote)]
    elif policy is Policy.LOCK:
        quote = reserved_quote(
            world,
            kind=1,
            lock_until=terms["hold_expires_at"],
            trade_id=stage.trade_id,
            premium=PREMIUM,
            cancel_fee=CANCEL_FEE,
        )
        provider_hold = world.signed_hold(
            world.kes, world.provider, world.escrow, INVOICE, terms["hold_expires_at"], stage.trade_id
        )
        conversion = [(as_tuple("Quote", quote), world.sign_quote(quote), provider_hold)]
        token, amount = world.eur, price(quote, INVOICE) + PREMIUM
    elif policy is Policy.FLOAT:
        token, amount = world.eur, sum(float_slice(part) for part in amounts(terms))
    bound = {"salt": digest(world.fx_domain, "Quote", quote)} if policy is Policy.LOCK else {}
    hold = world.signed_hold(
        token, world.importer, world.escrow, amount, terms["hold_expires_at"], stage.trade_id, **bound
    )
    consents = [world.agree(signers[party], terms) for party in (Party.IMPORTER, Party.EXPORTER)]
    return as_tuple("Terms", terms), *consents, hold, conversion


def amounts(terms: Fields) -> list[int]:
    """Return the milestones' amounts."""
    first = terms["invoice_amount"] * terms["milestones"][0]["weight_bps"] // BPS
    return [first, terms["invoice_amount"] - first]


def float_slice(amount: int) -> int:
    """ceil(m / (r0 (1 - b) (1 - s))), independently of the contract."""
    return -(-amount * BPS * BPS // (RATE * (BPS - BAND_BPS) * (BPS - SPREAD_BPS)))


def reserved_quote(world: World, **changes: Any) -> Fields:
    """Return a quote over the invoice amount with its reserve placed: 149.50 shillings per euro."""
    quote = world.quote(**({"rate_num": 14_950, "rate_den": 100, "max_amount": INVOICE} | changes))
    world.reserve(quote)
    return quote


def report_rate(world: World, rate: int) -> None:
    """Record a round of the oracle at `rate` shillings per euro."""
    advance(PERIOD_S)
    now, domain = now_s(), world.oracle_domain
    message = {"pair": PAIR, "rate": rate * MEDIAN_UNIT, "observed_at": now, "round": now // PERIOD_S}
    reports = [
        (reporter.address, message["rate"], now, reporter.sign(domain, "Report", message))
        for reporter in world.reporters
    ]
    world.oracle.submit(PAIR, message["round"], reports, sender=world.relayer.address)


def funded(world: World, variant: Variant) -> Stage:
    """Fund a trade of a variant."""
    stage = Stage(world, variant, build_terms(world, variant))
    signers = {party: stage.actor(party) for party in Party}
    world.escrow.fund(*fund_arguments(stage, signers), sender=world.relayer.address)
    return stage


def bring_to(stage: Stage, state: State) -> Stage:
    """Bring the first milestone into a state; return the trade."""
    world, terms = stage.world, stage.terms
    if state in (State.DUE, State.DISPUTED):
        for attester in world.attesters[:2]:
            world.attest(terms, 0, attester)
    if state is State.DISPUTED:
        world.dispute(terms, 0, world.importer)
    if state in (State.FINAL, State.SETTLED):
        world.accept(terms, 0)
    if state is State.SETTLED:
        if stage.variant.policy is Policy.FLOAT:
            settle_float(stage, {Party.IMPORTER: world.importer})
        else:
            world.settle(terms, 0)
    return stage


# Calls ---------------------------------------------------------------------------------------------------------------

Signers = Mapping[Party, Actor]


def about_trade(stage: Stage, **fields: Any) -> Fields:
    return {"trade_id": stage.trade_id, "version": int(stage.world.escrow.get_trade(stage.trade_id).version)} | fields


def about_milestone(stage: Stage, **fields: Any) -> Fields:
    return about_trade(stage, milestone=0, milestone_hash=bytes(stage.record().terms_hash)) | fields


def fund(stage: Stage, signers: Signers) -> None:
    stage.world.escrow.fund(*fund_arguments(stage, signers))


def attest(stage: Stage, signers: Signers) -> None:
    world, attester = stage.world, signers[Party.ATTESTER]
    message = world.attestation(stage.terms, 0, milestone_hash=bytes(stage.record().terms_hash))
    if attester in world.attesters:
        world.record(attester, digest(world.escrow_domain, "Attestation", message))
    world.submit_attestation(stage.terms, attester, message)


def declare_silence(stage: Stage, signers: Signers) -> None:
    stage.world.escrow.declare_silence(stage.trade_id, 0)


def accept(stage: Stage, signers: Signers) -> None:
    consent = stage.world.consent(signers[Party.IMPORTER], "Accept", about_milestone(stage))
    stage.world.escrow.accept(stage.trade_id, 0, consent)


def waive_part(stage: Stage, signers: Signers) -> None:
    _waive(stage, signers, 1)


def waive_all(stage: Stage, signers: Signers) -> None:
    _waive(stage, signers, int(stage.record().amount))


def _waive(stage: Stage, signers: Signers, amount: int) -> None:
    consent = stage.world.consent(signers[Party.HOLDER], "Waive", about_milestone(stage, amount=amount))
    stage.world.escrow.waive(stage.trade_id, 0, amount, consent)


def assign(stage: Stage, signers: Signers) -> None:
    message = about_milestone(stage, assignee=stage.assignee.address)
    consents = [stage.world.consent(signers[party], "Assign", message) for party in (Party.EXPORTER, Party.ASSIGNEE)]
    milestone = as_tuple("Milestone", stage.terms["milestones"][0])
    stage.world.escrow.assign(stage.trade_id, 0, milestone, stage.assignee.address, *consents)


def dispute(stage: Stage, signers: Signers) -> None:
    party = signers.get(Party.IMPORTER) or signers[Party.HOLDER]
    reason = keccak(b"reasons")
    consent = stage.world.consent(party, "Dispute", about_milestone(stage, reason_hash=reason))
    stage.world.escrow.dispute(stage.trade_id, 0, party.address, reason, consent)


def award(stage: Stage, signers: Signers) -> None:
    stage.world.award(stage.terms, 0, 4_000, sender=signers[Party.ARBITER])


def settle(stage: Stage, signers: Signers) -> None:
    stage.world.settle(stage.terms, 0)


def settle_float(stage: Stage, signers: Signers) -> None:
    world = stage.world
    # A quote for this trade: good for a choice and after it.
    rate = world.oracle.last_good(PAIR)[0] // MEDIAN_UNIT
    quote = reserved_quote(world, trade_id=stage.trade_id, rate_num=rate * 100 - 50)
    choice = [(1, _choice(stage, quote, signer)) for signer in signers.values()]
    payees = payees_of(stage.terms["payees"])
    world.escrow.settle_float(stage.trade_id, 0, payees, as_tuple("Quote", quote), world.sign_quote(quote), choice)


def _choice(stage: Stage, quote: Fields, signer: Actor) -> tuple[int, int, bytes]:
    world = stage.world
    message = about_milestone(stage, quote=digest(world.fx_domain, "Quote", quote), least=1)
    return world.consent(signer, "ChooseQuote", message)


def last_resort(stage: Stage, signers: Signers) -> None:
    stage.world.escrow.last_resort(stage.trade_id, 0, payees_of(stage.terms["payees"]))


def reprice(stage: Stage, signers: Signers) -> None:
    stage.world.escrow.reprice(stage.trade_id)


def top_up(stage: Stage, signers: Signers, more: int = 0) -> None:
    """Pay what is missing, or `more` than that."""
    world, escrow = stage.world, stage.world.escrow
    slices = [escrow.get_slice(stage.trade_id, index) for index in range(2) if stage.state(index) != State.SETTLED]
    amount = sum(max(0, int(one.target) - int(one.amount)) for one in slices) + more
    leg = escrow.get_fx(stage.trade_id)
    hold = world.eur.get_hold(leg.hold)
    message = {
        "hold_id": bytes(leg.hold),
        "amount": int(hold.amount) + amount,
        "expires_at": int(hold.expires_at),
        "valid_until": now_s() + 3_600,
    }
    signature = signers[Party.IMPORTER].sign(token_domain(world.eur), "IncreaseHold", message)
    escrow.top_up(stage.trade_id, amount, message["valid_until"], signature)


def defer(stage: Stage, signers: Signers) -> None:
    deadline = int(stage.record().deadline) + 1
    consent = stage.world.consent(signers[Party.HOLDER], "Defer", about_milestone(stage, deadline=deadline))
    stage.world.escrow.defer(stage.trade_id, 0, deadline, consent)


def close_out_of_band(stage: Stage, signers: Signers) -> None:
    (signer,) = signers.values()
    consent = stage.world.consent(signer, "CloseOutOfBand", about_trade(stage))
    stage.world.escrow.close_out_of_band(stage.trade_id, Party.IMPORTER in signers, [consent])


def amended_terms(stage: Stage, **changes: Any) -> Fields:
    """The terms with a later deadline of the first milestone that is not settled."""
    index = 1 if stage.state() == State.SETTLED else 0
    milestones = [dict(one) for one in stage.terms["milestones"]]
    milestones[index]["deadline"] += DAY_S
    return stage.terms | {"milestones": milestones} | changes


def amend(stage: Stage, signers: Signers, terms: Fields | None = None) -> None:
    world, wanted = stage.world, terms or amended_terms(stage)
    message = about_trade(stage, terms=wanted)
    importer, holder = (world.consent(signers[party], "Amend", message) for party in (Party.IMPORTER, Party.HOLDERS))
    world.escrow.amend(stage.trade_id, as_tuple("Terms", wanted), importer, [holder], [], [])


def cancel(stage: Stage, signers: Signers) -> None:
    world, message = stage.world, about_trade(stage)
    importer, holder = (world.consent(signers[party], "Cancel", message) for party in (Party.IMPORTER, Party.HOLDERS))
    world.escrow.cancel(stage.trade_id, importer, [holder], [])


def lapse(stage: Stage, signers: Signers) -> None:
    stage.world.escrow.lapse(stage.trade_id)


_CALLS: Final[Mapping[str, Callable[[Stage, Signers], None]]] = {
    "fund": fund,
    "attest": attest,
    "declare_silence": declare_silence,
    "accept": accept,
    "waive": waive_part,
    "assign": assign,
    "dispute": dispute,
    "award": award,
    "settle": settle,
    "settle_float": settle_float,
    "last_resort": last_resort,
    "reprice": reprice,
    "top_up": top_up,
    "defer": defer,
    "close_out_of_band": close_out_of_band,
    "amend": amend,
    "cancel": cancel,
    "lapse": lapse,
}


def make(row: Transition, stage: Stage, impostor: tuple[Party, Actor] | None = None) -> None:
    """Make the call of a row, with the right signers or with one party's word signed by an impostor."""
    signers = {party: stage.actor(party) for party in row.signers}
    if impostor is not None:
        signers[impostor[0]] = impostor[1]
    call = waive_all if (row.call, row.case) == ("waive", "all of it") else _CALLS[row.call]
    call(stage, signers)


# What a case needs ---------------------------------------------------------------------------------------------------


def _first_attester(stage: Stage) -> None:
    stage.world.attest(stage.terms, 0, stage.world.attesters[0])


def _nothing_due(stage: Stage) -> None:
    waive_all(stage, {Party.HOLDER: stage.world.exporter})


def _fall(stage: Stage) -> None:
    report_rate(stage.world, FALLEN)


def _called(stage: Stage) -> None:
    _fall(stage)
    reprice(stage, {})


def _call_over(stage: Stage) -> None:
    """A call is behind it, so that there is a cool-down; the rate stays low."""
    _called(stage)
    advance(DAY_S + 1)


def _provider_frozen(stage: Stage) -> None:
    world = stage.world
    until = now_s() + 100 * DAY_S
    order = int(world.kes.last_order()) + 1
    world.kes.order_freeze(world.provider.address, order, SCOPE_ALL, until, ZERO_BYTES32, sender=world.issuer.address)


def _out_twice(stage: Stage) -> None:
    report_rate(stage.world, RISEN)
    report_rate(stage.world, RISEN + 1)


_ARRANGE: Final[Mapping[tuple[str, str], Callable[[Stage], None]]] = {
    ("attest", "quorum reached"): _first_attester,
    ("settle", "refunds"): _nothing_due,
    ("settle_float", "short, the holder chose the quote"): _fall,
    ("last_resort", "the lock failed"): _provider_frozen,
    ("reprice", ""): _call_over,
    ("top_up", ""): _called,
    ("close_out_of_band", "the importer"): _out_twice,
    ("close_out_of_band", "the holders"): _out_twice,
}


def arrange(row: Transition, stage: Stage) -> None:
    """Bring about what a row needs beside state and time."""
    needed = _ARRANGE.get((row.call, row.case))
    if needed is not None:
        needed(stage)


def impostors(stage: Stage, row: Transition) -> list[tuple[Party, Actor]]:
    """Return who signs in each party's place: someone else of the trade, and in a row's first state a stranger too."""
    found = []
    is_first = not row.before or stage.state() == min(row.before)
    for party in row.signers:
        other = stage.world.importer if stage.actor(party) == stage.world.exporter else stage.world.exporter
        if row.call == "dispute":
            # Either side may.
            other = stage.world.provider
        found += [(party, other), (party, stage.world.stranger)][: 2 if is_first else 1]
    return found


def refusal(act: Callable[[], None]) -> str | None:
    """Return the reason for which a call was refused, None if it was taken."""
    try:
        act()
    except boa.BoaError as error:
        # titanoboa cannot print a call that went on by delegatecall; the output has what a chain would say.
        output: bytes = error.call_trace.output
        return str(decode(["string"], output[4:])[0]) if output[:4] == ERROR_SELECTOR else f"0x{output.hex()}"
    return None


def picture(stage: Stage) -> tuple[Any, ...]:
    """Return the records of a trade, what is held for it, and the money of everyone in it."""
    world, escrow, trade_id = stage.world, stage.world.escrow, stage.trade_id
    trade, leg = escrow.get_trade(trade_id), escrow.get_fx(trade_id)
    records = [escrow.get_milestone(trade_id, index) for index in range(2)]
    slices = [escrow.get_slice(trade_id, index) for index in range(2)]
    invoice_token = world.eur if stage.variant.policy is Policy.NONE else world.kes
    holds = (invoice_token.get_hold(trade.invoice_hold), world.eur.get_hold(leg.hold))
    # Of the provider the sum: reserves that the test places for its quotes are no change.
    money = [
        token.balanceOf(one.address)
        for token in (world.eur, invoice_token)
        for one in (world.importer, world.exporter, world.provider)
    ]
    return trade, leg, *records, *slices, escrow.get_dispute(trade_id, 0), *holds, *money
