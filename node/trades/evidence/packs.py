"""Evidence packs: what a bank's tables and the chain hold about a closed trade, as one file that stands alone.

The file and its checks are `bridge.proofs`' (docs/spec/evidence.md); this module only collects.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.errors import RejectedError as BridgeRejectedError
from bridge.proofs.pack import (
    AmendmentInput,
    AttestationInput,
    BlockInput,
    ConsentInput,
    PackInputs,
    QuoteInput,
    build_pack,
    find_records,
)
from node.quotes.wire import from_json
from node.storage.database import Database
from node.trades import store
from node.trades.agreement.funding import quotes_of
from node.trades.agreement.negotiating import CONSENT_TYPE
from node.trades.context import SIDES, Actor, Desk
from node.trades.errors import EvidenceNotReadyError, InvariantError, WrongStateError
from node.trades.evidence.carried import LOGS_BLOCKS, CarriedReader, Place
from node.trades.evidence.ports import ProofSource
from node.trades.logistics.attesting import ATTESTATION_TYPE
from node.trades.standing.rates import pair_of
from node.trades.store import Attestation, Consent, Document, EscrowEvent, FxLeg, RecordedDigest, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.watching.chain_view import events_of


@dataclass(frozen=True, slots=True)
class Collected:
    """What the tables hold about a trade."""

    trade_id: bytes
    pair: str | None
    """The oracle's; none under policy `none`."""
    versions: dict[bytes, bytes]
    """Documents of every version by their hash."""
    document: bytes
    """Of the version that was funded."""
    terms: dict[str, Any]
    consents: dict[str, ConsentInput]
    quotes: list[QuoteInput]
    attestations: list[AttestationInput]
    places: list[Place]
    """Of the escrow's events, in the order of the chain."""
    blocks: set[int]
    owners: set[str]
    """Whose holds the trade has."""


class EvidenceRoom:
    """Builds packs at one bank."""

    def __init__(self, desk: Desk, database: Database, chain: ProofSource) -> None:
        self._desk = desk
        self._database = database
        self._chain = chain
        self._reader = CarriedReader(chain, desk.deployment)

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
        inputs = await self._inputs(collected)
        try:
            unproven = find_records(inputs)
            first, last = collected.places[0].block, collected.places[-1].block
            records = await self._reader.records(unproven, first, last)
            more = await self._blocks(records - _numbers(inputs))
            blocks = [*inputs.blocks, *more]
            inputs = replace(inputs, blocks=blocks, validator_changes=await self._validator_changes(blocks))
            return build_pack(inputs)
        except BridgeRejectedError as error:
            raise InvariantError(f"evidence of {reference}: expected a pack that verifies, got {error}") from error

    async def _inputs(self, collected: Collected) -> PackInputs:
        genesis = await self._chain.genesis()
        blocks = await self._blocks(collected.blocks)
        carried = await self._reader.calls(collected.places)
        more = await self._surroundings(collected) - collected.blocks
        return PackInputs(
            chain_id=self._desk.deployment.chain_id,
            ethereum_genesis_hash=bytes.fromhex(str(genesis["ethereum_genesis_hash"]).removeprefix("0x")),
            landfall=genesis["landfall"],
            terms_document=collected.document,
            terms=collected.terms,
            consents=collected.consents,
            quotes=[*collected.quotes, *carried.quotes],
            attestations=collected.attestations,
            blocks=[*blocks, *await self._blocks(more)],
            amendments=[
                AmendmentInput(_document(collected, terms["document_hash"]), terms) for terms in carried.amended
            ],
            decisions=carried.decisions,
        )

    async def _surroundings(self, collected: Collected) -> set[int]:
        """Return the blocks of rounds and freeze orders that the trade's steps rest on."""
        first, last = collected.places[0].block, collected.places[-1].block
        terms = collected.terms
        tokens = (terms["invoice_token"], terms["funding_token"])
        found = await self._reader.freezes(tokens, sorted(collected.owners), first, last)
        if collected.pair is not None:
            found |= await self._reader.rounds(collected.pair, collected.places, first - LOGS_BLOCKS)
        return found

    async def _validator_changes(self, blocks: Iterable[BlockInput]) -> list[dict[str, Any]]:
        """Return how the genesis validators became those of the last block."""
        last = max(int(block.finality["header"]["height"]) for block in blocks)
        return await self._chain.validator_changes(1, last)

    async def _blocks(self, numbers: Iterable[int]) -> list[BlockInput]:
        return [await self._block(number) for number in sorted(numbers)]

    async def _block(self, number: int) -> BlockInput:
        finality = await self._chain.finality_proof(number)
        if not finality:
            raise EvidenceNotReadyError(f"block {number}: expected a finality proof, got none yet; ask again")
        return BlockInput(finality=finality, receipts=await self._chain.receipts(number))

    def _collect(self, session: Session, trade: Trade) -> Collected:
        trade_id = trade.trade_id or b""
        version = self._funded_version(session, trade)
        document = doc.parse_document(version.document)
        attestations = session.scalars(
            select(Attestation).where(Attestation.trade_id == trade_id).order_by(Attestation.signed_at_s)
        ).all()
        events = events_of(session, trade_id)
        self._require_complete(events, {attestation.digest for attestation in attestations})
        records = [
            session.get(RecordedDigest, (attestation.account, attestation.digest)) for attestation in attestations
        ]
        leg = session.get(FxLeg, trade_id)
        terms = doc.build_struct(document, self._desk.deployment)
        rows = session.scalars(select(TermsVersion).where(TermsVersion.reference == trade.reference)).all()
        places = sorted({(event.block_number, event.tx_index) for event in events})
        return Collected(
            trade_id=trade_id,
            pair=None if document.funding.policy == "none" else pair_of(document),
            versions={sha256(row.document).digest(): row.document for row in rows},
            document=version.document,
            terms=terms,
            consents={side: self._consent(session, trade, version, side) for side in SIDES},
            quotes=[
                QuoteInput(from_json("Quote", row.quote, "quote"), row.signature)
                for row in quotes_of(session, trade_id)
            ],
            attestations=[self._attestation(session, item) for item in attestations],
            places=[Place(*place) for place in places],
            blocks={event.block_number for event in events} | {row.block_number for row in records if row is not None},
            owners={terms["importer"]} | ({leg.provider} if leg is not None and leg.provider else set()),
        )

    def _funded_version(self, session: Session, trade: Trade) -> TermsVersion:
        """Return the version whose digest is the trade's id: the first that the chain took."""
        wanted = select(TermsVersion).where(
            TermsVersion.reference == trade.reference, TermsVersion.trade_id == trade.trade_id
        )
        return session.scalars(wanted.order_by(TermsVersion.version)).first() or self._desk.version(session, trade)

    def _require_complete(self, events: list[EscrowEvent], known: set[bytes]) -> None:
        """The chain may be ahead of an attester's message: every attestation it counted must be here."""
        for event in events:
            if event.name == "AttestationRecorded":
                digest = bytes.fromhex(event.args["signature_digest"].removeprefix("0x"))
                if digest not in known:
                    raise EvidenceNotReadyError(
                        f"attestation 0x{digest.hex()}: expected the attester's message, got none yet; ask again"
                    )

    def _consent(self, session: Session, trade: Trade, version: TermsVersion, side: str) -> ConsentInput:
        row = session.get_one(Consent, (trade.reference, version.version, side, CONSENT_TYPE))
        return ConsentInput(valid_until=row.valid_until_s, action=row.action, signature=row.signature)

    def _attestation(self, session: Session, item: Attestation) -> AttestationInput:
        message = from_json(ATTESTATION_TYPE, item.message, "attestation")
        evidence = session.get_one(Document, message["evidence_hash"]).content
        return AttestationInput(attester=item.account, message=message, evidence=evidence, signature=item.signature)


def _document(collected: Collected, document_hash: bytes) -> bytes:
    found = collected.versions.get(document_hash)
    if found is None:
        raise EvidenceNotReadyError(
            f"terms 0x{document_hash.hex()}: expected the document of an amendment, got none yet; ask again"
        )
    return found


def _numbers(inputs: PackInputs) -> set[int]:
    return {int(block.receipts[0]["blockNumber"], 16) for block in inputs.blocks if block.receipts}


def pack_name(reference: str) -> str:
    """Return the file name of a trade's pack."""
    return f"{reference}.evidence.json"


def statement_of(pack: bytes) -> list[str]:
    """Return the lines for people that a pack carries."""
    return [str(line) for line in json.loads(pack)["statement"]]
