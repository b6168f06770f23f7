"""Which algorithms count for which use of a key, and when one is weaker than another.

Source: FIPS 204 (categories); draft-ietf-lamps-pq-composite-sigs; docs/spec/participants.md.
"""

from dataclasses import dataclass
from typing import Final

from pqc import sealing


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong an algorithm is, in two respects that do not make up for each other."""

    category: int
    """NIST security category of its post-quantum half."""
    is_composite: bool
    """Whether a classical algorithm has to be broken as well."""

    def is_below(self, other: "Strength") -> bool:
        """Tell whether this one is weaker in either respect."""
        return self.category < other.category or self.is_composite < other.is_composite


MESSAGE: Final = {
    "ML-DSA-65": Strength(3, is_composite=False),
    "ML-DSA-87": Strength(5, is_composite=False),
    "id-MLDSA65-Ed25519-SHA512": Strength(3, is_composite=True),
    "id-MLDSA65-ECDSA-P256-SHA512": Strength(3, is_composite=True),
    "id-MLDSA87-ECDSA-P384-SHA512": Strength(5, is_composite=True),
}
_PLAIN: Final = frozenset({"ML-DSA-65", "ML-DSA-87"})
BY_ROLE: Final = {
    "message": frozenset(MESSAGE),
    "sealing": frozenset(sealing.kems()),
    "transaction": _PLAIN,
    "validator": _PLAIN,
    "evidence": frozenset(MESSAGE),
}
"""Role of a key to the algorithms that a participant document may give it."""
