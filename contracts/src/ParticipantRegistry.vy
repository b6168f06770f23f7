# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title ParticipantRegistry
@license Apache-2.0
@notice Who takes part: institutions (LEI, BIC, roles, thumbprint of the post-quantum key, status), the notary
        contracts that may hold money, the digests an institution stands by through its own transaction, the keys
        that confirm its transactions (module `transaction_keys`), and the wallets that banks open for their customers
        (module `wallets`).
@custom:security The governor registers; an institution writes only its own digests and its own transaction key, a bank
        its own customers' wallets, a bank or central bank its own purposes. Nothing here moves money. Governance moves in two steps, so a wrong
        address cannot take it.
@custom:kill None; an institution is switched off with `set_status`, a notary with `set_notary`.
@custom:invariant A registered account stays registered; `has_role` and `is_institution` are false while inactive;
        `role_count(bit)` = number of accounts for which `has_role(account, bit)`. No account is both an institution
        and a wallet.
@custom:units Roles are bits: CENTRAL_BANK 1, BANK 2, FX_PROVIDER 4, ATTESTER 8, ARBITER 16, REPORTER 32, VALIDATOR 64,
        REGULATOR 128.
"""

from interfaces import IParticipantRegistry
from modules import transaction_keys
from modules import wallets

implements: IParticipantRegistry
initializes: transaction_keys
initializes: wallets

exports: (
    transaction_keys.dual_signers,
    transaction_keys.transaction_key,
    transaction_keys.transaction_key_state,
    wallets.bank_of,
    wallets.purpose_of,
    wallets.purpose_owner,
    wallets.is_allowed_payee,
)


event ParticipantRegistered:
    account: indexed(address)
    lei: String[20]
    bic: String[11]
    roles: uint256
    key_thumbprint: bytes32


event RolesChanged:
    account: indexed(address)
    roles: uint256


event StatusChanged:
    account: indexed(address)
    active: bool


event KeyThumbprintChanged:
    account: indexed(address)
    key_thumbprint: bytes32


event NotaryChanged:
    notary: indexed(address)
    registered: bool
    checks_purpose: bool


event DigestRecorded:
    institution: indexed(address)
    digest: indexed(bytes32)


event DigestWithdrawn:
    institution: indexed(address)
    digest: indexed(bytes32)


event GovernanceOffered:
    governor: indexed(address)
    pending_governor: indexed(address)


event GovernanceAccepted:
    governor: indexed(address)


CENTRAL_BANK: constant(uint256) = 1
BANK: constant(uint256) = 2
ROLE_BITS: constant(uint256) = 8
# All eight roles together.
ROLES_MAX: constant(uint256) = 2**ROLE_BITS - 1
# The tier of an active institution; a wallet's is 0 or 1.
INSTITUTION_TIER: constant(uint256) = 2
# What is kept of a notary, in one slot.
NOTARY_BIT: constant(uint256) = 1
CHECKS_PURPOSE_BIT: constant(uint256) = 2

governor: public(address)
pending_governor: public(address)

institutions: HashMap[address, IParticipantRegistry.Institution]
notaries: HashMap[address, uint256]
recorded: HashMap[address, HashMap[bytes32, bool]]
# Active institutions by role bit.
role_count: public(HashMap[uint256, uint256])


@deploy
def __init__(governor: address):
    """
    @param governor The account, later the Governance contract, that registers members.
    """
    assert governor != empty(address), "registry: no governor"
    self.governor = governor


@external
def register(account: address, lei: String[20], bic: String[11], roles: uint256, key_thumbprint: bytes32):
    """
    @notice Registers an institution, active at once.
    @param account Its account, once only.
    @param lei Legal Entity Identifier, 20 characters (ISO 17442).
    @param bic Business Identifier Code, 8 or 11 characters (ISO 9362), or empty for who has none.
    @param roles Bits, at least one.
    @param key_thumbprint RFC 7638 thumbprint of its ML-DSA key, or zero while it has none.
    """
    self._check_governor()
    assert account != empty(address), "registry: no account"
    assert not self.institutions[account].registered, "registry: already registered"
    assert wallets.bank_of[account] == empty(address), "registry: account is a wallet"
    assert len(lei) == 20, "registry: LEI is not 20 characters"
    assert len(bic) in [0, 8, 11], "registry: BIC is not 8 or 11 characters"
    self._check_roles(roles)
    self.institutions[account] = IParticipantRegistry.Institution(
        lei=lei, bic=bic, roles=roles, key_thumbprint=key_thumbprint, active=True, registered=True
    )
    self._count(0, roles)
    log ParticipantRegistered(account=account, lei=lei, bic=bic, roles=roles, key_thumbprint=key_thumbprint)


@external
def set_roles(account: address, roles: uint256):
    """
    @notice Replaces an institution's roles.
    @param account A registered account.
    @param roles Bits, at least one; to take all, set the status.
    """
    self._check_governor()
    self._check_registered(account)
    self._check_roles(roles)
    if self.institutions[account].active:
        self._count(self.institutions[account].roles, roles)
    self.institutions[account].roles = roles
    log RolesChanged(account=account, roles=roles)


@external
def set_status(account: address, active: bool):
    """
    @notice Switches an institution on or off.
    @param account A registered account.
    @param active False suspends every role at once.
    """
    self._check_governor()
    self._check_registered(account)
    if self.institutions[account].active != active:
        roles: uint256 = self.institutions[account].roles
        self._count(0 if active else roles, roles if active else 0)
    self.institutions[account].active = active
    log StatusChanged(account=account, active=active)


@external
def set_key_thumbprint(account: address, thumbprint: bytes32):
    """
    @notice Replaces the thumbprint of an institution's ML-DSA key.
    @param account A registered account.
    @param thumbprint RFC 7638 thumbprint.
    """
    self._check_governor()
    self._check_registered(account)
    self.institutions[account].key_thumbprint = thumbprint
    log KeyThumbprintChanged(account=account, key_thumbprint=thumbprint)


@external
def register_transaction_key(key: Bytes[transaction_keys.KEY_BYTES]):
    """
    @notice An institution sets the key that confirms its transactions from the next block on, or replaces it: the node
            has asked for the old key's signature under this very transaction.
    @param key ML-DSA-65 public key, 1,952 bytes.
    """
    assert self._is_active(msg.sender), "registry: not an active institution"
    transaction_keys._register(msg.sender, key)


@external
def assign_transaction_key(account: address, key: Bytes[transaction_keys.KEY_BYTES]):
    """
    @notice Sets an institution's key for it, where its own was lost or revoked.
    @param account A registered account.
    @param key ML-DSA-65 public key, 1,952 bytes.
    """
    self._check_governor()
    self._check_registered(account)
    transaction_keys._assign(account, key)


@external
def revoke_transaction_key(account: address):
    """
    @notice Takes a lost or stolen key away; the account may send nothing until it is assigned the next.
    @param account An account with a key.
    """
    self._check_governor()
    transaction_keys._revoke(account)


@external
def set_notary(contract_address: address, registered: bool, checks_purpose: bool):
    """
    @notice Lets a contract be named as notary of new holds, or stops that; holds already placed keep their notary.
    @param contract_address The notary.
    @param registered Whether new holds may name it.
    @param checks_purpose Whether it asks `allows` before it pays, so that wallets with a purpose may name it.
    """
    self._check_governor()
    assert contract_address != empty(address), "registry: no notary"
    assert registered or not checks_purpose, "registry: not registered"
    self.notaries[contract_address] = (NOTARY_BIT if registered else 0) | (CHECKS_PURPOSE_BIT if checks_purpose else 0)
    log NotaryChanged(notary=contract_address, registered=registered, checks_purpose=checks_purpose)


@external
def transfer_governance(new: address):
    """
    @notice Offers governance; `new` takes it by `accept_governance`.
    @param new The next governor; zero withdraws an offer.
    """
    self._check_governor()
    self.pending_governor = new
    log GovernanceOffered(governor=msg.sender, pending_governor=new)


@external
def accept_governance():
    """
    @notice Takes governance that was offered to the caller.
    """
    assert msg.sender == self.pending_governor, "registry: not the pending governor"
    self.governor = msg.sender
    self.pending_governor = empty(address)
    log GovernanceAccepted(governor=msg.sender)


@external
def record(digest: bytes32):
    """
    @notice The institution stands by a signed message: its digest counts from now on, whoever submits it.
    @param digest EIP-712 digest.
    """
    assert self._is_active(msg.sender), "registry: not an active institution"
    assert not self.recorded[msg.sender][digest], "registry: digest recorded"
    self.recorded[msg.sender][digest] = True
    log DigestRecorded(institution=msg.sender, digest=digest)


@external
def withdraw(digest: bytes32):
    """
    @notice The institution no longer stands by a message it recorded; what the message has already done stays.
    @param digest EIP-712 digest.
    """
    assert self._is_active(msg.sender), "registry: not an active institution"
    assert self.recorded[msg.sender][digest], "registry: digest not recorded"
    self.recorded[msg.sender][digest] = False
    log DigestWithdrawn(institution=msg.sender, digest=digest)


@external
def open_wallet(account: address, tier: uint256, purpose: bytes32):
    """
    @notice A bank opens a customer's wallet, or changes one it has opened.
    @param account The customer's; never an institution's.
    @param tier 0 anonymous, 1 registered: which of a token's limits apply.
    @param purpose Empty, or a defined purpose that the wallet's money, in every currency, is for.
    """
    assert self._has_role(msg.sender, BANK), "registry: not a bank"
    assert not self.institutions[account].registered, "registry: account is an institution"
    wallets._open(account, msg.sender, tier, purpose)


@external
def define_purpose(purpose: bytes32):
    """
    @notice A bank or central bank makes a purpose, which it then owns, with no payees yet.
    @param purpose Its name, once only.
    """
    self._check_purpose_role()
    wallets._define(purpose, msg.sender)


@external
def allow_payee(purpose: bytes32, payee: address, allowed: bool):
    """
    @notice A purpose's owner puts a payee on its list or takes it off.
    @param purpose The purpose.
    @param payee Any address.
    @param allowed Whether wallets of this purpose may pay it.
    """
    self._check_purpose_role()
    wallets._allow(purpose, msg.sender, payee, allowed)


@external
@view
def tier_of(account: address) -> uint256:
    """
    @notice Which limits of a token apply to an account that has none of its own.
    @param account Any address.
    @return 0 anonymous or unknown, 1 registered, 2 an active institution.
    """
    if self._is_active(account):
        return INSTITUTION_TIER
    return wallets.tiers[account]


@external
@view
def allows(payer: address, payee: address) -> bool:
    """
    @notice Tells whether the purpose of the payer's wallet lets it pay the payee, in any currency.
    @param payer Any address.
    @param payee Any address.
    @return True without a purpose, for a payee on its list, for the payer itself and for the bank of its wallet.
    """
    return wallets._allows(payer, payee)


@external
@view
def may_hold(owner: address, notary: address) -> bool:
    """
    @notice Tells whether a new hold of the owner's money may name this notary.
    @param owner Any address.
    @param notary Any address.
    @return True for a registered notary; if the owner's wallet has a purpose, for one that checks purposes.
    """
    bits: uint256 = self.notaries[notary]
    return bits == NOTARY_BIT | CHECKS_PURPOSE_BIT or (bits == NOTARY_BIT and wallets.purpose_of[owner] == empty(bytes32))


@external
@view
def is_institution(account: address) -> bool:
    """
    @notice Tells whether `account` is registered and active.
    @param account Any address.
    @return True if so.
    """
    return self._is_active(account)


@external
@view
def has_role(account: address, role: uint256) -> bool:
    """
    @notice Tells whether `account` is registered, active and has one of the roles asked for.
    @param account Any address.
    @param role One bit, or several of which one suffices.
    @return True if so.
    """
    return self._has_role(account, role)


@external
@view
def is_notary(contract_address: address) -> bool:
    """
    @notice Tells whether new holds may name this notary.
    @param contract_address Any address.
    @return True if so.
    """
    return self.notaries[contract_address] != 0


@external
@view
def is_recorded(account: address, digest: bytes32) -> bool:
    """
    @notice Tells whether `account` has recorded `digest`. Says nothing about its status now: ask `has_role` too.
    @param account An institution.
    @param digest EIP-712 digest.
    @return True while recorded.
    """
    return self.recorded[account][digest]


@external
@view
def institution(account: address) -> IParticipantRegistry.Institution:
    """
    @notice What is known of an account.
    @param account Any address.
    @return The record; `registered` is false for strangers.
    """
    return self.institutions[account]


@internal
def _count(old: uint256, new: uint256):
    """
    @notice Moves the count of holders from old roles to new ones.
    @param old Roles that no longer count.
    @param new Roles that count from now on.
    """
    for position: uint256 in range(ROLE_BITS):
        bit: uint256 = 1 << position
        if old & bit != 0:
            self.role_count[bit] -= 1
        if new & bit != 0:
            self.role_count[bit] += 1


@internal
@view
def _is_active(account: address) -> bool:
    """
    @notice Registered and switched on; an account that was never registered is not active.
    @param account Any address.
    @return True if so.
    """
    return self.institutions[account].active


@internal
@view
def _has_role(account: address, role: uint256) -> bool:
    """
    @notice Active and with one of the roles asked for.
    @param account Any address.
    @param role One bit, or several of which one suffices.
    @return True if so.
    """
    return self._is_active(account) and self.institutions[account].roles & role != 0


@internal
@view
def _check_purpose_role():
    """
    @notice Refuses who may not own a purpose.
    """
    assert self._has_role(msg.sender, CENTRAL_BANK | BANK), "registry: not a bank"


@internal
@view
def _check_governor():
    """
    @notice Refuses everyone but the governor.
    """
    assert msg.sender == self.governor, "registry: not the governor"


@internal
@view
def _check_registered(account: address):
    """
    @notice Refuses an account that was never registered.
    @param account Any address.
    """
    assert self.institutions[account].registered, "registry: not registered"


@internal
@pure
def _check_roles(roles: uint256):
    """
    @notice Refuses no role and unknown bits.
    @param roles Bits.
    """
    assert 0 < roles and roles <= ROLES_MAX, "registry: unknown roles"
