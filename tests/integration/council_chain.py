"""A real chain process on a network that its members govern: four banks with a validator, one that has none yet.

Consensus itself is one sequencer; what is tested is what the members decide about the contract's set.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import Result
from typer.testing import CliRunner

from contracts.genesis import GovernanceRules
from node.app.cast import devnet_seed
from node.app.cli import app
from node.chain.genesis import NetworkConfig, ParticipantConfig, ValidatorConfig, build_genesis
from node.chain.validator_key import write_validator_key
from pqc import secp256k1, signatures
from pqc.keystore import DEVNET, KeyRole, Keystore
from tests.integration.desk_chain import ChainProcess

LEIS = {
    "alder": "9999DEV00CBEUR000061",
    "birch": "9999DEV02PLDRBANK004",
    "cedar": "9999DEV03RIFTBANK006",
    "dogwood": "9999DEV01CBKES000004",
    "elm": "9999DEV09CBUGX000079",
}
BANKS = tuple(LEIS)
LOCK_S = 60
PASSPHRASE = "council of the banks"
NETWORK = "council"


def key_pair(name: str, algorithm: str = "ML-DSA-65") -> signatures.KeyPair:
    """Return the consensus key that follows from a name."""
    return signatures.from_seed(algorithm, devnet_seed(name, "validator"))


@dataclass(frozen=True)
class CouncilChain:
    """The running chain, and a folder with each bank's keystore and key file."""

    url: str
    folder: Path

    def rpc(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = httpx.post(self.url, json=request, timeout=30, trust_env=False).json()
        assert "error" not in answer, answer
        return answer["result"]

    def advance(self, seconds: int = LOCK_S) -> None:
        """Let ledger time pass."""
        self.rpc("landfall_advanceTo", self.rpc("landfall_clock")["time_s"] + seconds)

    def invoke(self, *arguments: str, bank: str | None = None) -> Result:
        """Run `landfall validator ...`, as a bank where it signs."""
        signing = [] if bank is None else ["--keystore", str(self.folder / f"{bank}.json")]
        environment = {"LANDFALL_RPC": self.url, "LANDFALL_PASSPHRASE_FILE": str(self.folder / "passphrase")}
        return CliRunner().invoke(app, ["validator", *arguments, *signing], env=environment)

    def run(self, *arguments: str, bank: str | None = None, code: int = 0) -> str:
        """Run it, and return what it printed or why it failed."""
        done = self.invoke(*arguments, bank=bank)
        assert done.exit_code == code, f"{arguments}: {done.exit_code}\n{done.output}\n{done.exception!r}"
        # An expected error is printed by `main`, which is not run here.
        failed = done.exception is not None and not isinstance(done.exception, SystemExit)
        return str(done.exception) if failed else done.stdout

    def json(self, *arguments: str, bank: str | None = None, code: int = 0) -> Any:
        """Run it with --json."""
        return json.loads(self.run(*arguments, "--json", bank=bank, code=code))

    def pass_proposal(self, number: int, *voters: str) -> None:
        """Vote for a proposal as these banks, wait for the lock to end, and execute it."""
        for bank in voters or BANKS[1:]:
            if self.json("proposals")[0]["state"] == "voting":
                self.json("vote", str(number), "yes", "--i-know", bank=bank)
        self.advance()
        self.json("execute", str(number), "--i-know", bank=BANKS[0])


@contextmanager
def running_council(folder: Path, *, rules: GovernanceRules | None = None) -> Iterator[CouncilChain]:
    """Run the chain while the context lasts."""
    home = folder / "home"
    home.mkdir(parents=True)
    genesis = build_genesis(_config(rules or GovernanceRules(voting_s=3_600, lock_s=LOCK_S, grace_s=3_600)))
    genesis["landfall"]["validators"] = genesis["landfall"]["validators"][:1]
    (home / "genesis.json").write_text(json.dumps(genesis), "utf-8")
    write_validator_key(home, key_pair(BANKS[0]))
    _write_keys(folder)
    with asyncio.Runner() as runner:
        process = ChainProcess(home)
        runner.run(process.start())
        try:
            yield CouncilChain(process.url, folder)
        finally:
            runner.run(process.kill())


def _config(rules: GovernanceRules) -> NetworkConfig:
    addresses = {bank: bytes.fromhex(_address(bank)[2:]) for bank in BANKS}
    return NetworkConfig(
        network=NETWORK,
        chain_id=20_261,
        genesis_time_s=1_785_571_200,
        governor=None,
        validators=tuple(
            ValidatorConfig(name=bank, algorithm="ML-DSA-65", public_key=key_pair(bank).public_key, power=10)
            for bank in BANKS[:4]
        ),
        participants=tuple(
            ParticipantConfig(
                id=bank,
                name=bank.title(),
                lei=LEIS[bank],
                bic="",
                roles=("bank", "validator"),
                address=addresses[bank],
                key_thumbprint=bytes(32),
            )
            for bank in BANKS
        ),
        tokens=(),
        pairs=(),
        rules=rules,
    )


def _address(bank: str) -> str:
    return secp256k1.address_of(secp256k1.public_key(devnet_seed(bank, "transaction")))


def _write_keys(folder: Path) -> None:
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    passphrase.chmod(0o600)
    for bank in BANKS:
        keystore = Keystore.create(folder / f"{bank}.json", PASSPHRASE.encode(), DEVNET)
        keystore.add("transaction", "secp256k1", KeyRole.TRANSACTION, devnet_seed(bank, "transaction"))
        for name in (bank, f"{bank}-next"):
            public = {"algorithm": "ML-DSA-65", "public_key": key_pair(name).public_key.hex()}
            (folder / f"{name}.key.json").write_text(json.dumps(public))
