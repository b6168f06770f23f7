"""The state table of a trade, as data: every call of `TradeEscrow` and every passing of time that changes a milestone.

One source for the page and diagram of docs/spec/trade.md, for what a desk tells people to do next, and for the tests
that make every wrong call to the contract. It says when a call is taken, from whom, and with which reason the
contract refuses it; how much money moves is the contract's and the model's. Nothing here reads a clock or a chain.

Source: docs/spec/settlement.md, sections 3 to 5.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Final

from contracts.trade_transitions import (
    BAD_SIGNATURE,
    NOT_RECORDED,
    PAID_AT_ONCE,
    TIME,
    UNSETTLED,
    Life,
    Moment,
    Option,
    Party,
    Policy,
    State,
    Transition,
    Weight,
    Window,
)

# Calls with more than one case: the first of them.
_ATTEST: Final = Transition(
    call="attest",
    case="no quorum yet",
    before=frozenset({State.PENDING}),
    after=None,
    effect="counts an attester's first word",
    signers=(Party.ATTESTER,),
    window=Window(until=Moment.DEADLINE, late="escrow: deadline passed"),
    needs="it is active",
    wrong_state="escrow: milestone not pending",
    settled="escrow: milestone settled",
    wrong_party="escrow: not its attester",
    says="attest {kind}",
    weight=Weight.OWED,
)

_WAIVE: Final = Transition(
    call="waive",
    case="a part",
    before=UNSETTLED,
    after=None,
    effect="shrinks the milestone and its slices, releases the difference",
    signers=(Party.HOLDER,),
    needs="0 < amount < the milestone's",
    wrong_state="escrow: milestone settled",
    wrong_party=BAD_SIGNATURE,
    says="give up a part of {kind}",
)

_DISPUTE: Final = Transition(
    call="dispute",
    case="the importer",
    before=frozenset({State.DUE}),
    after=State.DISPUTED,
    effect="the arbiter has `award_s` from now",
    signers=(Party.IMPORTER,),
    window=Window(until=Moment.DISPUTE_ENDS, late="escrow: milestone not due"),
    needs="the terms name an arbiter",
    wrong_state="escrow: milestone not due",
    wrong_party="escrow: not a party",
    says="dispute {kind}",
    weight=Weight.RIGHT,
)

_FLOAT: Final = Transition(
    call="settle_float",
    case="the importer chose the quote",
    before=frozenset({State.FINAL}),
    after=State.SETTLED,
    effect="the provider's reserve pays the payees in X, the provider gets F at the quote, the importer the rest",
    signers=(Party.IMPORTER,),
    window=Window(until=Moment.EXPIRY, late="token: hold expired"),
    policies=frozenset({Policy.FLOAT}),
    needs="a fresh median, a firm quote of at least it less the spread limit; the slice is enough",
    wrong_state="escrow: milestone not final",
    wrong_party=BAD_SIGNATURE,
    wrong_policy="escrow: not a float",
    says="choose a quote for {kind}",
    weight=Weight.RIGHT,
)

_LAST_RESORT: Final = Transition(
    call="last_resort",
    case="same currency or converted",
    before=frozenset({State.FINAL}),
    after=State.SETTLED,
    effect="the ordinary payment",
    window=Window(
        after=(Moment.GRACE_ENDS, Moment.LAST_DAY),
        until=Moment.EXPIRY,
        early="escrow: not yet the last resort",
        late="token: hold expired",
    ),
    policies=frozenset({Policy.NONE, Policy.CONVERT_NOW}),
    needs="the share is not 0",
    wrong_state="escrow: milestone not final",
    says="pay {kind} by the last resort",
    weight=Weight.OWED,
)

_OUT_OF_BAND: Final = Transition(
    call="close_out_of_band",
    case="the importer",
    before=frozenset({State.PENDING}),
    after=State.SETTLED,
    effect="refunds everything and closes the trade",
    signers=(Party.IMPORTER,),
    policies=frozenset({Policy.FLOAT}),
    options=frozenset({Option.REFUND}),
    needs="every milestone is pending; the usable median and the round before it are outside the band",
    about_trade=True,
    life=(Life.OPEN, Life.CLOSED),
    wrong_state="escrow: not all pending",
    wrong_party=BAD_SIGNATURE,
    wrong_policy="escrow: not the terms' option",
    says="close the trade, as the rate left the band",
    weight=Weight.RIGHT,
)

TABLE: Final[tuple[Transition, ...]] = (
    Transition(
        call="fund",
        case="",
        before=frozenset(),
        after=State.PENDING,
        effect="checks the terms, takes the holds; every milestone is pending",
        signers=(Party.IMPORTER, Party.EXPORTER),
        window=Window(until=Moment.FUND_BY, late="escrow: funding closed"),
        needs="the importer's hold; `convert_now`, `lock`: a firm quote; `lock`: the provider's hold; "
        "`float`: a usable median within the band",
        about_trade=True,
        life=(Life.NOTHING, Life.OPEN),
        wrong_state="escrow: already funded",
        wrong_party=BAD_SIGNATURE,
        says="fund the trade",
        weight=Weight.OWED,
    ),
    # What attesters say, or do not.
    _ATTEST,
    replace(
        _ATTEST,
        case="quorum reached",
        after=State.DUE,
        effect="due as the quorum says: pay, part or refund",
        needs="`quorum` attesters agree on outcome and share",
    ),
    Transition(
        call=TIME,
        case="silence",
        before=frozenset({State.PENDING}),
        after=State.DUE,
        effect="due as of the deadline: pay if `silence_pays`, else refund",
        window=Window(after=(Moment.DEADLINE,)),
    ),
    Transition(
        call="declare_silence",
        case="",
        before=frozenset({State.PENDING}),
        after=State.DUE,
        effect="stores what silence meant at the deadline",
        window=Window(after=(Moment.DEADLINE,), early="escrow: deadline not passed"),
        needs="nobody stored it before",
        wrong_state="escrow: milestone not pending",
        says="declare that nobody attested {kind}",
    ),
    # The parties' words about a milestone.
    Transition(
        call="accept",
        case="",
        before=UNSETTLED,
        after=State.FINAL,
        effect="pay in full, final at once",
        signers=(Party.IMPORTER,),
        wrong_state="escrow: milestone settled",
        wrong_party=BAD_SIGNATURE,
        says="accept {kind} in full",
    ),
    _WAIVE,
    replace(
        _WAIVE,
        case="all of it",
        after=State.FINAL,
        effect="gives all of it back at once; final as a refund",
        needs="amount = the milestone's",
        says="give up {kind}",
    ),
    Transition(
        call="assign",
        case="",
        before=UNSETTLED,
        after=None,
        effect="what the exporter would get goes to the assignee, who is its holder from now on",
        signers=(Party.EXPORTER, Party.ASSIGNEE),
        needs="never assigned before",
        wrong_state="escrow: milestone settled",
        wrong_party=BAD_SIGNATURE,
        says="assign {kind} to a financier",
    ),
    # Disputes.
    _DISPUTE,
    replace(_DISPUTE, case="the holder", signers=(Party.HOLDER,)),
    Transition(
        call=TIME,
        case="nobody disputed",
        before=frozenset({State.DUE}),
        after=State.FINAL,
        effect="final as due",
        window=Window(after=(Moment.DISPUTE_ENDS,)),
    ),
    Transition(
        call="award",
        case="",
        before=frozenset({State.DISPUTED}),
        after=State.FINAL,
        effect="the share of the whole milestone that the arbiter names",
        signers=(Party.ARBITER,),
        window=Window(until=Moment.AWARD_ENDS, late="escrow: milestone not disputed"),
        needs="it is active",
        wrong_state="escrow: milestone not disputed",
        wrong_party=NOT_RECORDED,
        says="award {kind}",
        weight=Weight.OWED,
    ),
    Transition(
        call=TIME,
        case="no award",
        before=frozenset({State.DISPUTED}),
        after=State.FINAL,
        effect="`unawarded_bps` of the milestone, or what was due if that is 0",
        window=Window(after=(Moment.AWARD_ENDS,)),
    ),
    # Payment.
    Transition(
        call="settle",
        case="pays",
        before=frozenset({State.FINAL}),
        after=State.SETTLED,
        effect="pays the payees in X, gives the rest back; `lock`: the provider gets its part of F",
        window=Window(until=Moment.EXPIRY, late="token: hold expired"),
        policies=PAID_AT_ONCE,
        needs="no order freezes the payer with scope `all`",
        wrong_state="escrow: milestone not final",
        wrong_policy="escrow: needs a quote",
        says="settle {kind}",
        weight=Weight.OWED,
    ),
    Transition(
        call="settle",
        case="refunds",
        before=frozenset({State.FINAL}),
        after=State.SETTLED,
        effect="gives the slices back",
        needs="the share is 0",
        wrong_state="escrow: milestone not final",
        says="settle the refund of {kind}",
        weight=Weight.OWED,
    ),
    _FLOAT,
    replace(
        _FLOAT,
        case="short, the holder chose the quote",
        effect="the same with what the slice buys",
        signers=(Party.HOLDER,),
        needs="as before, but the slice is not enough",
        says="take less for {kind} at a quote of your choice",
    ),
    replace(
        _FLOAT,
        case="nobody chose",
        effect="the same at a quote for this trade",
        signers=(),
        window=Window(
            after=(Moment.CHOICE_ENDS,),
            until=Moment.EXPIRY,
            early="escrow: choice window open",
            late="token: hold expired",
        ),
        needs="as before; if the slice is not enough, no call runs or is possible",
        wrong_party="",
        says="settle {kind} at a firm quote",
        weight=Weight.OWED,
    ),
    _LAST_RESORT,
    replace(
        _LAST_RESORT,
        case="the lock failed",
        effect="the payees get the slice in F",
        policies=frozenset({Policy.LOCK}),
        needs="the share is not 0; the provider's hold expired or the provider is frozen with scope `all`",
        says="pay {kind} in the funding currency by the last resort",
    ),
    replace(
        _LAST_RESORT,
        case="no conversion",
        effect="the payees get F at the last good median, no quote needed",
        policies=frozenset({Policy.FLOAT}),
        needs="the share is not 0; no call runs, but for the last day",
        says="pay {kind} in the funding currency by the last resort",
    ),
    # A float whose rate leaves the band.
    Transition(
        call="reprice",
        case="",
        before=UNSETTLED,
        after=None,
        effect="calls the importer to top up every open slice",
        window=Window(
            after=(Moment.COOLED_DOWN,),
            until=Moment.LAST_CALL,
            early="escrow: no call possible",
            late="escrow: no call possible",
        ),
        policies=frozenset({Policy.FLOAT}),
        needs="the importer's share is not 0; the median is below the band; a slice is too small; no call runs; "
        "fewer unpaid calls than `calls_max`",
        about_trade=True,
        wrong_policy="escrow: not a float",
        says="call for a top-up",
        weight=Weight.RIGHT,
    ),
    Transition(
        call="top_up",
        case="",
        before=UNSETTLED,
        after=None,
        effect="raises the slices to what the last call asked for; a running call is paid and ends",
        signers=(Party.IMPORTER,),
        policies=frozenset({Policy.FLOAT}),
        needs="exactly what is missing",
        about_trade=True,
        wrong_party="token: bad signature",
        wrong_policy="escrow: nothing to top up",
        says="top up the hold",
        weight=Weight.RIGHT,
    ),
    Transition(
        call=TIME,
        case="the call was not paid",
        before=UNSETTLED,
        after=None,
        effect="the slices stay; settlement pays what they buy",
        window=Window(after=(Moment.CALL_ENDS,)),
        policies=frozenset({Policy.FLOAT}),
        about_trade=True,
    ),
    Transition(
        call="defer",
        case="",
        before=frozenset({State.PENDING}),
        after=None,
        effect="moves the deadline of one milestone",
        signers=(Party.HOLDER,),
        policies=frozenset({Policy.FLOAT}),
        options=frozenset({Option.WAIT}),
        needs="every milestone is pending; the deadline rises and the hold outlives it by all windows",
        wrong_state="escrow: not all pending",
        wrong_party=BAD_SIGNATURE,
        wrong_policy="escrow: not the terms' option",
        says="defer the deadline of {kind}",
    ),
    _OUT_OF_BAND,
    replace(_OUT_OF_BAND, case="the holders", signers=(Party.HOLDERS,)),
    # The whole trade.
    Transition(
        call="amend",
        case="",
        before=UNSETTLED,
        after=State.PENDING,
        effect="new terms; a milestone whose terms change is pending again and its attestations fall, the others stay",
        signers=(Party.IMPORTER, Party.HOLDERS),
        needs="`lock`: the provider's message where its lock is touched; a changed milestone's deadline is ahead",
        about_trade=True,
        wrong_party=BAD_SIGNATURE,
        says="amend the terms",
    ),
    Transition(
        call="cancel",
        case="",
        before=UNSETTLED,
        after=State.SETTLED,
        effect="refunds what is unsettled and closes the trade",
        signers=(Party.IMPORTER, Party.HOLDERS),
        needs="`lock`: the provider's message, or the cancel fee is paid",
        about_trade=True,
        life=(Life.OPEN, Life.CLOSED),
        wrong_party=BAD_SIGNATURE,
        says="cancel the trade",
    ),
    Transition(
        call="lapse",
        case="",
        before=UNSETTLED,
        after=State.SETTLED,
        effect="books what the token gave back and closes the trade",
        window=Window(after=(Moment.EXPIRY,), early="escrow: hold not expired"),
        about_trade=True,
        life=(Life.OPEN, Life.CLOSED),
        says="book the lapse of the trade",
        weight=Weight.OWED,
    ),
)


def calls() -> tuple[str, ...]:
    """Return the names of all calls, in the order of the table."""
    return tuple(dict.fromkeys(row.call for row in TABLE if not row.is_time))


def rows_of(call: str) -> tuple[Transition, ...]:
    """Return the cases of a call, or with `time` what happens by itself."""
    return tuple(row for row in TABLE if row.call == call)


@cache
def leaving(state: State, policy: Policy, option: Option = Option.SHARE) -> tuple[Transition, ...]:
    """Return the rows that start from a milestone in this state, time included."""
    return tuple(row for row in TABLE if state in row.before and row.fits(policy, option))


@cache
def passing(state: State) -> Transition | None:
    """Return what time alone makes of a milestone in this state, None if nothing."""
    found = [row for row in TABLE if row.is_time and not row.about_trade and state in row.before]
    return found[0] if found else None


def edges(rows: Iterable[Transition]) -> dict[tuple[frozenset[State], State], list[Transition]]:
    """Return the rows that move a milestone, by where from and where to."""
    found: dict[tuple[frozenset[State], State], list[Transition]] = {}
    for row in rows:
        if row.after is not None and row.before:
            found.setdefault((row.before, row.after), []).append(row)
    return found
