"""A bank's part before the network begins: its keys, and the file that tells the others of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fx.currencies import get_currency
from node.app.errors import CeremonyError
from node.app.home import TRANSACTION_KEY
from node.app.validator.home import ValidatorHome
from node.app.validator.members import Member, MemberCurrency, MemberValidator, Role, sign_member
from node.app.validator.preparing import make_node_key
from node.chain.validator_key import FILE_NAME, load_or_create_validator_key, write_validator_key
from node.participants.keys import MESSAGE_KEY, SEALING_KEY
from pqc import sealing, signatures
from pqc.keystore import Keystore
from pqc.roles import KeyRole

_KEYS: Final = (
    (TRANSACTION_KEY, "secp256k1", KeyRole.TRANSACTION),
    (MESSAGE_KEY, signatures.MESSAGE_ALGORITHM, KeyRole.MESSAGE),
    (SEALING_KEY, sealing.DEFAULT, KeyRole.SEALING),
)


@dataclass(frozen=True, slots=True)
class Bank:
    """What a bank says about itself; `address` is HOST:PORT of its validator, or empty."""

    id: str
    name: str
    lei: str
    bic: str
    roles: tuple[Role, ...]
    currencies: tuple[str, ...]
    address: str


def enrol(home: ValidatorHome, bank: Bank, algorithm: str, passphrase: bytes) -> bytes:
    """Make the keys that are not there yet; return the signed file that tells of them.

    Raises:
        CeremonyError: what the bank says is malformed, or its validator key is of another algorithm.
        RejectedError (of pqc): the keystore is there and the passphrase does not open it.
    """
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (home.root / FILE_NAME).exists():
        write_validator_key(home.root, signatures.generate(algorithm))
    key = load_or_create_validator_key(home.root)
    if key.alg != algorithm:
        raise CeremonyError(f"--keys: expected {key.alg}, which {home.root / FILE_NAME} holds, got {algorithm}")
    keystore = _keystore(home.keystore, passphrase)
    try:
        member = Member(
            id=bank.id,
            name=bank.name,
            lei=bank.lei,
            bic=bank.bic,
            roles=bank.roles,
            account=keystore.address(TRANSACTION_KEY).lower(),
            message_key=keystore.key_info(MESSAGE_KEY).thumbprint.hex(),
            currencies=tuple(_currency(code) for code in bank.currencies),
            validator=MemberValidator(
                algorithm="Ed25519" if key.alg == "Ed25519" else "ML-DSA-65",
                public_key=key.public_key.hex(),
                node_id=make_node_key(home),
                address=bank.address,
            ),
        )
    except ValueError as error:
        raise CeremonyError(f"member: {error}") from error
    return sign_member(member, key)


def _currency(code: str) -> MemberCurrency:
    return MemberCurrency(code=code, name=get_currency(code).name, symbol=code)


def _keystore(path: Path, passphrase: bytes) -> Keystore:
    keystore = Keystore.open(path, passphrase) if path.exists() else Keystore.create(path, passphrase)
    infos = keystore.keys()
    present = {info.name for info in infos}
    for name, algorithm, role in _KEYS:
        if name not in present:
            keystore.add(name, algorithm, role)
    return keystore
