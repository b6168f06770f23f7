"""The institutions of the network: as the genesis names them, then as the registry's events change them."""

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
    """Its anchor: RFC 7638 thumbprint of its message key, zeros while it has none."""
    is_active: bool = True
    """False: the governor has suspended it."""

    @property
    def role_names(self) -> tuple[str, ...]:
        """Names of its roles in lower case."""
        return tuple(str(role.name).lower() for role in Role if role in self.roles)


class Directory:
    """Institutions by id, LEI or address; one per institution's desk, kept up to date by `RegistryFollower`."""

    def __init__(self, deployment: Deployment) -> None:
        self._by_id: dict[str, Institution] = {}
        for entry in deployment.participants:
            self.put(
                Institution(
                    id=entry.id,
                    name=entry.name,
                    lei=entry.lei,
                    bic=entry.bic,
                    roles=Role(entry.roles),
                    address=entry.address,
                    key_thumbprint=entry.key_thumbprint,
                )
            )

    def __iter__(self) -> Iterator[Institution]:
        return iter(self._by_id.values())

    def put(self, institution: Institution) -> None:
        """Add an institution, or replace the one of its id."""
        self._by_id[institution.id] = institution

    def institution(self, institution_id: str) -> Institution:
        """Return the institution of that id or LEI, or raise UnknownInstitutionError."""
        found = self._by_id.get(institution_id)
        if found is None:
            found = next((one for one in self if one.lei == institution_id), None)
        if found is None:
            raise UnknownInstitutionError(institution_id)
        return found

    def at_address(self, address: str) -> Institution | None:
        """Return the institution whose account this is, None for anyone else's."""
        return next((one for one in self if one.address == address), None)

    def with_role(self, role: Role) -> tuple[Institution, ...]:
        """Return the active institutions that have `role`."""
        return tuple(one for one in self if role in one.roles and one.is_active)
