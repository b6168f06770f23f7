"""People of an institution in a home, for whoever may write its database: the way in for its first administrator."""

import getpass
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from node.app.errors import HomeError
from node.app.home import PASSPHRASE, Home, load_cast_of
from node.audit.log import Entry, Origin, append
from node.identity.passkeys import Passkeys, Site
from node.identity.people import Newcomer, People
from node.identity.service import Identity
from node.identity.store import PersonRow
from node.identity.vault import Vault
from node.participants.directory import Directory
from node.participants.keys import SEALING_KEY
from node.participants.registry import RegistryFollower
from node.participants.service import ParticipantService
from node.storage.database import Database
from node.storage.migrate import prepare
from pqc.keystore import Keystore

_REST_PORT: Final = 8600


@dataclass(frozen=True, slots=True)
class Office:
    """The people of one institution, in its database."""

    identity: Identity
    database: Database

    def invite(self, newcomer: Newcomer) -> tuple[PersonRow, str]:
        """Make an account; return it with its one-time link."""
        with self.database.transaction() as session:
            person = self.identity.people.add(session, newcomer, _now_s())
            return person, self._link(session, person)

    def reset(self, person_id: str) -> tuple[PersonRow, str]:
        """Take away how somebody signs in; return them with a new link."""
        with self.database.transaction() as session:
            person = self.identity.people.reset(session, person_id, _now_s())
            self._log(session, "person.reset", person.id)
            return person, self._link(session, person)

    def disable(self, person_id: str) -> PersonRow:
        """Lock somebody out."""
        with self.database.transaction() as session:
            person = self.identity.people.disable(session, person_id, _now_s())
            self._log(session, "person.disabled", person.id)
            return person

    def _link(self, session: Session, person: PersonRow) -> str:
        token = self.identity.people.invite(session, person.id, _actor(), _now_s())
        self._log(session, "person.invited", person.id)
        return self.identity.link(token)

    def _log(self, session: Session, action: str, person_id: str) -> None:
        append(session, Entry(_actor(), action, person_id, Origin("cli"), _now_s()))


@contextmanager
def open_office(home: Home, institution_id: str) -> Iterator[Office]:
    """Open the people of an institution of `home`, whether its desk runs or not.

    Raises:
        HomeError: nobody of that name is hosted there.
    """
    cast = load_cast_of(home)
    hosted = sorted(one.id for one in cast.institutions)
    if institution_id not in hosted:
        raise HomeError(f"--institution: expected one of {', '.join(hosted)}, got {institution_id!r}")
    genesis = json.loads(home.genesis.read_text("utf-8"))
    deployment = Deployment.from_genesis(genesis["landfall"], int(genesis["config"]["chainId"]))
    keystore = Keystore.open(home.keystore(institution_id), PASSPHRASE)
    database = Database(home.database_url(institution_id))
    try:
        prepare(database)
        directory = Directory(deployment)
        with database.transaction() as session:
            RegistryFollower(directory=directory, deployment=deployment).open(session)
        participants = ParticipantService(
            institution=directory.institution(institution_id), directory=directory, custody=keystore
        )
        vault = Vault(keystore, SEALING_KEY)
        identity = Identity(
            institution_id=institution_id,
            database=database,
            people=People(participants=participants, vault=vault),
            passkeys=Passkeys(site_of(cast.network, _port(home))),
            vault=vault,
        )
        yield Office(identity, database)
    finally:
        database.close()


def site_of(network: str, port: int, *, is_secure: bool = False) -> Site:
    """Return where browsers reach a desk on this machine.

    Browsers take a passkey or a `__Host-` cookie without TLS from localhost alone.
    """
    return Site("localhost", network, f"http{'s' if is_secure else ''}://localhost:{port}")


def _port(home: Home) -> int:
    if not home.run.exists():
        return _REST_PORT
    return urlsplit(json.loads(home.run.read_text("utf-8"))["rest_url"]).port or _REST_PORT


def _actor() -> str:
    return f"cli/{getpass.getuser()}"


def _now_s() -> int:
    return int(time.time())
