# pragma version 0.4.3
"""
@title Members
@license Apache-2.0
@notice Who votes: the active institutions with the role VALIDATOR, one vote each, as the registry says now. Whoever is
        removed after voting no longer counts.
"""

from interfaces import IParticipantRegistry


# Votes of one kind that are counted on one question.
VOTERS_MAX: constant(uint256) = 200
VALIDATOR: constant(uint256) = 64

REGISTRY: public(immutable(IParticipantRegistry))


@deploy
def __init__(registry: address):
    """
    @param registry The ParticipantRegistry.
    """
    assert registry != empty(address), "governance: no registry"
    REGISTRY = IParticipantRegistry(registry)


@internal
@view
def _is_member(account: address) -> bool:
    """
    @notice Tells whether an account has a vote now.
    @param account Any address.
    @return True if so.
    """
    return staticcall REGISTRY.has_role(account, VALIDATOR)


@internal
@view
def _check_member(account: address):
    """
    @notice Refuses who has no vote.
    @param account Any address.
    """
    assert self._is_member(account), "governance: not a member"


@internal
@view
def _number() -> uint256:
    """
    @notice How many members there are now.
    @return Their number.
    """
    return staticcall REGISTRY.role_count(VALIDATOR)


@internal
@view
def _standing(voters: DynArray[address, VOTERS_MAX]) -> uint256:
    """
    @notice How many of these votes count now.
    @param voters Who voted, each once.
    @return Those who are still members.
    """
    votes: uint256 = 0
    for voter: address in voters:
        if self._is_member(voter):
            votes += 1
    return votes
