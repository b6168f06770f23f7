"""Members of a network to be, with keys that the tests know."""

from hashlib import sha256

from node.app.validator.ceremony import NetworkPlan
from node.app.validator.cometbft import address
from node.app.validator.members import Member, MemberCurrency, MemberValidator
from pqc import secp256k1, signatures

PLAN = NetworkPlan(network="test-network", chain_id=777, genesis_time_s=1_790_000_000)
LEIS = {"bank-nl": "9999DEV02PLDRBANK004", "bank-ke": "9999DEV03RIFTBANK006", "cb-eur": "9999DEV00CBEUR000061"}


def seed_of(name: str) -> bytes:
    """A member's seed."""
    return sha256(name.encode()).digest()


def validator_key(name: str) -> signatures.KeyPair:
    """What a member votes with."""
    return signatures.from_seed("ML-DSA-65", seed_of(name))


def member(name: str, **fields: object) -> Member:
    """A bank, or with the name of a central bank one that issues euros."""
    is_central = name.startswith("cb-")
    key = validator_key(name)
    node_key = signatures.from_seed("Ed25519", seed_of(name + " node"))
    told: dict[str, object] = {
        "id": name,
        "name": f"{name} AG",
        "lei": LEIS[name],
        "roles": ("central_bank",) if is_central else ("bank",),
        "account": secp256k1.address_of(secp256k1.public_key(seed_of(name + " account"))).lower(),
        "message_key": sha256((name + " message").encode()).hexdigest(),
        "currencies": (MemberCurrency(code="EUR", name="Euro", symbol="EUR"),) if is_central else (),
        "validator": MemberValidator(
            algorithm="ML-DSA-65",
            public_key=key.public_key.hex(),
            node_id=address(node_key.public_key).hex(),
            address=f"{name}.example:26656",
        ),
    }
    return Member.model_validate(told | fields)


def members() -> list[Member]:
    """Three members."""
    return [member(name) for name in LEIS]
