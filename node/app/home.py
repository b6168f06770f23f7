"""The home directory of a devnet or of a network's desk: what is where, and how it is made.

genesis.json                     the network (geth's format plus the section `landfall`)
cast.json                        who is hosted here, and their pricing
access.json                      REST tokens, readable by this user only
institutions/<id>/keystore.json  keys of one institution and its customers
institutions/<id>/desk.sqlite    its database
rates.csv                        daily fixings
run.json                         where it answers; a devnet's is there only while it runs

A devnet also has validator_key.json, chain/ (state and journal of the chain process) and logs/.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from node.app.cast import Cast, InstitutionCast, devnet_seed
from node.app.errors import HomeError
from node.app.examples import RATES, example
from node.chain.validator_key import FILE_NAME as VALIDATOR_KEY_FILE
from node.chain.validator_key import write_validator_key
from node.participants.keys import MESSAGE_KEY, SEALING_KEY
from pqc import sealing, signatures
from pqc.keystore import DEVNET, KeyRole, Keystore

TRANSACTION_KEY: Final = "transaction"
VALIDATOR_ALGORITHM: Final = "ML-DSA-65"
PASSPHRASE: Final = b"devnet"
"""Public, as are the keys of a devnet."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one home directory."""

    root: Path
    databases: str | None = None
    """SQLAlchemy URL of a PostgreSQL database for each institution, `{institution}` in the place of its id."""

    @property
    def genesis(self) -> Path:
        return self.root / "genesis.json"

    @property
    def cast(self) -> Path:
        return self.root / "cast.json"

    @property
    def access(self) -> Path:
        return self.root / "access.json"

    @property
    def run(self) -> Path:
        return self.root / "run.json"

    @property
    def rates(self) -> Path:
        return self.root / "rates.csv"

    def institution(self, institution_id: str) -> Path:
        return self.root / "institutions" / institution_id

    def keystore(self, institution_id: str) -> Path:
        return self.institution(institution_id) / "keystore.json"

    def database_url(self, institution_id: str) -> str:
        if self.databases is not None:
            return self.databases.format(institution=institution_id.replace("-", "_"))
        return f"sqlite:///{self.institution(institution_id) / 'desk.sqlite'}"


def prepare_home(home: Home, cast: Cast, genesis: dict[str, Any], rates_file: Path | None = None) -> None:
    """Make a devnet's home; one that exists stays as it is.

    Raises:
        HomeError: the home belongs to another network.
    """
    if home.access.exists():
        _check_same_network(home, genesis)
        return
    home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What a start that was cut off left behind is made anew.
    (home.root / VALIDATOR_KEY_FILE).unlink(missing_ok=True)
    write_validator_key(home.root, validator_key(next(one.id for one in cast.institutions if "validator" in one.roles)))
    prepare_desk(home, cast, genesis, (rates_file or example(RATES)).read_bytes())


def prepare_desk(home: Home, cast: Cast, genesis: dict[str, Any], rates: bytes) -> None:
    """Make what the desk process of a cast needs: its keys, the network, fixings (CSV), tokens; anew what is there."""
    home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for institution in cast.institutions:
        _make_keystore(home, institution)
    home.genesis.write_text(json.dumps(genesis, indent=1), "utf-8")
    home.cast.write_text(cast.model_dump_json(indent=1), "utf-8")
    home.rates.unlink(missing_ok=True)
    home.rates.touch(mode=0o600)
    home.rates.write_bytes(rates)
    # Last: a home with tokens is complete.
    write_private(home.access, {"tokens": {owner: secrets.token_urlsafe(24) for owner in _token_owners(cast)}})


def load_cast_of(home: Home) -> Cast:
    """Return who is hosted in `home`."""
    try:
        return Cast.model_validate_json(home.cast.read_text("utf-8"))
    except OSError as error:
        raise HomeError(
            f"home: expected a prepared home, got {home.root} without cast.json; "
            "run landfall devnet, or landfall network up --desk"
        ) from error


def load_tokens(home: Home) -> dict[str, str]:
    """Return REST tokens by owner (an institution's or a customer's id)."""
    try:
        tokens: dict[str, str] = json.loads(home.access.read_text("utf-8"))["tokens"]
    except OSError as error:
        raise HomeError(
            f"home: expected a prepared home, got {home.root} without access.json; "
            "run landfall devnet, or landfall network up --desk"
        ) from error
    return tokens


def genesis_time_s(cast: Cast) -> int:
    """Return the devnet's first second."""
    return int(datetime.timestamp(cast.genesis_time))


def validator_key(institution_id: str) -> signatures.KeyPair:
    """Return the devnet's key of a validator."""
    return signatures.from_seed(VALIDATOR_ALGORITHM, devnet_seed(institution_id, "validator"))


def message_key(institution_id: str) -> signatures.KeyPair:
    """Return the devnet's message key of an institution."""
    return signatures.from_seed(signatures.MESSAGE_ALGORITHM, devnet_seed(institution_id, "message"))


def _make_keystore(home: Home, institution: InstitutionCast) -> None:
    home.institution(institution.id).mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home.keystore(institution.id)
    path.unlink(missing_ok=True)
    keystore = Keystore.create(path, PASSPHRASE, DEVNET)
    keystore.add(TRANSACTION_KEY, "secp256k1", "transaction", devnet_seed(institution.id, "transaction"))
    keystore.add(MESSAGE_KEY, signatures.MESSAGE_ALGORITHM, KeyRole.MESSAGE, devnet_seed(institution.id, "message"))
    keystore.add(SEALING_KEY, sealing.DEFAULT, KeyRole.SEALING, devnet_seed(institution.id, "sealing"))
    for customer in institution.customers:
        keystore.add(f"customer.{customer.id}", "secp256k1", "transaction", devnet_seed(customer.id, "transaction"))


def _token_owners(cast: Cast) -> list[str]:
    return [
        owner
        for institution in cast.institutions
        for owner in (institution.id, *(customer.id for customer in institution.customers))
    ]


def _check_same_network(home: Home, genesis: dict[str, Any]) -> None:
    found = json.loads(home.genesis.read_text("utf-8"))
    if found != genesis:
        raise HomeError(
            f"home: {home.root} holds another network than this program's devnet; "
            "choose another --home, or start anew with --fresh"
        )


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that only this user can read, whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=1), "utf-8")
    temporary.replace(path)
