# pragma version 0.4.3
"""
@title Holds
@license Apache-2.0
@notice The primitive under escrow, FX locks, hash-time-locks, bridges and netting: a part of a balance, set aside in
        the owner's own account for a notary, who may pay it out or give it back until it expires.
@custom:security The notary alone executes, and only while the hold lives; from the second after, anyone may give the
        rest back. Under a freeze of scope `all` the hold neither executes nor expires (see `freezes`).
@custom:invariant heldOf(owner) = sum of the rests of the owner's holds; no second exists in which a hold can both be
        executed and be given back by a stranger; an id is used once.
@custom:units Minor units, seconds; a deadline is inclusive.
"""

from ethereum.ercs import IERC20

from interfaces import ISettlementToken
from modules import accounts
from modules import checks
from modules import consent
from modules import flow_window
from modules import freezes

uses: accounts
uses: consent
uses: flow_window
uses: freezes


event HoldPlaced:
    id: indexed(bytes32)
    owner: indexed(address)
    notary: indexed(address)
    amount: uint256
    expires_at: uint256
    reference: bytes32


event HoldIncreased:
    id: indexed(bytes32)
    amount: uint256
    expires_at: uint256


event HoldExecuted:
    id: indexed(bytes32)
    owner: indexed(address)
    to: indexed(address)
    amount: uint256
    blocked: uint256


event HoldReleased:
    id: indexed(bytes32)
    owner: indexed(address)
    amount: uint256


struct Notes:
    frozen_before: uint256  # the owner's frozen seconds before the hold was placed
    counted: uint256  # what the owner's flow window counted for the hold at `counted_at`, less what was given back
    counted_at: uint256


# A trade's longest life: a year and a month's grace.
HOLD_S_MAX: constant(uint256) = 400 * 86400

HOLD_TYPE_HASH: constant(bytes32) = keccak256(
    "Hold(address owner,address notary,uint256 amount,uint256 expires_at,bytes32 reference,bytes32 salt,uint256 valid_until)"
)
INCREASE_HOLD_TYPE_HASH: constant(bytes32) = keccak256(
    "IncreaseHold(bytes32 hold_id,uint256 amount,uint256 expires_at,uint256 valid_until)"
)

get_hold: public(HashMap[bytes32, ISettlementToken.Hold])
notes: HashMap[bytes32, Notes]


@external
def hold(notary: address, amount: uint256, expires_at: uint256, reference: bytes32, salt: bytes32) -> bytes32:
    """
    @notice Sets part of the caller's available money aside for a notary.
    @param notary Registered notary contract; for a wallet with a purpose one that checks purposes.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute; at most 400 days from now.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @return The hold's id.
    """
    return self._place(msg.sender, notary, amount, expires_at, reference, salt, False)


@external
def hold_from(
    owner: address, notary: address, amount: uint256, expires_at: uint256, reference: bytes32, salt: bytes32
) -> bytes32:
    """
    @notice The same from the owner's money, by its allowance for the caller.
    @param owner Whose money.
    @param notary Registered notary contract; for a wallet with a purpose one that checks purposes.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute; at most 400 days from now.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @return The hold's id.
    """
    consent._use_allowance(owner, amount)
    return self._place(owner, notary, amount, expires_at, reference, salt, False)


@external
@nonreentrant
def hold_signed(
    owner: address,
    amount: uint256,
    expires_at: uint256,
    reference: bytes32,
    salt: bytes32,
    valid_until: uint256,
    signature: Bytes[512],
) -> bytes32:
    """
    @notice The notary places a hold for itself with the owner's signed `Hold`. Nobody else can use the signature, and
            no order of nonces stands in its way.
    @param owner Whose money; who signed.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute; at most 400 days from now.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @param valid_until Last second in which the signature counts.
    @param signature The owner's.
    @return The hold's id.
    """
    consent._use_signature(
        owner,
        keccak256(abi_encode(HOLD_TYPE_HASH, owner, msg.sender, amount, expires_at, reference, salt, valid_until)),
        valid_until,
        signature,
    )
    return self._place(owner, msg.sender, amount, expires_at, reference, salt, True)


@external
@nonreentrant
def increase_hold(id: bytes32, amount: uint256, expires_at: uint256, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Raises a live hold's amount, its expiry or both.
    @param id The hold. Its owner calls if it was placed without a signature, else its notary with the owner's
           `IncreaseHold`.
    @param amount The new rest, not below the present one.
    @param expires_at The new nominal expiry, not below the present one, at most 400 days from now. Seconds for which
           the hold stood still come on top.
    @param valid_until Last second in which the signature counts; unused without one.
    @param signature The owner's; empty where the owner calls.
    """
    hold: ISettlementToken.Hold = self._live(id)
    if hold.signed:
        self._check_notary(hold)
        consent._use_signature(
            hold.owner,
            keccak256(abi_encode(INCREASE_HOLD_TYPE_HASH, id, amount, expires_at, valid_until)),
            valid_until,
            signature,
        )
    else:
        checks._require(msg.sender == hold.owner and len(signature) == 0, "token: not the owner")
    checks._require(amount >= hold.amount and expires_at >= hold.expires_at, "token: hold would shrink")
    checks._require(amount > hold.amount or expires_at > hold.expires_at, "token: nothing to increase")
    self._check_expiry(expires_at)

    added: uint256 = amount - hold.amount
    # A purpose that the wallet got since: its money goes to no notary that does not check it.
    checks._require(
        added == 0
        or staticcall accounts.registry.purpose_of(hold.owner) == empty(bytes32)
        or staticcall accounts.registry.may_hold(hold.owner, hold.notary),
        "token: no notary for this owner",
    )
    # With nothing added this still asks for a freeze: an order for creditors keeps what would come free.
    accounts._debit(hold.owner, added)
    self._count_more(id, hold, added)
    accounts.heldOf[hold.owner] += added
    self.get_hold[id].amount = amount
    self.get_hold[id].expires_at = expires_at
    log HoldIncreased(id=id, amount=amount, expires_at=expires_at)


@external
def execute_hold(id: bytes32, to: address, amount: uint256):
    """
    @notice The notary pays out of a hold. The receiver cannot make it fail: what it may not have is credited blocked.
    @param id A live hold of the caller's; its owner is not frozen with scope `all`.
    @param to Receiver.
    @param amount Minor units, above zero, at most the rest.
    """
    hold: ISettlementToken.Hold = self._live(id)
    self._check_notary(hold)
    checks._require(not freezes._is_frozen(hold.owner, freezes.SCOPE_ALL), "token: hold stands still")
    accounts._check_receiver(to)
    self._shrink(id, hold, amount)
    blocked: uint256 = accounts._credit_what_fits(to, amount)
    log IERC20.Transfer(sender=hold.owner, receiver=to, value=amount)
    log HoldExecuted(id=id, owner=hold.owner, to=to, amount=amount, blocked=blocked)


@external
def release_hold(id: bytes32, amount: uint256):
    """
    @notice Gives held money back to its owner, also while the owner is frozen, and its flow limit with it.
    @param id The hold.
    @param amount Minor units, above zero: any part for the notary, at any time; the whole rest for anyone, once the
           hold has expired.
    """
    hold: ISettlementToken.Hold = self._open(id)
    if msg.sender != hold.notary:
        checks._require(block.timestamp > self._expiry(id), "token: hold not expired")
        checks._require(amount == hold.amount, "token: not the whole rest")
    self._shrink(id, hold, amount)
    self._count_less(id, hold.owner, amount)
    accounts.availableOf[hold.owner] += amount
    log HoldReleased(id=id, owner=hold.owner, amount=amount)


@external
@view
def hold_id(owner: address, notary: address, salt: bytes32) -> bytes32:
    """
    @notice The id a hold has or would have.
    @param owner Whose money.
    @param notary Who may execute it.
    @param salt The owner's choice.
    @return keccak(abi.encode(chain id, token, owner, notary, salt)).
    """
    return self._hold_id(owner, notary, salt)


@external
@view
def effective_expiry(id: bytes32) -> uint256:
    """
    @notice The last second in which a hold can be executed, if freeze orders in force run to their end.
    @param id Any id.
    @return The nominal expiry moved by the frozen seconds; 0 if there never was such a hold.
    """
    return self._expiry(id)


@internal
def _place(
    owner: address,
    notary: address,
    amount: uint256,
    expires_at: uint256,
    reference: bytes32,
    salt: bytes32,
    signed: bool,
) -> bytes32:
    """
    @notice Places a hold; the caller has checked the consent.
    @param owner Whose money.
    @param notary Registered notary contract; for a wallet with a purpose one that checks purposes.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute.
    @param reference What it is for.
    @param salt Makes the id.
    @param signed Placed with the owner's signature, so raised only with it.
    @return The hold's id.
    """
    id: bytes32 = self._hold_id(owner, notary, salt)
    accounts._check_positive(amount)
    checks._require(block.timestamp < expires_at, "token: expiry passed")
    self._check_expiry(expires_at)
    checks._require(staticcall accounts.registry.may_hold(owner, notary), "token: no notary for this owner")
    checks._require(self.get_hold[id].created_at == 0, "token: hold exists")

    accounts._debit(owner, amount)
    counted: bool = accounts._consume_flow(owner, amount)
    accounts.heldOf[owner] += amount
    self.get_hold[id] = ISettlementToken.Hold(
        owner=owner,
        notary=notary,
        amount=amount,
        expires_at=expires_at,
        created_at=block.timestamp,
        reference=reference,
        signed=signed,
    )
    self.notes[id] = Notes(
        frozen_before=freezes._frozen_before_now(owner),
        counted=amount if counted else 0,
        counted_at=block.timestamp,
    )
    log HoldPlaced(id=id, owner=owner, notary=notary, amount=amount, expires_at=expires_at, reference=reference)
    return id


@internal
def _shrink(id: bytes32, hold: ISettlementToken.Hold, amount: uint256):
    """
    @notice Takes a part out of a hold; the caller credits it.
    @param id The hold's id.
    @param hold The hold as it stands.
    @param amount Minor units, above zero, at most the rest.
    """
    accounts._check_positive(amount)
    checks._require(amount <= hold.amount, "token: more than is held")
    self.get_hold[id].amount = hold.amount - amount
    accounts.heldOf[hold.owner] -= amount


@internal
def _count_more(id: bytes32, hold: ISettlementToken.Hold, added: uint256):
    """
    @notice Counts what is added to a hold toward its owner's flow limit. A hold has one place in the window, so what
            the window still counts for the rest moves from its old place to now.
    @param id The hold's id.
    @param hold The hold before it is raised.
    @param added Minor units.
    """
    if added == 0 or not accounts._consume_flow(hold.owner, added):
        return
    carried: uint256 = min(self.notes[id].counted, hold.amount)
    if flow_window._give_back(hold.owner, carried, self.notes[id].counted_at):
        flow_window._record(hold.owner, carried, accounts._limits(hold.owner).window_s)
    else:
        carried = 0
    self.notes[id].counted = carried + added
    self.notes[id].counted_at = block.timestamp


@internal
def _count_less(id: bytes32, owner: address, amount: uint256):
    """
    @notice Gives the flow limit back for what is released; a part the window has already left behind is not given.
    @param id The hold's id.
    @param owner Its owner.
    @param amount Minor units released.
    """
    given: uint256 = min(amount, self.notes[id].counted)
    if given > 0:
        flow_window._give_back(owner, given, self.notes[id].counted_at)
        self.notes[id].counted -= given


@internal
@view
def _live(id: bytes32) -> ISettlementToken.Hold:
    """
    @notice A hold that has a rest and has not expired.
    @param id Any id.
    @return The hold.
    """
    hold: ISettlementToken.Hold = self._open(id)
    checks._require(block.timestamp <= self._expiry(id), "token: hold expired")
    return hold


@internal
@view
def _open(id: bytes32) -> ISettlementToken.Hold:
    """
    @notice A hold that has a rest.
    @param id Any id.
    @return The hold.
    """
    hold: ISettlementToken.Hold = self.get_hold[id]
    checks._require(hold.created_at != 0, "token: unknown hold")
    checks._require(hold.amount > 0, "token: hold closed")
    return hold


@internal
@view
def _expiry(id: bytes32) -> uint256:
    """
    @notice A hold's expiry moved by the seconds it stood still.
    @param id Any id.
    @return Last second in which it lives; 0 if there never was such a hold.
    """
    expires_at: uint256 = self.get_hold[id].expires_at
    if expires_at == 0:
        return 0
    return freezes._moved(self.get_hold[id].owner, expires_at, self.notes[id].frozen_before)


@internal
@view
def _check_notary(hold: ISettlementToken.Hold):
    """
    @notice Refuses everyone but the hold's notary.
    @param hold The hold.
    """
    checks._require(msg.sender == hold.notary, "token: not the notary")


@internal
@view
def _check_expiry(expires_at: uint256):
    """
    @notice Refuses an expiry too far away.
    @param expires_at Nominal expiry.
    """
    checks._require(expires_at <= block.timestamp + HOLD_S_MAX, "token: expiry too far")


@internal
@view
def _hold_id(owner: address, notary: address, salt: bytes32) -> bytes32:
    """
    @notice The id of a hold.
    @param owner Whose money.
    @param notary Who may execute it.
    @param salt The owner's choice.
    @return keccak(abi.encode(chain id, token, owner, notary, salt)).
    """
    return keccak256(abi_encode(chain.id, self, owner, notary, salt))
