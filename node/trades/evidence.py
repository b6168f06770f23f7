"""Evidence packs: what a bank's tables and the chain hold about a closed trade, as one file that stands alone.

The file and its checks are `bridge.proofs`' (docs/spec/evidence.md); this module only collects.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.errors import RejectedError as BridgeRejectedError
from bridge.proofs.pack import AttestationInput, BlockInput, ConsentInput, PackInputs, QuoteInput, build_pack
from node.quotes.wire import from_json
from node.storage.database import Database
from node.trades import document as doc
from node.trades import store
from node.trades.agreement import CONSENT_TYPE
from node.trades.attesting import ATTESTATION_TYPE
from node.trades.chain_view import events_of
from node.trades.context import SIDES, Actor, Desk
from node.trades.errors import EvidenceNotReadyError, InvariantError, WrongStateError
from node.trades.funding import quotes_of
from node.trades.ports import ProofSource
from node.trades.store import Attestation, Consent, Document, EscrowEvent, RecordedDigest, Trade


@dataclass(frozen=True, slots=True)
class Collected:
    """What the tables hold about a trade."""

    document: bytes
    terms: dict[str, Any]
    consents: dict[str, ConsentInput]
    quotes: list[QuoteInput]
    attestations: list[AttestationInput]
    blocks: list[int]


class EvidenceRoom:
    """Builds packs at one bank."""

    def __init__(self, desk: Desk, database: Database, chain: ProofSource) -> None:
        self._desk = desk
        self._database = database
        self._chain = chain

    async def build(self, reference: str, actor: Actor) -> bytes:
        """Return the evidence pack of a closed trade.

        Raises:
            WrongStateError: the trade is not closed.
            EvidenceNotReadyError: a document or a block's proof has not arrived yet.
        """
        with self._database.read() as session:
            trade = self._desk.trade_of(session, reference, actor)
            if trade.state != store.CLOSED:
                raise WrongStateError("state", "a closed trade; `next` says what it waits for", trade.state)
            collected = self._collect(session, trade)
        genesis = await self._chain.genesis()
        blocks = [await self._block(number) for number in collected.blocks]
        inputs = PackInputs(
            chain_id=self._desk.deployment.chain_id,
            ethereum_genesis_hash=bytes.fromhex(str(genesis["ethereum_genesis_hash"]).removeprefix("0x")),
            landfall=genesis["landfall"],
            terms_document=collected.document,
            terms=collected.terms,
            consents=collected.consents,
            quotes=collected.quotes,
            attestations=collected.attestations,
            blocks=blocks,
        )
        try:
            return build_pack(inputs)
        except BridgeRejectedError as error:
            raise InvariantError(f"evidence of {reference}: expected a pack that verifies, got {error}") from error

    async def _block(self, number: int) -> BlockInput:
        finality = await self._chain.finality_proof(number)
        if not finality:
            raise EvidenceNotReadyError(f"block {number}: expected a finality proof, got none yet; ask again")
        return BlockInput(finality=finality, receipts=await self._chain.receipts(number))

    def _collect(self, session: Session, trade: Trade) -> Collected:
        version = self._desk.version(session, trade)
        document = doc.parse_document(version.document)
        trade_id = trade.trade_id or b""
        attestations = session.scalars(
            select(Attestation).where(Attestation.trade_id == trade_id).order_by(Attestation.signed_at_s)
        ).all()
        events = events_of(session, trade_id)
        self._require_complete(events, {attestation.digest for attestation in attestations})
        records = [
            session.get(RecordedDigest, (attestation.account, attestation.digest)) for attestation in attestations
        ]
        blocks = {event.block_number for event in events} | {row.block_number for row in records if row is not None}
        return Collected(
            document=version.document,
            terms=doc.build_struct(document, self._desk.deployment),
            consents={side: self._consent(session, trade, side) for side in SIDES},
            quotes=[
                QuoteInput(from_json("Quote", row.quote, "quote"), row.signature)
                for row in quotes_of(session, trade_id)
            ],
            attestations=[self._attestation(session, item) for item in attestations],
            blocks=sorted(blocks),
        )

    def _require_complete(self, events: list[EscrowEvent], known: set[bytes]) -> None:
        """The chain may be ahead of an attester's message: every attestation it counted must be here."""
        for event in events:
            if event.name == "AttestationRecorded":
                digest = bytes.fromhex(event.args["signature_digest"].removeprefix("0x"))
                if digest not in known:
                    raise EvidenceNotReadyError(
                        f"attestation 0x{digest.hex()}: expected the attester's message, got none yet; ask again"
                    )

    def _consent(self, session: Session, trade: Trade, side: str) -> ConsentInput:
        row = session.get_one(Consent, (trade.reference, trade.version, side, CONSENT_TYPE))
        return ConsentInput(valid_until=row.valid_until_s, action=row.action, signature=row.signature)

    def _attestation(self, session: Session, item: Attestation) -> AttestationInput:
        message = from_json(ATTESTATION_TYPE, item.message, "attestation")
        evidence = session.get_one(Document, message["evidence_hash"]).content
        return AttestationInput(attester=item.account, message=message, evidence=evidence, signature=item.signature)


def pack_name(reference: str) -> str:
    """Return the file name of a trade's pack."""
    return f"{reference}.evidence.json"


def statement_of(pack: bytes) -> list[str]:
    """Return the lines for people that a pack carries."""
    return [str(line) for line in json.loads(pack)["statement"]]
