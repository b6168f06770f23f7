"""Cases: camt.056 asks to cancel a payment, camt.029 answers; camt.110 asks about one, camt.111 answers."""

from dataclasses import dataclass
from typing import Any

from node.messages.iso20022 import wire
from node.messages.iso20022.errors import UnsupportedContentError
from node.messages.iso20022.parts import Agent, Original, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequest:
    """camt.056: please cancel this payment, or send its money back."""

    message_id: str
    created_s: int
    assigner: Agent
    assignee: Agent
    case_id: str
    original: Original
    reason: Reason
    """ISO 20022 external code: DUPL twice, CUST by the customer, FRAD fraud, AGNT wrong agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationAnswer:
    """camt.029: what became of the request."""

    message_id: str
    created_s: int
    assigner: Agent
    assignee: Agent
    case_id: str
    original: Original
    confirmation: str
    """ISO 20022 external code: CNCL cancelled, RJCR rejected (with a reason), PDCR pending."""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvestigationRequest:
    """camt.110: a question about a payment. Its time is the header's."""

    message_id: str
    case_id: str
    kind: str
    """ISO 20022 external investigation type, such as UTAP, unable to apply."""
    requestor: Agent
    responder: Agent
    original: Original
    reason: str
    """ISO 20022 external investigation reason."""
    narrative: str | None = None
    """At most 500 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvestigationResponse:
    """camt.111: the answer to a question about a payment."""

    message_id: str
    status: str
    """ISO 20022 external investigation status, such as CLSD."""
    request_id: str
    """Message id of the camt.110."""
    case_id: str
    kind: str
    requestor: Agent
    responder: Agent
    original: Original
    narrative: str | None = None


def build_cancellation_request(m: Any, value: CancellationRequest) -> Any:
    """Return the Document of a camt.056."""
    transaction = m.PaymentTransaction106(
        cxl_id=value.case_id,
        case=_case(m, value.case_id, value.assigner),
        **wire.original(m, value.original),
        **wire.original_amount(m, value.original),
        cxl_rsn_inf=wire.reason(m.PaymentCancellationReason5, m.CancellationReason33Choice, value.reason),
    )
    request = m.FitoFipaymentCancellationRequestV08(
        assgnmt=_assignment(m, value), undrlyg=[m.UnderlyingTransaction23(tx_inf=[transaction])]
    )
    return m.Document(fito_fipmt_cxl_req=request)


def read_cancellation_request(document: Any) -> CancellationRequest:
    """Return what a camt.056 says."""
    body = document.fito_fipmt_cxl_req
    found = wire.only(wire.only(body.undrlyg, "Undrlyg").tx_inf, "TxInf")
    reason = wire.read_reason(found.cxl_rsn_inf)
    if reason is None:
        raise UnsupportedContentError("CxlRsnInf", "a reason", "none")
    return CancellationRequest(
        **_assigned(body.assgnmt),
        case_id=_case_id(body.case, found.case, found.cxl_id),
        original=wire.read_original(found, "TxInf"),
        reason=reason,
    )


def build_cancellation_answer(m: Any, value: CancellationAnswer) -> Any:
    """Return the Document of a camt.029."""
    transaction = m.PaymentTransaction102(
        cxl_sts_id=value.case_id,
        rslvd_case=_case(m, value.case_id, value.assignee),
        **wire.original(m, value.original),
        **wire.original_amount(m, value.original),
        cxl_sts_rsn_inf=wire.reason(m.CancellationStatusReason4, m.CancellationStatusReason3Choice, value.reason),
    )
    answer = m.ResolutionOfInvestigationV09(
        assgnmt=_assignment(m, value),
        sts=m.InvestigationStatus5Choice(conf=value.confirmation),
        cxl_dtls=[m.UnderlyingTransaction22(tx_inf_and_sts=[transaction])],
    )
    return m.Document(rsltn_of_invstgtn=answer)


def read_cancellation_answer(document: Any) -> CancellationAnswer:
    """Return what a camt.029 says."""
    body = document.rsltn_of_invstgtn
    found = wire.only(wire.only(body.cxl_dtls, "CxlDtls").tx_inf_and_sts, "TxInfAndSts")
    if body.sts.conf is None:
        raise UnsupportedContentError("Sts", "Conf", "another choice")
    return CancellationAnswer(
        **_assigned(body.assgnmt),
        case_id=_case_id(body.rslvd_case, found.rslvd_case, found.cxl_sts_id),
        original=wire.read_original(found, "TxInfAndSts"),
        confirmation=body.sts.conf,
        reason=wire.read_reason(found.cxl_sts_rsn_inf),
    )


def build_investigation_request(m: Any, value: InvestigationRequest) -> Any:
    """Return the Document of a camt.110."""
    narrative = value.narrative
    request = m.InvestigationRequest2(
        msg_id=value.message_id,
        rqstr_invstgtn_id=value.case_id,
        invstgtn_tp=m.InvestigationType1Choice(cd=value.kind),
        undrlyg=_underlying(m, value.original),
        rqstr=wire.either(m, value.requestor),
        rspndr=wire.either(m, value.responder),
    )
    data = m.InvestigationReason2(
        rsn=m.InvestigationReason1Choice(cd=value.reason),
        addtl_req_data=None if narrative is None else m.AdditionalRequestData1Choice(req_nrrtv=narrative),
    )
    return m.Document(invstgtn_req=m.InvestigationRequestV01(invstgtn_req=request, invstgtn_data=[data]))


def read_investigation_request(document: Any) -> InvestigationRequest:
    """Return what a camt.110 says."""
    body = document.invstgtn_req
    found = body.invstgtn_req
    data = wire.only(body.invstgtn_data, "InvstgtnData")
    return InvestigationRequest(
        message_id=found.msg_id,
        **_asked(found),
        reason=data.rsn.cd or data.rsn.prtry,
        narrative=None if data.addtl_req_data is None else data.addtl_req_data.req_nrrtv,
    )


def build_investigation_response(m: Any, value: InvestigationResponse) -> Any:
    """Return the Document of a camt.111."""
    narrative = value.narrative
    response = m.InvestigationResponse3(
        msg_id=value.message_id,
        invstgtn_sts=m.InvestigationStatus2(sts=value.status),
        invstgtn_data=[]
        if narrative is None
        else [m.InvestigationData2(rspn_data=m.InvestigationDataRecord1Choice(rspn_nrrtv=narrative))],
    )
    request = m.InvestigationRequest3(
        msg_id=value.request_id,
        rqstr_invstgtn_id=value.case_id,
        invstgtn_tp=m.InvestigationType1Choice(cd=value.kind),
        undrlyg=_underlying(m, value.original),
        rqstr=wire.either(m, value.requestor),
        rspndr=wire.either(m, value.responder),
    )
    return m.Document(invstgtn_rspn=m.InvestigationResponseV01(invstgtn_rspn=response, orgnl_invstgtn_req=request))


def read_investigation_response(document: Any) -> InvestigationResponse:
    """Return what a camt.111 says."""
    body = document.invstgtn_rspn
    found, request = body.invstgtn_rspn, body.orgnl_invstgtn_req
    narratives = (one.rspn_data.rspn_nrrtv for one in found.invstgtn_data)
    return InvestigationResponse(
        message_id=found.msg_id,
        status=found.invstgtn_sts.sts,
        request_id=request.msg_id,
        **_asked(request),
        narrative=next((text for text in narratives if text is not None), None),
    )


def _assignment(m: Any, value: CancellationRequest | CancellationAnswer) -> Any:
    return m.CaseAssignment5(
        id=value.message_id,
        assgnr=wire.either(m, value.assigner),
        assgne=wire.either(m, value.assignee),
        cre_dt_tm=wire.instant(value.created_s),
    )


def _assigned(assignment: Any) -> dict[str, Any]:
    return {
        "message_id": assignment.id,
        "created_s": wire.read_instant(assignment.cre_dt_tm),
        "assigner": wire.read_institution(assignment.assgnr, "Assgnr"),
        "assignee": wire.read_institution(assignment.assgne, "Assgne"),
    }


def _case(m: Any, case_id: str, creator: Agent) -> Any:
    return m.Case5(id=case_id, cretr=wire.either(m, creator))


def _case_id(outer: Any, inner: Any, own: str | None) -> str:
    for case in (inner, outer):
        if case is not None:
            return str(case.id)
    if own is None:
        raise UnsupportedContentError("Case", "a case id", "none")
    return own


def _underlying(m: Any, value: Original) -> Any:
    group = m.UnderlyingGroupInformation1(orgnl_msg_id=value.message_id, orgnl_msg_nm_id=value.definition)
    payment = m.UnderlyingPaymentTransaction7(
        orgnl_grp_inf=group,
        orgnl_instr_id=value.instruction_id,
        orgnl_end_to_end_id=value.end_to_end_id,
        orgnl_uetr=value.uetr,
        **wire.original_amount(m, value),
    )
    return m.UnderlyingData2Choice(intr_bk=payment)


def _asked(request: Any) -> dict[str, Any]:
    if request.undrlyg is None or request.undrlyg.intr_bk is None:
        raise UnsupportedContentError("Undrlyg", "IntrBk, a payment between banks", "another choice")
    return {
        "case_id": request.rqstr_invstgtn_id or request.msg_id,
        "kind": request.invstgtn_tp.cd or request.invstgtn_tp.prtry,
        "requestor": wire.read_institution(request.rqstr, "Rqstr"),
        "responder": wire.read_institution(request.rspndr, "Rspndr"),
        "original": wire.read_original(request.undrlyg.intr_bk, "Undrlyg"),
    }
