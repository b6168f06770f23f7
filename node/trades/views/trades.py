"""A trade as people want to read it: who pays, who gets, at what cost, and what is waited for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.trade_transitions import Policy, Weight
from fx.currencies import get_currency
from fx.money import Money
from fx.quotes import percent_text
from fx.rates import Rate, major_rate
from fx.slices import payee_split
from node.compliance.errors import NoDecisionError
from node.quotes.errors import UnavailableError as QuoteUnavailableError
from node.quotes.taker import Offer
from node.trades import store
from node.trades.acting.duties import SETTLE
from node.trades.agreement.funding import QUOTED
from node.trades.agreement.negotiating import CONSENT_TYPE
from node.trades.context import SIDES, Desk
from node.trades.errors import TermsRejectedError
from node.trades.motions.collecting import Motions
from node.trades.standing.facts import facts_of, market_of
from node.trades.standing.milestones import Standing, standing, window_ends
from node.trades.standing.next_steps import CALM, MarketFacts, NextStep, next_steps
from node.trades.standing.rates import missing_minor, pair_of, policy_of
from node.trades.store import Attestation, Consent, MilestoneRow, SignatureRequest, Step, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.checks import check_purpose
from node.trades.terms.document import TermsDocument
from node.trades.views.known import Known, read_known
from node.trades.views.schemas import AttestationOut, CostOut, FxOut, MilestoneOut, NextOut, PayeeOut, StepOut, TradeOut

CAUSES = {1: "settled", 2: "cancelled", 3: "lapsed", 4: "out of band"}
RATE_PLACES = 6
MOTIONS = {"Amend": "amendment", "Assign": "assignment", "Cancel": "cancellation"}


class Views:
    """Reads of trades; changes nothing."""

    def __init__(self, desk: Desk, motions: Motions) -> None:
        self._desk = desk
        self._motions = motions

    def trade(self, session: Session, trade: Trade, now_s: int, only: frozenset[int] | None = None) -> TradeOut:
        """Return a trade at ledger time `now_s`.

        Args:
            only: The milestones to show, with what is waited for about them and about the whole trade; None: all.
        """
        known = self.known(session, [trade])
        document = known.documents[trade.reference]
        currency, funding = document.invoice.currency, document.funding.currency
        amount = amount_minor(known, trade, only)
        return TradeOut(
            reference=trade.reference,
            state=trade.state,
            version=trade.version,
            amendment=self._motions.amendment(session, trade),
            trade_id=None if trade.trade_id is None else "0x" + trade.trade_id.hex(),
            goods=document.goods,
            incoterms=document.incoterms,
            importer=document.importer.name,
            exporter=document.exporter.name,
            invoice_number=document.invoice.number,
            amount=shown_money(amount, currency),
            amount_minor=amount,
            currency=currency,
            funding_currency=funding,
            policy=document.funding.policy,
            fund_by_s=document.fund_by_s,
            hold_expires_at_s=document.hold_expires_at_s,
            funded_at_s=trade.funded_at_s,
            importer_paid=None if trade.funding_minor is None else shown_money(trade.funding_minor, funding),
            closed_cause=None if trade.closed_cause is None else CAUSES[trade.closed_cause],
            uetr=trade.uetr,
            screening=self._screening(session, trade),
            open_accounts=document.open_accounts(),
            signed_by=self._signed(session, trade, document),
            failure=trade.fund_failure,
            cost=self._cost(session, trade, document, now_s),
            payees=_payees(document),
            milestones=_milestones(known, trade, now_s, only),
            fx=_fx(known, trade, now_s),
            steps=self._sent(session, trade),
            next=self.next_actions(session, known, trade, now_s, only),
        )

    def known(self, session: Session, trades: Sequence[Trade]) -> Known:
        """Return what the tables say about these trades."""
        return read_known(session, self._desk.participants, trades)

    def next_actions(
        self, session: Session, known: Known, trade: Trade, now_s: int, only: frozenset[int] | None = None
    ) -> list[NextOut]:
        """Return what is waited for: by whom, and until when."""
        document = known.documents[trade.reference]
        match trade.state:
            case store.NEGOTIATING:
                return self._to_agree(session, trade, document, now_s)
            case store.AGREED:
                return self._to_fund(session, trade, document, now_s)
            case store.FUNDING:
                return [
                    _next("include", "the network", "take the funding transaction into a block", document.fund_by_s)
                ]
            case store.FUNDED:
                steps = self._steps(session, known, trade, now_s, only)
                now = [shown_step(step) for step in steps if step.weight is not Weight.OPTION and step.from_s is None]
                return self._to_sign(session, known, trade, now_s) + now
            case store.UNREAD:
                return [_next("send_terms", trade.exporter_bank, "send the amended terms")]
        return []

    def all_steps(
        self, session: Session, trade: Trade, now_s: int, only: frozenset[int] | None = None
    ) -> list[NextOut]:
        """Return what each party may do now, later or at any time, the most urgent first."""
        known = self.known(session, [trade])
        if trade.state != store.FUNDED:
            return self.next_actions(session, known, trade, now_s)
        steps = [shown_step(step) for step in self._steps(session, known, trade, now_s, only)]
        return self._to_sign(session, known, trade, now_s) + steps

    def versions(self, session: Session, trade: Trade) -> list[tuple[TermsVersion, list[tuple[str, Any, Any]]]]:
        """Return each version with what it changed."""
        rows = session.scalars(
            select(TermsVersion).where(TermsVersion.reference == trade.reference).order_by(TermsVersion.version)
        ).all()
        found: list[tuple[TermsVersion, list[tuple[str, Any, Any]]]] = []
        for position, row in enumerate(rows):
            before = rows[position - 1] if position else None
            changed = [] if before is None else doc.changes(_parsed(before), _parsed(row))
            found.append((row, changed))
        return found

    def offer(self, offer: Offer, document: TermsDocument) -> CostOut:
        """Return a quote as its taker reads it."""
        sold, bought = document.funding.currency, document.invoice.currency
        rate = major_rate(offer.all_in, get_currency(sold), get_currency(bought))
        return CostOut(
            digest="0x" + offer.digest.hex(),
            post_quantum=offer.post_quantum is not None,
            provider=offer.provider,
            pays=shown_money(offer.sell_minor, sold),
            for_amount=shown_money(document.amount_minor, bought),
            rate=f"{rate.decimal(RATE_PLACES)} {bought} per {sold}",
            value_at_mid=shown_money(offer.value_minor, sold),
            spread=shown_money(offer.spread_minor, sold),
            fee=shown_money(offer.fee_minor, sold),
            premium=shown_money(offer.premium, sold) if offer.premium else None,
            cancel_fee=shown_money(offer.cancel_fee, sold) if offer.cancel_fee else None,
            refusal=offer.refusal,
            total_percent=percent_text(offer.cost_percent),
            expires_at_s=offer.expires_at_s,
        )

    def _to_agree(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> list[NextOut]:
        missing = document.open_accounts()
        if missing:
            banks = {document.importer.bank, document.exporter.bank} - {self._desk.id}
            return [
                _next("fill_in", bank, f"fill in {', '.join(missing)}", document.fund_by_s) for bank in sorted(banks)
            ]
        try:
            check_purpose(document, self._desk.checking(session, now_s))
        except TermsRejectedError as error:
            who = " or ".join(document.side(side).name for side in SIDES)
            return [_next("counter", who, f"counter, as nobody can sign: {error}", document.fund_by_s)]
        signed = self._signed(session, trade, document)
        return [
            _next("sign", document.side(side).name, f"sign version {trade.version} or counter it", document.fund_by_s)
            for side in SIDES
            if document.side(side).name not in signed
        ]

    def _to_sign(self, session: Session, known: Known, trade: Trade, now_s: int) -> list[NextOut]:
        """Return whose signature the amendments, assignments and cancellations on the table wait for."""
        if not self._desk.own_sides(trade):
            asked = self._asked(session, trade)
            return [
                _next(f"sign_{MOTIONS[kind]}", known.names(account), f"sign the {MOTIONS[kind]}")
                for account, kind in asked
            ]
        if trade.reference not in known.in_motion:
            return []
        document = known.documents[trade.reference]
        parties = {document.side(side).account: document.side(side).name for side in SIDES}
        return [
            _next(
                f"sign_{MOTIONS[motion.kind]}",
                parties.get(signer.account) or known.names(signer.account),
                f"sign the {MOTIONS[motion.kind]}",
            )
            for motion in self._motions.open_ones(session, trade)
            for signer in self._motions.missing(session, trade, motion, now_s)
        ]

    def _asked(self, session: Session, trade: Trade) -> list[tuple[str, str]]:
        """Return (account, kind) of the requests about a trade that wait for a signature here."""
        wanted = select(SignatureRequest).where(SignatureRequest.reference == trade.reference)
        rows = session.scalars(wanted.where(SignatureRequest.state == store.ASKED).order_by(SignatureRequest.id))
        return [(self._desk.participants.address_of(session, row.owner), row.kind) for row in rows]

    def _to_fund(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> list[NextOut]:
        importer = document.importer.name
        if document.funding.policy not in QUOTED:
            return [_next("fund", importer, "fund the trade", document.fund_by_s)]
        if trade.quote_request is None or self._desk.id != trade.importer_bank:
            return [_next("ask_quotes", importer, "ask for quotes and fund the trade", document.fund_by_s)]
        taker = self._desk.quotes.taker
        taken = taker.taken(session, trade.quote_request, now_s)
        if taken is not None and taken.expires_at_s >= now_s:
            return [_next("fund", importer, "fund the trade", min(document.fund_by_s, taken.expires_at_s))]
        live = taker.offers(session, trade.quote_request, now_s)
        if live:
            return [_next("accept_quote", importer, "accept a quote", min(offer.expires_at_s for offer in live))]
        return [_next("ask_quotes", importer, "ask for quotes (again)", document.fund_by_s)]

    def _steps(
        self, session: Session, known: Known, trade: Trade, now_s: int, only: frozenset[int] | None
    ) -> list[NextStep]:
        rows, document = known.milestones[trade.trade_id], known.documents[trade.reference]
        attested = {
            row.index: frozenset(item.attester for item in known.attestations[trade.trade_id, row.index])
            for row in rows
        }
        facts = facts_of(trade, document, rows, attested, known.legs.get(trade.trade_id), known.names)
        found = next_steps(facts, now_s, self._market(session, known, trade, now_s))
        return [step for step in found if only is None or step.milestone is None or step.milestone in only]

    def _market(self, session: Session, known: Known, trade: Trade, now_s: int) -> MarketFacts:
        """Return what rates allow under `float`, and whether a settlement under `lock` was refused."""
        document = known.documents[trade.reference]
        if policy_of(document) is Policy.LOCK:
            named = select(Step.name).where(Step.reference == trade.reference, Step.state == store.FAILED)
            return MarketFacts(provider_failed=any(name.startswith(SETTLE) for name in session.scalars(named)))
        agreed = document.funding.float_
        if agreed is None:
            return CALM
        medians, pair = self._desk.quotes.medians, pair_of(document)
        terms, current = agreed.terms, _standings(known, trade, now_s)
        try:
            median, earlier = medians.median(session, pair, now_s), medians.previous(session, pair)
        except QuoteUnavailableError:
            return market_of(terms, current, None, None)
        return market_of(terms, current, median.rate, None if earlier is None else earlier.rate)

    def _sent(self, session: Session, trade: Trade) -> list[StepOut]:
        wanted = select(Step).where(Step.reference == trade.reference).order_by(Step.name)
        return [
            StepOut(step=step.name, state=step.state, attempts=step.attempts, reason=step.reason)
            for step in session.scalars(wanted)
        ]

    def _signed(self, session: Session, trade: Trade, document: TermsDocument) -> list[str]:
        keys = [(side, (trade.reference, trade.version, side, CONSENT_TYPE)) for side in SIDES]
        return [document.side(side).name for side, key in keys if session.get(Consent, key) is not None]

    def _screening(self, session: Session, trade: Trade) -> str:
        try:
            return self._desk.compliance.decision_for(session, trade.reference).outcome
        except NoDecisionError:
            return "not decided yet"

    def _cost(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> CostOut | None:
        if trade.quote_request is None:
            return None
        taken = self._desk.quotes.taker.taken(session, trade.quote_request, now_s)
        return None if taken is None else self.offer(taken, document)


def amount_minor(known: Known, trade: Trade, only: frozenset[int] | None) -> int:
    """Return what a trade is about, or these milestones of it, in minor units of the invoice currency."""
    if only is None:
        return known.documents[trade.reference].amount_minor
    return sum(row.amount for row in known.milestones[trade.trade_id] if row.index in only)


def shown_step(step: NextStep) -> NextOut:
    """Return a step as the API gives it."""
    return NextOut(
        who=step.who,
        what=step.what,
        by_s=step.until_s,
        from_s=step.from_s,
        otherwise=step.otherwise or None,
        role=step.role,
        call=step.call,
        milestone=step.milestone,
        weight=str(step.weight),
    )


def _next(call: str, who: str, what: str, by_s: int | None = None) -> NextOut:
    """Return what is done off the chain; `call` is what programs know it by."""
    return NextOut(who=who, what=what, by_s=by_s, call=call)


def shown_money(amount_minor: int, currency: str) -> str:
    """Return an amount as people write it: `1,500,000.00 KES`."""
    return str(Money(amount_minor, get_currency(currency)))


def shown_bps(bps: int) -> str:
    """Return basis points as a percentage: `30.00 %`."""
    return f"{bps // 100}.{bps % 100:02d} %"


def _payees(document: TermsDocument) -> list[PayeeOut]:
    currency = document.invoice.currency
    shares = [payee.share_bps for payee in document.payees]
    # Per milestone, as the contract pays: the sum may be some minor units below the share of the whole.
    splits = [payee_split(amount, shares) for amount in doc.milestone_amounts(document)]
    parts = [sum(split[0][index] for split in splits) for index in range(len(shares))]
    found = [
        PayeeOut(
            name=payee.name,
            account=payee.account,
            purpose=payee.purpose,
            share_percent=shown_bps(payee.share_bps),
            amount=shown_money(part, currency),
        )
        for payee, part in zip(document.payees, parts, strict=True)
    ]
    rest = PayeeOut(
        name=document.exporter.name,
        account=document.exporter.account,
        purpose="invoice",
        share_percent=shown_bps(10_000 - sum(shares)),
        amount=shown_money(document.amount_minor - sum(parts), currency),
    )
    return [*found, rest]


def _standings(known: Known, trade: Trade, now_s: int) -> list[Standing]:
    document = known.documents[trade.reference]
    return [standing(row, document, now_s) for row in known.milestones[trade.trade_id]]


def _fx(known: Known, trade: Trade, now_s: int) -> FxOut | None:
    leg = known.legs.get(trade.trade_id)
    if leg is None:
        return None
    document = known.documents[trade.reference]
    currencies = (get_currency(document.funding.currency), get_currency(document.invoice.currency))
    missing = missing_minor(_standings(known, trade, now_s))
    return FxOut(
        provider=leg.provider,
        held_at_funding=shown_money(leg.amount, leg.currency),
        rate=major_rate(Rate(leg.rate_num, leg.rate_den), *currencies).decimal(RATE_PLACES),
        premium=shown_money(leg.premium, leg.currency),
        calls=leg.calls,
        call_ends_s=leg.call_ends_at_s,
        top_up_missing=shown_money(missing, leg.currency) if missing else None,
        top_up_missing_minor=str(missing),
    )


def _milestones(known: Known, trade: Trade, now_s: int, only: frozenset[int] | None) -> list[MilestoneOut]:
    document = known.documents[trade.reference]
    rows = {row.index: row for row in known.milestones[trade.trade_id]}
    amounts, currency = doc.milestone_amounts(document), document.invoice.currency
    return [
        MilestoneOut(
            index=index,
            kind=milestone.kind,
            amount=shown_money(amounts[index] if index not in rows else rows[index].amount, currency),
            weight_percent=shown_bps(milestone.weight_bps),
            deadline_s=milestone.deadline_s if index not in rows else rows[index].deadline_s,
            silence=milestone.silence,
            quorum=milestone.quorum,
            attesters=[attester.institution for attester in milestone.attesters],
            attestations=[shown_attestation(item) for item in known.attestations[trade.trade_id, index]],
            **_progress(rows.get(index), document, now_s),
        )
        for index, milestone in enumerate(document.milestones)
        if only is None or index in only
    ]


def _progress(row: MilestoneRow | None, document: TermsDocument, now_s: int) -> dict[str, Any]:
    if row is None:
        return {"state": "not funded", "due_percent": None, "final_after_s": None, "paid": None, "refunded": None}
    currency, funding = document.invoice.currency, document.funding.currency
    paid = (row.paid, currency) if row.resorted is None else (row.resorted, funding)
    return {
        "state": standing(row, document, now_s).state.name.lower(),
        "due_percent": None if row.share_bps is None else shown_bps(row.share_bps),
        "final_after_s": window_ends(row),
        "paid": None if paid[0] is None else shown_money(paid[0], paid[1]),
        "refunded": None if row.refunded is None else shown_money(row.refunded, currency),
        "refunded_minor": row.refunded,
        "slice": None if row.slice_minor is None else shown_money(row.slice_minor, funding),
        "assignee": row.assignee,
    }


def shown_attestation(item: Attestation) -> AttestationOut:
    """Return an attestation as the API gives it."""
    return AttestationOut(
        attester=item.attester,
        outcome="fulfilled" if item.message["outcome"] == "1" else "failed",
        share_bps=int(item.message["share_bps"]),
        source=item.source,
        state=item.state,
        summary=item.summary,
        evidence_sha256=str(item.message["evidence_hash"]),
        reason=item.reason,
    )


def _parsed(version: TermsVersion) -> TermsDocument:
    return doc.parse_document(version.document)
