"""Between a customer and its bank: pain.001 orders payments, pain.002 says what became of them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fx.money import Money
from node.messages.iso20022 import wire
from node.messages.iso20022.errors import UnsupportedContentError
from node.messages.iso20022.parts import Account, Agent, ChargeBearer, Party, Reason, Remittance


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedTransfer:
    """One transfer of an order."""

    instruction_id: str | None
    end_to_end_id: str
    uetr: str | None
    amount: Money
    creditor: Party
    creditor_account: Account | None = None
    creditor_agent: Agent | None = None
    remittance: Remittance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """pain.001: a customer orders transfers from one account on one day."""

    message_id: str
    created_s: int
    initiator: Party
    order_id: str
    execute_on: date
    debtor: Party
    debtor_account: Account
    debtor_agent: Agent
    transfers: tuple[OrderedTransfer, ...]
    charges: ChargeBearer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStatus:
    """What became of one transfer of an order."""

    end_to_end_id: str
    status: str
    instruction_id: str | None = None
    uetr: str | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatus:
    """pain.002: what became of an order's transfers."""

    message_id: str
    created_s: int
    debtor_agent: Agent
    original_message_id: str
    original_definition: str
    order_id: str
    transfers: tuple[TransferStatus, ...]


def build_payment_order(m: Any, value: PaymentOrder) -> Any:
    """Return the Document of a pain.001."""
    count = str(len(value.transfers))
    payment = m.PaymentInstruction30(
        pmt_inf_id=value.order_id,
        pmt_mtd=m.PaymentMethod3Code.TRF,
        nb_of_txs=count,
        reqd_exctn_dt=m.DateAndDateTime2Choice(dt=wire.day(value.execute_on)),
        dbtr=wire.party(m, value.debtor),
        dbtr_acct=wire.account(m, value.debtor_account),
        dbtr_agt=wire.agent(m, value.debtor_agent),
        chrg_br=wire.bearer(m, value.charges),
        cdt_trf_tx_inf=[_transfer(m, one) for one in value.transfers],
    )
    header = m.GroupHeader85(
        msg_id=value.message_id,
        cre_dt_tm=wire.instant(value.created_s),
        nb_of_txs=count,
        initg_pty=wire.party(m, value.initiator),
    )
    order = m.CustomerCreditTransferInitiationV09(grp_hdr=header, pmt_inf=[payment])
    return m.Document(cstmr_cdt_trf_initn=order)


def read_payment_order(document: Any) -> PaymentOrder:
    """Return what a pain.001 of one debit account says."""
    body = document.cstmr_cdt_trf_initn
    found = wire.only(body.pmt_inf, "PmtInf")
    account = wire.read_account(found.dbtr_acct)
    execute_on = wire.read_day(found.reqd_exctn_dt.dt or found.reqd_exctn_dt.dt_tm)
    if account is None or execute_on is None:
        raise UnsupportedContentError("PmtInf", "DbtrAcct/Id and ReqdExctnDt", "one less")
    return PaymentOrder(
        message_id=body.grp_hdr.msg_id,
        created_s=wire.read_instant(body.grp_hdr.cre_dt_tm),
        initiator=wire.read_party(body.grp_hdr.initg_pty),
        order_id=found.pmt_inf_id,
        execute_on=execute_on,
        debtor=wire.read_party(found.dbtr),
        debtor_account=account,
        debtor_agent=wire.read_agent(found.dbtr_agt),
        charges=wire.read_bearer(found.chrg_br),
        transfers=tuple(_read_transfer(one) for one in found.cdt_trf_tx_inf),
    )


def build_order_status(m: Any, value: OrderStatus) -> Any:
    """Return the Document of a pain.002."""
    group = m.OriginalGroupHeader17(orgnl_msg_id=value.original_message_id, orgnl_msg_nm_id=value.original_definition)
    payment = m.OriginalPaymentInstruction32(
        orgnl_pmt_inf_id=value.order_id, tx_inf_and_sts=[_status(m, one) for one in value.transfers]
    )
    report = m.CustomerPaymentStatusReportV10(
        grp_hdr=m.GroupHeader86(
            msg_id=value.message_id,
            cre_dt_tm=wire.instant(value.created_s),
            dbtr_agt=wire.agent(m, value.debtor_agent),
        ),
        orgnl_grp_inf_and_sts=group,
        orgnl_pmt_inf_and_sts=[payment],
    )
    return m.Document(cstmr_pmt_sts_rpt=report)


def read_order_status(document: Any) -> OrderStatus:
    """Return what a pain.002 of one order says."""
    body = document.cstmr_pmt_sts_rpt
    found = wire.only(body.orgnl_pmt_inf_and_sts, "OrgnlPmtInfAndSts")
    if body.grp_hdr.dbtr_agt is None:
        raise UnsupportedContentError("GrpHdr", "DbtrAgt", "none")
    return OrderStatus(
        message_id=body.grp_hdr.msg_id,
        created_s=wire.read_instant(body.grp_hdr.cre_dt_tm),
        debtor_agent=wire.read_agent(body.grp_hdr.dbtr_agt),
        original_message_id=body.orgnl_grp_inf_and_sts.orgnl_msg_id,
        original_definition=body.orgnl_grp_inf_and_sts.orgnl_msg_nm_id,
        order_id=found.orgnl_pmt_inf_id,
        transfers=tuple(_read_status(one) for one in found.tx_inf_and_sts),
    )


def _transfer(m: Any, value: OrderedTransfer) -> Any:
    return m.CreditTransferTransaction34(
        pmt_id=m.PaymentIdentification6(
            instr_id=value.instruction_id, end_to_end_id=value.end_to_end_id, uetr=value.uetr
        ),
        amt=m.AmountType4Choice(instd_amt=wire.amount(m.ActiveOrHistoricCurrencyAndAmount, value.amount)),
        cdtr_agt=wire.agent(m, value.creditor_agent),
        cdtr=wire.party(m, value.creditor),
        cdtr_acct=wire.account(m, value.creditor_account),
        rmt_inf=wire.remittance(m, value.remittance),
    )


def _read_transfer(value: Any) -> OrderedTransfer:
    if value.amt.instd_amt is None or value.cdtr is None:
        raise UnsupportedContentError("CdtTrfTxInf", "Amt/InstdAmt and Cdtr", "one less")
    return OrderedTransfer(
        instruction_id=value.pmt_id.instr_id,
        end_to_end_id=value.pmt_id.end_to_end_id,
        uetr=value.pmt_id.uetr,
        amount=wire.read_amount(value.amt.instd_amt),
        creditor=wire.read_party(value.cdtr),
        creditor_account=wire.read_account(value.cdtr_acct),
        creditor_agent=wire.read_agent_or_none(value.cdtr_agt),
        remittance=wire.read_remittance(value.rmt_inf),
    )


def _status(m: Any, value: TransferStatus) -> Any:
    return m.PaymentTransaction105(
        orgnl_instr_id=value.instruction_id,
        orgnl_end_to_end_id=value.end_to_end_id,
        orgnl_uetr=value.uetr,
        tx_sts=value.status,
        sts_rsn_inf=wire.reason(m.StatusReasonInformation12, m.StatusReason6Choice, value.reason),
    )


def _read_status(value: Any) -> TransferStatus:
    if value.orgnl_end_to_end_id is None or value.tx_sts is None:
        raise UnsupportedContentError("TxInfAndSts", "OrgnlEndToEndId and TxSts", "one less")
    return TransferStatus(
        end_to_end_id=value.orgnl_end_to_end_id,
        status=value.tx_sts,
        instruction_id=value.orgnl_instr_id,
        uetr=value.orgnl_uetr,
        reason=wire.read_reason(value.sts_rsn_inf),
    )
