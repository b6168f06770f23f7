"""The pacs.008 of a trade: what the importer's bank says of it, and what the exporter's bank finds wrong with one.

Both follow from the terms that were funded and from the chain, so that each bank knows what the other has to say.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from contracts.trade_transitions import Policy
from fx.currencies import get_currency
from fx.money import Money
from fx.rates import Rate, major_rate
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Agent, ChargeBearer, Reason, Remittance, Settlement, SettlementMethod
from node.participants.directory import Institution
from node.trades.payments.people import account_of, agent_of, party_of
from node.trades.payments.wording import end_to_end_id, in_set_x, message_id, reason_lines
from node.trades.standing.rates import policy_of
from node.trades.store import Trade
from node.trades.terms.document import TermsDocument

DEFINITION: Final = "pacs.008.001.08"
REFERENCE_CHARS_MAX: Final = 35
_INSTRUCTION_CHARS: Final = 16
# ISO 20022, BaseOneRate.
_RATE_DIGITS_MAX: Final = 11
_RATE_DECIMALS_MAX: Final = 10
_GOODS: Final = "GDDS"
"""Purpose: purchase and sale of goods."""

WRONG_DEBTOR_BANK: Final = "RC03"
WRONG_CREDITOR_BANK: Final = "RC04"
WRONG_CURRENCY: Final = "AM03"
WRONG_AMOUNT: Final = "AM09"
WRONG_DEBTOR_ACCOUNT: Final = "AC02"
WRONG_CREDITOR_ACCOUNT: Final = "AC03"
WRONG_CUSTOMER: Final = "BE01"
WRONG_REMITTANCE: Final = "RR07"
SECOND_PAYMENT: Final = "AM05"
UETR_USED: Final = "DU03"
OTHERWISE: Final = "NARR"


@dataclass(frozen=True, slots=True)
class Banks:
    """The two ends of a trade's payment."""

    importer: Institution
    exporter: Institution

    @property
    def are_one(self) -> bool:
        """Whether it stays in one bank, so that there is nobody to send a message to."""
        return self.importer.id == self.exporter.id


def transfer_of(trade: Trade, document: TermsDocument, banks: Banks, uetr: str) -> CustomerTransfer:
    """Return the customer transfer of a funded trade.

    Args:
        document: The terms that were funded.
    """
    importer, exporter, trade_id = document.importer, document.exporter, trade.trade_id or b""
    payer, payee = agent_of(banks.importer), agent_of(banks.exporter)
    amount = Money(document.amount_minor, get_currency(document.invoice.currency))
    instructed, rate = _instructed(trade, document, amount)
    return CustomerTransfer(
        message_id=message_id(trade_id, "PACS008"),
        created_s=trade.funded_at_s or 0,
        instruction_id=trade_id.hex()[:_INSTRUCTION_CHARS],
        end_to_end_id=end_to_end_id(trade.reference),
        uetr=uetr,
        amount=amount,
        settlement_on=_day(max(milestone.deadline_s for milestone in document.milestones)),
        # The money stands on the debtor's account, whose bank instructs; the escrow moves it from there.
        settlement=Settlement(SettlementMethod.INSTRUCTING_AGENT),
        charges=ChargeBearer.SHARED,
        instructing=payer,
        instructed=payee,
        debtor=party_of(importer.name, importer.address),
        debtor_account=account_of(importer.account or ""),
        debtor_agent=payer,
        creditor=party_of(exporter.name, exporter.address),
        creditor_account=account_of(exporter.account or ""),
        creditor_agent=payee,
        instructed_amount=instructed,
        rate=rate,
        purpose=_GOODS,
        remittance=remittance_of(document),
    )


def remittance_of(document: TermsDocument, text: str | None = None) -> Remittance:
    """Return what names the trade and its invoice in every message."""
    return Remittance(
        reference=end_to_end_id(document.reference),
        invoice=in_set_x(document.invoice.number, REFERENCE_CHARS_MAX),
        text=text,
    )


def contradiction(expected: CustomerTransfer, got: CustomerTransfer) -> Reason | None:
    """Return the first thing in which a transfer is not what the trade on the chain makes it, None if there is none.

    Addresses, dates and charges are the sender's to say.
    """
    wanted, found = expected.remittance or Remittance(), got.remittance or Remittance()
    compared: tuple[tuple[str, str, object, object], ...] = (
        (WRONG_DEBTOR_BANK, "debtor agent", *_codes(expected.debtor_agent, got.debtor_agent)),
        (WRONG_CREDITOR_BANK, "creditor agent", *_codes(expected.creditor_agent, got.creditor_agent)),
        (WRONG_CURRENCY, "currency", expected.amount.currency.code, got.amount.currency.code),
        (WRONG_AMOUNT, "amount", expected.amount, got.amount),
        (WRONG_AMOUNT, "instructed amount", expected.instructed_amount, got.instructed_amount),
        (WRONG_DEBTOR_ACCOUNT, "debtor account", expected.debtor_account, got.debtor_account),
        (WRONG_CREDITOR_ACCOUNT, "creditor account", expected.creditor_account, got.creditor_account),
        (WRONG_CUSTOMER, "debtor", expected.debtor.name, got.debtor.name),
        (WRONG_CUSTOMER, "creditor", expected.creditor.name, got.creditor.name),
        (WRONG_REMITTANCE, "trade", wanted.reference, found.reference),
        (WRONG_REMITTANCE, "invoice", wanted.invoice, found.invoice),
    )
    return next((refusal(code, what, ours, theirs) for code, what, ours, theirs in compared if ours != theirs), None)


def refusal(code: str, what: str, expected: object, got: object) -> Reason:
    """Return the reason of a rejection in plain words."""
    return Reason(code, reason_lines(f"{what}: expected {_shown(expected)}, got {_shown(got)}"))


def _instructed(trade: Trade, document: TermsDocument, settled: Money) -> tuple[Money | None, Decimal | None]:
    """Return what the importer gave in the funding currency, and its rate, where these are fixed at funding."""
    if policy_of(document) not in (Policy.CONVERT_NOW, Policy.LOCK) or not trade.funding_minor:
        return None, None
    given = Money(trade.funding_minor, get_currency(document.funding.currency))
    major = major_rate(Rate(settled.amount_minor, given.amount_minor), given.currency, settled.currency)
    places = min(_RATE_DECIMALS_MAX, _RATE_DIGITS_MAX - len(major.decimal(0)))
    rate = Decimal(major.decimal(places)) if places >= 0 else Decimal(0)
    # A rate that has no such digits cannot be told, and an amount in another currency not without it.
    return (given, rate) if rate else (None, None)


def _codes(expected: Agent, got: Agent) -> tuple[str | None, str | None]:
    """Return what identifies both: the LEI where the message has one, else the BIC."""
    return (expected.bic, got.bic) if got.lei is None else (expected.lei, got.lei)


def _shown(value: object) -> str:
    number = getattr(value, "number", None)
    return "none" if value is None else str(number or value)


def _day(at_s: int) -> date:
    return datetime.fromtimestamp(at_s, UTC).date()
