# pragma version 0.4.3
"""
@title Flow window
@license Apache-2.0
@notice What an account has spent in a window that rolls with time. The window is kept in eight buckets, each a
        seventh of it wide: an amount counts for at least the window and at most a seventh longer, so a limit checked
        against it is never exceeded in any span of the window's length.
@custom:invariant A bucket only ever gives back what the same hold put into it.
@custom:units Amounts in minor units, times and widths in seconds.
"""


BUCKETS: constant(uint256) = 8


struct Record:
    bucket_s: uint256  # width of a bucket; 0 = nothing recorded yet
    newest: uint256  # number of the newest bucket: time // bucket_s
    since: uint256  # when this width came into use; earlier amounts were carried into that moment's bucket


records: HashMap[address, Record]
buckets: HashMap[address, uint256[BUCKETS]]


@internal
@view
def _used(account: address) -> uint256:
    """
    @notice What `account` has spent in the window, as of now.
    @param account Whose window.
    @return Minor units.
    """
    record: Record = self.records[account]
    if record.bucket_s == 0:
        return 0
    current: uint256 = block.timestamp // record.bucket_s
    total: uint256 = 0
    for age: uint256 in range(BUCKETS):
        if record.newest < age or record.newest - age + BUCKETS <= current:
            break
        total += self.buckets[account][(record.newest - age) % BUCKETS]
    return total


@internal
def _record(account: address, amount: uint256, window_s: uint256):
    """
    @notice Counts `amount` as spent now. If the window's length has changed, what the old window still counts is
            carried over as if spent now: a change never gives room.
    @param account Whose window.
    @param amount Minor units.
    @param window_s Length of the window in force, above zero.
    """
    width: uint256 = (window_s + BUCKETS - 2) // (BUCKETS - 1)
    current: uint256 = block.timestamp // width
    record: Record = self.records[account]
    if record.bucket_s != width:
        carried: uint256 = self._used(account)
        self.buckets[account] = empty(uint256[BUCKETS])
        self.buckets[account][current % BUCKETS] = carried
        record = Record(bucket_s=width, newest=current, since=block.timestamp)
    else:
        for step: uint256 in range(1, BUCKETS + 1):
            if record.newest + step > current:
                break
            self.buckets[account][(record.newest + step) % BUCKETS] = 0
        record.newest = current
    self.records[account] = record
    self.buckets[account][current % BUCKETS] += amount


@internal
def _give_back(account: address, amount: uint256, counted_at: uint256) -> bool:
    """
    @notice Takes back what was counted at `counted_at`, if the window still holds it.
    @param account Whose window.
    @param amount Minor units, at most what the same hold counted then.
    @param counted_at Time of the `_record` it takes back.
    @return False if that bucket has left the window, or the window's length has changed since.
    """
    record: Record = self.records[account]
    if record.bucket_s == 0 or counted_at < record.since:
        return False
    bucket: uint256 = counted_at // record.bucket_s
    if bucket + BUCKETS <= block.timestamp // record.bucket_s:
        return False
    self.buckets[account][bucket % BUCKETS] -= amount
    return True
