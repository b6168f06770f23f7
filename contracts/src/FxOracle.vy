# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title Rounds of signed reference rates
@license Apache-2.0
@notice More than two thirds of the registered reporters sign a rate for one round; the median is the round's rate.
        A round is floor(time / period) of its pair, and a pair's rounds only go forward.
@custom:security Trusts the reporters by quorum only: fewer than a third can delay a round, not choose its median
        alone. Anyone submits; a signature binds pair, rate, time and round, so a report cannot be used twice or
        elsewhere. A jump beyond the pair's limit counts only after a second recorded round near it.
@custom:kill None. Without reports the median turns stale after the heartbeat and every reader has to do without.
@custom:invariant The usable median never differs from the last good one by more than the jump limit unless two
        consecutive recorded rounds agree on the new level. Rounds start strictly later than the one before.
@custom:units Rates: quote units per base unit (major units) with 18 decimals, below 2^80. Times: whole seconds.
"""

from interfaces import IFxOracle
from interfaces import IParticipantRegistry
from modules import eip712
from modules import signatures

implements: IFxOracle
initializes: eip712

exports: eip712.eip712Domain

event PairConfigured:
    pair: indexed(bytes32)
    period_s: uint256
    heartbeat_s: uint256
    jump_bps: uint256
    outlier_bps: uint256

event RoundRecorded:
    pair: indexed(bytes32)
    round: indexed(uint256)
    median: uint256
    reports: uint256
    usable: bool

event OutlierRecorded:
    pair: indexed(bytes32)
    round: indexed(uint256)
    reporter: indexed(address)
    rate: uint256

struct SignedReport:
    reporter: address
    rate: uint256
    observed_at: uint256
    signature: Bytes[65]

struct Pair:
    period_s: uint256
    heartbeat_s: uint256
    jump_bps: uint256
    outlier_bps: uint256

struct Round:
    rate: uint256
    round: uint256
    started_at: uint256

REPORTS_MAX: constant(uint256) = 16
REPORTER: constant(uint256) = 32
BPS: constant(uint256) = 10_000
RATE_LIMIT: constant(uint256) = 2**80
DECIMALS: constant(uint8) = 18
REPORT_TYPEHASH: constant(bytes32) = keccak256(
    "Report(bytes32 pair,uint256 rate,uint256 observed_at,uint256 round)"
)

REGISTRY: immutable(IParticipantRegistry)

_pairs: HashMap[bytes32, Pair]
# The last recorded round and the one before it, and the last whose median was usable, which is older than the last
# recorded one while a jump waits.
_last: HashMap[bytes32, Round]
_previous: HashMap[bytes32, Round]
_good: HashMap[bytes32, Round]


@deploy
def __init__(registry: address):
    """
    @notice Binds the oracle to the network's registry.
    @param registry The ParticipantRegistry that knows the reporters and the governor.
    """
    assert registry != empty(address), "oracle: no registry"
    REGISTRY = IParticipantRegistry(registry)
    eip712.__init__("FxOracle")


@external
def configure_pair(pair: bytes32, period_s: uint256, heartbeat_s: uint256, jump_bps: uint256, outlier_bps: uint256):
    """
    @notice Sets how a pair is reported; the registry's governor only.
    @param pair Name of the pair as ASCII, padded right with zeros.
    @param period_s Seconds of one round.
    @param heartbeat_s Age, from a round's start, after which its median is stale; at least one period.
    @param jump_bps Largest move from the last good median that counts at once, basis points.
    @param outlier_bps Distance from the round's median from which a report is recorded as an outlier.
    """
    assert msg.sender == staticcall REGISTRY.governor(), "oracle: not the governor"
    assert pair != empty(bytes32), "oracle: pair is zero"
    assert 0 < period_s and period_s <= heartbeat_s, "oracle: heartbeat below period"
    assert 0 < jump_bps and jump_bps <= BPS, "oracle: jump limit"
    assert 0 < outlier_bps and outlier_bps <= BPS, "oracle: outlier limit"
    self._pairs[pair] = Pair(
        period_s=period_s, heartbeat_s=heartbeat_s, jump_bps=jump_bps, outlier_bps=outlier_bps
    )
    log PairConfigured(
        pair=pair, period_s=period_s, heartbeat_s=heartbeat_s, jump_bps=jump_bps, outlier_bps=outlier_bps
    )


@external
def submit(pair: bytes32, round: uint256, reports: DynArray[SignedReport, REPORTS_MAX]):
    """
    @notice Records a round; anyone, with reports of more than two thirds of the reporters.
    @param pair The pair.
    @param round floor(time / period); it has begun, is not stale and starts after the last recorded one.
    @param reports One signed report per reporter, in any order.
    """
    config: Pair = self._pairs[pair]
    assert config.period_s != 0, "oracle: unknown pair"
    last: Round = self._last[pair]
    started_at: uint256 = round * config.period_s
    assert started_at <= block.timestamp, "oracle: round not begun"
    assert block.timestamp - started_at <= config.heartbeat_s, "oracle: round stale"
    assert started_at > last.started_at, "oracle: round not newer"
    reporters: uint256 = staticcall REGISTRY.role_count(REPORTER)
    assert 3 * len(reports) > 2 * reporters, "oracle: too few reports"

    median: uint256 = self._checked_median(pair, round, started_at, config.period_s, reports)
    good: Round = self._good[pair]
    # A jump waits in `_last` only; the next round is measured against it as well as against the last good one.
    usable: bool = good.started_at == 0 or self._within(median, good.rate, config.jump_bps)
    if not usable and last.started_at > good.started_at:
        usable = self._within(median, last.rate, config.jump_bps)
    recorded: Round = Round(rate=median, round=round, started_at=started_at)
    self._previous[pair] = last
    self._last[pair] = recorded
    if usable:
        self._good[pair] = recorded
    log RoundRecorded(pair=pair, round=round, median=median, reports=len(reports), usable=usable)
    for report: SignedReport in reports:
        if not self._within(report.rate, median, config.outlier_bps):
            log OutlierRecorded(pair=pair, round=round, reporter=report.reporter, rate=report.rate)


@external
@view
def median(pair: bytes32) -> (uint256, uint256, uint256):
    """
    @notice The usable median.
    @dev Reverts when there is none: nothing recorded, stale, or a jump waits for its second round.
    @param pair The pair.
    @return Rate (18 decimals), round, the round's start.
    """
    fresh: Round = self._usable(pair)
    return fresh.rate, fresh.round, fresh.started_at


@external
@view
def last_good(pair: bytes32) -> (uint256, uint256, uint256):
    """
    @notice The last median that was usable, however old; all zero when there was none.
    @param pair The pair.
    @return Rate (18 decimals), round, the round's start.
    """
    good: Round = self._good[pair]
    return good.rate, good.round, good.started_at


@external
@view
def previous(pair: bytes32) -> (uint256, uint256, uint256):
    """
    @notice The recorded round before the last one, usable or not, however old; all zero when there was none.
    @param pair The pair.
    @return Rate (18 decimals), round, the round's start.
    """
    before: Round = self._previous[pair]
    return before.rate, before.round, before.started_at


@external
@view
def latestRoundData(pair: bytes32) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The usable median in the shape of a Chainlink feed; reverts where `median` does.
    @param pair The pair.
    @return Round, answer, start, update (the start again: age counts from it), round of the answer.
    """
    fresh: Round = self._usable(pair)
    round_id: uint80 = convert(fresh.round, uint80)
    return round_id, convert(fresh.rate, int256), fresh.started_at, fresh.started_at, round_id


@external
@view
def pair_config(pair: bytes32) -> Pair:
    """
    @notice How a pair is configured; all zero for an unknown one.
    @param pair The pair.
    @return Period, heartbeat, jump limit, outlier limit.
    """
    return self._pairs[pair]


@external
@pure
def decimals() -> uint8:
    """
    @notice Decimals of every rate.
    @return 18.
    """
    return DECIMALS


@internal
@view
def _usable(pair: bytes32) -> Round:
    """
    @notice The last recorded round if its median may be used now.
    @param pair The pair.
    @return The round.
    """
    good: Round = self._good[pair]
    assert good.started_at != 0, "oracle: no median yet"
    assert self._last[pair].started_at == good.started_at, "oracle: median waits after a jump"
    assert block.timestamp - good.started_at <= self._pairs[pair].heartbeat_s, "oracle: median stale"
    return good


@internal
@view
def _checked_median(
    pair: bytes32,
    round: uint256,
    started_at: uint256,
    period_s: uint256,
    reports: DynArray[SignedReport, REPORTS_MAX],
) -> uint256:
    """
    @notice Checks each report and returns the median, the lower of two for an even count.
    @param pair The pair.
    @param round The round that every report must be signed for.
    @param started_at Start of the round.
    @param period_s Length of the round.
    @param reports At least one report.
    @return The median rate.
    """
    seen: DynArray[address, REPORTS_MAX] = []
    sorted_rates: DynArray[uint256, REPORTS_MAX] = []
    for report: SignedReport in reports:
        assert report.reporter not in seen, "oracle: reporter twice"
        assert staticcall REGISTRY.has_role(report.reporter, REPORTER), "oracle: not a reporter"
        assert 0 < report.rate and report.rate < RATE_LIMIT, "oracle: rate out of range"
        assert started_at <= report.observed_at, "oracle: observed outside round"
        assert report.observed_at <= block.timestamp, "oracle: observed outside round"
        assert report.observed_at - started_at < period_s, "oracle: observed outside round"
        digest: bytes32 = eip712._digest(
            keccak256(abi_encode(REPORT_TYPEHASH, pair, report.rate, report.observed_at, round))
        )
        assert signatures._is_signed(report.reporter, digest, report.signature), "oracle: bad signature"
        seen.append(report.reporter)
        sorted_rates = self._inserted(sorted_rates, report.rate)
    return sorted_rates[(len(sorted_rates) - 1) // 2]


@internal
@pure
def _inserted(sorted_rates: DynArray[uint256, REPORTS_MAX], rate: uint256) -> DynArray[uint256, REPORTS_MAX]:
    """
    @notice One step of an insertion sort.
    @param sorted_rates Rates in rising order, fewer than the maximum.
    @param rate The rate to put in.
    @return The rates with it, in rising order.
    """
    result: DynArray[uint256, REPORTS_MAX] = sorted_rates
    result.append(rate)
    position: uint256 = len(result) - 1
    for _: uint256 in range(REPORTS_MAX):
        if position == 0 or result[position - 1] <= rate:
            break
        result[position] = result[position - 1]
        position -= 1
    result[position] = rate
    return result


@internal
@pure
def _within(rate: uint256, base: uint256, limit_bps: uint256) -> bool:
    """
    @notice Whether two rates differ by no more than a limit.
    @param rate One rate.
    @param base The rate that the limit is a part of.
    @param limit_bps The limit in basis points of `base`, inclusive.
    @return True within the limit.
    """
    distance: uint256 = rate - base if rate > base else base - rate
    return distance * BPS <= base * limit_bps
