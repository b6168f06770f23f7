# pragma version 0.4.3
"""
@title Freeze orders
@license Apache-2.0
@notice Numbered orders that freeze an account, and the clock of its holds. Scope `available` (1, creditors) stops the
        owner from spending; scope `all` (2, sanctions) stops its holds too: their clock stands still for every second
        an order of that scope is in force, the first and the last included, overlapping orders counted once.
@dev Frozen time is kept as disjoint, growing intervals. With B(t) the frozen seconds before second t, a hold of nominal
     expiry x placed at c has its deadline at x - B(c) on a clock that skips frozen seconds. An interval that begins later
     on that clock begins after the hold has expired, and so cannot revive it. The clock values of the intervals grow,
     which is why a binary search finds the last interval that counts.
@custom:invariant Order numbers strictly rise; intervals are disjoint and in order.
@custom:units Seconds of ledger time.
"""

from modules import checks


SCOPE_AVAILABLE: constant(uint256) = 1
SCOPE_ALL: constant(uint256) = 2

# Orders in force on one account at a time; the issuer lifts or merges before it adds a ninth.
ORDERS_MAX: constant(uint256) = 8
# An order is renewed, not eternal (ten years); the bound also keeps clock arithmetic far from overflow.
ORDER_S_MAX: constant(uint256) = 3660 * 86400


struct Order:
    number: uint256
    scope: uint256
    expires_at: uint256  # last second of the order


struct Interval:
    start: uint256  # first frozen second
    end: uint256  # last frozen second; lies in the future while an order runs
    before: uint256  # frozen seconds before `start`


last_order: public(uint256)
orders: HashMap[address, DynArray[Order, ORDERS_MAX]]
intervals: HashMap[address, HashMap[uint256, Interval]]
interval_count: HashMap[address, uint256]


@internal
@view
def _is_frozen(account: address, scope: uint256) -> bool:
    """
    @notice Tells whether an order of this scope or a wider one is in force now.
    @param account Whose account.
    @param scope 1 `available`, 2 `all`.
    @return True while frozen.
    """
    for order: Order in self.orders[account]:
        if order.scope >= scope and block.timestamp <= order.expires_at:
            return True
    return False


@internal
def _order(account: address, number: uint256, scope: uint256, expires_at: uint256):
    """
    @notice Puts an order in force from this second on.
    @param account Whose account.
    @param number Above every earlier number.
    @param scope 1 `available`, 2 `all`.
    @param expires_at Last second of the order.
    """
    checks._require(number > self.last_order, "token: order number used")
    checks._require(scope == SCOPE_AVAILABLE or scope == SCOPE_ALL, "token: unknown scope")
    checks._require(block.timestamp <= expires_at, "token: order expired")
    checks._require(expires_at <= block.timestamp + ORDER_S_MAX, "token: order too long")
    self.last_order = number

    in_force: DynArray[Order, ORDERS_MAX] = self._in_force(account, 0)
    checks._require(len(in_force) < ORDERS_MAX, "token: too many orders")
    in_force.append(Order(number=number, scope=scope, expires_at=expires_at))
    self.orders[account] = in_force

    if scope == SCOPE_ALL:
        self._stop_clock(account, expires_at)


@internal
def _lift(account: address, number: uint256):
    """
    @notice Ends an order; this second still counts as frozen.
    @param account Whose account.
    @param number An order in force on it.
    """
    was_in_force: bool = False
    was_all: bool = False
    for order: Order in self.orders[account]:
        if order.number == number and block.timestamp <= order.expires_at:
            was_in_force = True
            was_all = order.scope == SCOPE_ALL
    checks._require(was_in_force, "token: no such order")

    rest: DynArray[Order, ORDERS_MAX] = self._in_force(account, number)
    self.orders[account] = rest
    if was_all:
        end: uint256 = block.timestamp
        for order: Order in rest:
            if order.scope == SCOPE_ALL:
                end = max(end, order.expires_at)
        self.intervals[account][self.interval_count[account] - 1].end = end


@internal
@view
def _frozen_before_now(account: address) -> uint256:
    """
    @notice Seconds before this one in which the account's holds stood still.
    @param account Whose account.
    @return Seconds; what a hold placed now remembers.
    """
    count: uint256 = self.interval_count[account]
    if count == 0:
        return 0
    last: Interval = self.intervals[account][count - 1]
    return last.before + min(block.timestamp, last.end + 1) - last.start


@internal
@view
def _moved(account: address, nominal: uint256, frozen_before: uint256) -> uint256:
    """
    @notice A hold's expiry, moved by the frozen seconds since it was placed.
    @param account The hold's owner.
    @param nominal The expiry as agreed.
    @param frozen_before What `_frozen_before_now` said when it was placed.
    @return Last second in which the hold lives, if orders in force run to their end.
    """
    deadline: uint256 = nominal - frozen_before
    low: uint256 = 0
    high: uint256 = self.interval_count[account]
    for _: uint256 in range(64):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        interval: Interval = self.intervals[account][middle]
        if interval.start - interval.before <= deadline:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return deadline
    last: Interval = self.intervals[account][low - 1]
    return deadline + last.before + last.end + 1 - last.start


@internal
@view
def _in_force(account: address, without: uint256) -> DynArray[Order, ORDERS_MAX]:
    """
    @notice The orders still in force.
    @param account Whose account.
    @param without Number of an order to leave out; 0 leaves out none.
    @return At most eight orders.
    """
    kept: DynArray[Order, ORDERS_MAX] = []
    for order: Order in self.orders[account]:
        if order.number != without and block.timestamp <= order.expires_at:
            kept.append(order)
    return kept


@internal
def _stop_clock(account: address, until: uint256):
    """
    @notice Counts every second from now to `until` as frozen, none twice.
    @param account Whose account.
    @param until Last frozen second.
    """
    count: uint256 = self.interval_count[account]
    before: uint256 = 0
    if count != 0:
        last: Interval = self.intervals[account][count - 1]
        if block.timestamp <= last.end:
            self.intervals[account][count - 1].end = max(last.end, until)
            return
        before = last.before + last.end + 1 - last.start
    self.intervals[account][count] = Interval(start=block.timestamp, end=until, before=before)
    self.interval_count[account] = count + 1
