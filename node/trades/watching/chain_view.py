"""What the chain says about trades: the events of the escrow, applied to this institution's tables.

The only writer of a funded trade's state. Events of trades that are not this institution's are only kept: a milestone
may be assigned to it later, and then it reads them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent, load_artifact
from node.participants.directory import Role
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.acting.duties import REPRICE
from node.trades.acting.notifying import Notifying
from node.trades.agreement.funding import Funding
from node.trades.context import ESCROW, Desk
from node.trades.disputes.arbitration import Arbitration
from node.trades.errors import InvariantError
from node.trades.logistics.attesting import Attesting
from node.trades.standing.milestones import milestone_rows
from node.trades.store import Appointment, Attestation, EscrowEvent, FxLeg, MilestoneRow, RecordedDigest, Step, Trade
from node.trades.terms import document as doc
from node.trades.watching.float_view import FloatView
from node.trades.watching.memos import Memos
from node.trades.watching.sharing import Sharing
from node.web.events import publish

REGISTRY = "ParticipantRegistry"
_OPENING = ("TradeFunded", "FundingLegOpened")


class ChainView:
    """Applies events."""

    def __init__(
        self, desk: Desk, *, funding: Funding, attesting: Attesting, arbitration: Arbitration, sharing: Sharing
    ) -> None:
        self._desk = desk
        self._funding = funding
        self._attesting = attesting
        self._arbitration = arbitration
        self._sharing = sharing
        self._memos = Memos(desk)
        self._rates = FloatView(desk)
        self._notifying = Notifying(desk)
        self._appliers: Mapping[str, Callable[[Session, Trade, ChainEvent], None]] = {
            "TradeFunded": self._funded,
            "FundingLegOpened": self._leg_opened,
            "AttestationRecorded": self._attested,
            "EquivocationRecorded": self._equivocated,
            "MilestoneDue": self._due,
            "MilestoneAccepted": self._accepted,
            "AmountWaived": self._waived,
            "MilestoneAssigned": self._assigned,
            "MilestoneAmended": self._milestone_amended,
            "TradeAmended": self._amended,
            "DeadlineDeferred": self._deferred,
            "DisputeRaised": self._disputed,
            "AwardMade": self._awarded,
            "Repriced": self._repriced,
            "ToppedUp": self._topped_up,
            "PaymentMade": self._paid,
            "FundingSliceSettled": self._slice_settled,
            "CancelFeePaid": self._memos.cancel_fee,
            "LastResort": self._nothing,
            "MilestoneSettled": self._settled,
            "TradeClosed": self._closed,
        }

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Keep an event of the escrow; apply it if the trade is this institution's."""
        if event.contract == REGISTRY and event.name == "DigestRecorded":
            self._recorded(session, event)
        if event.contract != ESCROW or "trade_id" not in event.args:
            return
        self._keep(session, event)
        find = self._desk.funded_version if event.name in _OPENING else self._desk.by_trade_id
        trade = find(session, event.args["trade_id"])
        if trade is None:
            self._elsewhere(session, event)
        elif trade.state != store.UNREAD and self._apply(session, trade, event):
            self._announce(session, trade, event)

    def read_on(self, session: Session, trade: Trade) -> None:
        """Apply the events that were kept while the trade, or the terms of its last amendment, were unknown here."""
        events = [self._kept(row) for row in events_of(session, trade.trade_id or b"")]
        if trade.state == store.UNREAD:
            version = (trade.chain_version or doc.FUNDED_VERSION) + 1
            first = next(
                n for n, one in enumerate(events) if one.name == "TradeAmended" and one.args["version"] == version
            )
            events, trade.state = events[first:], store.FUNDED
        for event in events:
            self._apply(session, trade, event)
            if event.name == "MilestoneAssigned":
                self._announce(session, trade, event)
            if trade.state == store.UNREAD:
                return

    def _apply(self, session: Session, trade: Trade, event: ChainEvent) -> bool:
        """Apply an event; tell whether it means anything here."""
        applier = self._appliers.get(event.name)
        if applier is None:
            return False
        applier(session, trade, event)
        session.flush()
        return True

    # Funding and terms

    def _slice_settled(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Keep what payees got in the funding currency: at the last resort there is no provider."""
        self._memos.converted(session, trade, event)
        if not int(event.args["provider"], 16):
            row = session.get_one(MilestoneRow, (trade.trade_id, event.args["milestone"]))
            row.resorted = event.args["sold"]

    def _leg_opened(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._rates.open(session, trade, event)
        self._memos.premium(session, trade, event)

    def _funded(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        document = self._desk.document(session, trade)
        trade.state, trade.funded_at_s = store.FUNDED, event.block_time_s
        trade.funding_minor, trade.fund_failure = event.args["funding_amount"], None
        trade.chain_version = doc.FUNDED_VERSION
        amounts = doc.milestone_amounts(document)
        for index, milestone in enumerate(document.milestones):
            session.add(
                MilestoneRow(
                    trade_id=trade.trade_id,
                    index=index,
                    kind=milestone.kind,
                    terms_hash=doc.milestone_hash(document, index),
                    terms_version=doc.FUNDED_VERSION,
                    amount=amounts[index],
                    deadline_s=milestone.deadline_s,
                    silence_pays=milestone.silence == "pay",
                    dispute_s=document.windows.dispute_s,
                    award_s=document.windows.award_s,
                    state=store.PENDING,
                )
            )
        session.flush()
        self._rates.divide(session, trade, document)
        if trade.importer_bank == self._desk.id:
            self._attesting.appoint(session, trade, document)
            if trade.exporter_bank != self._desk.id:
                self._funding.share_quotes(session, trade, trade.exporter_bank, event.block_number)

    def _amended(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Put the version in force that both sides and the chain have taken."""
        before = self._desk.document(session, trade)
        version = self._desk.amended_version(session, trade, event.args["terms_hash"])
        if version is None and not self._desk.own_sides(trade):
            trade.state = store.UNREAD
            return
        if version is None:
            # Nothing is amended without this side's signature.
            raise InvariantError(f"{trade.reference}: expected the terms of its amendment, got others")
        trade.version = version.version
        trade.chain_version = event.args["version"]
        document = self._desk.document(session, trade)
        trade.hold_expires_at_s = document.hold_expires_at_s
        changed = []
        for row in milestone_rows(session, trade):
            row.dispute_s, row.award_s = document.windows.dispute_s, document.windows.award_s
            if row.terms_version == trade.chain_version:
                changed.append(row.index)
                row.kind = document.milestones[row.index].kind
                row.silence_pays = document.milestones[row.index].silence == "pay"
        self._rates.amend(session, trade, before, document, event)
        if changed and trade.importer_bank == self._desk.id:
            self._attesting.appoint(session, trade, document, changed, trade.chain_version)
        self._sharing.on_amended(session, trade, event)

    def _milestone_amended(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """A milestone with new terms starts again; the event of the whole amendment follows it."""
        row, args = self._milestone(session, event), event.args
        row.terms_hash, row.amount, row.deadline_s = args["terms_hash"], args["amount"], args["deadline"]
        row.terms_version = (trade.chain_version or doc.FUNDED_VERSION) + 1
        row.state = store.PENDING
        row.share_bps = row.due_at_s = row.disputed_at_s = row.final_at_s = row.quote_request = None
        row.target_minor = None
        row.slice_minor = args["slice"] if row.slice_minor is not None else None
        # What was done about the old terms may have to be done again.
        done = (Step.reference == trade.reference, Step.name.endswith(f":{row.index}"), Step.state != store.QUEUED)
        session.execute(delete(Step).where(*done))

    def _assigned(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._milestone(session, event).assignee = event.args["assignee"]
        session.flush()
        self._sharing.on_assigned(session, trade, event)

    def _deferred(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._milestone(session, event).deadline_s = event.args["deadline"]

    # What becomes of a milestone

    def _attested(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._mark(session, event.args["signature_digest"], store.COUNTED)

    def _equivocated(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._mark(session, event.args["digest"], store.EQUIVOCATED)

    def _due(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.share_bps, row.due_at_s = event.args["share_bps"], event.args["due_at"]
        if row.state == store.PENDING:
            row.state = store.DUE

    def _accepted(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.final_at_s = store.FINAL, event.block_time_s

    def _waived(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row, left = self._milestone(session, event), event.args["left"]
        self._rates.waive(row, event.args["amount"], left)
        row.amount = left
        if left == 0:
            row.state, row.share_bps, row.final_at_s = store.FINAL, 0, event.block_time_s

    def _disputed(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.disputed_at_s = store.DISPUTED, event.block_time_s
        self._arbitration.on_raised(session, event)
        self._arbitration.put_before(session, trade, row, event)

    def _awarded(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.share_bps, row.final_at_s = store.FINAL, event.args["share_bps"], event.block_time_s
        self._arbitration.on_awarded(session, event)

    def _repriced(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        ended_s = session.get_one(FxLeg, trade.trade_id).call_ends_at_s
        self._overtake(session, trade, event, f"{REPRICE}:after-{ended_s or 0}")
        self._rates.call(session, trade, event)
        self._notifying.called(session, trade, event)

    def _topped_up(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._rates.top_up(session, trade, event)

    def _paid(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._memos.paid(session, trade, self._milestone(session, event), event)

    def _nothing(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Only announced: other events of the same call say what it moved."""

    def _settled(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.settled_at_s = store.SETTLED, event.block_time_s
        row.paid, row.refunded = event.args["paid"], event.args["refunded"]
        self._overtake(session, trade, event, f":{row.index}")

    def _closed(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        trade.state, trade.closed_at_s = store.CLOSED, event.block_time_s
        trade.closed_cause = event.args["cause"]
        self._overtake(session, trade, event, "")

    def _overtake(self, session: Session, trade: Trade, event: ChainEvent, suffix: str) -> None:
        """Mark steps that somebody else's transaction has made needless: several banks may race, one wins."""
        own = select(OutboxRow.id).where(OutboxRow.tx_hash == event.tx_hash)
        if session.scalar(own) is not None:
            return
        wanted = select(Step).where(Step.reference == trade.reference, Step.name.endswith(suffix))
        for step in session.scalars(wanted.where(Step.state.in_((store.QUEUED, store.FAILED)))):
            step.state, step.reason = store.OVERTAKEN, None

    # Institutions that keep no trade

    def _elsewhere(self, session: Session, event: ChainEvent) -> None:
        """An attester learns what became of its attestations, an arbiter of disputes, a provider what it earned."""
        roles = self._desk.participants.institution.roles
        if Role.ARBITER in roles and event.name == "DisputeRaised":
            self._arbitration.on_raised(session, event)
        elif Role.ARBITER in roles and event.name == "AwardMade":
            self._arbitration.on_awarded(session, event)
        if Role.FX_PROVIDER in roles:
            self._memos.at_provider(session, event)
        if event.name == "AttestationRecorded":
            self._mark(session, event.args["signature_digest"], store.COUNTED)
        elif event.name == "EquivocationRecorded":
            self._mark(session, event.args["digest"], store.EQUIVOCATED)
        elif event.name in ("MilestoneSettled", "DeadlineDeferred"):
            appointment = session.get(Appointment, (event.args["trade_id"], event.args["milestone"]))
            if appointment is not None and event.name == "DeadlineDeferred":
                appointment.deadline_s = event.args["deadline"]
            elif appointment is not None and appointment.settled_at_s is None:
                appointment.settled_at_s = event.block_time_s

    def _recorded(self, session: Session, event: ChainEvent) -> None:
        """Keep where an attester recorded a digest: its attestation may come later than the block."""
        recorder = self._desk.participants.directory.at_address(event.args["institution"])
        if recorder is None or Role.ATTESTER not in recorder.roles or not self._is_bank():
            return
        key = (event.args["institution"], event.args["digest"])
        if session.get(RecordedDigest, key) is None:
            session.add(
                RecordedDigest(
                    institution=key[0],
                    digest=key[1],
                    block_number=event.block_number,
                    tx_index=event.tx_index,
                    tx_hash=event.tx_hash,
                )
            )

    def _is_bank(self) -> bool:
        return Role.BANK in self._desk.participants.institution.roles

    def _mark(self, session: Session, digest: bytes, state: str) -> None:
        attestation = session.get(Attestation, digest)
        if attestation is not None:
            attestation.state, attestation.reason = state, None

    def _milestone(self, session: Session, event: ChainEvent) -> MilestoneRow:
        return session.get_one(MilestoneRow, (event.args["trade_id"], event.args["milestone"]))

    def _keep(self, session: Session, event: ChainEvent) -> None:
        session.add(
            EscrowEvent(
                trade_id=event.args["trade_id"],
                name=event.name,
                args={name: _shown(value) for name, value in event.args.items()},
                block_number=event.block_number,
                block_time_s=event.block_time_s,
                tx_hash=event.tx_hash,
                tx_index=event.tx_index,
                log_index=event.log_index,
            )
        )
        session.flush()

    def _kept(self, row: EscrowEvent) -> ChainEvent:
        """Return an event as it was when it was kept; the hash of its block, which nothing rests on, is left out."""
        artifact = load_artifact(ESCROW)
        types = {one.name: one.type for one in artifact.events[artifact.topic(row.name)].inputs}
        return ChainEvent(
            contract=ESCROW,
            name=row.name,
            args={name: _unshown(types[name], value) for name, value in row.args.items()},
            address=self._desk.deployment.address(ESCROW),
            block_number=row.block_number,
            block_hash=b"",
            block_time_s=row.block_time_s,
            tx_hash=row.tx_hash,
            tx_index=row.tx_index,
            log_index=row.log_index,
        )

    def _announce(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Tell the parties' event streams what happened."""
        for owner in self._desk.own_people(session, trade, event.args.get("milestone")):
            publish(
                session,
                kind=f"trade.{event.name}",
                owner=owner,
                body={"reference": trade.reference, **{name: _shown(item) for name, item in event.args.items()}},
                time_s=event.block_time_s,
            )


def events_of(session: Session, trade_id: bytes) -> list[EscrowEvent]:
    """Return a trade's events, oldest first."""
    wanted = select(EscrowEvent).where(EscrowEvent.trade_id == trade_id)
    return list(session.scalars(wanted.order_by(EscrowEvent.block_number, EscrowEvent.log_index)))


def _shown(value: Any) -> Any:
    match value:
        case bool() | str():
            return value
        case int():
            return str(value)
        case bytes():
            return "0x" + value.hex()
    return str(value)


def _unshown(kind: str, value: Any) -> Any:
    """Return a value as the log had it, from how it is kept."""
    if kind.startswith(("uint", "int")):
        return int(value)
    return bytes.fromhex(value.removeprefix("0x")) if kind.startswith("bytes") else value
