"""A network of three institutions with real post-quantum keys, and what one desk keeps about them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import rfc8785
from sqlalchemy.orm import Session

from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from contracts.client.follower import Cursor
from node.participants import papers
from node.participants.directory import Directory
from node.participants.papers import AnyPaper, Jwk, ParticipantDocument, Revocation, RotationNotice, sign_paper
from node.participants.peers import PeerKeys, Peers
from node.participants.registry import RegistryFollower
from node.storage.cursor import SqlFollowerStore
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.events import events_after
from pqc import sealing, signatures
from pqc.keys import key_info
from pqc.keystore import KeyInfo
from tests.unit.client.fake_chain import CHAIN_ID, GENESIS_TIME_S, Actor, FakeChain, genesis_section

BANK = "9999DEV03RIFTBANK006"
"""LEI of bank-ke, whose keys the tests are about."""
DAY_S = 86_400
NOW_S = GENESIS_TIME_S + DAY_S
COMPOSITE = signatures.MESSAGE_ALGORITHM


@dataclass(frozen=True)
class Key:
    """A signing key whose seed follows from its name."""

    pair: signatures.KeyPair

    @property
    def algorithm(self) -> str:
        return self.pair.alg

    @property
    def public_key(self) -> bytes:
        return self.pair.public_key

    @property
    def kid(self) -> str:
        return papers.key_id(self.algorithm, self.public_key)

    @property
    def thumbprint(self) -> bytes:
        return signatures.thumbprint(self.algorithm, self.public_key)

    def sign(self, message: bytes, context: bytes) -> bytes:
        return signatures.sign(self.pair, message, context)


@cache
def key(name: str, alg: str = COMPOSITE) -> Key:
    return Key(signatures.from_seed(alg, name.encode().ljust(32, b".")))


@cache
def sealing_jwk(name: str) -> Jwk:
    pair = sealing.from_seed(sealing.DEFAULT, name.encode().ljust(32, b"."))
    return Jwk.of("sealing", pair.kem, pair.public_key)


@cache
def network_deployment() -> Deployment:
    """The deployment of `fake_chain` with anchors that belong to keys: `key(id)`."""
    section = genesis_section()
    for entry in section["participants"]:
        entry["key_thumbprint"] = key(entry["id"]).thumbprint.hex()
    return Deployment.from_genesis(section, CHAIN_ID)


def document_fields(signer: Key, **changes: Any) -> dict[str, Any]:
    return {
        "type": papers.DOCUMENT,
        "network": "landfall-unit",
        "chain_id": CHAIN_ID,
        "lei": BANK,
        "issued_at_s": NOW_S,
        "bic": "PLDRNL2A",
        "name": "Rift Bank",
        "account": Actor("bank-ke").address,
        "endpoints": {"messages": "https://rift.example/messages"},
        "jwks": {
            "keys": [
                Jwk.of("message", signer.algorithm, signer.public_key).model_dump(),
                sealing_jwk("bank-ke").model_dump(),
            ]
        },
    } | changes


def document(signer: Key, **changes: Any) -> ParticipantDocument:
    return sign_paper(ParticipantDocument, signer, document_fields(signer, **changes))


def notice(old: Key, new: Key, *, signer: Key | None = None, **changes: Any) -> RotationNotice:
    """A notice issued now, with a week in which both keys count."""
    inner = changes.pop("document", None) or document(new)
    fields = {
        "type": papers.ROTATION,
        "network": "landfall-unit",
        "chain_id": CHAIN_ID,
        "lei": BANK,
        "issued_at_s": NOW_S,
        "old": old.kid,
        "new": new.kid,
        "starts_at_s": NOW_S,
        "old_until_s": NOW_S + 7 * DAY_S,
        "document": inner.model_dump(exclude_none=True),
    }
    return sign_paper(RotationNotice, signer or old, fields | changes)


def revocation(revoked: Key, *, signer: Key | None = None, **changes: Any) -> Revocation:
    fields = {
        "type": papers.REVOCATION,
        "network": "landfall-unit",
        "chain_id": CHAIN_ID,
        "lei": BANK,
        "issued_at_s": NOW_S,
        "kid": revoked.kid,
        "revoked_at_s": NOW_S,
        "reason": "laptop lost",
    }
    return sign_paper(Revocation, signer or revoked, fields | changes)


def respelled(paper: AnyPaper, **changes: Any) -> bytes:
    """The paper with members of its top level replaced, its signature as it was."""
    return bytes(rfc8785.dumps(json.loads(paper.data) | changes))


@dataclass
class Watcher:
    """The desk of bank-nl, as far as it knows the other institutions."""

    database: Database
    chain: FakeChain = field(default_factory=FakeChain)

    def __post_init__(self) -> None:
        deployment = network_deployment()
        self.directory = Directory(deployment)
        self.registry = RegistryFollower(directory=self.directory, deployment=deployment)
        self.peers = Peers(directory=self.directory, deployment=deployment)
        with self.database.transaction() as session:
            self.registry.open(session)

    @classmethod
    def in_memory(cls) -> Self:
        database = Database("sqlite://")
        prepare(database)
        return cls(database)

    def followed_to(self, time_s: int) -> Self:
        """Let the desk have followed the chain to `time_s`."""
        with self.database.transaction() as session:
            SqlFollowerStore(self.database).save_cursor(session, Cursor(1, bytes(32)), time_s)
        return self

    def take(self, paper: AnyPaper | bytes, *, now_s: int = NOW_S, accept_key: str | None = None) -> None:
        data = paper if isinstance(paper, bytes) else paper.data
        with self.database.transaction() as session:
            self.peers.take(session, data, now_s, accept_key)

    def registry_says(self, name: str, at_s: int, **args: Any) -> BlockData:
        """Follow a block at `at_s` with one event of the registry."""
        head_s = self.chain.blocks[-1].info.time_s
        event = {"contract": "ParticipantRegistry", "name": name, "address": "0x", **args}
        block = self.chain.mine([event], seconds=at_s - head_s)
        with self.database.transaction() as session:
            self.registry.on_block(session, block)
        return block

    def anchor(self, thumbprint: bytes, at_s: int) -> None:
        account = Actor("bank-ke").address
        self.registry_says("KeyThumbprintChanged", at_s, account=account, key_thumbprint=thumbprint)

    def keys(self, now_s: int) -> PeerKeys:
        with self.database.read() as session:
            return self.peers.keys_of(session, BANK, now_s)

    def valid(self, kid: str, time_s: int) -> bool:
        """Tell whether the exchange may verify with this key what is dated `time_s`."""
        from node.participants.errors import KeyNotValidError

        with self.database.read() as session:
            try:
                return self.peers.key_at(session, BANK, kid, time_s).key_id == kid
            except KeyNotValidError:
                return False

    def status(self) -> str:
        with self.database.read() as session:
            return self.peers.entry(session, BANK).status

    def told(self) -> list[str]:
        with self.database.read() as session:
            return [row.kind for row in events_after(session, 0, None)]


class Lost(Exception):  # noqa: N818 - not an error of the product
    """The process ends before it commits."""


def lose(database: Database, effect: Callable[[Session], object]) -> None:
    """Run `effect` in a transaction that never commits."""
    with database.transaction() as session:
        effect(session)
        raise Lost


@dataclass
class FakeRing:
    """Generations of one message key and one sealing key, in memory."""

    owner: str
    generations: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generations.append(key(self.owner))

    def keys(self) -> list[KeyInfo]:
        pair = sealing.from_seed(sealing.DEFAULT, self.owner.encode().ljust(32, b"."))
        return [self.history("message")[-1], key_info("sealing", pair.kem, "sealing", pair.public_key, 0)]

    def history(self, name: str) -> list[KeyInfo]:
        return [key_info(name, one.algorithm, "message", one.public_key, 0) for one in self.generations]

    def rotate(self, name: str, now_s: int, overlap_s: int) -> KeyInfo:
        self.generations.append(key(f"{self.owner}/{len(self.generations)}"))
        return self.history(name)[-1]

    def sign_message(
        self, name: str, message: bytes, context: bytes = b"", *, thumbprint: bytes | None = None
    ) -> bytes:
        (signer,) = (one for one in self.generations if one.thumbprint == thumbprint)
        return signer.sign(message, context)
