"""Exhaustive exploration of small trades: every sequence of acts, in the model alone.

In every state: money is conserved, holds are the sums of unsettled slices, nothing is paid twice, a stranger can close
the trade by calls and time alone, and what is final for the exporter can still be paid until the hold's last second.
"""

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.models.escrow import BPS, DAY_S, FloatRule, Option, Policy, Windows
from tests.models.exploring import Instance, explore
from tests.models.plays import Plan

RATE = Fraction(150)
FALLEN = Fraction(144)
DEEPER = Fraction(120)
PAYS = ((1, BPS),)
DAILY = Windows(dispute_s=DAY_S, award_s=DAY_S, call_s=DAY_S, grace_s=DAY_S, choice_s=DAY_S)
MARKET = FloatRule(RATE, share_bps=BPS, calls_max=1)

NONE = Plan(Policy.NONE, amount=3, deadlines=(DAY_S,), windows=DAILY)
LOCK = replace(NONE, policy=Policy.LOCK, amount=30_001, premium=1, cancel_fee=50)
FLOAT = replace(NONE, policy=Policy.FLOAT, amount=1_003, rule=MARKET)
OPTIONAL = replace(FLOAT, rule=FloatRule(RATE, option=Option.WAIT), slack_s=2 * DAY_S)


def twice(plan: Plan) -> Plan:
    """The same with two milestones."""
    return replace(plan, weights_bps=(3_000, 7_000), deadlines=(DAY_S, DAY_S))


SMALL = (
    Instance("decisions", NONE, decides=True, waives=(1, 3)),
    Instance("silence that pays, award time that splits", replace(
        NONE, silence_pays=True, windows=replace(DAILY, unawarded_bps=5_000)), decides=True, assigns=True),
    Instance("two of three attesters", replace(NONE, attesters=3, quorum=2), attests=((1, BPS), (1, 4_000), (2, 0))),
    Instance("two milestones", twice(replace(NONE, amount=7)), attests=PAYS),
    Instance("convert now", replace(NONE, policy=Policy.CONVERT_NOW, amount=301), freezes=(("X", "importer", DAY_S),)),
    Instance("lock: decisions", LOCK, decides=True, waives=(15_000, 15_001)),
    Instance("lock: provider frozen", LOCK, freezes=(("X", "provider", 3 * DAY_S),), attests=PAYS),
    Instance("lock: importer frozen", LOCK, freezes=(("F", "importer", DAY_S),), attests=PAYS),
    Instance("lock: amended", LOCK, decides=True, attests=PAYS,
             amends=((20_000, 0, None), (40_000, 0, None), (30_001, DAY_S, None))),
    Instance("float: calls, dead oracle", FLOAT, medians=(FALLEN,), oracle_may_die=True, attests=PAYS),
    Instance("float: two calls", replace(FLOAT, rule=replace(MARKET, calls_max=2)), medians=(FALLEN,), attests=PAYS),
    Instance("float: wait", OPTIONAL, medians=(FALLEN,), attests=PAYS),
    Instance("float: refund", replace(OPTIONAL, rule=FloatRule(RATE, option=Option.REFUND), slack_s=0),
             medians=(FALLEN, DEEPER), attests=PAYS),
    Instance("float: dust", replace(FLOAT, amount=3, rule=FloatRule(RATE)), medians=(Fraction(200),),
             attests=((1, 5_000),), decides=True, waives=(1,)),
    Instance("float: amended", FLOAT, medians=(FALLEN,), attests=PAYS, amends=((1_003, 0, FALLEN), (900, DAY_S, None))),
)  # fmt: skip

LARGE = (
    Instance("two milestones, decisions", twice(replace(NONE, amount=7)), attests=PAYS, decides=True),
    Instance("lock: two milestones, frozen", twice(LOCK), freezes=(("X", "provider", DAY_S),), attests=PAYS),
    Instance("float: importer frozen", FLOAT, medians=(FALLEN,), freezes=(("F", "importer", DAY_S),), attests=PAYS),
    Instance("float: no grace", replace(FLOAT, windows=replace(DAILY, grace_s=0)), medians=(FALLEN, DEEPER),
             attests=PAYS),
    Instance("float: falls on", FLOAT, medians=(FALLEN, DEEPER), oracle_may_die=True),
    Instance("float: two milestones", twice(FLOAT), medians=(FALLEN,), attests=PAYS),
)  # fmt: skip


@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: instance.name)
def test_every_state_has_a_way_out_and_keeps_the_money_when_a_trade_is_small(instance: Instance) -> None:
    found = explore(instance)
    assert found.states > 100
    assert found.closed > 1


@pytest.mark.soak
@pytest.mark.parametrize("instance", LARGE, ids=lambda instance: instance.name)
def test_every_state_has_a_way_out_and_keeps_the_money_when_a_trade_is_larger(instance: Instance) -> None:
    assert explore(instance).states > 1_000
