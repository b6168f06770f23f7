"""Quotes as a service of one institution: its desk, its taker's side and its oracle reporter."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from contracts.client.follower import Handlers
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.keys import MessageKey
from node.participants.service import ParticipantService
from node.quotes import screening
from node.quotes.desk import PREFIX, QuoteDesk
from node.quotes.exposure import ExposureBook
from node.quotes.medians import MedianBook, OraclePair
from node.quotes.oracle import REPORT, OracleReporter
from node.quotes.pricing import Pricing
from node.quotes.rates import LedgerRates
from node.quotes.requests import ANSWER, REQUEST
from node.quotes.screening import ReserveScreen
from node.quotes.taker import QuoteTaker
from node.storage.outbox import Outbox


class QuoteService:
    """The FX side of one institution.

    `taker` asks and takes, `screen` watches what stands behind quotes, `exposure` how much is open with whom, `medians`
    knows the oracle's rounds; `desk` quotes (FX providers), `reporter` reports.
    """

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
            oracle_pairs: The network's pairs; a reporter reports them, everybody follows their medians.
        """
        roles = participants.institution.roles
        self.rates = rates
        self.currencies = tuple(sorted(deployment.tokens))
        self.medians = MedianBook(oracle_pairs)
        self.screen = ReserveScreen(deployment)
        self.exposure = ExposureBook(deployment, participants.directory)
        self.taker = QuoteTaker(
            deployment=deployment,
            directory=participants.directory,
            messages=messages,
            rates=rates,
            medians=self.medians,
            screen=self.screen,
            exposure=self.exposure,
        )
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
                deployment=deployment,
                participants=participants,
                messages=messages,
                rates=rates,
                medians=self.medians,
            )

    def attach(self, *, messages: MessageService, outbox: Outbox, handlers: Handlers[Session]) -> None:
        """Register what this service listens to."""
        messages.register(ANSWER, self.taker.on_answer)
        outbox.subscribe(screening.PREFIX, self.screen.on_outcome)
        handlers.events += [self.medians.on_event, self.screen.on_event, self.exposure.on_event]
        handlers.times += [self.screen.on_block, self.exposure.on_block]
        if self.desk is not None:
            messages.register(REQUEST, self.desk.on_request)
            outbox.subscribe(PREFIX, self.desk.on_outcome)
            handlers.events.append(self.desk.on_event)
            handlers.times.append(self.desk.on_block)
        if self.reporter is not None:
            messages.register(REPORT, self.reporter.on_report)
            handlers.infos.append(self.reporter.on_block)
