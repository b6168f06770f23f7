"""Evidence packs of trades that the real contracts ran.

A recorder keeps the logs of every transaction and the messages that were signed; the sealing of blocks is the unit
tests' own, with real commits, headers and receipt tries. So a pack proves what the contracts did, not what a test
thinks that they do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import boa
import pytest

from bridge.proofs.canonical_json import canonical
from bridge.proofs.evidence import verify_pack
from bridge.proofs.network import genesis_hash
from bridge.proofs.pack import (
    AmendmentInput,
    AttestationInput,
    ConsentInput,
    DecisionInput,
    PackInputs,
    QuoteInput,
    build_pack,
)
from bridge.proofs.verified import VerifiedPack
from contracts.client.typed_data import digest
from tests.contracts.support import Actor
from tests.contracts.trades import Fields
from tests.contracts.trades_fx import FxWorld
from tests.unit.bridge.evidence_fixture import GENESIS_BLOCK, Chain, landfall_section

EVIDENCE: Final = b'{"type": "EPCISDocument"}'
_POLICIES: Final = ("none", "convert_now", "lock", "float")
_OPTIONS: Final = ("share", "wait", "refund")
Logs = list[dict[str, Any]]


@dataclass
class Recorder:
    """What a trade's bank would have kept: logs by transaction, signed messages, documents."""

    world: FxWorld
    transactions: list[tuple[int, Logs]] = field(default_factory=list)
    quotes: dict[bytes, QuoteInput] = field(default_factory=dict)
    consents: dict[str, ConsentInput] = field(default_factory=dict)
    decisions: list[DecisionInput] = field(default_factory=list)
    digests: dict[bytes, bytes] = field(default_factory=dict)
    """Of a message, by its signature."""
    attestations: list[AttestationInput] = field(default_factory=list)
    versions: list[Fields] = field(default_factory=list)
    documents: dict[bytes, bytes] = field(default_factory=dict)

    def written(self, terms: Fields) -> Fields:
        """Return terms with the hash of the document that says the same."""
        document = canonical(self._document(terms))
        self.documents[sha256(document).digest()] = document
        return terms | {"document_hash": sha256(document).digest()}

    def keep_logs(self, computation: Any) -> None:
        """Keep a transaction's logs."""
        logs = [
            {
                "address": "0x" + bytes(address).hex(),
                "topics": ["0x" + topic.to_bytes(32, "big").hex() for topic in topics],
                "data": "0x" + bytes(data).hex(),
            }
            for _, address, topics, data in computation.get_raw_log_entries()
        ]
        if logs and not computation.is_error:
            self.transactions.append((int(boa.env.timestamp), logs))

    def keep_message(self, type_: str, signer: Actor, message: Fields, signature: bytes) -> None:
        """Keep a signed message."""
        if type_ == "Consent":
            side = "importer" if signer.address == self.world.importer.address else "exporter"
            self.consents[side] = ConsentInput(message["valid_until"], message["action"], signature)
            self.versions = [message["terms"]]
            return
        own = {name: message[name] for name in ("valid_until", "action", "least") if name in message}
        self.decisions.append(DecisionInput(type_, own, signature))
        self.digests[signature] = digest(self.world.escrow_domain, type_, message)
        if type_ == "Amend" and message["terms"] not in self.versions:
            self.versions.append(message["terms"])

    def digest_of(self, decision: DecisionInput) -> bytes:
        """Return what an institution records of a message."""
        return self.digests[decision.signature]

    def inputs(self) -> PackInputs:
        """Return what a pack is built from."""
        chain = Chain()
        for time_s in dict.fromkeys(time_s for time_s, _ in self.transactions):
            chain.seal(time_s, [logs for at, logs in self.transactions if at == time_s])
        first, *later = self.versions
        return PackInputs(
            chain_id=int(boa.env.evm.patch.chain_id),
            ethereum_genesis_hash=GENESIS_BLOCK,
            landfall=self.landfall(),
            terms_document=self.documents[first["document_hash"]],
            terms=first,
            consents=self.consents,
            quotes=list(self.quotes.values()),
            attestations=self.attestations,
            blocks=chain.blocks,
            amendments=[AmendmentInput(self.documents[terms["document_hash"]], terms) for terms in later],
            decisions=self.decisions,
        )

    def landfall(self) -> dict[str, Any]:
        """Return the genesis section of the world."""
        world = self.world
        contracts = {
            "ParticipantRegistry": world.registry,
            "FxOracle": world.oracle,
            "FxSettlement": world.fx,
            "TradeEscrow": world.escrow,
        }
        institutions = [(world.provider, 4), (world.other_provider, 4), (world.arbiter, 16)]
        institutions += [(attester, 8) for attester in world.attesters]
        return landfall_section() | {
            "contracts": {name: str(contract.address) for name, contract in contracts.items()},
            "tokens": {
                code: {"address": str(token.address), "decimals": 2, "name": code, "symbol": code, "issuer": "cb"}
                for code, token in (("EUR", world.eur), ("KES", world.kes))
            },
            "participants": [
                {"id": actor.name, "name": f"{actor.name} Ltd", "address": actor.address, "roles": roles}
                for actor, roles in institutions
            ],
        }

    @property
    def genesis(self) -> bytes:
        """What a verifier trusts."""
        return genesis_hash(GENESIS_BLOCK, self.landfall())

    def pack(self) -> bytes:
        return build_pack(self.inputs())

    def verified(self) -> VerifiedPack:
        return verify_pack(self.pack(), self.genesis)

    def _document(self, terms: Fields) -> dict[str, Any]:
        codes = {str(self.world.eur.address): "EUR", str(self.world.kes.address): "KES"}
        fx, policy = terms["fx"], _POLICIES[terms["fx"]["policy"]]
        agreed = {
            **{name: str(fx[name]) for name in ("rate_num", "rate_den")},
            **{name: fx[name] for name in ("band_bps", "spread_bps", "share_bps", "cool_down_s", "calls_max")},
            "option": _OPTIONS[fx["option"]],
        }
        return {
            "schema": "landfall-terms/1",
            "importer": {"account": terms["importer"], "name": "Importer BV", "bank": "bank"},
            "exporter": {"account": terms["exporter"], "name": "Exporter Ltd", "bank": "bank"},
            "arbiter": {"account": terms["arbiter"]},
            "invoice": {
                "number": "INV-1",
                "currency": codes[terms["invoice_token"]],
                "amount_minor": str(terms["invoice_amount"]),
            },
            "funding": {
                "currency": codes[terms["funding_token"]],
                "policy": policy,
                "float": agreed if policy == "float" else None,
            },
            "milestones": [_milestone(one) for one in terms["milestones"]],
            "payees": [
                {**one, "name": f"payee {number}", "purpose": "tax"} for number, one in enumerate(terms["payees"])
            ],
            "windows": terms["windows"],
            "fund_by_s": terms["fund_by"],
            "hold_expires_at_s": terms["hold_expires_at"],
            "salt": "0x" + terms["salt"].hex(),
        }


def _milestone(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": one["kind"].rstrip(b"\0").decode(),
        "weight_bps": one["weight_bps"],
        "deadline_s": one["deadline"],
        "quorum": one["quorum"],
        "silence": "pay" if one["silence_pays"] else "refund",
        "attesters": [{"account": account} for account in one["attesters"]],
    }


def record(world: FxWorld, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Return a recorder of everything the world does from now on."""
    recorder = Recorder(world)

    def listen(name: str, keep: Callable[..., None]) -> None:
        original = getattr(boa.env, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            keep(result)
            return result

        monkeypatch.setattr(boa.env, name, wrapped)

    def consent(signer: Actor, primary_type: str, message: Fields, **changes: Any) -> tuple[int, int, bytes]:
        stamped = message | world.stamp(**changes)
        signature = signer.sign(world.escrow_domain, primary_type, stamped)
        recorder.keep_message(primary_type, signer, stamped, signature)
        return stamped["valid_until"], stamped["action"], signature

    def sign_quote(quote: Fields, provider: Actor | None = None) -> bytes:
        message_digest = digest(world.fx_domain, "Quote", quote)
        signature = (provider or world.provider).sign(world.fx_domain, "Quote", quote)
        recorder.quotes[message_digest] = QuoteInput(quote, signature)
        return signature

    def attest(terms: Fields, index: int, attester: Actor, **changes: Any) -> Fields:
        changes = {"evidence_hash": sha256(EVIDENCE).digest()} | changes
        message = type(world).attest(world, terms, index, attester, **changes)
        recorder.attestations.append(AttestationInput(attester.address, message, EVIDENCE))
        return message

    # The books are compared by the contracts' own tests; the pack's verifier compares them by itself.
    monkeypatch.setattr(world, "check_books", lambda terms: None)
    listen("execute_code", recorder.keep_logs)
    for name, replacement in (("consent", consent), ("sign_quote", sign_quote), ("attest", attest)):
        monkeypatch.setattr(world, name, replacement)
    return recorder


def flipped(data: bytes, path: tuple[str | int, ...], value: Any) -> bytes:
    """Return a pack with one value replaced."""
    pack = json.loads(data)
    holder = pack
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return canonical(pack)
