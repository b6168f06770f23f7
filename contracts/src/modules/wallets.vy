# pragma version 0.4.3
"""
@title Wallets and purposes
@license Apache-2.0
@notice Which bank opened a customer's wallet, in which tier, and what its money is for. A purpose is a list of payees
        kept by its owner. It belongs to the wallet, in every currency, so exchanging the money does not shed it.
@custom:security The caller has checked that a bank or central bank acts. A purpose never traps money: it can always go
        to the bank that opened the wallet.
@custom:invariant An account's wallet stays with the bank that opened it. A wallet's purpose is empty or defined.
"""


event WalletOpened:
    account: indexed(address)
    bank: indexed(address)
    tier: uint256
    purpose: bytes32


event PurposeDefined:
    purpose: indexed(bytes32)
    owner: indexed(address)


event PayeeAllowed:
    purpose: indexed(bytes32)
    payee: indexed(address)
    allowed: bool


ANONYMOUS: constant(uint256) = 0
REGISTERED: constant(uint256) = 1

# The bank that opened an account's wallet; zero for an account without one.
bank_of: public(HashMap[address, address])
tiers: HashMap[address, uint256]
# A slot of its own, because every transfer of a token reads it.
purpose_of: public(HashMap[address, bytes32])
purpose_owner: public(HashMap[bytes32, address])
is_allowed_payee: public(HashMap[bytes32, HashMap[address, bool]])


@internal
def _open(account: address, bank: address, tier: uint256, purpose: bytes32):
    """
    @notice Opens a wallet, or changes one that the same bank opened.
    @param account The customer's; the caller has checked that it is no institution's.
    @param bank Who opens it.
    @param tier 0 anonymous, 1 registered.
    @param purpose Empty, or a defined one.
    """
    assert account != empty(address), "registry: no account"
    assert self.bank_of[account] in [empty(address), bank], "registry: another bank's wallet"
    assert tier in [ANONYMOUS, REGISTERED], "registry: unknown tier"
    assert purpose == empty(bytes32) or self.purpose_owner[purpose] != empty(address), "registry: unknown purpose"
    self.bank_of[account] = bank
    self.tiers[account] = tier
    self.purpose_of[account] = purpose
    log WalletOpened(account=account, bank=bank, tier=tier, purpose=purpose)


@internal
def _define(purpose: bytes32, owner: address):
    """
    @notice Makes a purpose, with no payees yet.
    @param purpose Its name, once only.
    @param owner Who keeps its list.
    """
    assert purpose != empty(bytes32), "registry: purpose is empty"
    assert self.purpose_owner[purpose] == empty(address), "registry: purpose is defined"
    self.purpose_owner[purpose] = owner
    log PurposeDefined(purpose=purpose, owner=owner)


@internal
def _allow(purpose: bytes32, owner: address, payee: address, allowed: bool):
    """
    @notice Puts a payee on a purpose's list or takes it off.
    @param purpose The purpose.
    @param owner Who asks; only its owner may.
    @param payee Any address.
    @param allowed Whether wallets of this purpose may pay it.
    """
    assert self.purpose_owner[purpose] == owner, "registry: not the purpose's owner"
    self.is_allowed_payee[purpose][payee] = allowed
    log PayeeAllowed(purpose=purpose, payee=payee, allowed=allowed)


@internal
@view
def _allows(payer: address, payee: address) -> bool:
    """
    @notice Tells whether the payer's purpose lets it pay the payee.
    @param payer Any address.
    @param payee Any address.
    @return True without a purpose, for a payee on its list, for the payer itself and for the bank of its wallet.
    """
    purpose: bytes32 = self.purpose_of[payer]
    if purpose == empty(bytes32) or payee == payer:
        return True
    return self.is_allowed_payee[purpose][payee] or self.bank_of[payer] == payee
