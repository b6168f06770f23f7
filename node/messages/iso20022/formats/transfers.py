"""Transfers: pacs.008 for customers, pacs.009 between banks (with the customer's transfer under a cover)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from fx.money import Money
from node.messages.iso20022 import wire
from node.messages.iso20022.parts import (
    Account,
    Agent,
    ChargeBearer,
    Party,
    Remittance,
    Settlement,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerTransfer:
    """pacs.008: one customer pays another."""

    message_id: str
    created_s: int
    instruction_id: str
    end_to_end_id: str
    uetr: str
    amount: Money
    """Settled between the agents."""
    settlement_on: date
    settlement: Settlement
    charges: ChargeBearer
    instructing: Agent
    instructed: Agent
    debtor: Party
    debtor_agent: Agent
    creditor: Party
    creditor_agent: Agent
    debtor_account: Account | None = None
    creditor_account: Account | None = None
    intermediary: Agent | None = None
    instructed_amount: Money | None = None
    """As the debtor ordered it; with `rate` where it is of another currency."""
    rate: Decimal | None = None
    """Settled units for one instructed unit."""
    purpose: str | None = None
    """ISO 20022 external purpose code, such as SUPP."""
    remittance: Remittance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The customer's transfer that a bank transfer covers."""

    debtor: Party
    debtor_agent: Agent
    creditor: Party
    creditor_agent: Agent
    debtor_account: Account | None = None
    creditor_account: Account | None = None
    remittance: Remittance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTransfer:
    """pacs.009: one bank pays another; a cover where it names what it covers."""

    message_id: str
    created_s: int
    instruction_id: str
    end_to_end_id: str
    uetr: str
    amount: Money
    settlement_on: date
    settlement: Settlement
    instructing: Agent
    instructed: Agent
    debtor: Agent
    creditor: Agent
    debtor_account: Account | None = None
    creditor_account: Account | None = None
    debtor_agent: Agent | None = None
    creditor_agent: Agent | None = None
    intermediary: Agent | None = None
    purpose: str | None = None
    text: str | None = None
    """What it is for, at most 140 characters."""
    covered: Covered | None = None


def build_customer_transfer(m: Any, value: CustomerTransfer) -> Any:
    """Return the Document of a pacs.008."""
    instructed = value.instructed_amount
    transaction = m.CreditTransferTransaction39(
        pmt_id=_payment_id(m, value),
        intr_bk_sttlm_amt=wire.amount(m.ActiveCurrencyAndAmount, value.amount),
        intr_bk_sttlm_dt=wire.day(value.settlement_on),
        instd_amt=None if instructed is None else wire.amount(m.ActiveOrHistoricCurrencyAndAmount, instructed),
        xchg_rate=value.rate,
        chrg_br=wire.bearer(m, value.charges),
        instg_agt=wire.agent(m, value.instructing),
        instd_agt=wire.agent(m, value.instructed),
        intrmy_agt1=wire.agent(m, value.intermediary),
        dbtr=wire.party(m, value.debtor),
        dbtr_acct=wire.account(m, value.debtor_account),
        dbtr_agt=wire.agent(m, value.debtor_agent),
        cdtr_agt=wire.agent(m, value.creditor_agent),
        cdtr=wire.party(m, value.creditor),
        cdtr_acct=wire.account(m, value.creditor_account),
        purp=None if value.purpose is None else m.Purpose2Choice(cd=value.purpose),
        rmt_inf=wire.remittance(m, value.remittance),
    )
    return m.Document(
        fito_ficstmr_cdt_trf=m.FitoFicustomerCreditTransferV08(grp_hdr=_group(m, value), cdt_trf_tx_inf=[transaction])
    )


def read_customer_transfer(document: Any) -> CustomerTransfer:
    """Return what a pacs.008 says."""
    body = document.fito_ficstmr_cdt_trf
    found = wire.only(body.cdt_trf_tx_inf, "CdtTrfTxInf")
    bearer = wire.read_bearer(found.chrg_br)
    return CustomerTransfer(
        **_common(body.grp_hdr, found),
        charges=bearer or ChargeBearer.SHARED,
        debtor=wire.read_party(found.dbtr),
        creditor=wire.read_party(found.cdtr),
        debtor_agent=wire.read_agent(found.dbtr_agt),
        creditor_agent=wire.read_agent(found.cdtr_agt),
        instructed_amount=None if found.instd_amt is None else wire.read_amount(found.instd_amt),
        rate=found.xchg_rate,
        remittance=wire.read_remittance(found.rmt_inf),
    )


def build_bank_transfer(m: Any, value: BankTransfer) -> Any:
    """Return the Document of a pacs.009."""
    transaction = m.CreditTransferTransaction36(
        pmt_id=_payment_id(m, value),
        intr_bk_sttlm_amt=wire.amount(m.ActiveCurrencyAndAmount, value.amount),
        intr_bk_sttlm_dt=wire.day(value.settlement_on),
        instg_agt=wire.agent(m, value.instructing),
        instd_agt=wire.agent(m, value.instructed),
        intrmy_agt1=wire.agent(m, value.intermediary),
        dbtr=wire.agent(m, value.debtor),
        dbtr_acct=wire.account(m, value.debtor_account),
        dbtr_agt=wire.agent(m, value.debtor_agent),
        cdtr_agt=wire.agent(m, value.creditor_agent),
        cdtr=wire.agent(m, value.creditor),
        cdtr_acct=wire.account(m, value.creditor_account),
        purp=None if value.purpose is None else m.Purpose2Choice(cd=value.purpose),
        rmt_inf=None if value.text is None else m.RemittanceInformation2(ustrd=[value.text]),
        undrlyg_cstmr_cdt_trf=None if value.covered is None else _covered(m, value.covered),
    )
    return m.Document(
        ficdt_trf=m.FinancialInstitutionCreditTransferV08(grp_hdr=_group(m, value), cdt_trf_tx_inf=[transaction])
    )


def read_bank_transfer(document: Any) -> BankTransfer:
    """Return what a pacs.009 says."""
    body = document.ficdt_trf
    found = wire.only(body.cdt_trf_tx_inf, "CdtTrfTxInf")
    texts = [] if found.rmt_inf is None else found.rmt_inf.ustrd
    return BankTransfer(
        **_common(body.grp_hdr, found),
        debtor=wire.read_agent(found.dbtr),
        creditor=wire.read_agent(found.cdtr),
        debtor_agent=wire.read_agent_or_none(found.dbtr_agt),
        creditor_agent=wire.read_agent_or_none(found.cdtr_agt),
        text=next(iter(texts), None),
        covered=_read_covered(found.undrlyg_cstmr_cdt_trf),
    )


def _payment_id(m: Any, value: CustomerTransfer | BankTransfer) -> Any:
    return m.PaymentIdentification7(instr_id=value.instruction_id, end_to_end_id=value.end_to_end_id, uetr=value.uetr)


def _group(m: Any, value: CustomerTransfer | BankTransfer) -> Any:
    return m.GroupHeader93(
        msg_id=value.message_id,
        cre_dt_tm=wire.instant(value.created_s),
        nb_of_txs="1",
        sttlm_inf=wire.settlement(m, value.settlement),
    )


def _common(group: Any, found: Any) -> dict[str, Any]:
    """Return the fields that both transfers have."""
    ids = found.pmt_id
    return {
        "message_id": group.msg_id,
        "created_s": wire.read_instant(group.cre_dt_tm),
        # Some senders give an end-to-end id only.
        "instruction_id": ids.instr_id or ids.end_to_end_id,
        "end_to_end_id": ids.end_to_end_id,
        "uetr": ids.uetr,
        "amount": wire.read_amount(found.intr_bk_sttlm_amt),
        "settlement_on": wire.read_day(found.intr_bk_sttlm_dt or group.intr_bk_sttlm_dt),
        "settlement": wire.read_settlement(group.sttlm_inf),
        "instructing": wire.read_agent(found.instg_agt or group.instg_agt),
        "instructed": wire.read_agent(found.instd_agt or group.instd_agt),
        "intermediary": wire.read_agent_or_none(found.intrmy_agt1),
        "debtor_account": wire.read_account(found.dbtr_acct),
        "creditor_account": wire.read_account(found.cdtr_acct),
        "purpose": None if found.purp is None else found.purp.cd or found.purp.prtry,
    }


def _covered(m: Any, value: Covered) -> Any:
    return m.CreditTransferTransaction37(
        dbtr=wire.party(m, value.debtor),
        dbtr_acct=wire.account(m, value.debtor_account),
        dbtr_agt=wire.agent(m, value.debtor_agent),
        cdtr_agt=wire.agent(m, value.creditor_agent),
        cdtr=wire.party(m, value.creditor),
        cdtr_acct=wire.account(m, value.creditor_account),
        rmt_inf=wire.remittance(m, value.remittance),
    )


def _read_covered(value: Any) -> Covered | None:
    if value is None:
        return None
    return Covered(
        debtor=wire.read_party(value.dbtr),
        debtor_account=wire.read_account(value.dbtr_acct),
        debtor_agent=wire.read_agent(value.dbtr_agt),
        creditor_agent=wire.read_agent(value.cdtr_agt),
        creditor=wire.read_party(value.cdtr),
        creditor_account=wire.read_account(value.cdtr_acct),
        remittance=wire.read_remittance(value.rmt_inf),
    )
