"""FxOracle: who may report, which rounds count, what the median is and when it may be used (SPEC section 6)."""

from collections.abc import Sequence
from typing import Any

import boa
import pytest

from contracts.client.typed_data import Domain
from tests.contracts.support import START_S, Actor, advance, advance_to, deploy, events_of, now_s
from tests.contracts.trades import PAIR, PERIOD_S, World

RATE = 150 * 10**18
HEARTBEAT_S = 3 * PERIOD_S
JUMP_BPS = 200
OUTLIER_BPS = 100

Report = tuple[str, int, int, bytes]


@pytest.fixture
def oracle(world: World) -> Any:
    """The oracle with EUR/KES configured, at the start of a round."""
    advance_to(-(-START_S // PERIOD_S) * PERIOD_S + PERIOD_S)
    world.oracle.configure_pair(PAIR, PERIOD_S, HEARTBEAT_S, JUMP_BPS, OUTLIER_BPS, sender=world.governor.address)
    return world.oracle


def this_round() -> int:
    return now_s() // PERIOD_S


def report(world: World, reporter: Actor, rate: int, **changes: Any) -> Report:
    """A signed report for this round, observed now."""
    message: dict[str, Any] = {"pair": PAIR, "rate": rate, "observed_at": now_s(), "round": this_round()} | changes
    domain: Domain = message.pop("domain", world.oracle_domain)
    return reporter.address, message["rate"], message["observed_at"], reporter.sign(domain, "Report", message)


def reports(world: World, rates: Sequence[int], **changes: Any) -> list[Report]:
    """One report per reporter, in order."""
    return [report(world, reporter, rate, **changes) for reporter, rate in zip(world.reporters, rates, strict=False)]


def submit(world: World, rates: Sequence[int]) -> None:
    world.oracle.submit(PAIR, this_round(), reports(world, rates), sender=world.relayer.address)


def next_round(world: World, rates: Sequence[int]) -> None:
    advance(PERIOD_S)
    submit(world, rates)


def test_oracle_refuses_deployment_when_registry_is_zero() -> None:
    with boa.reverts("oracle: no registry"):
        deploy("FxOracle", "0x" + "00" * 20)


def test_configure_pair_is_refused_when_caller_is_not_the_governor(world: World) -> None:
    with boa.reverts("oracle: not the governor"):
        world.oracle.configure_pair(PAIR, 600, 1_200, 100, 100, sender=world.stranger.address)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((bytes(32), 600, 1_200, 100, 100), "oracle: pair is zero"),
        ((PAIR, 0, 1_200, 100, 100), "oracle: heartbeat below period"),
        ((PAIR, 600, 599, 100, 100), "oracle: heartbeat below period"),
        ((PAIR, 600, 600, 0, 100), "oracle: jump limit"),
        ((PAIR, 600, 600, 10_001, 100), "oracle: jump limit"),
        ((PAIR, 600, 600, 100, 0), "oracle: outlier limit"),
        ((PAIR, 600, 600, 100, 10_001), "oracle: outlier limit"),
    ],
)
def test_configure_pair_is_refused_when_a_limit_is_out_of_range(
    world: World, arguments: tuple[Any, ...], reason: str
) -> None:
    with boa.reverts(reason):
        world.oracle.configure_pair(*arguments, sender=world.governor.address)


def test_configure_pair_stores_limits_when_at_their_bounds(world: World) -> None:
    world.oracle.configure_pair(PAIR, 600, 600, 10_000, 10_000, sender=world.governor.address)
    assert tuple(world.oracle.pair_config(PAIR)) == (600, 600, 10_000, 10_000)


def test_median_is_refused_when_nothing_was_recorded(oracle: Any) -> None:
    with boa.reverts("oracle: no median yet"):
        oracle.median(PAIR)
    assert oracle.last_good(PAIR) == (0, 0, 0)


@pytest.mark.parametrize(
    ("rates", "median"),
    [
        ((RATE, RATE + 2, RATE + 1), RATE + 1),
        ((RATE + 3, RATE, RATE + 2, RATE + 1), RATE + 1),
        ((RATE, RATE, RATE + 1, RATE + 1), RATE),
    ],
)
def test_submit_records_the_lower_median_when_reports_come_in_any_order(
    world: World, oracle: Any, rates: tuple[int, ...], median: int
) -> None:
    submit(world, rates)
    (event,) = events_of(oracle, "RoundRecorded")
    assert (event["median"], event["reports"], event["usable"]) == (median, len(rates), True)
    assert oracle.median(PAIR) == (median, this_round(), this_round() * PERIOD_S)
    assert oracle.latestRoundData(PAIR) == (
        this_round(),
        median,
        this_round() * PERIOD_S,
        this_round() * PERIOD_S,
        this_round(),
    )
    assert oracle.decimals() == 18


def test_submit_is_refused_when_only_two_thirds_report(world: World, oracle: Any) -> None:
    world.register(Actor("reporter 4"), 32)
    world.register(Actor("reporter 5"), 32)
    with boa.reverts("oracle: too few reports"):
        submit(world, [RATE] * 4)


def test_submit_is_refused_when_there_are_no_reports_and_no_reporters(world: World, oracle: Any) -> None:
    for reporter in world.reporters:
        world.registry.set_status(reporter.address, False, sender=world.governor.address)
    with boa.reverts("oracle: too few reports"):
        oracle.submit(PAIR, this_round(), [])


def test_submit_is_refused_when_pair_is_unknown(world: World, oracle: Any) -> None:
    with boa.reverts("oracle: unknown pair"):
        oracle.submit(b"USD/KES".ljust(32, b"\0"), this_round(), reports(world, [RATE] * 4))


def test_submit_is_refused_when_the_round_was_recorded(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    with boa.reverts("oracle: round not newer"):
        submit(world, [RATE] * 3)


def test_submit_is_refused_when_the_round_is_older_than_the_last(world: World, oracle: Any) -> None:
    late = reports(world, [RATE] * 3)
    next_round(world, [RATE] * 3)
    with boa.reverts("oracle: round not newer"):
        oracle.submit(PAIR, this_round() - 1, late)


def test_submit_is_refused_when_the_round_has_not_begun(world: World, oracle: Any) -> None:
    coming = this_round() + 1
    with boa.reverts("oracle: round not begun"):
        oracle.submit(PAIR, coming, reports(world, [RATE] * 3, round=coming, observed_at=coming * PERIOD_S))


def test_submit_takes_a_late_round_until_the_heartbeat_and_not_after(world: World, oracle: Any) -> None:
    number, signed = this_round(), reports(world, [RATE] * 3)
    advance(HEARTBEAT_S + 1)
    with boa.reverts("oracle: round stale"):
        oracle.submit(PAIR, number, signed)
    number, signed = this_round(), reports(world, [RATE] * 3)
    advance_to(number * PERIOD_S + HEARTBEAT_S)
    oracle.submit(PAIR, number, signed)
    assert oracle.median(PAIR)[1] == number


def test_submit_is_refused_when_round_times_period_overflows(world: World, oracle: Any) -> None:
    with boa.reverts():
        oracle.submit(PAIR, 2**256 - 1, reports(world, [RATE] * 3))


def test_submit_is_refused_when_a_reporter_appears_twice(world: World, oracle: Any) -> None:
    signed = reports(world, [RATE] * 3)
    with boa.reverts("oracle: reporter twice"):
        oracle.submit(PAIR, this_round(), [*signed, signed[0]])


def test_submit_is_refused_when_someone_else_reports(world: World, oracle: Any) -> None:
    signed = [*reports(world, [RATE] * 3), report(world, world.stranger, RATE)]
    with boa.reverts("oracle: not a reporter"):
        oracle.submit(PAIR, this_round(), signed)


def test_submit_is_refused_when_a_reporter_is_suspended(world: World, oracle: Any) -> None:
    signed = reports(world, [RATE] * 4)
    world.registry.set_status(world.reporters[0].address, False, sender=world.governor.address)
    with boa.reverts("oracle: not a reporter"):
        oracle.submit(PAIR, this_round(), signed)
    oracle.submit(PAIR, this_round(), signed[1:])


@pytest.mark.parametrize("rate", [0, 2**80])
def test_submit_is_refused_when_a_rate_is_out_of_range(world: World, oracle: Any, rate: int) -> None:
    with boa.reverts("oracle: rate out of range"):
        submit(world, [RATE, RATE, rate])


def test_submit_takes_the_largest_rate(world: World, oracle: Any) -> None:
    submit(world, [2**80 - 1] * 3)
    assert oracle.median(PAIR)[0] == 2**80 - 1


def test_submit_is_refused_when_an_observation_lies_outside_the_round(world: World, oracle: Any) -> None:
    advance(PERIOD_S // 2)
    start = this_round() * PERIOD_S
    for observed_at in (start - 1, now_s() + 1):
        with boa.reverts("oracle: observed outside round"):
            oracle.submit(PAIR, this_round(), reports(world, [RATE] * 3, observed_at=observed_at))
    last = this_round()
    advance(PERIOD_S)
    with boa.reverts("oracle: observed outside round"):
        oracle.submit(PAIR, last, reports(world, [RATE] * 3, round=last, observed_at=start + PERIOD_S))
    oracle.submit(PAIR, last, reports(world, [RATE] * 3, round=last, observed_at=start + PERIOD_S - 1))


@pytest.mark.parametrize("field", ["pair", "rate", "observed_at", "round"])
def test_submit_is_refused_when_another_value_was_signed(world: World, oracle: Any, field: str) -> None:
    advance(2)
    other: dict[str, Any] = {
        "pair": b"EUR/UGX".ljust(32, b"\0"),
        "rate": RATE + 1,
        "observed_at": now_s() - 1,
        "round": this_round() + 1,
    }
    signed = reports(world, [RATE] * 3)
    reporter, rate, observed_at, _ = signed[0]
    forged = report(world, world.reporters[0], **({"rate": RATE} | {field: other[field]}))
    signed[0] = (reporter, rate, observed_at, forged[3])
    with boa.reverts("oracle: bad signature"):
        oracle.submit(PAIR, this_round(), signed)


def test_submit_is_refused_when_signed_for_another_chain_or_contract(world: World, oracle: Any) -> None:
    right = world.oracle_domain
    for domain in (
        Domain(right.name, right.chain_id + 1, right.verifying_contract),
        Domain(right.name, right.chain_id, world.fx.address),
        Domain("FxSettlement", right.chain_id, right.verifying_contract),
    ):
        with boa.reverts("oracle: bad signature"):
            oracle.submit(PAIR, this_round(), reports(world, [RATE] * 3, domain=domain))


def test_submit_records_outliers_beyond_the_limit_only(world: World, oracle: Any) -> None:
    at_limit, beyond = RATE + RATE * OUTLIER_BPS // 10_000, RATE - RATE * OUTLIER_BPS // 10_000 - 1
    submit(world, [RATE, at_limit, beyond, RATE])
    (event,) = events_of(oracle, "OutlierRecorded")
    assert (event["reporter"], event["rate"]) == (world.reporters[2].address, beyond)


def test_median_turns_stale_a_second_after_the_heartbeat(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    advance_to(this_round() * PERIOD_S + HEARTBEAT_S)
    assert oracle.median(PAIR)[0] == RATE
    advance(1)
    with boa.reverts("oracle: median stale"):
        oracle.median(PAIR)
    with boa.reverts("oracle: median stale"):
        oracle.latestRoundData(PAIR)
    assert oracle.last_good(PAIR)[0] == RATE


def test_median_follows_when_the_move_is_exactly_the_jump_limit(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    moved = RATE + RATE * JUMP_BPS // 10_000
    next_round(world, [moved] * 3)
    assert oracle.median(PAIR)[0] == moved


def test_median_waits_for_a_second_round_when_it_jumps(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    jumped = RATE + RATE * JUMP_BPS // 10_000 + 1
    next_round(world, [jumped] * 3)
    with boa.reverts("oracle: median waits after a jump"):
        oracle.median(PAIR)
    assert oracle.last_good(PAIR)[0] == RATE
    next_round(world, [jumped + 1] * 3)
    assert oracle.median(PAIR)[0] == jumped + 1


def test_median_returns_when_a_spike_passes(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    next_round(world, [2 * RATE] * 3)
    next_round(world, [RATE] * 3)
    assert oracle.median(PAIR)[0] == RATE


def test_median_keeps_waiting_when_the_second_round_jumps_again(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    next_round(world, [2 * RATE] * 3)
    next_round(world, [3 * RATE] * 3)
    with boa.reverts("oracle: median waits after a jump"):
        oracle.median(PAIR)
    next_round(world, [3 * RATE] * 3)
    assert oracle.median(PAIR)[0] == 3 * RATE


def test_submit_goes_on_by_time_when_the_period_changes(world: World, oracle: Any) -> None:
    submit(world, [RATE] * 3)
    old = this_round()
    oracle.configure_pair(PAIR, 10 * PERIOD_S, 30 * PERIOD_S, JUMP_BPS, OUTLIER_BPS, sender=world.governor.address)
    advance(20 * PERIOD_S)
    number = now_s() // (10 * PERIOD_S)
    assert number < old
    oracle.submit(PAIR, number, reports(world, [RATE] * 3, round=number))
    assert oracle.median(PAIR)[1] == number


def test_previous_is_the_recorded_round_before_the_last_usable_or_not(world: World, oracle: Any) -> None:
    assert oracle.previous(PAIR) == (0, 0, 0)
    submit(world, [RATE] * 3)
    first = this_round()
    assert oracle.previous(PAIR) == (0, 0, 0)
    next_round(world, [2 * RATE] * 3)
    assert oracle.previous(PAIR) == (RATE, first, first * PERIOD_S)
    next_round(world, [RATE] * 3)
    # The spike in between was never usable, yet it was recorded.
    assert oracle.previous(PAIR) == (2 * RATE, first + 1, (first + 1) * PERIOD_S)
    assert oracle.last_good(PAIR)[1] == first + 2
