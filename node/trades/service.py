"""Trades as a service of one institution, assembled from its parts and attached to what they listen to."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from contracts.client.follower import Handlers
from node.compliance.service import ComplianceService
from node.ledger.service import LedgerService
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.keys import MessageKey
from node.participants.service import ParticipantService
from node.quotes.requests import ANSWER
from node.quotes.service import QuoteService
from node.storage.outbox import Outbox, OutboxRow
from node.trades.acting.acts import Acts
from node.trades.acting.deciding import Deciding
from node.trades.acting.duties import Duties
from node.trades.acting.notifying import Notifying
from node.trades.acting.repricing import Repricing
from node.trades.acting.settling import Settling
from node.trades.agreement.funding import FUND, QUOTES, Funding
from node.trades.agreement.negotiating import COMPLETED, CONSENT, OFFER, WITHDRAW, Agreement
from node.trades.context import PREFIX, Actor, Desk
from node.trades.disputes.arbiter import SUBJECT, Arbiter
from node.trades.disputes.arbitration import AWARD, CASE, EXHIBIT, REASONS, Arbitration
from node.trades.logistics.attesting import APPOINT, ATTESTED, Attesting
from node.trades.logistics.handing_in import HandingIn
from node.trades.motions import asking
from node.trades.motions.amending import AGREED, AMEND, Amending
from node.trades.motions.assigning import ASSIGN, Assigning
from node.trades.motions.cancelling import CANCEL, Cancelling
from node.trades.motions.collecting import STEP, Motions
from node.trades.payments import notifications, statuses, transfer
from node.trades.payments.answering import Answering
from node.trades.payments.booking import Booking
from node.trades.payments.posting import Posting
from node.trades.store import MilestoneRow, Trade
from node.trades.views.trades import Views
from node.trades.watching.chain_view import ChainView
from node.trades.watching.joining import Joining
from node.trades.watching.sharing import PAPERS, Sharing
from node.trades.watching.watch import Watch


class TradeService:
    """A trade from terms to evidence, at one institution.

    `agreement` drafts, counters and signs; `funding` takes quotes and funds; `attesting` turns documents into
    attestations (attesters); `handing_in` takes them (banks); `deciding`, `settling` and `repricing` are what parties
    decide; `arbitration` puts disputes before an arbiter, `arbiter` awards; `watch` does what is due (banks);
    `amending`, `assigning` and `cancelling` are what several sign, `motions` collects it, `asking` asks others and
    answers them; `joining` takes a trade that others' banks keep and somebody here holds a part of; `booking` writes
    payment messages as the chain goes on, `answering` takes those of other banks; `views` reads.
    """

    def __init__(
        self,
        *,
        deployment: Deployment,
        participants: ParticipantService,
        messages: MessageService,
        quotes: QuoteService,
        compliance: ComplianceService,
        ledger: LedgerService,
        message_key: MessageKey | None = None,
    ) -> None:
        """Make the service.

        Args:
            message_key: Signs attestations post-quantum beside EIP-712, and an inspector's statements.
        """
        self.desk = Desk(
            deployment=deployment,
            participants=participants,
            messages=messages,
            quotes=quotes,
            compliance=compliance,
            ledger=ledger,
            message_key=message_key,
        )
        self.agreement = Agreement(self.desk)
        self.funding = Funding(self.desk)
        self.attesting = Attesting(self.desk)
        self.asking = asking.Asking(self.desk)
        self.motions = Motions(self.desk, self.asking)
        self.amending = Amending(self.desk, self.motions)
        self.assigning = Assigning(self.desk, self.motions)
        self.cancelling = Cancelling(self.desk, self.motions)
        self.arbitration = Arbitration(self.desk)
        self.arbiter = Arbiter(self.desk)
        acts, notifying = Acts(self.desk), Notifying(self.desk)
        self.duties = Duties(self.desk, notifying)
        self.deciding = Deciding(acts)
        self.settling = Settling(acts, self.duties)
        self.repricing = Repricing(acts, self.duties)
        self.handing_in = HandingIn(self.desk, self.duties)
        self.watch = Watch(
            self.desk,
            duties=self.duties,
            handing_in=self.handing_in,
            settling=self.settling,
            repricing=self.repricing,
            notifying=notifying,
        )
        self.views = Views(self.desk, self.motions)
        self.chain_view = ChainView(
            self.desk,
            funding=self.funding,
            attesting=self.attesting,
            arbitration=self.arbitration,
            sharing=Sharing(self.desk, self.funding, self.handing_in),
        )
        self.joining = Joining(self.desk, self.chain_view)
        posting = Posting(self.desk)
        self.booking = Booking(self.desk, posting)
        self.answering = Answering(self.desk, posting, self.booking)

    def attach(self, *, messages: MessageService, outbox: Outbox, handlers: Handlers[Session]) -> None:
        """Register what this service listens to; the ledger's handlers come first, memos need their entries."""
        messages.register(OFFER, self.agreement.on_offer)
        messages.register(COMPLETED, self.agreement.on_completed)
        messages.register(CONSENT, self.agreement.on_consent)
        messages.register(WITHDRAW, self.agreement.on_withdraw)
        messages.register(QUOTES, self.funding.on_quotes)
        messages.register(CANCEL, self.cancelling.on_cancel)
        messages.register(AMEND, self.amending.on_amend)
        messages.register(AGREED, self.amending.on_agreed)
        messages.register(ASSIGN, self.assigning.on_assign)
        messages.register(asking.ASK, self.asking.on_ask)
        messages.register(asking.ANSWER, self.asking.on_answer)
        messages.register(APPOINT, self.attesting.on_appointment)
        messages.register(ATTESTED, self.handing_in.on_attested)
        messages.register(PAPERS, self.joining.on_papers)
        messages.register(REASONS, self.arbitration.on_reasons)
        messages.register(AWARD, self.arbitration.on_award)
        # In the place of the taker's own handler, which it calls: the watch may be waiting for these quotes.
        messages.register(ANSWER, self._on_answer)
        if Role.ARBITER in self.desk.participants.institution.roles:
            messages.register(CASE, self.arbiter.on_case)
            messages.register(EXHIBIT, self.arbiter.on_exhibit)
        outbox.subscribe(PREFIX, self._on_outcome)
        handlers.events.append(self.chain_view.on_event)
        if Role.BANK in self.desk.participants.institution.roles:
            messages.register(transfer.DEFINITION, self.answering.on_transfer)
            messages.register(statuses.DEFINITION, self.answering.on_status)
            messages.register(notifications.DEFINITION, self.answering.on_notification)
            handlers.infos.append(self.booking.on_block)
            handlers.infos.append(self.watch.on_block)

    def trades(self, session: Session, actor: Actor) -> Select[Trade]:
        """Return the query of the trades, all of the bank or those that concern a customer, as party or as assignee."""
        wanted = select(Trade)
        if actor.customer is not None:
            as_importer = (Trade.importer_bank == self.desk.id) & (Trade.importer == actor.customer)
            as_exporter = (Trade.exporter_bank == self.desk.id) & (Trade.exporter == actor.customer)
            account = self.desk.participants.address_of(session, actor.customer)
            assigned = select(MilestoneRow.trade_id).where(MilestoneRow.assignee == account)
            wanted = wanted.where(as_importer | as_exporter | Trade.trade_id.in_(assigned))
        return wanted

    def _on_answer(self, session: Session, message: Message) -> None:
        self.desk.quotes.taker.on_answer(session, message)
        session.flush()
        self.watch.on_quotes(session, str(message.body["request_id"]))

    def _on_outcome(self, session: Session, row: OutboxRow) -> None:
        """Hand the outcome of a transaction to the part that queued it, by its reference `trades:<trade>:<step>`."""
        _, subject, step = row.reference.split(":", 2)
        if subject.startswith(SUBJECT):
            self.arbiter.on_outcome(session, row, bytes.fromhex(subject[1:]))
        elif subject.startswith("@"):
            self.attesting.on_outcome(session, row, bytes.fromhex(subject[1:]))
        elif subject.startswith(asking.SUBJECT):
            self.asking.on_outcome(session, row, subject[1:])
        elif step == FUND:
            self.funding.on_outcome(session, row, subject)
        elif step.startswith(STEP):
            self.motions.on_outcome(session, row, subject, step.removeprefix(STEP))
        else:
            self.watch.on_outcome(session, row, subject, step)
