"""The settlement watch: each bank does what a trade is due, as a relayer, when ledger time says so.

Whose interest it is goes first: the exporter's bank settles what is paid and hands in what is fulfilled, the
importer's bank declares silence that refunds and settles refunds. Where it stays silent for an hour, the other bank
does it: nobody's silence stops a trade. Every call is one that the contract takes from anyone, so a call too many
is refused without effect. A bank may set a step to be proposed to its staff instead.
"""

from collections import defaultdict
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from contracts.client.blocks import BlockInfo
from contracts.trade_transitions import Policy, State
from fx.rates import Rate
from node.quotes.errors import RejectedError as QuoteRejectedError
from node.quotes.errors import UnavailableError as QuoteUnavailableError
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.acting.duties import ATTEST, LAPSE, SETTLE, SILENCE, Duties
from node.trades.acting.notifying import Notifying
from node.trades.acting.repricing import Repricing
from node.trades.acting.settling import Settling
from node.trades.context import Desk
from node.trades.logistics.handing_in import HandingIn
from node.trades.standing.milestones import Standing, standing
from node.trades.standing.rates import pair_of, policy_of
from node.trades.store import FxLeg, MilestoneRow, Step, TermsVersion, Trade
from node.trades.terms.document import TermsDocument, parse_document

NEAR_S: Final = 86_400
"""How long before a deadline the parties are told that it comes."""

# Asked at every block, so made once.
_STIRRING: Final = (
    select(Trade, TermsVersion.document, MilestoneRow)
    .join(MilestoneRow, MilestoneRow.trade_id == Trade.trade_id)
    .join(TermsVersion, (TermsVersion.reference == Trade.reference) & (TermsVersion.version == Trade.version))
    .where(
        Trade.state == store.FUNDED,
        MilestoneRow.state.in_((store.DUE, store.DISPUTED, store.FINAL))
        | ((MilestoneRow.state == store.PENDING) & (MilestoneRow.deadline_s < bindparam("near_s"))),
    )
    .order_by(Trade.reference, MilestoneRow.index)
)
_FLOATING: Final = (
    select(Trade, FxLeg)
    .join(FxLeg, FxLeg.trade_id == Trade.trade_id)
    .where(Trade.state == store.FUNDED, FxLeg.provider.is_(None))
)


class Watch:
    """Steps that a bank owes its trades."""

    def __init__(
        self,
        desk: Desk,
        *,
        duties: Duties,
        handing_in: HandingIn,
        settling: Settling,
        repricing: Repricing,
        notifying: Notifying,
    ) -> None:
        self._desk = desk
        self._duties = duties
        self._handing_in = handing_in
        self._settling = settling
        self._repricing = repricing
        self._notifying = notifying

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Queue what has become due by this block's time."""
        self._handing_in.hand_in(session, block.time_s)
        for trade, document, rows in self._stirring(session, block.time_s):
            self._look_at(session, trade, document, rows, block.time_s)
        self._call(session, block.time_s)

    def on_quotes(self, session: Session, request_id: str) -> None:
        """Look again at the milestone that quotes have come for; on a quiet network no block follows them."""
        wanted = select(Trade, MilestoneRow).join(MilestoneRow, MilestoneRow.trade_id == Trade.trade_id)
        wanted = wanted.where(Trade.state == store.FUNDED, MilestoneRow.quote_request == request_id)
        for trade, row in session.execute(wanted).all():
            self._look_at(session, trade, self._desk.document(session, trade), [row], booked_until_s(session))

    def on_outcome(self, session: Session, row: OutboxRow, reference: str, name: str) -> None:
        """Book how a step went; a refused one is tried again, later and later."""
        step = self._duties.on_outcome(session, row, reference, name)
        if step is not None and row.state == outbox.FAILED and name.startswith(f"{ATTEST}:"):
            self._handing_in.on_refused(session, step)

    def _stirring(self, session: Session, now_s: int) -> list[tuple[Trade, TermsDocument, list[MilestoneRow]]]:
        """Return open trades with their terms and the milestones that something can be due for.

        A pending milestone's deadline is before its hold's expiry, so these are all.
        """
        found = session.execute(_STIRRING, {"near_s": now_s + NEAR_S}).all()
        rows: defaultdict[str, list[MilestoneRow]] = defaultdict(list)
        trades = {trade.reference: (trade, document) for trade, document, _ in found}
        for trade, _, row in found:
            rows[trade.reference].append(row)
        return [(trade, parse_document(document), rows[reference]) for reference, (trade, document) in trades.items()]

    def _look_at(
        self, session: Session, trade: Trade, document: TermsDocument, rows: list[MilestoneRow], now_s: int
    ) -> None:
        if now_s > (trade.hold_expires_at_s or document.hold_expires_at_s):
            if self._duties.is_due(trade, "importer", trade.hold_expires_at_s or 0, now_s):
                self._duties.do(session, trade, LAPSE, "lapse", (), now_s)
            step = session.get(Step, (trade.reference, LAPSE))
            if step is None or step.state != store.FAILED:
                return
            # Refused: a freeze order has moved the expiry, and what is due can still be paid.
        for row in rows:
            found = standing(row, document, now_s)
            if row.state == store.PENDING:
                self._while_pending(session, trade, row, now_s)
            elif found.state is State.FINAL:
                self._when_final(session, trade, document, found, now_s)

    def _while_pending(self, session: Session, trade: Trade, row: MilestoneRow, now_s: int) -> None:
        if now_s <= row.deadline_s:
            by = {"by_s": row.deadline_s, "otherwise": "paid" if row.silence_pays else "refunded"}
            self._notifying.once(
                session, trade, "trade.deadline_near", ("importer", "exporter"), now_s, milestone=row, **by
            )
            return
        side = "exporter" if row.silence_pays else "importer"
        if self._duties.is_due(trade, side, row.deadline_s, now_s):
            self._duties.do(session, trade, f"{SILENCE}:{row.index}", "declare_silence", (row.index,), now_s)

    def _when_final(self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> None:
        policy, final_at_s = policy_of(document), found.final_at_s or 0
        side = "exporter" if found.share_bps else "importer"
        if policy is Policy.FLOAT and found.share_bps:
            self._convert(session, trade, document, found, now_s)
        elif self._duties.is_due(trade, side, final_at_s, now_s):
            self._settling.settle_due(session, trade, document, found, now_s)
        if not found.share_bps or not self._settling.is_last_resort_open(trade, document, found, now_s):
            return
        step = session.get(Step, (trade.reference, f"{SETTLE}:{found.row.index}"))
        is_converting = step is not None and step.state == store.QUEUED
        has_failed = step is not None and (step.state == store.FAILED or step.attempts > 1)
        if (policy is Policy.FLOAT and not is_converting) or (policy is Policy.LOCK and has_failed):
            self._notifying.once(
                session, trade, "trade.last_resort_open", ("importer", "exporter"), now_s, milestone=found.row
            )
            if self._duties.is_due(trade, "exporter", final_at_s + document.windows.grace_s, now_s):
                self._settling.resort_due(session, trade, document, found, now_s)

    def _convert(self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> None:
        choice_ends_s = (found.final_at_s or 0) + document.windows.choice_s
        if now_s <= choice_ends_s:
            self._notifying.once(
                session,
                trade,
                "trade.choice_open",
                ("importer", "exporter"),
                now_s,
                milestone=found.row,
                by_s=choice_ends_s,
            )
            return
        if not self._duties.is_due(trade, "exporter", choice_ends_s, now_s):
            return
        try:
            self._settling.settle_unchosen(session, trade, document, found, now_s)
        except (QuoteUnavailableError, QuoteRejectedError):
            # No median, no provider, or nothing that a quote could pay: later again, or the last resort.
            return

    def _call(self, session: Session, now_s: int) -> None:
        """Call importers of floats whose rate has fallen; the exporter's bank does, the other after an hour."""
        for trade, leg in session.execute(_FLOATING).all():
            document = self._desk.document(session, trade)
            try:
                median = self._desk.quotes.medians.median(session, pair_of(document), now_s)
            except QuoteUnavailableError:
                continue
            is_low = median.rate.is_below(Rate(leg.rate_num, leg.rate_den))
            if is_low and self._duties.is_due(trade, "exporter", median.started_at_s, now_s):
                self._repricing.call_due(session, trade, document, now_s)
