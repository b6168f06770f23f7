# pragma version 0.4.3
"""
@title Transaction keys
@license Apache-2.0
@notice The ML-DSA-65 key with which an institution's account signs each of its transactions a second time. Nodes refuse
        a transaction of an account in `dual_signers` that the key does not confirm; the contracts see nothing of that.
@custom:security The caller has checked who acts. An account that has had a key never becomes a plain one again: a key
        is replaced, or revoked until the next.
@custom:invariant An account is in `dual_signers` exactly once if its state is not UNSET. It has a key exactly if its
        state is SET.
"""


event TransactionKeyChanged:
    account: indexed(address)
    key_hash: bytes32
    state: uint256


# Bytes of an ML-DSA-65 public key (FIPS 204); every string of this length is one.
KEY_BYTES: constant(uint256) = 1952
# A node keeps all of them in memory.
SIGNERS_MAX: constant(uint256) = 1024
UNSET: constant(uint256) = 0
SET: constant(uint256) = 1
REVOKED: constant(uint256) = 2

_keys: HashMap[address, Bytes[KEY_BYTES]]
_states: HashMap[address, uint256]
_signers: DynArray[address, SIGNERS_MAX]


@external
@view
def dual_signers() -> DynArray[address, SIGNERS_MAX]:
    """
    @notice Every account that ever had a transaction key.
    @return Accounts, in the order of their first keys.
    """
    return self._signers


@external
@view
def transaction_key(account: address) -> Bytes[KEY_BYTES]:
    """
    @notice The key that confirms an account's transactions.
    @param account Any address.
    @return The ML-DSA-65 public key; empty for who has none and while it is revoked.
    """
    return self._keys[account]


@external
@view
def transaction_key_state(account: address) -> uint256:
    """
    @notice Whether an account's transactions need a second signature.
    @param account Any address.
    @return 0 none: they need none; 1 set: by this key; 2 revoked: it may send nothing until it has the next key.
    """
    return self._states[account]


@internal
def _register(account: address, key: Bytes[KEY_BYTES]):
    """
    @notice Sets or replaces the caller's own key. After a revocation only `_assign` does.
    @param account Whose.
    @param key ML-DSA-65 public key.
    """
    assert self._states[account] != REVOKED, "registry: transaction key revoked"
    self._assign(account, key)


@internal
def _assign(account: address, key: Bytes[KEY_BYTES]):
    """
    @notice Sets a key whatever was before.
    @param account Whose.
    @param key ML-DSA-65 public key.
    """
    assert len(key) == KEY_BYTES, "registry: key is not 1952 bytes"
    if self._states[account] == UNSET:
        assert len(self._signers) < SIGNERS_MAX, "registry: too many dual signers"
        self._signers.append(account)
    self._keys[account] = key
    self._states[account] = SET
    log TransactionKeyChanged(account=account, key_hash=sha256(key), state=SET)


@internal
def _revoke(account: address):
    """
    @notice Takes a key away; nothing confirms the account's transactions until it is assigned the next.
    @param account Whose.
    """
    assert self._states[account] == SET, "registry: no transaction key"
    key_hash: bytes32 = sha256(self._keys[account])
    self._keys[account] = b""
    self._states[account] = REVOKED
    log TransactionKeyChanged(account=account, key_hash=key_hash, state=REVOKED)
