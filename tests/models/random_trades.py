"""Random whole trades in the model: any policy and terms, actors who lie or stay silent, freezes, faults of the oracle
and the provider. After every act the invariants are checked, now and then the ways out, and at the end both again."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Final

from tests.models.escrow import BPS, DAY_S, FloatRule, Option, Policy, Rejected, State, Windows
from tests.models.plays import ACCOUNTS, ATTESTERS, HOUR_S, UNIT, Act, Plan, Play, edges_of
from tests.models.token import Limits, Refused

ACTS_MAX: Final = 70
FRIENDLY: Final = 0.85
"""How often a signer is the right one."""
WEIGHTS: Final = ((BPS,), (3_000, 7_000), (1, 9_999), (3_333, 3_333, 3_334))
EXPONENTS: Final = (0, 2, 3)


@dataclass(frozen=True)
class Told:
    """What became of a random trade."""

    play: Play
    acts: tuple[Act, ...]
    refused: int


def play_random(seed: int) -> Told:
    """Play one trade.

    Raises:
        AssertionError: an invariant failed; its notes are the plan and the acts.
    """
    rng = Random(seed)
    plan = random_plan(rng)
    play = Play(plan)
    acts: list[Act] = []
    refused = 0
    if rng.random() < 0.2:
        play.escrow.tokens["X"].own_limits["exporter"] = Limits(holding_max=max(1, plan.amount // 2))
    try:
        for _ in range(ACTS_MAX):
            act = random_act(rng, play)
            after = play.clone()
            try:
                after.act(act)
            except (Rejected, Refused):
                refused += 1
                continue
            play = after
            acts.append(act)
            play.check()
            if play.trade.cause is not None:
                break
            if rng.random() < 0.05:
                play.check_ways_out()
        play.check_ways_out()
    except AssertionError as failure:
        failure.add_note(f"seed {seed}: {plan}, {acts}")
        raise
    return Told(play, tuple(acts), refused)


def random_plan(rng: Random) -> Plan:
    """Terms that can be funded; small amounts among them, so that rounding shows."""
    policy = rng.choice((Policy.NONE, Policy.CONVERT_NOW, Policy.LOCK, Policy.LOCK, *[Policy.FLOAT] * 4))
    weights = rng.choice(WEIGHTS)
    deadlines = tuple(rng.randrange(1, 5) * DAY_S for _ in weights)
    windows = Windows(
        rng.choice((0, HOUR_S, DAY_S)),
        rng.choice((0, 2 * HOUR_S, DAY_S)),
        rng.choice((0, 0, 2_500)),
        rng.choice((0, 3 * HOUR_S)),
        rng.choice((0, 4 * HOUR_S, 2 * DAY_S)),
        rng.choice((0, HOUR_S)),
    )
    invoice_exponent, funding_exponent = rng.choice(EXPONENTS), rng.choice(EXPONENTS)
    shift = Fraction(10) ** (invoice_exponent - funding_exponent)
    rate = rng.choice((Fraction(150), Fraction(1, 150), Fraction(1_000, 480), Fraction(41))) * shift
    amount = rng.choice((10_007, 100_003, 12_345_678))
    if policy == Policy.LOCK:
        rate = rng.choice((Fraction(3, 2), Fraction(1, 41), Fraction(143, 100)))
    return Plan(
        policy,
        amount,
        weights,
        deadlines,
        windows,
        quorum=rng.choice((2, 3)),
        attesters=3,
        silence_pays=rng.random() < 0.5,
        has_arbiter=rng.random() < 0.8,
        payees=rng.choice(((), (("tax", 1_600),), (("tax", BPS),), (("tax", 33), ("provider", 50)))),
        slack_s=rng.choice((0, 0, 1, 5 * DAY_S)),
        rate=rate,
        scale=shift / UNIT,
        rule=_random_rule(rng, rate),
        premium=rng.choice((0, 7)),
        cancel_fee=rng.choice((0, 1, 97)),
        heartbeat_s=rng.choice((DAY_S, 400 * DAY_S)),
    )


def _random_rule(rng: Random, rate: Fraction) -> FloatRule:
    option = rng.choice((Option.SHARE, Option.SHARE, Option.WAIT, Option.REFUND))
    return FloatRule(
        rate,
        band_bps=rng.choice((1, 300, 300, 2_000)),
        spread_bps=rng.choice((0, 50, 50, 500)),
        share_bps=0 if option else rng.choice((0, 1, 5_000, BPS, BPS)),
        option=option,
        cool_down_s=rng.choice((0, HOUR_S)),
        calls_max=rng.choice((0, 1, 1, 2, 50)),
    )


def random_act(rng: Random, play: Play) -> Act:
    """Something that somebody tries: mostly what fits, now and then anything."""
    trade = play.trade
    index = rng.randrange(len(trade.milestones))
    state, holder = play.escrow.state_of(trade, index), trade.holder(index)
    fitting: dict[State, tuple[Act, ...]] = {
        State.PENDING: (
            *[("attest", index, attester, *rng.choice(_CLAIMS)) for attester in (*ATTESTERS, "stranger")],
            ("assign", index, _signer(rng, "exporter")),
            ("defer", index, rng.choice((-1, 1, DAY_S)), _signer(rng, holder)),
        ),
        State.DUE: (
            ("dispute", index, _signer(rng, rng.choice(("importer", holder)))),
            ("silence", index),
            ("accept", index, _signer(rng, "importer")),
        ),
        State.DISPUTED: (
            ("award", index, rng.choice((0, 1, 3_333, 5_000, BPS))),
            ("award", index, BPS),
            ("accept", index, _signer(rng, "importer")),
        ),
        State.FINAL: (
            ("settle", index),
            ("settle", index),
            ("last_resort", index),
            *[_conversion(rng, index, holder) for _ in range(3)],
        ),
        State.SETTLED: (),
    }
    if rng.random() < 0.15:
        return _move_time(rng, play)
    if rng.random() < 0.4:
        return rng.choice(_about_the_trade(rng, play, holder))
    any_state = rng.choice(list(fitting)) if rng.random() < 0.1 else state
    return rng.choice(fitting[any_state] or (("lapse",),))


_CLAIMS: Final = ((1, BPS), (1, BPS), (1, BPS), (1, 4_000), (1, 1), (2, 0))


def _signer(rng: Random, rightful: str) -> str:
    return rightful if rng.random() < FRIENDLY else rng.choice(ACCOUNTS)


def _conversion(rng: Random, index: int, holder: str) -> Act:
    signer = rng.choice((None, None, "importer", holder, _signer(rng, "importer")))
    reserve = rng.choice((1, 10**9, 10**9, 10**9))
    return ("settle_float", index, rng.choice((-1, 0, 0, 25, 400)), signer, rng.choice((0, 0, 10**9)), reserve)


def _move_time(rng: Random, play: Play) -> Act:
    """To the second in which something ends or the one after, or a little on."""
    edges = edges_of(play)[:2]
    if edges and rng.random() < 0.6:
        return ("go", rng.choice(edges) + rng.randrange(2))
    return ("go", play.escrow.now_s + rng.choice((1, 60, HOUR_S)))


def _about_the_trade(rng: Random, play: Play, holder: str) -> tuple[Act, ...]:
    trade, plan, last = play.trade, play.plan, play.escrow.oracle.last
    assert last is not None
    rate = min(max(last.rate * plan.scale, plan.rate / 8), plan.rate * 8) * rng.choice(_MOVES)
    index = rng.randrange(len(trade.milestones))
    amount = rng.choice((1, trade.invoice.slices[index] // 3, trade.invoice.slices[index]))
    everyone = (_signer(rng, "importer"), *trade.holders(), *rng.choice(((), ("provider",))))
    token, account = rng.choice((("F", "importer"), ("X", "importer"), ("X", "provider"), ("X", "exporter")))
    orders = play.escrow.tokens[token].orders.get(account, [])
    return (
        ("waive", index, amount, _signer(rng, holder)),
        ("cancel", *everyone),
        *[("close_out_of_band", *rng.choice((("importer",), tuple(trade.holders()), ("tax",))))] * 2,
        ("amend", _new_amount(rng, trade.amount), rng.choice((0, DAY_S)), rng.choice((None, rate)), *everyone),
        *[("median", rate)] * 4,
        *[("reprice",)] * 6,
        *[("top_up", rng.choice((0, 0, 0, 1, -1)))] * 4,
        ("oracle_dies",) if rng.random() < 0.1 else ("reprice",),
        ("freeze", token, account, rng.choice((1, 2, 2)), rng.choice((1, HOUR_S, 2 * DAY_S))),
        ("lift", token, account, orders[-1].number) if orders else ("lapse",),
        ("release_at_token", token),
        ("claim_blocked", "X", "exporter"),
        ("lapse",),
    )


_MOVES: Final = tuple(Fraction(part, 100) for part in (50, 80, 90, 95, 96, 97, 99, 100, 102, 105, 125))


def _new_amount(rng: Random, amount: int) -> int:
    return rng.choice((amount, amount - 5_000, amount + 5_000))
