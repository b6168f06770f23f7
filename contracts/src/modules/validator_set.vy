# pragma version 0.4.3
"""
@title Validator set
@license Apache-2.0
@notice Which keys vote on blocks, with which power, and which nodes may connect. Nodes read the logs of each block and
        hand them to consensus, which follows two blocks later.
@custom:security The caller has checked that the members decided. Nobody can empty the set or, unless it is forced, move
        more than a third of the power in one block, so that a quorum of the old set and one of the new overlap.
@custom:invariant `total_power` = sum of the powers, above zero once there is a validator. Every key stands once, no owner
        has more than two, a jailed one none. A key changes at most once in a block, so the logs of a block are its
        changes.
@custom:units Algorithms: 1 ML-DSA-65, 2 Ed25519. A node id is the 20 bytes that CometBFT writes as hex.
"""


event ValidatorChanged:
    algorithm: uint8
    public_key: Bytes[KEY_BYTES_MAX]
    power: uint256
    owner: indexed(address)


event NodeAllowed:
    node_id: indexed(bytes20)
    allowed: bool


event Jailed:
    owner: indexed(address)
    reason: bytes32
    evidence_digest: bytes32
    height: uint256


event Unjailed:
    owner: indexed(address)


struct Validator:
    owner: address
    public_key: Bytes[KEY_BYTES_MAX]
    power: uint256
    node_id: bytes20
    algorithm: uint8


struct Jail:
    reason: bytes32
    evidence_digest: bytes32
    # Consensus height of the offence.
    height: uint256
    # Ledger time; zero for who is not jailed.
    jailed_at: uint256


# ML-DSA-65, FIPS 204.
KEY_BYTES_MAX: constant(uint256) = 1_952
ML_DSA_65: constant(uint8) = 1
ED25519: constant(uint8) = 2
VALIDATORS_MAX: constant(uint256) = 200
PER_OWNER_MAX: constant(uint256) = 2
NODES_MAX: constant(uint256) = 600
NODE_IDS_MAX: constant(uint256) = VALIDATORS_MAX + NODES_MAX
# CometBFT stops above 2^60, and counts what joins in a block before what leaves.
TOTAL_POWER_MAX: constant(uint256) = 2**48

total_power: public(uint256)
_validators: DynArray[Validator, VALIDATORS_MAX]
# By hash of the key: place in the list, from 1; and one more than the last block in which it changed.
_places: HashMap[bytes32, uint256]
_changed_in: HashMap[bytes32, uint256]
_keys_of: HashMap[address, DynArray[bytes32, PER_OWNER_MAX]]
_jails: HashMap[address, Jail]
# Nodes besides those of validators: who joins, or only reads.
_nodes: DynArray[bytes20, NODES_MAX]
# One more than the last block with a change, the power before it, and the power it has moved.
_window_block: uint256
_window_base: uint256
_window_moved: uint256


@external
@view
def validators() -> DynArray[Validator, VALIDATORS_MAX]:
    """
    @notice The validators, in no order.
    @return Owner, key, power, node and algorithm of each.
    """
    return self._validators


@external
@view
def node_ids() -> DynArray[bytes20, NODE_IDS_MAX]:
    """
    @notice The nodes that may connect: those of validators, and those that were allowed besides.
    @return Node ids; one may stand twice.
    """
    ids: DynArray[bytes20, NODE_IDS_MAX] = []
    for position: uint256 in range(len(self._validators), bound=VALIDATORS_MAX):
        node_id: bytes20 = self._validators[position].node_id
        if node_id != empty(bytes20):
            ids.append(node_id)
    for node_id: bytes20 in self._nodes:
        ids.append(node_id)
    return ids


@external
@view
def jail_of(owner: address) -> Jail:
    """
    @notice Why and since when an owner may have no validator.
    @param owner Any address.
    @return The record; `jailed_at` is zero for who is not jailed.
    """
    return self._jails[owner]


@internal
def _set(
    owner: address,
    algorithm: uint8,
    public_key: Bytes[KEY_BYTES_MAX],
    power: uint256,
    node_id: bytes20,
    forced: bool,
):
    """
    @notice Adds a validator, changes its power or node, or removes it.
    @param owner Whose it is; the caller has checked that it is a member.
    @param algorithm 1 ML-DSA-65, 2 Ed25519.
    @param public_key Its key, of which there is one.
    @param power The new power, zero removes.
    @param node_id Its node, or zero.
    @param forced Whether more than a third of the power may move.
    """
    key_hash: bytes32 = keccak256(public_key)
    place: uint256 = self._places[key_hash]
    if place == 0:
        assert power != 0, "governance: unknown validator"
        assert (algorithm == ML_DSA_65 and len(public_key) == 1_952) or (
            algorithm == ED25519 and len(public_key) == 32
        ), "governance: algorithm or key"
        assert len(self._validators) < VALIDATORS_MAX, "governance: too many validators"
        assert len(self._keys_of[owner]) < PER_OWNER_MAX, "governance: owner has two keys"
    else:
        found: Validator = self._validators[place - 1]
        assert found.owner == owner, "governance: key of another owner"
        assert found.algorithm == algorithm, "governance: algorithm or key"
    if power == 0:
        self._remove(key_hash, forced)
        return
    assert self._jails[owner].jailed_at == 0, "governance: owner is jailed"
    if place == 0:
        self._move(key_hash, 0, power, forced)
        self._validators.append(
            Validator(owner=owner, public_key=public_key, power=power, node_id=node_id, algorithm=algorithm)
        )
        self._places[key_hash] = len(self._validators)
        self._keys_of[owner].append(key_hash)
    else:
        self._move(key_hash, self._validators[place - 1].power, power, forced)
        self._validators[place - 1].power = power
        self._validators[place - 1].node_id = node_id
    log ValidatorChanged(algorithm=algorithm, public_key=public_key, power=power, owner=owner)


@internal
def _jail(owner: address, reason: bytes32, evidence_digest: bytes32, height: uint256, forced: bool):
    """
    @notice Removes an owner's validators and lets it have none until it is unjailed.
    @param owner Who has a validator.
    @param reason Short ASCII text, padded right with zeros.
    @param evidence_digest SHA-256 of the evidence, which nodes keep.
    @param height Consensus height of the offence.
    @param forced Whether more than a third of the power may move.
    """
    keys: DynArray[bytes32, PER_OWNER_MAX] = self._keys_of[owner]
    assert len(keys) != 0, "governance: owner has no validator"
    for key_hash: bytes32 in keys:
        self._remove(key_hash, forced)
    self._jails[owner] = Jail(
        reason=reason, evidence_digest=evidence_digest, height=height, jailed_at=block.timestamp
    )
    log Jailed(owner=owner, reason=reason, evidence_digest=evidence_digest, height=height)


@internal
def _unjail(owner: address):
    """
    @notice Lets an owner have validators again; it has none yet.
    @param owner Who is jailed.
    """
    assert self._jails[owner].jailed_at != 0, "governance: owner is not jailed"
    self._jails[owner] = empty(Jail)
    log Unjailed(owner=owner)


@internal
def _allow_node(node_id: bytes20, allowed: bool):
    """
    @notice Lets a node besides those of validators connect, or no longer.
    @param node_id The node.
    @param allowed Whether it may.
    """
    assert node_id != empty(bytes20), "governance: no node"
    for position: uint256 in range(len(self._nodes), bound=NODES_MAX):
        if self._nodes[position] == node_id:
            assert not allowed, "governance: node is allowed"
            self._nodes[position] = self._nodes[len(self._nodes) - 1]
            self._nodes.pop()
            log NodeAllowed(node_id=node_id, allowed=False)
            return
    assert allowed, "governance: unknown node"
    assert len(self._nodes) < NODES_MAX, "governance: too many nodes"
    self._nodes.append(node_id)
    log NodeAllowed(node_id=node_id, allowed=True)


@internal
def _remove(key_hash: bytes32, forced: bool):
    """
    @notice Takes a validator off the list; the last takes its place.
    @param key_hash Hash of its key.
    @param forced Whether more than a third of the power may move.
    """
    place: uint256 = self._places[key_hash]
    gone: Validator = self._validators[place - 1]
    self._move(key_hash, gone.power, 0, forced)
    last: Validator = self._validators[len(self._validators) - 1]
    self._validators[place - 1] = last
    self._places[keccak256(last.public_key)] = place
    self._places[key_hash] = 0
    self._validators.pop()
    others: DynArray[bytes32, PER_OWNER_MAX] = []
    for other: bytes32 in self._keys_of[gone.owner]:
        if other != key_hash:
            others.append(other)
    self._keys_of[gone.owner] = others
    log ValidatorChanged(algorithm=gone.algorithm, public_key=gone.public_key, power=0, owner=gone.owner)


@internal
def _move(key_hash: bytes32, old: uint256, new: uint256, forced: bool):
    """
    @notice Changes the total power within what one block may.
    @param key_hash Hash of the key whose power changes.
    @param old Its power before.
    @param new Its power afterwards.
    @param forced Whether more than a third of the power may move.
    """
    assert new <= TOTAL_POWER_MAX, "governance: too much power"
    this_block: uint256 = block.number + 1
    assert self._changed_in[key_hash] != this_block, "governance: key changed in block"
    self._changed_in[key_hash] = this_block
    if self._window_block != this_block:
        self._window_block = this_block
        self._window_base = self.total_power
        self._window_moved = 0
    self._window_moved += max(old, new) - min(old, new)
    total: uint256 = self.total_power - old + new
    assert total != 0, "governance: no validator left"
    assert total <= TOTAL_POWER_MAX, "governance: too much power"
    # A first set has nothing to overlap with.
    assert (
        forced or self._window_base == 0 or 3 * self._window_moved <= self._window_base
    ), "governance: over a third of power"
    self.total_power = total
