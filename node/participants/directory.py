"""The institutions of the network, as the genesis names them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from contracts.client.deployment import Deployment
from node.participants.errors import UnknownInstitutionError


class Role(IntFlag):
    """Bits of ParticipantRegistry (docs/spec/contracts.md)."""

    CENTRAL_BANK = 1
    BANK = 2
    FX_PROVIDER = 4
    ATTESTER = 8
    ARBITER = 16
    REPORTER = 32
    VALIDATOR = 64
    REGULATOR = 128


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution."""

    id: str
    name: str
    lei: str
    bic: str
    roles: Role
    address: str
    """Of its transaction key, checksummed."""
    key_thumbprint: bytes
    """RFC 7638 thumbprint of its ML-DSA key."""

    @property
    def role_names(self) -> tuple[str, ...]:
        """Names of its roles in lower case."""
        return tuple(str(role.name).lower() for role in Role if role in self.roles)


class Directory:
    """Institutions by id, address or BIC."""

    def __init__(self, deployment: Deployment) -> None:
        self._by_id = {
            entry.id: Institution(
                id=entry.id,
                name=entry.name,
                lei=entry.lei,
                bic=entry.bic,
                roles=Role(entry.roles),
                address=entry.address,
                key_thumbprint=entry.key_thumbprint,
            )
            for entry in deployment.participants
        }
        self._by_address = {institution.address: institution for institution in self._by_id.values()}

    def __iter__(self) -> Iterator[Institution]:
        return iter(self._by_id.values())

    def institution(self, institution_id: str) -> Institution:
        """Return the institution, or raise UnknownInstitutionError."""
        found = self._by_id.get(institution_id)
        if found is None:
            raise UnknownInstitutionError(institution_id)
        return found

    def at_address(self, address: str) -> Institution | None:
        """Return the institution whose account this is, None for anyone else's."""
        return self._by_address.get(address)

    def with_role(self, role: Role) -> tuple[Institution, ...]:
        """Return the institutions that have `role`."""
        return tuple(institution for institution in self if role in institution.roles)
