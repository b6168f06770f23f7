"""Between our values and the pyiso20022 models that several messages share.

`m` is the module of one message's models: they are generated anew for each message, with equal names and fields, so
they are addressed by name. What is absent in a message is None here.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any, Final, TypeVar

from fx.money import Money
from node.messages.iso20022.errors import UnsupportedContentError
from node.messages.iso20022.parts import (
    Account,
    Address,
    Agent,
    ChargeBearer,
    ClearingMember,
    Original,
    Party,
    Reason,
    Remittance,
    Settlement,
    SettlementMethod,
)

T = TypeVar("T")
_INVOICE: Final = "CINV"


@cache
def models(definition: str) -> Any:
    """Return the module of the models of a message: `pacs.008.001.08` is pyiso20022.pacs.pacs_008_001_08."""
    return import_module(f"pyiso20022.{definition[:4]}.{definition.replace('.', '_')}")


def only(values: Sequence[T], field: str) -> T:
    """Return the one value there is.

    Raises:
        UnsupportedContentError: there is none, or more than one.
    """
    if len(values) != 1:
        raise UnsupportedContentError(field, "one", len(values))
    return values[0]


def instant(at_s: int) -> str:
    """Write unix seconds as ISO 8601 in UTC, with the offset in digits."""
    return datetime.fromtimestamp(at_s, UTC).isoformat()


def read_instant(value: Any) -> int:
    """Return whole unix seconds.

    Raises:
        UnsupportedContentError: a year beyond 9999, hour 24 or a fraction of many digits, which a schema allows.
    """
    # What the parser cannot take for a time it leaves as text.
    if isinstance(value, str):
        raise UnsupportedContentError("time", "a time with a fraction of at most nine digits", value)
    try:
        return int(value.to_datetime().timestamp())
    except (ValueError, OverflowError) as error:
        raise UnsupportedContentError("time", "a year from 1 to 9999 and an hour below 24", value) from error


def start_of(value: Any) -> int:
    """Return the unix seconds at which a date starts in UTC."""
    on = read_day(value)
    return 0 if on is None else int(datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp())


def day(on: date | None) -> str | None:
    """Write a date."""
    return None if on is None else on.isoformat()


def read_day(value: Any) -> date | None:
    """Return a date.

    Raises:
        UnsupportedContentError: a year beyond 9999, which a schema allows.
    """
    try:
        return None if value is None else date(value.year, value.month, value.day)
    except ValueError as error:
        raise UnsupportedContentError("date", "a year from 1 to 9999", value) from error


def amount(kind: Any, money: Money) -> Any:
    """Write an amount as the model `kind`."""
    return kind(value=Decimal(money.plain()), ccy=money.currency.code)


def read_amount(value: Any) -> Money:
    """Return an amount."""
    return Money.parse(format(value.value, "f"), value.ccy)


def address(m: Any, value: Address | None) -> Any:
    """Write a postal address."""
    if value is None:
        return None
    return m.PostalAddress24(
        strt_nm=value.street,
        bldg_nb=value.building,
        pst_cd=value.post_code,
        twn_nm=value.town,
        ctry=value.country,
        adr_line=list(value.lines),
    )


def read_address(value: Any) -> Address | None:
    """Return a postal address."""
    if value is None:
        return None
    return Address(
        country=value.ctry,
        town=value.twn_nm,
        street=value.strt_nm,
        building=value.bldg_nb,
        post_code=value.pst_cd,
        lines=tuple(value.adr_line),
    )


def agent(m: Any, value: Agent | None) -> Any:
    """Write an agent."""
    if value is None:
        return None
    return m.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=m.FinancialInstitutionIdentification18(
            bicfi=value.bic,
            clr_sys_mmb_id=_clearing(m, value.clearing),
            lei=value.lei,
            nm=value.name,
            pstl_adr=address(m, value.address),
        )
    )


def _clearing(m: Any, value: ClearingMember | None) -> Any:
    if value is None:
        return None
    system = None if value.system is None else m.ClearingSystemIdentification2Choice(cd=value.system)
    return m.ClearingSystemMemberIdentification2(clr_sys_id=system, mmb_id=value.member)


def read_agent(value: Any) -> Agent:
    """Return an agent."""
    found = value.fin_instn_id
    member = found.clr_sys_mmb_id
    system = None if member is None or member.clr_sys_id is None else member.clr_sys_id.cd or member.clr_sys_id.prtry
    return Agent(
        bic=found.bicfi,
        lei=found.lei,
        clearing=None if member is None else ClearingMember(system, member.mmb_id),
        name=found.nm,
        address=read_address(found.pstl_adr),
    )


def read_agent_or_none(value: Any) -> Agent | None:
    """Return an agent, None where there is none."""
    return None if value is None else read_agent(value)


def party(m: Any, value: Party | None) -> Any:
    """Write a party."""
    if value is None:
        return None
    has_id = value.lei is not None or value.bic is not None
    return m.PartyIdentification135(
        nm=value.name,
        pstl_adr=address(m, value.address),
        id=m.Party38Choice(org_id=m.OrganisationIdentification29(any_bic=value.bic, lei=value.lei)) if has_id else None,
    )


def read_party(value: Any) -> Party:
    """Return a party."""
    organisation = None if value.id is None else value.id.org_id
    return Party(
        name=value.nm,
        address=read_address(value.pstl_adr),
        lei=None if organisation is None else organisation.lei,
        bic=None if organisation is None else organisation.any_bic,
    )


def either(m: Any, value: Party | Agent) -> Any:
    """Write a party or an agent, where a message takes both."""
    if isinstance(value, Agent):
        return m.Party40Choice(agt=agent(m, value))
    return m.Party40Choice(pty=party(m, value))


def read_either(value: Any) -> Party | Agent:
    """Return a party or an agent."""
    return read_party(value.pty) if value.agt is None else read_agent(value.agt)


def read_institution(value: Any, field: str) -> Agent:
    """Return the agent where a message takes both, and this node only agents."""
    if value.agt is None:
        raise UnsupportedContentError(field, "an agent", "a party")
    return read_agent(value.agt)


def account(m: Any, value: Account | None) -> Any:
    """Write an account."""
    return None if value is None else m.CashAccount38(id=account_id(m, value))


def account_id(m: Any, value: Account) -> Any:
    """Write an account's id."""
    other = None if value.number is None else m.GenericAccountIdentification1(id=value.number)
    return m.AccountIdentification4Choice(iban=value.iban, othr=other)


def read_account(value: Any) -> Account | None:
    """Return an account."""
    if value is None or value.id is None:
        return None
    return Account(iban=value.id.iban, number=None if value.id.othr is None else value.id.othr.id)


def settlement(m: Any, value: Settlement) -> Any:
    """Write how agents settle."""
    return m.SettlementInstruction7(
        sttlm_mtd=m.SettlementMethod1Code(value.method.value),
        sttlm_acct=account(m, value.account),
        instg_rmbrsmnt_agt=agent(m, value.instructing_reimbursement),
        instd_rmbrsmnt_agt=agent(m, value.instructed_reimbursement),
    )


def read_settlement(value: Any) -> Settlement:
    """Return how agents settle."""
    return Settlement(
        method=SettlementMethod(value.sttlm_mtd.value),
        account=read_account(value.sttlm_acct),
        instructing_reimbursement=read_agent_or_none(value.instg_rmbrsmnt_agt),
        instructed_reimbursement=read_agent_or_none(value.instd_rmbrsmnt_agt),
    )


def bearer(m: Any, value: ChargeBearer | None) -> Any:
    """Write who bears charges."""
    return None if value is None else m.ChargeBearerType1Code(value.value)


def read_bearer(value: Any) -> ChargeBearer | None:
    """Return who bears charges."""
    return None if value is None else ChargeBearer(value.value)


def remittance(m: Any, value: Remittance | None) -> Any:
    """Write what a payment is for: reference and invoice structured, words beside them; words alone unstructured."""
    if value is None:
        return None
    if value.reference is None and value.invoice is None:
        return m.RemittanceInformation16(ustrd=[] if value.text is None else [value.text])
    structured = m.StructuredRemittanceInformation16(
        rfrd_doc_inf=[] if value.invoice is None else [_invoice(m, value.invoice)],
        cdtr_ref_inf=None if value.reference is None else m.CreditorReferenceInformation2(ref=value.reference),
        addtl_rmt_inf=[] if value.text is None else [value.text],
    )
    return m.RemittanceInformation16(strd=[structured])


def read_remittance(value: Any) -> Remittance | None:
    """Return what a payment is for: the first reference and the first words."""
    if value is None:
        return None
    references = [one.cdtr_ref_inf.ref for one in value.strd if one.cdtr_ref_inf is not None]
    texts = [*value.ustrd, *(text for one in value.strd for text in one.addtl_rmt_inf)]
    invoices = [
        document.nb
        for one in value.strd
        for document in one.rfrd_doc_inf
        if document.nb is not None and _is_invoice(document)
    ]
    return Remittance(
        reference=next(iter(references), None), text=next(iter(texts), None), invoice=next(iter(invoices), None)
    )


def _invoice(m: Any, number: str) -> Any:
    kind = m.ReferredDocumentType3Choice(cd=m.DocumentType6Code(_INVOICE))
    return m.ReferredDocumentInformation7(tp=m.ReferredDocumentType4(cd_or_prtry=kind), nb=number)


def _is_invoice(document: Any) -> bool:
    kind = None if document.tp is None else document.tp.cd_or_prtry.cd
    return kind is not None and kind.value == _INVOICE


def original(m: Any, value: Original) -> dict[str, Any]:
    """Return the fields that name the original payment in a transaction of pacs.002, 004, 028, camt.029, 056."""
    return {
        "orgnl_grp_inf": m.OriginalGroupInformation29(orgnl_msg_id=value.message_id, orgnl_msg_nm_id=value.definition),
        "orgnl_instr_id": value.instruction_id,
        "orgnl_end_to_end_id": value.end_to_end_id,
        "orgnl_uetr": value.uetr,
    }


def original_amount(m: Any, value: Original) -> dict[str, Any]:
    """Return the fields that tell its amount and date, where a message takes them."""
    kind = m.ActiveOrHistoricCurrencyAndAmount
    return {
        "orgnl_intr_bk_sttlm_amt": None if value.amount is None else amount(kind, value.amount),
        "orgnl_intr_bk_sttlm_dt": day(value.settlement_on),
    }


def read_original(value: Any, field: str) -> Original:
    """Return the payment that a transaction names."""
    group = value.orgnl_grp_inf
    if group is None or value.orgnl_uetr is None:
        raise UnsupportedContentError(field, "OrgnlGrpInf and OrgnlUETR", "one less")
    settled = getattr(value, "orgnl_intr_bk_sttlm_amt", None)
    return Original(
        message_id=group.orgnl_msg_id,
        definition=group.orgnl_msg_nm_id,
        uetr=value.orgnl_uetr,
        end_to_end_id=value.orgnl_end_to_end_id,
        instruction_id=value.orgnl_instr_id,
        amount=None if settled is None else read_amount(settled),
        settlement_on=read_day(getattr(value, "orgnl_intr_bk_sttlm_dt", None)),
    )


def reason(information: Any, choice: Any, value: Reason | None) -> list[Any]:
    """Write a reason as the models `information` around `choice`."""
    return [] if value is None else [information(rsn=choice(cd=value.code), addtl_inf=list(value.lines))]


def read_reason(values: Sequence[Any]) -> Reason | None:
    """Return the first reason that has a code."""
    for value in values:
        if value.rsn is not None:
            return Reason(value.rsn.cd or value.rsn.prtry, tuple(value.addtl_inf))
    return None
