"""From a replayed story and the signed terms to the facts a verifier hands on, names included."""

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.proofs.blocks import ProvenBlock
from bridge.proofs.fields import get_mapping, get_text
from bridge.proofs.network import Network
from bridge.proofs.records import FLOAT, NO_ONE, Milestone, Story
from bridge.proofs.statement import printable
from bridge.proofs.validator_changes import ValidatorHistory
from bridge.proofs.verified import Party, VerifiedHappening, VerifiedMilestone, VerifiedPack, VerifiedPayment


def collect_facts(
    network: Network,
    documents: Sequence[Mapping[str, Any]],
    story: Story,
    blocks: tuple[ProvenBlock, ...],
    history: ValidatorHistory,
    is_trusted: bool,
) -> VerifiedPack:
    """Return what blocks, story and terms prove; consents, quotes and attestations are filled in by the caller."""
    terms, document = story.terms, documents[-1]
    return VerifiedPack(
        genesis_hash=network.genesis_hash,
        is_trusted=is_trusted,
        network=network.name,
        chain_id=network.chain_id,
        trade_id=story.trade_id,
        document=document,
        terms=terms,
        policy=story.policy,
        version=story.version,
        importer=_party(document, "importer", terms["importer"]),
        exporter=_party(document, "exporter", terms["exporter"]),
        invoice_token=network.tokens[terms["invoice_token"]],
        invoice_minor=terms["invoice_amount"],
        funding_token=network.tokens[terms["funding_token"]],
        funding_minor=story.funding_minor,
        funded_at=story.funded_at,
        funded_in=story.funded_in,
        consents={},
        quotes=(),
        attestations=(),
        equivocations=tuple(
            (index, name_of(network, attester), block) for index, attester, block in story.equivocations
        ),
        milestones=tuple(_milestone(network, story, one) for one in story.milestones),
        payments=_payments(network, documents, story),
        happenings=tuple(
            VerifiedHappening(
                kind=one.kind,
                milestone=one.milestone,
                account="" if one.account == NO_ONE else _known_as(network, document, one.account),
                amount_minor=one.amount_minor,
                detail=one.detail,
                time_s=one.time_s,
                block=one.block,
            )
            for one in story.happenings
        ),
        premium_minor=story.leg.premium_minor if story.leg else 0,
        blocks=blocks,
        validators=len(network.validators),
        power_total=sum(validator.power for validator in network.validators),
        validator_changes=len(history.heights),
        closed_cause=story.closed_cause,
        closed_at=story.closed_at,
        closed_in=story.closed_in,
    )


def _milestone(network: Network, story: Story, one: Milestone) -> VerifiedMilestone:
    converted = story.policy == FLOAT and one.paid_minor > 0
    return VerifiedMilestone(
        index=one.index,
        kind=printable(one.terms["kind"].rstrip(b"\0").decode("utf-8")),
        weight_bps=one.terms["weight_bps"],
        amount_minor=one.amount_minor,
        why=one.why,
        share_bps=one.share_bps,
        waived_minor=one.waived_minor,
        due_minor=one.due_minor,
        paid_minor=one.paid_minor,
        fx_adjustment_minor=one.paid_minor - one.due_minor if converted else 0,
        refunded_minor=one.refunded_minor,
        slice_minor=one.slice_minor,
        sold_minor=one.sold_minor,
        paid_funding_minor=one.paid_funding_minor,
        returned_minor=one.returned_minor,
        last_resort=one.last_resort,
        assignee="" if one.assignee == NO_ONE else name_of(network, one.assignee),
        settled_at=one.settled_at,
        settled_in=one.settled_in,
    )


def _payments(network: Network, documents: Sequence[Mapping[str, Any]], story: Story) -> tuple[VerifiedPayment, ...]:
    named: dict[str, tuple[str, str]] = {
        one.assignee: (name_of(network, one.assignee), "assignee") for one in story.milestones
    }
    for document in documents:
        named |= _names(document, story)
    return tuple(
        VerifiedPayment(
            milestone=payment.milestone,
            account=payment.account,
            name=named[payment.account][0],
            purpose=named[payment.account][1],
            token=network.tokens[payment.token],
            amount_minor=payment.amount_minor,
            blocked_minor=payment.blocked_minor,
        )
        for payment in story.payments
    )


def _names(document: Mapping[str, Any], story: Story) -> dict[str, tuple[str, str]]:
    """Return name and purpose of those whom a version of the terms pays, by account."""
    exporter = _party(document, "exporter", story.terms["exporter"])
    named = {exporter.account: (exporter.name, "exporter")}
    for index, payee in enumerate(document["payees"]):
        name = printable(get_text(payee.get("name"), f"terms.document.payees[{index}].name"))
        purpose = printable(get_text(payee.get("purpose"), f"terms.document.payees[{index}].purpose"))
        known = named.get(payee["account"])
        if known is not None:
            name, purpose = f"{known[0]} / {name}", f"{known[1]} / {purpose}"
        named[payee["account"]] = (name, purpose)
    return named


def _known_as(network: Network, document: Mapping[str, Any], account: str) -> str:
    for side in ("importer", "exporter"):
        party = get_mapping(document.get(side), f"terms.document.{side}")
        if party.get("account") == account:
            return printable(get_text(party.get("name"), f"terms.document.{side}.name"))
    return name_of(network, account)


def _party(document: Mapping[str, Any], side: str, account: str) -> Party:
    path = f"terms.document.{side}"
    fields = get_mapping(document.get(side), path)
    name, bank = get_text(fields.get("name"), f"{path}.name"), get_text(fields.get("bank"), f"{path}.bank")
    return Party(account=account, name=printable(name), bank=printable(bank))


def name_of(network: Network, address: str) -> str:
    """Return an institution's name, or the address of a stranger."""
    institution = network.institutions.get(address)
    return printable(institution.name) if institution else address
