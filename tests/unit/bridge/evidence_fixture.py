"""A small world that makes real evidence packs: keys, a network, a trade's documents, and a chain that seals blocks.

The chain is a fake: it writes the events the contracts would emit. Everything a verifier checks is real: ML-DSA
commits, CometBFT headers, receipt tries, EIP-712 signatures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from eth_hash.auto import keccak

from bridge.proofs import rlp
from bridge.proofs.canonical_json import canonical
from bridge.proofs.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    block_id,
    data_hash,
    data_proof,
    validator_set,
    validators_hash,
    vote_sign_bytes,
)
from bridge.proofs.event_logs import EVENTS, parse_declaration, topic_of
from bridge.proofs.finality import FinalityProof, proof_to_json
from bridge.proofs.merkle import EMPTY_ROOT
from bridge.proofs.milestones import milestone_hash
from bridge.proofs.network import genesis_hash, read_network
from bridge.proofs.pack import AttestationInput, BlockInput, ConsentInput, PackInputs, QuoteInput
from bridge.proofs.receipts import encode_receipt, receipts_root
from bridge.proofs.terms_document import struct_from_document
from bridge.proofs.validator_changes import ValidatorSetChange, changes_to_json
from contracts.client import typed_data
from fx.slices import milestone_slices, payee_split, share_of
from pqc import secp256k1, signatures

CHAIN_ID = 20_816
GENESIS_TIME = 1_785_000_000
GENESIS_BLOCK = keccak(b"block 0 of the tests")
DAY = 86_400
NAMES = (
    "importer",
    "exporter",
    "kra",
    "bank-ke",
    "fx-amber",
    "fx-baobab",
    "carrier",
    "inspector",
    "surveyor",
    "arbiter",
)
SEEDS = {name: sha256(f"tests {name}".encode()).digest() for name in (*NAMES, "arbiter")}
ACCOUNTS = {name: secp256k1.address_of(secp256k1.public_key(seed)) for name, seed in SEEDS.items()}
CONTRACTS = {
    name: secp256k1.checksummed(keccak(name.encode())[12:])
    for name in ("ParticipantRegistry", "FxOracle", "FxSettlement", "TradeEscrow")
}
TOKENS = {code: secp256k1.checksummed(keccak(code.encode())[12:]) for code in ("EUR", "KES")}
VALIDATOR_KEYS = [signatures.from_seed("ML-DSA-65", sha256(bytes([n])).digest()) for n in range(4)]
POWERS = (4, 3, 2, 1)
VALIDATORS = tuple(Validator(key.alg, key.public_key, power) for key, power in zip(VALIDATOR_KEYS, POWERS, strict=True))
NEW_KEY = signatures.from_seed("Ed25519", sha256(b"joins later").digest())
NEW_VALIDATOR = Validator(NEW_KEY.alg, NEW_KEY.public_key, 8)
EPCIS = b'{\n  "type": "EPCISDocument",\n  "note": "loaded \xe2\x80\x93 24 pallets"\n}\n'


def landfall_section() -> dict[str, Any]:
    roles = {"fx-amber": 4, "fx-baobab": 4, "carrier": 8, "inspector": 8, "surveyor": 8, "arbiter": 16, "bank-ke": 2}
    return {
        "network": "landfall-tests",
        "genesis_time_s": GENESIS_TIME,
        "validators": [
            {"name": f"v{n}", "algorithm": "ML-DSA-65", "public_key": "0x" + key.public_key.hex(), "power": power}
            for n, (key, power) in enumerate(zip(VALIDATOR_KEYS, POWERS, strict=True))
        ],
        "contracts": CONTRACTS,
        "tokens": {
            code: {"address": address, "name": f"{code} token", "symbol": code, "decimals": 2, "issuer": "cb"}
            for code, address in TOKENS.items()
        },
        "participants": [
            {
                "id": name,
                "name": f"{name.title()} Ltd",
                "lei": "",
                "bic": "",
                "roles": role,
                "address": ACCOUNTS[name],
                "key_thumbprint": "0x" + "00" * 32,
            }
            for name, role in roles.items()
        ],
        "pairs": ["EUR/KES"],
    }


GENESIS_HASH = genesis_hash(GENESIS_BLOCK, landfall_section())
NETWORK = read_network(
    {
        "chain_id": CHAIN_ID,
        "ethereum_genesis_hash": "0x" + GENESIS_BLOCK.hex(),
        "hash": "0x" + GENESIS_HASH.hex(),
        "landfall": landfall_section(),
    },
    GENESIS_HASH,
)


def terms_document(policy: str = "convert_now", **changes: Any) -> dict[str, Any]:
    return {
        "schema": "landfall-terms/1",
        "reference": "NR-2026-0817",
        "goods": "Cut roses – 150,000 stems",
        "incoterms": "CPT Amsterdam",
        "importer": _party("importer", "bank-nl", "Bloemenhuis BV"),
        "exporter": _party("exporter", "bank-ke", "Naivasha Roses Ltd"),
        "arbiter": {"institution": "arbiter", "account": ACCOUNTS["arbiter"]},
        "invoice": {"number": "INV-2026-0817", "currency": "KES", "amount_minor": "150000000"},
        "funding": {"currency": "KES" if policy == "none" else "EUR", "policy": policy},
        "shipment": {"references": ["urn:epc:id:sscc:6161100.0000000017"]},
        "milestones": [
            _milestone("loaded", 3000, 20, ("carrier",), 1, "refund"),
            _milestone("delivered", 7000, 40, ("carrier", "inspector", "surveyor"), 2, "refund"),
        ],
        "payees": [
            _party("kra", "bank-ke", "Kenya Revenue Authority") | {"share_bps": 200, "purpose": "tax"},
            _party("bank-ke", "bank-ke", "Rift Bank") | {"share_bps": 50, "purpose": "fee"},
        ],
        "windows": {
            "dispute_s": 2 * DAY,
            "award_s": 7 * DAY,
            "unawarded_bps": 5000,
            "call_s": 0,
            "choice_s": 0,
            "grace_s": 3 * DAY,
        },
        "fund_by_s": GENESIS_TIME + 10 * DAY,
        "hold_expires_at_s": GENESIS_TIME + 60 * DAY,
        "salt": "0x" + "5a" * 32,
    } | changes


def _party(name: str, bank: str, shown: str) -> dict[str, Any]:
    return {"bank": bank, "customer": name, "name": shown, "account": ACCOUNTS[name]}


def _milestone(
    kind: str, weight: int, days: int, attesters: Sequence[str], quorum: int, silence: str
) -> dict[str, Any]:
    return {
        "kind": kind,
        "weight_bps": weight,
        "deadline_s": GENESIS_TIME + days * DAY,
        "quorum": quorum,
        "silence": silence,
        "attesters": [{"institution": name, "account": ACCOUNTS[name]} for name in attesters],
        "place": None,
    }


def log(address: str, name: str, **args: Any) -> dict[str, Any]:
    """Return a log as JSON-RPC does."""
    declared = [parse_declaration(text) for texts in EVENTS.values() for text in texts]
    fields = next(fields for event, fields in declared if event == name)
    words = {one.name: _word(args[one.name]) for one in fields}
    return {
        "address": address,
        "topics": [
            "0x" + topic_of(name, fields).hex(),
            *("0x" + words[one.name].hex() for one in fields if one.indexed),
        ],
        "data": "0x" + b"".join(words[one.name] for one in fields if not one.indexed).hex(),
    }


def _word(value: Any) -> bytes:
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return value.to_bytes(32, "big") if isinstance(value, int) else value


@dataclass
class Chain:
    """Seals blocks of events as a network of four validators would; the last one is silent."""

    signers: int = 3
    blocks: list[BlockInput] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    validators: tuple[Validator, ...] = VALIDATORS

    def change(self, time_s: int, *validators: Validator) -> None:
        """Make a consensus block without an Ethereum block, which names the next validators."""
        header, commit = seal_header([], self._height(), time_s, self.signers, self.validators, validators)
        link = ValidatorSetChange(header, commit, validator_set(validators))
        self.changes += changes_to_json([link])
        self.validators = validators

    def _height(self) -> int:
        return len(self.blocks) + len(self.changes) + 1

    def seal(self, time_s: int, transactions: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        number = len(self.blocks) + 1
        receipts = [
            {
                "blockNumber": hex(number),
                "type": "0x2",
                "status": "0x1",
                "cumulativeGasUsed": hex(21_000 * (index + 1)),
                "logsBloom": "0x" + "00" * 256,
                "logs": logs,
            }
            for index, logs in enumerate(transactions)
        ]
        payload = eth_header(number, time_s, receipts_root([encode_receipt(receipt) for receipt in receipts]))
        items = [payload, *(f"transaction {index}".encode() for index in range(len(transactions)))]
        finality = seal_block(items, self._height(), time_s, self.signers, self.validators)
        self.blocks.append(BlockInput(finality=finality, receipts=receipts))


def eth_header(number: int, time_s: int, root: bytes) -> bytes:
    numbers = [rlp.encode_int(value) for value in (0, number, 30_000_000, 21_000, time_s)]
    tail = [b"", bytes(32), bytes(8), b"", bytes(32), b"", b"", bytes(32), bytes(32)]
    return rlp.encode([bytes(32), bytes(32), bytes(20), bytes(32), bytes(32), root, bytes(256), *numbers, *tail])


def seal_block(
    items: Sequence[bytes], height: int, time_s: int, signers: int, validators: Sequence[Validator]
) -> dict[str, Any]:
    header, commit = seal_header(items, height, time_s, signers, validators, validators)
    return proof_to_json(FinalityProof(header, commit, items[0], data_proof(items, 0)))


def seal_header(
    items: Sequence[bytes],
    height: int,
    time_s: int,
    signers: int,
    validators: Sequence[Validator],
    following: Sequence[Validator],
) -> tuple[Header, Commit]:
    header = Header(
        block_version=11,
        app_version=0,
        chain_id="landfall-tests",
        height=height,
        time=Timestamp(time_s, 5),
        last_block_id=BlockId(keccak(b"before"), 1, keccak(b"parts")),
        last_commit_hash=EMPTY_ROOT,
        data_hash=data_hash(items),
        validators_hash=validators_hash(validators),
        next_validators_hash=validators_hash(following),
        consensus_hash=EMPTY_ROOT,
        app_hash=bytes(32),
        last_results_hash=EMPTY_ROOT,
        evidence_hash=EMPTY_ROOT,
        proposer_address=validators[0].address,
    )
    sealed = block_id(header, items, None)
    keys = {Validator(key.alg, key.public_key, 1).address: key for key in (*VALIDATOR_KEYS, NEW_KEY)}
    votes = []
    for validator in validator_set(validators)[:signers]:
        time = Timestamp(time_s + 1, 7)
        message = vote_sign_bytes("landfall-tests", height, 0, sealed, time)
        votes.append(CommitSignature(validator.address, time, signatures.sign(keys[validator.address], message)))
    return header, Commit(height, 0, sealed, tuple(votes))


@dataclass
class Trade:
    """A trade on the fake chain, step by step; amounts come from the rules, unless a test says otherwise."""

    document: dict[str, Any]
    chain: Chain = field(default_factory=Chain)
    now_s: int = GENESIS_TIME + DAY
    attestations: list[AttestationInput] = field(default_factory=list)
    quotes: list[QuoteInput] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms = struct_from_document(self.document, NETWORK)
        self.trade_id = typed_data.digest(NETWORK.domain("TradeEscrow"), "Terms", self.terms)
        self.amounts = milestone_slices(
            self.terms["invoice_amount"], [m["weight_bps"] for m in self.terms["milestones"]]
        )
        self.hold_id = keccak(self.trade_id)

    def escrow(self, name: str, **args: Any) -> dict[str, Any]:
        return log(CONTRACTS["TradeEscrow"], name, trade_id=self.trade_id, **args)

    def invoice_token(self, name: str, **args: Any) -> dict[str, Any]:
        return log(self.terms["invoice_token"], name, owner=self.terms["importer"], id=self.hold_id, **args)

    def seal(self, *logs: Mapping[str, Any], wait_s: int = 60) -> None:
        """Put one transaction of the trade between two strangers' into the next block."""
        self.now_s += wait_s
        stranger = [log(TOKENS["EUR"], "HoldReleased", id=bytes(32), owner=ACCOUNTS["kra"], amount=1)]
        self.chain.seal(self.now_s, [stranger, list(logs), []])

    def quote(self, provider: str, rate_num: int, rate_den: int) -> bytes:
        message = {
            "provider": ACCOUNTS[provider],
            "kind": 0,
            "lock_until": 0,
            "sell_token": self.terms["funding_token"],
            "buy_token": self.terms["invoice_token"],
            "rate_num": rate_num,
            "rate_den": rate_den,
            "fee_bps": 20,
            "premium": 0,
            "cancel_fee": 0,
            "min_amount": 1,
            "max_amount": self.terms["invoice_amount"],
            "taker": self.terms["importer"],
            "trade_id": bytes(32),
            "reserve_id": keccak(provider.encode()),
            "expires_at": self.now_s + 600,
            "salt": keccak(b"salt" + provider.encode()),
        }
        digest = typed_data.digest(NETWORK.domain("FxSettlement"), "Quote", message)
        self.quotes.append(QuoteInput(message, secp256k1.sign_digest(SEEDS[provider], digest)))
        return digest

    def fund(self) -> None:
        terms, sold = self.terms, self.terms["invoice_amount"]
        legs: list[dict[str, Any]] = []
        if terms["fx"]["policy"] == 1:
            self.quote("fx-baobab", 14_900, 100)
            digest = self.quote("fx-amber", 14_950, 100)
            sold = -(-terms["invoice_amount"] * 100 // 14_950)
            bought = {"owner": ACCOUNTS["fx-amber"], "to": terms["importer"], "amount": terms["invoice_amount"]}
            paid = {"owner": terms["importer"], "to": ACCOUNTS["fx-amber"], "amount": sold}
            placed = {"owner": terms["importer"], "notary": CONTRACTS["TradeEscrow"], "reference": self.trade_id}
            expiry = {"expires_at": self.now_s + 600}
            legs = [
                log(terms["funding_token"], "HoldPlaced", id=bytes([1] * 32), amount=sold, **placed, **expiry),
                log(terms["funding_token"], "HoldExecuted", id=bytes([1] * 32), blocked=0, **paid),
                log(terms["invoice_token"], "HoldExecuted", id=keccak(b"fx-amber"), blocked=0, **bought),
                log(
                    CONTRACTS["FxSettlement"],
                    "QuoteSettled",
                    digest=digest,
                    provider=ACCOUNTS["fx-amber"],
                    taker=terms["importer"],
                    sell_amount=sold,
                    buy_amount=terms["invoice_amount"],
                ),
            ]
        placed = self.invoice_token(
            "HoldPlaced",
            notary=CONTRACTS["TradeEscrow"],
            amount=terms["invoice_amount"],
            expires_at=terms["hold_expires_at"],
            reference=self.trade_id,
        )
        names = ("importer", "exporter", "invoice_token", "invoice_amount")
        funded = self.escrow(
            "TradeFunded",
            policy=terms["fx"]["policy"],
            funding_amount=sold,
            **{name: terms[name] for name in names},
        )
        self.seal(*legs, placed, funded)

    def attest(
        self, index: int, attester: str, *, outcome: int = 1, share: int = 10_000, due: bool = False, wait_s: int = 60
    ) -> None:
        """Record an attestation (its digest first, by the institution), and the milestone's due where told."""
        share = share if outcome == 1 else 0
        message = {
            "trade_id": self.trade_id,
            "milestone": index,
            "milestone_hash": milestone_hash(self.terms["milestones"][index], index, self.amounts[index]),
            "outcome": outcome,
            "share_bps": share,
            "evidence_hash": sha256(EPCIS).digest(),
            "valid_until": self.now_s + DAY + wait_s,
            "action": 1 + index,
        }
        digest = typed_data.digest(NETWORK.domain("TradeEscrow"), "Attestation", message)
        signature = secp256k1.sign_digest(SEEDS[attester], digest) if attester == "surveyor" else b""
        self.attestations.append(AttestationInput(ACCOUNTS[attester], message, EPCIS, signature))
        if attester == "carrier":
            registry = CONTRACTS["ParticipantRegistry"]
            self.seal(log(registry, "DigestRecorded", institution=ACCOUNTS[attester], digest=digest), wait_s=wait_s)
            wait_s = 60
        recorded = self.escrow(
            "AttestationRecorded",
            milestone=index,
            attester=ACCOUNTS[attester],
            outcome=outcome,
            share_bps=share,
            evidence_hash=message["evidence_hash"],
            signature_digest=digest,
        )
        logs = [recorded]
        if due:
            logs.append(self.due(index, share, self.now_s + wait_s))
        self.seal(*logs, wait_s=wait_s)

    def due(self, index: int, share: int, due_at: int) -> dict[str, Any]:
        outcome = 1 if share == 10_000 else 3 if share_of(self.amounts[index], share) else 2
        return self.escrow("MilestoneDue", milestone=index, outcome=outcome, share_bps=share, due_at=due_at)

    def settlement(self, index: int, share: int, cause: int = 0) -> list[dict[str, Any]]:
        """Return the events of `settle` for a milestone that is final with this share."""
        paid = share_of(self.amounts[index], share)
        refunded = self.amounts[index] - paid
        logs = [self.escrow("MilestoneSettled", milestone=index, paid=paid, refunded=refunded)]
        if cause:
            logs.append(self.escrow("TradeClosed", cause=cause))
        parts, rest = payee_split(paid, [payee["share_bps"] for payee in self.terms["payees"]])
        accounts = [payee["account"] for payee in self.terms["payees"]]
        for account, amount in [*zip(accounts, parts, strict=True), (self.terms["exporter"], rest)]:
            if amount:
                token = self.terms["invoice_token"]
                logs += [
                    self.invoice_token("HoldExecuted", to=account, amount=amount, blocked=0),
                    self.escrow("PaymentMade", milestone=index, account=account, token=token, amount=amount),
                ]
        if refunded:
            logs.append(self.invoice_token("HoldReleased", amount=refunded))
        return logs

    def consents(self) -> dict[str, ConsentInput]:
        found = {}
        for action, side in enumerate(("importer", "exporter")):
            message = {"terms": self.terms, "valid_until": GENESIS_TIME + 9 * DAY, "action": action}
            digest = typed_data.digest(NETWORK.domain("TradeEscrow"), "Consent", message)
            signature = secp256k1.sign_digest(SEEDS[side], digest)
            found[side] = ConsentInput(message["valid_until"], action, signature)
        return found

    def inputs(self) -> PackInputs:
        return PackInputs(
            chain_id=CHAIN_ID,
            ethereum_genesis_hash=GENESIS_BLOCK,
            landfall=landfall_section(),
            terms_document=canonical(self.document),
            terms=self.terms,
            consents=self.consents(),
            quotes=self.quotes,
            attestations=self.attestations,
            blocks=self.chain.blocks,
            validator_changes=self.chain.changes,
        )


def delivered_trade() -> Trade:
    """Convert now, two milestones attested (one record, one signature, one on the chain's word), both paid."""
    trade = Trade(terms_document())
    trade.fund()
    trade.attest(0, "carrier", due=True)
    trade.seal(*trade.settlement(0, 10_000), wait_s=3 * DAY)
    trade.attest(1, "inspector", wait_s=5 * DAY)
    trade.attest(1, "surveyor", due=True)
    trade.seal(*trade.settlement(1, 10_000, cause=1), wait_s=2 * DAY + 1)
    return trade


def silent_trade() -> Trade:
    """One currency, nobody attests: silence refunds both milestones."""
    trade = Trade(terms_document("none"))
    trade.fund()
    deadline = trade.terms["milestones"][0]["deadline"]
    trade.seal(trade.due(0, 0, deadline), wait_s=deadline + 1 - trade.now_s)
    trade.seal(*trade.settlement(0, 0), wait_s=2 * DAY)
    deadline = trade.terms["milestones"][1]["deadline"]
    late = trade.due(1, 0, deadline)
    trade.seal(late, *trade.settlement(1, 0, cause=1), wait_s=deadline + 2 * DAY + 1 - trade.now_s)
    return trade
