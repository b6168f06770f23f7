"""Books written from the real token's logs equal the real token, whatever is called."""

import random
from typing import Any

import boa
from boa import BoaError
from eth_hash.auto import keccak

from contracts.client.artifacts import ChainEvent, checksummed, decode_log, load_artifact
from node.ledger.booking import PARTS, Booking, Hold
from tests.contracts.support import BANK, CENTRAL_BANK, LEI, START_S, ZERO_BYTES32, Actor, advance, deploy

CALLS = 150


class TokenWorld:
    """A deployed token, and the books of some of its holders kept from its logs."""

    def __init__(self) -> None:
        boa.env.timestamp = START_S
        self.governor, self.issuer, self.notary = Actor("governor"), Actor("issuer"), Actor("notary")
        self.people = [Actor(name) for name in ("bank", "payer", "payee", "stranger")]
        self.registry = deploy("ParticipantRegistry", self.governor.address)
        self._by(
            self.governor, self.registry.register, self.issuer.address, LEI, "CBEUDE20", CENTRAL_BANK, ZERO_BYTES32
        )
        self._by(self.governor, self.registry.register, self.people[0].address, LEI, "PLDRNL2A", BANK, ZERO_BYTES32)
        self._by(self.governor, self.registry.set_notary, self.notary.address, True, False)
        self.token = deploy("SettlementToken", "Euro", "dEUR", "EUR", 2, self.registry.address, self.issuer.address)
        self.owners = {actor.address: actor.name for actor in self.people[:2]}
        self.balances: dict[str, int] = {}
        self.known: dict[bytes, Hold] = {}
        self.holds: list[bytes] = []
        self.kinds: set[str] = set()
        self.logged = 0

    def call(self, sender: Actor, function: str, *args: Any) -> bool:
        """Make a call and book its logs; False where the token refuses."""
        try:
            result = self._by(sender, getattr(self.token, function), *args)
        except BoaError:
            return False
        if function == "hold":
            self.holds.append(bytes(result))
        self._book()
        return True

    def _by(self, sender: Actor, method: Any, *args: Any) -> Any:
        return method(*args, sender=sender.address)

    def _book(self) -> None:
        entries = self.token._computation.get_raw_log_entries()
        events = [event for entry in entries if (event := self._event(*entry)) is not None]
        booking = Booking(
            owners=self.owners,
            address_of={owner: address for address, owner in self.owners.items()}.__getitem__,
            currency_of={checksummed(str(self.token.address)): "EUR"},
            issues=frozenset(),
            load_hold=self.known.get,
        )
        for booked in booking.entries(events):
            self.kinds.add(booked.kind)
            for line in booked.lines:
                name = line.account.name
                self.balances[name] = self.balances.get(name, 0) + line.signed
        self.known |= booking.holds

    def _event(self, _order: int, address: bytes, topics: tuple[int, ...], data: bytes) -> ChainEvent | None:
        decoded = decode_log(load_artifact("EUR"), [topic.to_bytes(32, "big") for topic in topics], data)
        if decoded is None:
            return None
        self.logged += 1
        return ChainEvent(
            contract="SettlementToken",
            name=decoded[0],
            args=decoded[1],
            address=checksummed(address),
            block_number=1,
            block_hash=bytes(32),
            block_time_s=START_S,
            tx_hash=keccak(b"one transaction"),
            tx_index=0,
            log_index=self.logged,
        )

    def issue(self, amount: int, reference: bytes) -> None:
        """Let the bank ask for money and its central bank grant it."""
        self.call(self.people[0], "request_issuance", amount, reference)
        self.call(self.issuer, "issue", self.people[0].address, amount, reference)

    def check(self) -> None:
        """Compare the books with the token's own views."""
        for address, owner in self.owners.items():
            for part in PARTS:
                booked = self.balances.get(f"EUR:{owner}:{part}", 0)
                assert booked == getattr(self.token, f"{part}Of")(address), (owner, part)
        assert sum(self.balances.values()) == 0
        for hold_id, hold in self.known.items():
            assert hold.rest == self.token.get_hold(hold_id)[2]


def act(world: TokenWorld, chance: random.Random, number: int) -> None:
    """Make one call that is likely to be accepted."""
    person, other = chance.choice(world.people), chance.choice(world.people)
    amount = chance.randrange(1, 400)
    hold_id = chance.choice(world.holds) if world.holds else ZERO_BYTES32
    salt = keccak(b"%d" % number)
    match chance.randrange(11):
        case 0:
            world.issue(amount * 10, salt)
        case 1:
            world.call(world.people[0], "redeem", amount, ZERO_BYTES32)
        case 2 | 3:
            world.call(person, "transfer", other.address, amount)
        case 4 | 5:
            expires_at = int(boa.env.timestamp) + chance.randrange(60, 7200)
            world.call(person, "hold", world.notary.address, amount, expires_at, ZERO_BYTES32, salt)
        case 6:
            # By whoever owns it; the others are refused.
            expires_at = int(boa.env.timestamp) + 7200
            for owner in world.people:
                world.call(owner, "increase_hold", hold_id, amount + 100, expires_at, 0, b"")
        case 7 | 8:
            world.call(world.notary, "execute_hold", hold_id, other.address, chance.randrange(1, 100))
        case 9:
            world.call(world.notary, "release_hold", hold_id, chance.randrange(1, 100))
        case _:
            scope, reason = chance.choice((1, 2)), keccak(b"order")
            until = int(boa.env.timestamp) + chance.randrange(60, 600)
            world.call(world.issuer, "order_freeze", other.address, number + 1, scope, until, reason)
            world.call(world.notary, "execute_hold", hold_id, other.address, 1)
            advance(chance.randrange(1, 900))
            world.call(person, "claim_blocked", other.address)


def test_books_equal_the_real_token_when_anything_is_called() -> None:
    chance = random.Random(1)
    with boa.env.anchor():
        world = TokenWorld()
        world.issue(5_000, ZERO_BYTES32)
        for person in world.people[1:]:
            world.call(world.people[0], "transfer", person.address, 1_000)
        for number in range(CALLS):
            act(world, chance, number)
            if number % 10 == 0:
                world.check()
        world.check()
    assert world.kinds == {
        "issue",
        "redemption",
        "transfer",
        "hold",
        "hold_increase",
        "hold_execution",
        "hold_release",
        "unblocking",
    }
