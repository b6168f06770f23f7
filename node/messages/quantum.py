"""Quantum keys for messages: with which peers an institution has a link, and what it does when there is no key."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pqc import qkd
from pqc.errors import KeySourceError
from pqc.ports import KeySource


@dataclass(frozen=True, slots=True)
class Quantum:
    """How an institution uses quantum keys."""

    policy: qkd.Policy = qkd.Policy.OFF
    source: KeySource | None = None
    saes: Mapping[str, str] = field(default_factory=dict)
    """LEI of a peer to its name at the key server; a peer without one has no quantum link."""

    def policy_for(self, lei: str) -> qkd.Policy:
        """Return the policy for messages with a peer."""
        return self.policy if lei in self.saes else qkd.Policy.OFF


async def choose_key(policy: qkd.Policy, source: KeySource | None, peer_sae: str) -> qkd.Decision:
    """Return the key for the next message to a peer, or why it goes without.

    Raises:
        QuantumRequiredError: the policy requires a key and there is none: the message waits.
    """
    if policy is qkd.Policy.OFF or source is None:
        return qkd.decide(policy, None)
    try:
        return qkd.decide(policy, await source.fetch_sending_key(peer_sae))
    except KeySourceError as error:
        return qkd.decide(policy, error)
