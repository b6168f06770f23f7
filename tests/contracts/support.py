"""What contract tests share: actors with keys, ledger time, deployment from source, signatures.

Sources are compiled, not artifacts loaded, so that a failing call shows its line; that artifacts match is
`scripts/build_contracts.py --check`.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import boa
from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from contracts.client.typed_data import Domain, Message, digest

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SOURCES: Final = ROOT / "contracts" / "src"

# 1 September 2026, 00:00 UTC: the ledger time at which every test starts.
START_S: Final = 1_788_220_800
DAY_S: Final = 86_400

CENTRAL_BANK: Final = 1
BANK: Final = 2
FX_PROVIDER: Final = 4
ATTESTER: Final = 8
ARBITER: Final = 16
REPORTER: Final = 32
VALIDATOR: Final = 64
REGULATOR: Final = 128

SCOPE_AVAILABLE: Final = 1
SCOPE_ALL: Final = 2

# Any 20 characters pass: the registry checks the length, the desk the check digits.
LEI: Final = "724500PLDRNL00000001"
ZERO_ADDRESS: Final = "0x" + "00" * 20
ZERO_BYTES32: Final = bytes(32)
UNLIMITED: Final = 2**256 - 1

# References of issuance requests, which are used once.
_references: Final = count(1)

boa.interpret.set_cache_dir(str(ROOT / ".cache" / "titanoboa"))
boa.interpret.set_search_paths([str(SOURCES)])


@dataclass(frozen=True)
class Actor:
    """Someone with a secp256k1 key; the key follows from the name."""

    name: str

    @property
    def address(self) -> str:
        """Checksummed."""
        return _address(self.name)

    def sign_digest(self, message_digest: bytes) -> bytes:
        """Return r, s, v (65 bytes, low s, v 27 or 28)."""
        signature = _key(self.name).sign_recoverable(message_digest, hasher=None)
        return bytes(signature[:64]) + bytes([signature[64] + 27])

    def sign(self, domain: Domain, primary_type: str, message: Message) -> bytes:
        """Sign an EIP-712 message of contracts/client/typed_data.py."""
        return self.sign_digest(digest(domain, primary_type, message))


@cache
def _key(name: str) -> PrivateKey:
    return PrivateKey(keccak(b"landfall test actor " + name.encode()))


@cache
def _address(name: str) -> str:
    return str(to_checksum_address(keccak(_key(name).public_key.format(compressed=False)[1:])[-20:]))


@cache
def _deployer(path: Path) -> Any:
    return boa.load_partial(str(path))


def deploy(name: str, *arguments: Any, folder: Path = SOURCES) -> Any:
    """Deploy `<folder>/<name>.vy`; compiled once per process."""
    return _deployer(folder / f"{name}.vy").deploy(*arguments)


def deploy_escrow(registry: Any, fx_settlement: Any, fx_oracle: Any, folder: Path = SOURCES) -> Any:
    """Deploy the escrow's four pieces of code; return the first one with the ABI of all."""
    network = (registry.address, fx_settlement.address, fx_oracle.address)
    parts = [deploy("TradePayment", *network, folder=folder)]
    for name in ("TradeAmendment", "TradeFunding", "TradeEscrow"):
        parts.append(deploy(name, *network, parts[-1].address, folder=folder))
    abi = [entry for part in reversed(parts) for entry in part.abi if entry["type"] in ("function", "event")]
    unique = [entry for place, entry in enumerate(abi) if entry not in abi[:place]]
    return boa.loads_abi(json.dumps(unique), name="TradeEscrow").at(parts[-1].address)


def domain_of(contract: Any, name: str) -> Domain:
    """Return the EIP-712 domain of a contract deployed here; `name` is the contract's, or the token's own."""
    return Domain(name, boa.env.evm.patch.chain_id, str(contract.address))


def token_domain(token: Any) -> Domain:
    """Return the EIP-712 domain of a SettlementToken."""
    return domain_of(token, token.name())


def now_s() -> int:
    """Ledger time: the timestamp the next call sees."""
    return int(boa.env.timestamp)


def advance_to(time_s: int) -> None:
    """Set ledger time; it never goes back."""
    if time_s < now_s():
        raise ValueError(f"time_s: expected at least {now_s()}, got {time_s}")
    boa.env.timestamp = time_s


def advance(seconds: int) -> None:
    """Let ledger time pass."""
    advance_to(now_s() + seconds)


def issue(token: Any, issuer: Actor, to: Actor, amount: int) -> None:
    """Let a bank or FX provider ask for money and its central bank grant it."""
    reference = salt(next(_references))
    token.request_issuance(amount, reference, sender=to.address)
    token.issue(to.address, amount, reference, sender=issuer.address)


def events_of(contract: Any, name: str) -> list[dict[str, Any]]:
    """Return the last call's events of this name as dicts, in order."""
    found = []
    for log in contract.get_logs(strict=False):
        if type(log).__name__ == name:
            # titanoboa puts the contract's address in front of the event's own fields.
            found.append({field: getattr(log, field) for field in log._fields[1:]})
    return found


def call_raw(contract: Any, data: bytes, sender: Actor) -> bytes:
    """Call with any bytes; return the output.

    Raises:
        BoaError: the call reverts.
    """
    computation = boa.env.execute_code(to_address=contract.address, data=data, sender=sender.address)
    contract._computation = computation
    if computation.is_error:
        contract.handle_error(computation)
    return bytes(computation.output)


def salt(number: int) -> bytes:
    """Return a salt that differs for each number."""
    return keccak(b"salt" + number.to_bytes(32, "big"))


@dataclass
class Holds:
    """Places and signs holds in one token, with a fresh salt each."""

    token: Any
    # Far from the small salts that tests choose themselves.
    numbers: int = 1_000_000

    def next_number(self) -> int:
        """Return a number not given out before."""
        self.numbers += 1
        return self.numbers

    def message(self, owner: str, notary: str, amount: int, expires_at: int, **fields: Any) -> dict[str, Any]:
        """Return a `Hold` message; `reference`, `salt`, `valid_until` have defaults."""
        return {
            "owner": owner,
            "notary": notary,
            "amount": amount,
            "expires_at": expires_at,
            "reference": fields.get("reference", ZERO_BYTES32),
            "salt": fields["salt"] if "salt" in fields else salt(self.next_number()),
            "valid_until": fields.get("valid_until", now_s() + 3600),
        }

    def sign(self, owner: Actor, notary: str, amount: int, expires_at: int, **fields: Any) -> dict[str, Any]:
        """Return a `Hold` message with its `signature` by `owner`."""
        message = self.message(owner.address, notary, amount, expires_at, **fields)
        return message | {"signature": owner.sign(token_domain(self.token), "Hold", message)}

    def place(self, owner: Actor, notary: str, amount: int, expires_at: int, **fields: Any) -> bytes:
        """Place a signed hold as the notary; return its id."""
        message = self.sign(owner, notary, amount, expires_at, **fields)
        return bytes(self.submit(message, sender=notary))

    def submit(self, message: dict[str, Any], *, sender: str) -> Any:
        """Call `hold_signed` with a signed message."""
        return self.token.hold_signed(
            message["owner"],
            message["amount"],
            message["expires_at"],
            message["reference"],
            message["salt"],
            message["valid_until"],
            message["signature"],
            sender=sender,
        )
