"""Quotes as a service of one institution: its desk, its taker's side and its oracle reporter."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from contracts.client.follower import Handlers
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.service import ParticipantService
from node.quotes.desk import ANSWER, PREFIX, REQUEST, Pricing, QuoteDesk
from node.quotes.keys import MessageKey
from node.quotes.oracle import REPORT, OraclePair, OracleReporter
from node.quotes.rates import LedgerRates
from node.quotes.taker import QuoteTaker
from node.storage.outbox import Outbox


class QuoteService:
    """The FX side of one institution. `taker` asks and takes, `desk` quotes (FX providers), `reporter` reports."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        participants: ParticipantService,
        messages: MessageService,
        rates: LedgerRates,
        pricing: Pricing | None = None,
        message_key: MessageKey | None = None,
        oracle_pairs: Sequence[OraclePair] = (),
    ) -> None:
        """Make the parts that the institution's roles call for.

        Args:
            pricing: Only an FX provider with pricing answers requests.
            message_key: Signs quotes post-quantum beside EIP-712.
            oracle_pairs: Only a reporter with pairs reports.
        """
        roles = participants.institution.roles
        self.rates = rates
        self.taker = QuoteTaker(deployment=deployment, directory=participants.directory, messages=messages, rates=rates)
        self.desk: QuoteDesk | None = None
        self.reporter: OracleReporter | None = None
        if pricing is not None and Role.FX_PROVIDER in roles:
            self.desk = QuoteDesk(
                deployment=deployment,
                participants=participants,
                messages=messages,
                rates=rates,
                pricing=pricing,
                message_key=message_key,
            )
        if oracle_pairs and Role.REPORTER in roles:
            self.reporter = OracleReporter(
                deployment=deployment, participants=participants, messages=messages, rates=rates, pairs=oracle_pairs
            )

    def attach(self, *, messages: MessageService, outbox: Outbox, handlers: Handlers[Session]) -> None:
        """Register what this service listens to."""
        messages.register(ANSWER, self.taker.on_answer)
        if self.desk is not None:
            messages.register(REQUEST, self.desk.on_request)
            outbox.subscribe(PREFIX, self.desk.on_outcome)
            handlers.events.append(self.desk.on_event)
            handlers.infos.append(self.desk.on_block)
        if self.reporter is not None:
            messages.register(REPORT, self.reporter.on_report)
            handlers.events.append(self.reporter.on_event)
            handlers.infos.append(self.reporter.on_block)
