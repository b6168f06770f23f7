"""What the tables say about some trades, read for all of them at once: a list asks as often as a single trade."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session

from node.participants.service import ParticipantService
from node.trades.logistics.handing_in import is_current
from node.trades.store import Attestation, FxLeg, MilestoneRow, Motion, TermsVersion, Trade
from node.trades.terms.document import TermsDocument, parse_document

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_REFERENCES: Final[BindParameter[Any]] = bindparam("references", expanding=True)
# Asked at every list and page, so made once.
_LATEST: Final = (
    select(TermsVersion.reference, TermsVersion.document)
    .join(Trade, (TermsVersion.reference == Trade.reference) & (TermsVersion.version == Trade.version))
    .where(Trade.reference.in_(_REFERENCES))
)
_MILESTONES: Final = (
    select(MilestoneRow).where(MilestoneRow.trade_id.in_(_IDS)).order_by(MilestoneRow.trade_id, MilestoneRow.index)
)
_ATTESTATIONS: Final = (
    select(Attestation).where(Attestation.trade_id.in_(_IDS)).order_by(Attestation.signed_at_s, Attestation.attester)
)
_LEGS: Final = select(FxLeg).where(FxLeg.trade_id.in_(_IDS))
_MOVED: Final = select(Motion.reference).where(Motion.reference.in_(_REFERENCES)).distinct()


@dataclass(frozen=True, slots=True)
class Known:
    """Some trades with everything that is shown of each."""

    documents: Mapping[str, TermsDocument]
    """The latest terms, by reference."""
    milestones: Mapping[bytes | None, list[MilestoneRow]]
    """Of funded trades, by trade id, in their order."""
    attestations: Mapping[tuple[bytes | None, int], list[Attestation]]
    """Those about the present terms, by trade id and milestone, the oldest first."""
    legs: Mapping[bytes | None, FxLeg]
    in_motion: frozenset[str]
    """References of trades about which a motion was ever put."""
    names: Callable[[str], str]
    """What an account is called here: customers and institutions by name, others by address."""


def read_known(session: Session, participants: ParticipantService, trades: Sequence[Trade]) -> Known:
    """Return what is known of these trades."""
    references = [trade.reference for trade in trades]
    ids = [trade.trade_id for trade in trades if trade.trade_id is not None]
    milestones: defaultdict[bytes | None, list[MilestoneRow]] = defaultdict(list)
    attestations: defaultdict[tuple[bytes | None, int], list[Attestation]] = defaultdict(list)
    legs: dict[bytes | None, FxLeg] = {}
    if ids:
        for row in session.scalars(_MILESTONES, {"ids": ids}):
            milestones[row.trade_id].append(row)
        rows = {(row.trade_id, row.index): row for found in milestones.values() for row in found}
        for item in session.scalars(_ATTESTATIONS, {"ids": ids}):
            about = rows.get((item.trade_id, item.milestone))
            if about is None or is_current(item, about):
                attestations[item.trade_id, item.milestone].append(item)
        legs = {leg.trade_id: leg for leg in session.scalars(_LEGS, {"ids": ids})}
    latest = session.execute(_LATEST, {"references": references})
    return Known(
        documents={reference: parse_document(document) for reference, document in latest},
        milestones=milestones,
        attestations=attestations,
        legs=legs,
        in_motion=frozenset(session.scalars(_MOVED, {"references": references})),
        names=_names(session, participants),
    )


def _names(session: Session, participants: ParticipantService) -> Callable[[str], str]:
    names = {one.address: one.id for one in participants.directory}
    names |= participants.customer_names(session)
    return lambda account: names.get(account, account)
