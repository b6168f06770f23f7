"""What a bank tells of an account: camt.052 during the day, camt.053 at its end, camt.054 of single entries."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from fx.money import Money
from node.messages.iso20022 import wire
from node.messages.iso20022.errors import UnsupportedContentError
from node.messages.iso20022.parts import Account, Agent, Party, Remittance


class CashReportKind(StrEnum):
    """Which of the three; the value is the definition."""

    REPORT = "camt.052.001.08"
    STATEMENT = "camt.053.001.08"
    NOTIFICATION = "camt.054.001.08"


class BalanceKind(StrEnum):
    """Which balance; the value is ISO 20022's code."""

    OPENING = "OPBD"
    CLOSING = "CLBD"
    INTERIM = "ITBD"
    AVAILABLE = "CLAV"
    INTERIM_AVAILABLE = "ITAV"
    PREVIOUS = "PRCD"


class EntryStatus(StrEnum):
    """Whether an entry stands on the account; the value is ISO 20022's code."""

    BOOKED = "BOOK"
    PENDING = "PDNG"
    FUTURE = "FUTR"
    INFORMATION = "INFO"
    """Nothing is booked by it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance at the end of a day; negative when it is a debit."""

    kind: BalanceKind
    amount: Money
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One booking; a negative amount is a debit."""

    reference: str
    amount: Money
    booked_s: int
    value_on: date | None = None
    domain: str = "PMNT"
    """ISO 20022 bank transaction code: domain, family, sub-family."""
    family: str
    """RCDT received, ICDT issued credit transfer."""
    sub_family: str
    """XBCT cross-border."""
    status: EntryStatus = EntryStatus.BOOKED
    instruction_id: str | None = None
    end_to_end_id: str | None = None
    uetr: str | None = None
    debtor: Party | None = None
    creditor: Party | None = None
    remittance: Remittance | None = None
    text: str | None = None
    """What else is to be known of it, at most 500 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashReport:
    """camt.052, camt.053 or camt.054 of one account; balances belong to the first two."""

    kind: CashReportKind
    message_id: str
    created_s: int
    report_id: str
    account: Account
    currency: str
    owner: Party | None = None
    servicer: Agent | None = None
    from_s: int | None = None
    to_s: int | None = None
    balances: tuple[Balance, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class _Names:
    """How one of the three names what all have."""

    root: str
    message: str
    part: str
    report: str


_NAMES = {
    CashReportKind.REPORT: _Names("bk_to_cstmr_acct_rpt", "BankToCustomerAccountReportV08", "rpt", "AccountReport25"),
    CashReportKind.STATEMENT: _Names("bk_to_cstmr_stmt", "BankToCustomerStatementV08", "stmt", "AccountStatement9"),
    CashReportKind.NOTIFICATION: _Names(
        "bk_to_cstmr_dbt_cdt_ntfctn",
        "BankToCustomerDebitCreditNotificationV08",
        "ntfctn",
        "AccountNotification17",
    ),
}


def build_cash_report(m: Any, value: CashReport) -> Any:
    """Return the Document of a camt.052, 053 or 054."""
    names = _NAMES[value.kind]
    report = getattr(m, names.report)(
        id=value.report_id,
        cre_dt_tm=wire.instant(value.created_s),
        fr_to_dt=_period(m, value),
        acct=m.CashAccount39(
            id=wire.account_id(m, value.account),
            ccy=value.currency,
            ownr=wire.party(m, value.owner),
            svcr=wire.agent(m, value.servicer),
        ),
        ntry=[_entry(m, entry) for entry in value.entries],
        **_balances(m, value),
    )
    header = m.GroupHeader81(msg_id=value.message_id, cre_dt_tm=wire.instant(value.created_s))
    message = getattr(m, names.message)(grp_hdr=header, **{names.part: [report]})
    return m.Document(**{names.root: message})


def read_cash_report(document: Any) -> CashReport:
    """Return what a camt.052, 053 or 054 says; of an entry, its first transaction."""
    kind, names = next((kind, names) for kind, names in _NAMES.items() if hasattr(document, names.root))
    body = getattr(document, names.root)
    found = wire.only(getattr(body, names.part), names.part)
    period = found.fr_to_dt
    account = wire.read_account(found.acct)
    currency = found.acct.ccy or next((entry.amt.ccy for entry in found.ntry), None)
    if account is None or currency is None:
        raise UnsupportedContentError("Acct", "an account with its currency", "none")
    return CashReport(
        kind=kind,
        message_id=body.grp_hdr.msg_id,
        created_s=wire.read_instant(body.grp_hdr.cre_dt_tm),
        report_id=found.id,
        account=account,
        currency=currency,
        owner=None if found.acct.ownr is None else wire.read_party(found.acct.ownr),
        servicer=wire.read_agent_or_none(found.acct.svcr),
        from_s=None if period is None else wire.read_instant(period.fr_dt_tm),
        to_s=None if period is None else wire.read_instant(period.to_dt_tm),
        balances=tuple(_read_balance(balance) for balance in getattr(found, "bal", ())),
        entries=tuple(_read_entry(entry) for entry in found.ntry),
    )


def _period(m: Any, value: CashReport) -> Any:
    if value.from_s is None or value.to_s is None:
        return None
    return m.DateTimePeriod1(fr_dt_tm=wire.instant(value.from_s), to_dt_tm=wire.instant(value.to_s))


def _balances(m: Any, value: CashReport) -> dict[str, Any]:
    if value.kind is CashReportKind.NOTIFICATION:
        if value.balances:
            raise UnsupportedContentError("balances", "none in a notification", len(value.balances))
        return {}
    return {"bal": [_balance(m, balance) for balance in value.balances]}


def _balance(m: Any, value: Balance) -> Any:
    return m.CashBalance8(
        tp=m.BalanceType13(cd_or_prtry=m.BalanceType10Choice(cd=value.kind.value)),
        **_signed(m, value.amount),
        dt=m.DateAndDateTime2Choice(dt=wire.day(value.on)),
    )


def _read_balance(value: Any) -> Balance:
    code = value.tp.cd_or_prtry.cd
    if code not in list(BalanceKind):
        raise UnsupportedContentError("Bal", f"one of {', '.join(BalanceKind)}", code)
    on = _read_on(value.dt)
    if on is None:
        raise UnsupportedContentError("Bal", "a date", "none")
    return Balance(BalanceKind(code), _read_signed(value), on)


def _entry(m: Any, value: Entry) -> Any:
    return m.ReportEntry10(
        ntry_ref=value.reference,
        **_signed(m, value.amount),
        sts=m.EntryStatus1Choice(cd=value.status.value),
        bookg_dt=m.DateAndDateTime2Choice(dt_tm=wire.instant(value.booked_s)),
        val_dt=None if value.value_on is None else m.DateAndDateTime2Choice(dt=wire.day(value.value_on)),
        bk_tx_cd=m.BankTransactionCodeStructure4(
            domn=m.BankTransactionCodeStructure5(
                cd=value.domain,
                fmly=m.BankTransactionCodeStructure6(cd=value.family, sub_fmly_cd=value.sub_family),
            )
        ),
        ntry_dtls=[m.EntryDetails9(tx_dtls=[_transaction(m, value)])],
        addtl_ntry_inf=value.text,
    )


def _transaction(m: Any, value: Entry) -> Any:
    parties = None
    if value.debtor is not None or value.creditor is not None:
        parties = m.TransactionParties6(
            dbtr=None if value.debtor is None else wire.either(m, value.debtor),
            cdtr=None if value.creditor is None else wire.either(m, value.creditor),
        )
    return m.EntryTransaction10(
        refs=m.TransactionReferences6(
            instr_id=value.instruction_id, end_to_end_id=value.end_to_end_id, uetr=value.uetr
        ),
        **_signed(m, value.amount),
        rltd_pties=parties,
        rmt_inf=wire.remittance(m, value.remittance),
    )


def _read_entry(value: Any) -> Entry:
    domain = value.bk_tx_cd.domn
    if domain is None or value.bookg_dt is None:
        raise UnsupportedContentError("Ntry", "BkTxCd/Domn and BookgDt", "one less")
    if value.sts.cd not in list(EntryStatus):
        raise UnsupportedContentError("Ntry/Sts", f"one of {', '.join(EntryStatus)}", value.sts.cd)
    found = next((one for details in value.ntry_dtls for one in details.tx_dtls), None)
    references = None if found is None else found.refs
    parties = None if found is None else found.rltd_pties
    return Entry(
        reference=value.ntry_ref or "",
        amount=_read_signed(value),
        booked_s=_read_at(value.bookg_dt),
        value_on=_read_on(value.val_dt),
        domain=domain.cd,
        family=domain.fmly.cd,
        sub_family=domain.fmly.sub_fmly_cd,
        status=EntryStatus(value.sts.cd),
        instruction_id=None if references is None else references.instr_id,
        end_to_end_id=None if references is None else references.end_to_end_id,
        uetr=None if references is None else references.uetr,
        debtor=None if parties is None else _read_customer(parties.dbtr),
        creditor=None if parties is None else _read_customer(parties.cdtr),
        remittance=None if found is None else wire.read_remittance(found.rmt_inf),
        text=value.addtl_ntry_inf,
    )


def _read_customer(value: Any) -> Party | None:
    return None if value is None or value.pty is None else wire.read_party(value.pty)


def _signed(m: Any, money: Money) -> dict[str, Any]:
    return {
        "amt": wire.amount(m.ActiveOrHistoricCurrencyAndAmount, -money if money.is_negative else money),
        "cdt_dbt_ind": m.CreditDebitCode("DBIT" if money.is_negative else "CRDT"),
    }


def _read_signed(value: Any) -> Money:
    money = wire.read_amount(value.amt)
    return -money if value.cdt_dbt_ind.value == "DBIT" else money


def _read_on(value: Any) -> date | None:
    return None if value is None else wire.read_day(value.dt or value.dt_tm)


def _read_at(value: Any) -> int:
    """Return a time; of a date alone, its start in UTC."""
    if value.dt_tm is not None:
        return wire.read_instant(value.dt_tm)
    return wire.start_of(value.dt)
