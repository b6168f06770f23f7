"""What follows a transfer: pacs.002 its status, pacs.028 a question for it, pacs.004 the money sent back."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fx.money import Money
from node.messages.iso20022 import wire
from node.messages.iso20022.errors import UnsupportedContentError
from node.messages.iso20022.parts import Agent, ChargeBearer, Original, Party, Reason, Settlement

REJECTED = "RJCT"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStatus:
    """pacs.002: what became of a payment."""

    message_id: str
    created_s: int
    instructing: Agent
    instructed: Agent
    original: Original
    status: str
    """ISO 20022 external code: ACSP in process, ACSC or ACCC settled, PDNG waiting, RJCT rejected (with a reason)."""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """pacs.028: what became of this payment?"""

    message_id: str
    created_s: int
    instructing: Agent
    instructed: Agent
    original: Original


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReturn:
    """pacs.004: a settled payment's money goes back; the debtor of the return is the original's creditor."""

    message_id: str
    created_s: int
    return_id: str
    instructing: Agent
    instructed: Agent
    original: Original
    amount: Money
    settlement_on: date
    settlement: Settlement
    debtor: Party | Agent
    creditor: Party | Agent
    reason: Reason
    debtor_agent: Agent | None = None
    creditor_agent: Agent | None = None
    charges: ChargeBearer | None = None


def build_payment_status(m: Any, value: PaymentStatus) -> Any:
    """Return the Document of a pacs.002."""
    transaction = m.PaymentTransaction110(
        **wire.original(m, value.original),
        tx_sts=value.status,
        sts_rsn_inf=wire.reason(m.StatusReasonInformation12, m.StatusReason6Choice, value.reason),
        instg_agt=wire.agent(m, value.instructing),
        instd_agt=wire.agent(m, value.instructed),
    )
    report = m.FitoFipaymentStatusReportV10(grp_hdr=_group(m, value), tx_inf_and_sts=[transaction])
    return m.Document(fito_fipmt_sts_rpt=report)


def read_payment_status(document: Any) -> PaymentStatus:
    """Return what a pacs.002 says."""
    body = document.fito_fipmt_sts_rpt
    found = wire.only(body.tx_inf_and_sts, "TxInfAndSts")
    return PaymentStatus(
        **_common(body.grp_hdr, found), status=found.tx_sts, reason=wire.read_reason(found.sts_rsn_inf)
    )


def build_status_request(m: Any, value: StatusRequest) -> Any:
    """Return the Document of a pacs.028."""
    transaction = m.PaymentTransaction113(
        **wire.original(m, value.original),
        instg_agt=wire.agent(m, value.instructing),
        instd_agt=wire.agent(m, value.instructed),
    )
    request = m.FitoFipaymentStatusRequestV03(grp_hdr=_group(m, value), tx_inf=[transaction])
    return m.Document(fito_fipmt_sts_req=request)


def read_status_request(document: Any) -> StatusRequest:
    """Return what a pacs.028 says."""
    body = document.fito_fipmt_sts_req
    return StatusRequest(**_common(body.grp_hdr, wire.only(body.tx_inf, "TxInf")))


def build_payment_return(m: Any, value: PaymentReturn) -> Any:
    """Return the Document of a pacs.004."""
    transaction = m.PaymentTransaction112(
        rtr_id=value.return_id,
        **wire.original(m, value.original),
        **wire.original_amount(m, value.original),
        rtrd_intr_bk_sttlm_amt=wire.amount(m.ActiveCurrencyAndAmount, value.amount),
        intr_bk_sttlm_dt=wire.day(value.settlement_on),
        chrg_br=wire.bearer(m, value.charges),
        instg_agt=wire.agent(m, value.instructing),
        instd_agt=wire.agent(m, value.instructed),
        rtr_chain=m.TransactionParties7(
            dbtr=wire.either(m, value.debtor),
            dbtr_agt=wire.agent(m, value.debtor_agent),
            cdtr_agt=wire.agent(m, value.creditor_agent),
            cdtr=wire.either(m, value.creditor),
        ),
        rtr_rsn_inf=wire.reason(m.PaymentReturnReason6, m.ReturnReason5Choice, value.reason),
    )
    group = m.GroupHeader90(
        msg_id=value.message_id,
        cre_dt_tm=wire.instant(value.created_s),
        nb_of_txs="1",
        sttlm_inf=wire.settlement(m, value.settlement),
    )
    return m.Document(pmt_rtr=m.PaymentReturnV09(grp_hdr=group, tx_inf=[transaction]))


def read_payment_return(document: Any) -> PaymentReturn:
    """Return what a pacs.004 says."""
    body = document.pmt_rtr
    found = wire.only(body.tx_inf, "TxInf")
    chain = found.rtr_chain
    reason = wire.read_reason(found.rtr_rsn_inf)
    settled_on = wire.read_day(found.intr_bk_sttlm_dt or body.grp_hdr.intr_bk_sttlm_dt)
    if chain is None or reason is None or settled_on is None:
        raise UnsupportedContentError("TxInf", "RtrChain, RtrRsnInf and IntrBkSttlmDt", "one less")
    return PaymentReturn(
        **_common(body.grp_hdr, found),
        return_id=found.rtr_id or body.grp_hdr.msg_id,
        amount=wire.read_amount(found.rtrd_intr_bk_sttlm_amt),
        settlement_on=settled_on,
        settlement=wire.read_settlement(body.grp_hdr.sttlm_inf),
        charges=wire.read_bearer(found.chrg_br),
        debtor=wire.read_either(chain.dbtr),
        debtor_agent=wire.read_agent_or_none(chain.dbtr_agt),
        creditor_agent=wire.read_agent_or_none(chain.cdtr_agt),
        creditor=wire.read_either(chain.cdtr),
        reason=reason,
    )


def _group(m: Any, value: PaymentStatus | StatusRequest) -> Any:
    return m.GroupHeader91(msg_id=value.message_id, cre_dt_tm=wire.instant(value.created_s))


def _common(group: Any, found: Any) -> dict[str, Any]:
    """Return the fields that all answers have."""
    return {
        "message_id": group.msg_id,
        "created_s": wire.read_instant(group.cre_dt_tm),
        "instructing": wire.read_agent(found.instg_agt or group.instg_agt),
        "instructed": wire.read_agent(found.instd_agt or group.instd_agt),
        "original": wire.read_original(found, "original payment"),
    }
