"""Own examples: one message of each kind, as a settlement node sends it."""

from datetime import date
from decimal import Decimal
from typing import Final

from fx.money import Money
from node.messages.iso20022.codec import Message
from node.messages.iso20022.formats.answers import PaymentReturn, PaymentStatus, StatusRequest
from node.messages.iso20022.formats.cases import (
    CancellationAnswer,
    CancellationRequest,
    InvestigationRequest,
    InvestigationResponse,
)
from node.messages.iso20022.formats.cash import Balance, BalanceKind, CashReport, CashReportKind, Entry, EntryStatus
from node.messages.iso20022.formats.orders import OrderedTransfer, OrderStatus, PaymentOrder, TransferStatus
from node.messages.iso20022.formats.transfers import BankTransfer, Covered, CustomerTransfer
from node.messages.iso20022.parts import (
    Account,
    Address,
    Agent,
    ChargeBearer,
    ClearingMember,
    Header,
    Original,
    Party,
    Reason,
    Remittance,
    Settlement,
    SettlementMethod,
)

NOW_S: Final = 1_795_770_000
UETR: Final = "97ed4827-7b6f-4491-a06f-b548d5a7512d"
IMPORTER_BANK: Final = Agent(bic="DEUTDEFF", lei="7LTWFZYICNSX8D621K86")
EXPORTER_BANK: Final = Agent(bic="KCBLKENX")
CLEARING_BANK: Final = Agent(
    clearing=ClearingMember("USABA", "021000021"),
    name="Harbour Trust Company",
    address=Address("US", "New York", street="Wall Street", building="11", post_code="10005"),
)
IMPORTER: Final = Party(
    "Hansa Blumen GmbH", Address("DE", "Hamburg", street="Am Sandtorkai", building="30", post_code="20457")
)
EXPORTER: Final = Party("Naivasha Roses Ltd", Address("KE", "Naivasha", lines=("Moi South Lake Road", "P.O. Box 1402")))
IMPORTER_ACCOUNT: Final = Account(iban="DE89370400440532013000")
EXPORTER_ACCOUNT: Final = Account(number="01100123456789")
SETTLED_ON: Final = date(2026, 11, 27)
EUR: Final = Money.parse("15000.00", "EUR")
KES: Final = Money.parse("2250000.00", "KES")
BY_INSTRUCTING: Final = Settlement(SettlementMethod.INSTRUCTING_AGENT)
ORIGINAL: Final = Original(
    message_id="LF-20261127-0001",
    definition="pacs.008.001.08",
    uetr=UETR,
    end_to_end_id="ROSES-2026-0042",
    instruction_id="LF0001",
)
ORIGINAL_WITH_AMOUNT: Final = Original(
    message_id=ORIGINAL.message_id,
    definition=ORIGINAL.definition,
    uetr=UETR,
    end_to_end_id=ORIGINAL.end_to_end_id,
    instruction_id=ORIGINAL.instruction_id,
    amount=KES,
    settlement_on=SETTLED_ON,
)

CUSTOMER_TRANSFER: Final = CustomerTransfer(
    message_id="LF-20261127-0001",
    created_s=NOW_S,
    instruction_id="LF0001",
    end_to_end_id="ROSES-2026-0042",
    uetr=UETR,
    amount=KES,
    settlement_on=SETTLED_ON,
    settlement=BY_INSTRUCTING,
    charges=ChargeBearer.SHARED,
    instructing=IMPORTER_BANK,
    instructed=EXPORTER_BANK,
    debtor=IMPORTER,
    debtor_account=IMPORTER_ACCOUNT,
    debtor_agent=IMPORTER_BANK,
    creditor=EXPORTER,
    creditor_account=EXPORTER_ACCOUNT,
    creditor_agent=EXPORTER_BANK,
    instructed_amount=EUR,
    rate=Decimal(150),
    purpose="SUPP",
    remittance=Remittance(reference="ROSES-2026-0042", text="Invoice 77, 40 boxes of roses"),
)
BANK_TRANSFER: Final = BankTransfer(
    message_id="LF-20261127-0002",
    created_s=NOW_S,
    instruction_id="LF0002",
    end_to_end_id="FUND-2026-0042",
    uetr="1b6b9b4e-93d5-4a6e-8f0e-2f3c5a7d9e10",
    amount=EUR,
    settlement_on=SETTLED_ON,
    settlement=Settlement(SettlementMethod.INSTRUCTED_AGENT, account=Account(number="NOSTRO-EUR-01")),
    instructing=IMPORTER_BANK,
    instructed=EXPORTER_BANK,
    debtor=IMPORTER_BANK,
    creditor=EXPORTER_BANK,
    purpose="TREA",
    text="Funding of ROSES-2026-0042",
)
COVER: Final = BankTransfer(
    message_id="LF-20261127-0003",
    created_s=NOW_S,
    instruction_id="LF0003",
    end_to_end_id="ROSES-2026-0042",
    uetr=UETR,
    amount=EUR,
    settlement_on=SETTLED_ON,
    settlement=BY_INSTRUCTING,
    instructing=IMPORTER_BANK,
    instructed=EXPORTER_BANK,
    debtor=IMPORTER_BANK,
    creditor=EXPORTER_BANK,
    intermediary=CLEARING_BANK,
    covered=Covered(
        debtor=IMPORTER,
        debtor_account=IMPORTER_ACCOUNT,
        debtor_agent=IMPORTER_BANK,
        creditor=EXPORTER,
        creditor_account=EXPORTER_ACCOUNT,
        creditor_agent=EXPORTER_BANK,
        remittance=Remittance(text="Invoice 77"),
    ),
)
COVERED_TRANSFER: Final = CustomerTransfer(
    message_id="LF-20261127-0004",
    created_s=NOW_S,
    instruction_id="LF0004",
    end_to_end_id="ROSES-2026-0042",
    uetr=UETR,
    amount=EUR,
    settlement_on=SETTLED_ON,
    settlement=Settlement(
        SettlementMethod.COVER, instructing_reimbursement=CLEARING_BANK, instructed_reimbursement=Agent(bic="CITIUS33")
    ),
    charges=ChargeBearer.DEBTOR,
    instructing=IMPORTER_BANK,
    instructed=EXPORTER_BANK,
    debtor=IMPORTER,
    debtor_agent=IMPORTER_BANK,
    creditor=EXPORTER,
    creditor_agent=EXPORTER_BANK,
)
ACCEPTED: Final = PaymentStatus(
    message_id="KB-20261127-0001",
    created_s=NOW_S + 2,
    instructing=EXPORTER_BANK,
    instructed=IMPORTER_BANK,
    original=ORIGINAL,
    status="ACSP",
)
REJECTED: Final = PaymentStatus(
    message_id="KB-20261127-0002",
    created_s=NOW_S + 2,
    instructing=EXPORTER_BANK,
    instructed=IMPORTER_BANK,
    original=ORIGINAL,
    status="RJCT",
    reason=Reason("AC04", ("The account was closed on 2026-11-01",)),
)
STATUS_REQUEST: Final = StatusRequest(
    message_id="LF-20261127-0005",
    created_s=NOW_S + 600,
    instructing=IMPORTER_BANK,
    instructed=EXPORTER_BANK,
    original=ORIGINAL,
)
RETURN: Final = PaymentReturn(
    message_id="KB-20261127-0003",
    created_s=NOW_S + 900,
    return_id="KB0003",
    instructing=EXPORTER_BANK,
    instructed=IMPORTER_BANK,
    original=ORIGINAL_WITH_AMOUNT,
    amount=KES,
    settlement_on=SETTLED_ON,
    settlement=BY_INSTRUCTING,
    debtor=EXPORTER,
    creditor=IMPORTER,
    debtor_agent=EXPORTER_BANK,
    creditor_agent=IMPORTER_BANK,
    reason=Reason("AC04", ("Account closed",)),
    charges=ChargeBearer.SHARED,
)
CREDIT: Final = Entry(
    reference="N0001",
    amount=KES,
    booked_s=NOW_S,
    value_on=SETTLED_ON,
    family="RCDT",
    sub_family="XBCT",
    instruction_id="LF0001",
    end_to_end_id="ROSES-2026-0042",
    uetr=UETR,
    debtor=IMPORTER,
    creditor=EXPORTER,
    remittance=Remittance(reference="ROSES-2026-0042", invoice="INV-77"),
)
FEE: Final = Entry(
    reference="N0002",
    amount=Money.parse("-350.00", "KES"),
    booked_s=NOW_S,
    family="MDOP",
    sub_family="CHRG",
    status=EntryStatus.PENDING,
    text="Charges of the day",
)
NOTIFICATION: Final = CashReport(
    kind=CashReportKind.NOTIFICATION,
    message_id="KB-20261127-0004",
    created_s=NOW_S + 5,
    report_id="KB-N-0001",
    account=EXPORTER_ACCOUNT,
    currency="KES",
    owner=EXPORTER,
    servicer=EXPORTER_BANK,
    entries=(CREDIT,),
)
STATEMENT: Final = CashReport(
    kind=CashReportKind.STATEMENT,
    message_id="KB-20261127-0005",
    created_s=NOW_S + 60_000,
    report_id="KB-S-0331",
    account=EXPORTER_ACCOUNT,
    currency="KES",
    servicer=EXPORTER_BANK,
    from_s=NOW_S - 40_000,
    to_s=NOW_S + 46_400,
    balances=(
        Balance(BalanceKind.OPENING, Money.parse("-120.50", "KES"), SETTLED_ON),
        Balance(BalanceKind.CLOSING, Money.parse("2249529.50", "KES"), SETTLED_ON),
    ),
    entries=(CREDIT, FEE),
)
REPORT: Final = CashReport(
    kind=CashReportKind.REPORT,
    message_id="KB-20261127-0006",
    created_s=NOW_S + 100,
    report_id="KB-R-0007",
    account=IMPORTER_ACCOUNT,
    currency="JPY",
    balances=(Balance(BalanceKind.INTERIM, Money.parse("1234567", "JPY"), SETTLED_ON),),
)
CANCELLATION: Final = CancellationRequest(
    message_id="LF-20261127-0006",
    created_s=NOW_S + 30,
    assigner=IMPORTER_BANK,
    assignee=EXPORTER_BANK,
    case_id="LF-CASE-1",
    original=ORIGINAL_WITH_AMOUNT,
    reason=Reason("DUPL", ("Sent twice",)),
)
CANCELLATION_REFUSED: Final = CancellationAnswer(
    message_id="KB-20261127-0007",
    created_s=NOW_S + 60,
    assigner=EXPORTER_BANK,
    assignee=IMPORTER_BANK,
    case_id="LF-CASE-1",
    original=ORIGINAL_WITH_AMOUNT,
    confirmation="RJCR",
    reason=Reason("AM04", ("The money was paid out",)),
)
INVESTIGATION: Final = InvestigationRequest(
    message_id="LF-20261127-0008",
    case_id="LF-CASE-2",
    kind="UTAP",
    requestor=IMPORTER_BANK,
    responder=EXPORTER_BANK,
    original=ORIGINAL_WITH_AMOUNT,
    reason="IN01",
    narrative="Which invoice does this pay?",
)
INVESTIGATION_ANSWER: Final = InvestigationResponse(
    message_id="KB-20261127-0009",
    status="CLSD",
    request_id="LF-20261127-0008",
    case_id="LF-CASE-2",
    kind="UTAP",
    requestor=IMPORTER_BANK,
    responder=EXPORTER_BANK,
    original=ORIGINAL,
    narrative="Invoice 77",
)
ORDER: Final = PaymentOrder(
    message_id="HB-20261127-0001",
    created_s=NOW_S - 300,
    initiator=IMPORTER,
    order_id="HB-ORDER-1",
    execute_on=SETTLED_ON,
    debtor=IMPORTER,
    debtor_account=IMPORTER_ACCOUNT,
    debtor_agent=IMPORTER_BANK,
    charges=ChargeBearer.SHARED,
    transfers=(
        OrderedTransfer(
            instruction_id="HB1",
            end_to_end_id="ROSES-2026-0042",
            uetr=UETR,
            amount=EUR,
            creditor=EXPORTER,
            creditor_account=EXPORTER_ACCOUNT,
            creditor_agent=EXPORTER_BANK,
            remittance=Remittance(reference="ROSES-2026-0042"),
        ),
        OrderedTransfer(
            instruction_id=None,
            end_to_end_id="NOTPROVIDED",
            uetr=None,
            amount=Money.parse("0.01", "EUR"),
            creditor=EXPORTER,
        ),
    ),
)
ORDER_STATUS: Final = OrderStatus(
    message_id="DB-20261127-0001",
    created_s=NOW_S - 290,
    debtor_agent=IMPORTER_BANK,
    original_message_id="HB-20261127-0001",
    original_definition="pain.001.001.09",
    order_id="HB-ORDER-1",
    transfers=(
        TransferStatus(end_to_end_id="ROSES-2026-0042", status="ACSP", instruction_id="HB1", uetr=UETR),
        TransferStatus(end_to_end_id="NOTPROVIDED", status="RJCT", reason=Reason("AM09", ("Too small",))),
    ),
)

EXAMPLES: Final[dict[str, Message]] = {
    "customer_transfer": CUSTOMER_TRANSFER,
    "covered_transfer": COVERED_TRANSFER,
    "bank_transfer": BANK_TRANSFER,
    "cover": COVER,
    "accepted": ACCEPTED,
    "rejected": REJECTED,
    "status_request": STATUS_REQUEST,
    "return": RETURN,
    "notification": NOTIFICATION,
    "statement": STATEMENT,
    "report": REPORT,
    "cancellation": CANCELLATION,
    "cancellation_refused": CANCELLATION_REFUSED,
    "investigation": INVESTIGATION,
    "investigation_answer": INVESTIGATION_ANSWER,
    "order": ORDER,
    "order_status": ORDER_STATUS,
}


def header_for(message: Message) -> Header:
    """Return the header under which the example's sender sends it."""
    if isinstance(message, InvestigationResponse):
        return Header(message.message_id, message.responder, message.requestor, NOW_S)
    pairs = (("instructing", "instructed"), ("assigner", "assignee"), ("requestor", "responder"))
    found = next(
        ((getattr(message, one), getattr(message, other)) for one, other in pairs if hasattr(message, one)),
        (IMPORTER_BANK, EXPORTER_BANK),
    )
    return Header(message.message_id, *found, created_s=NOW_S, service="swift.cbprplus.02")
