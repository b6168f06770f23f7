"""Oracle reporters: each signs a report for a round, one of them collects and submits.

A round is reported when the rate has moved, when a jump waits for its second round, or when the last recorded one
grows old; a round that would say the same again is left out, since it would cost a transaction and tell nothing.
The collector of a round is the reporter whose turn it is (round modulo reporters, by address). The others send it
their reports; with more than two thirds it submits. A round that nobody submitted is no loss: the next one counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from fx.checks import BPS
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.service import ParticipantService
from node.quotes.desk import signature_of
from node.quotes.errors import MessageRejectedError, UnavailableError
from node.quotes.rates import LedgerRates, pair_id
from node.quotes.store import OracleReport, OracleRound
from node.quotes.wire import from_json, hex_of, to_json
from node.storage import outbox
from node.storage.cursor import booked_until_s
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

REPORT: Final = "quotes.report"
ROUNDS_KEPT: Final = 48
"""Reports of older rounds are deleted."""


@dataclass(frozen=True, slots=True)
class OraclePair:
    """A pair `EUR/KES` and the length of its rounds, as configured in FxOracle."""

    name: str
    period_s: int
    refresh_s: int = 3 * 86_400
    """Age of the last recorded round at which it is reported anew: well below the pair's heartbeat."""
    deviation_bps: int = 50
    """Move since the last recorded median that is reported at once."""


class OracleReporter:
    """Reports reference rates for one institution with role REPORTER."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        participants: ParticipantService,
        messages: MessageService,
        rates: LedgerRates,
        pairs: Sequence[OraclePair],
    ) -> None:
        self._deployment = deployment
        self._participants = participants
        self._messages = messages
        self._rates = rates
        self._pairs = {pair.name: pair for pair in pairs}

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Report on the round that this block's time belongs to, once."""
        for pair in self._pairs.values():
            number = block.time_s // pair.period_s
            if session.get(OracleRound, (pair.name, number)) is not None:
                continue
            try:
                rate = self._rates.oracle_rate(block.time_s, pair.name)
            except UnavailableError:
                # Nothing observed is nothing reported; the last median grows old, as it should.
                continue
            if self._is_wanted(session, pair, rate, block.time_s):
                self._report(session, pair, number, rate, block.time_s)

    def on_report(self, session: Session, message: Message) -> None:
        """Keep another reporter's report; submit the round once there are enough."""
        sender = self._participants.directory.institution(message.sender)
        report = from_json("Report", message.body.get("report"), "report")
        pair = self._pairs.get(report["pair"].rstrip(b"\0").decode("ascii", "replace"))
        if pair is None or Role.REPORTER not in sender.roles:
            raise MessageRejectedError("report.pair", "a known pair, from a reporter", message.sender)
        if report["observed_at"] // pair.period_s != report["round"]:
            raise MessageRejectedError(
                "report.observed_at", f"a time of round {report['round']}", report["observed_at"]
            )
        signature = signature_of(message.body.get("signature"), "signature")
        try:
            signer = secp256k1.recover(self._digest(report), signature)
        except PqcRejectedError as error:
            raise MessageRejectedError("signature", "the reporter's signature", str(error)) from error
        if signer != sender.address:
            raise MessageRejectedError("signature", f"a signature of {sender.address}", signer)
        self._keep(session, pair, signer, report, signature)
        self._submit(session, pair, report["round"])

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Book a recorded round and forget what is old."""
        if event.contract != "FxOracle" or event.name != "RoundRecorded":
            return
        name = event.args["pair"].rstrip(b"\0").decode("ascii", "replace")
        row = self._round(session, name, event.args["round"])
        row.submitted, row.median, row.usable = True, event.args["median"], event.args["usable"]
        oldest = event.args["round"] - ROUNDS_KEPT
        session.execute(delete(OracleReport).where(OracleReport.pair == name, OracleReport.round < oldest))
        session.execute(delete(OracleRound).where(OracleRound.pair == name, OracleRound.round < oldest))

    def _is_wanted(self, session: Session, pair: OraclePair, rate: int, now_s: int) -> bool:
        """Tell whether a report of `rate` says something that the chain does not say already."""
        recorded = select(OracleRound).where(OracleRound.pair == pair.name, OracleRound.median.is_not(None))
        last = session.scalar(recorded.order_by(OracleRound.round.desc()).limit(1))
        if last is None or last.median is None or not last.usable:
            return True
        is_old = now_s - last.round * pair.period_s >= pair.refresh_s
        return is_old or abs(rate - last.median) * BPS >= last.median * pair.deviation_bps

    def _report(self, session: Session, pair: OraclePair, number: int, rate: int, now_s: int) -> None:
        self._round(session, pair.name, number)
        report = {"pair": pair_id(pair.name), "rate": rate, "observed_at": now_s, "round": number}
        institution = self._participants.institution
        signature = self._participants.sign_typed(
            session,
            signer=institution.id,
            domain=self._deployment.domain("FxOracle"),
            primary_type="Report",
            message=report,
            given_by="oracle reporter",
            now_s=now_s,
        )
        reporters = self._reporters()
        collector = reporters[number % len(reporters)]
        if collector == institution.id:
            self._keep(session, pair, institution.address, report, signature)
            self._submit(session, pair, number)
            return
        self._messages.send(
            session,
            to=collector,
            kind=REPORT,
            message_id=f"report/{pair.name}/{number}",
            body={"report": to_json("Report", report), "signature": hex_of(signature)},
        )

    def _submit(self, session: Session, pair: OraclePair, number: int) -> None:
        row = self._round(session, pair.name, number)
        current = booked_until_s(session) // pair.period_s
        if row.submitted or number < current:
            return
        reports = session.scalars(
            select(OracleReport)
            .where(OracleReport.pair == pair.name, OracleReport.round == number)
            .order_by(OracleReport.reporter)
        ).all()
        if 3 * len(reports) <= 2 * len(self._reporters()):
            return
        row.submitted = True
        signed = [(report.reporter, report.rate, report.observed_at_s, report.signature) for report in reports]
        outbox.enqueue(
            session,
            contract="FxOracle",
            function="submit",
            args=(pair_id(pair.name), number, signed),
            reference=f"oracle:{pair.name}:{number}",
        )

    def _keep(
        self, session: Session, pair: OraclePair, reporter: str, report: typed_data.Message, signature: bytes
    ) -> None:
        key = (pair.name, report["round"], reporter)
        if session.get(OracleReport, key) is not None:
            return
        session.add(
            OracleReport(
                pair=pair.name,
                round=report["round"],
                reporter=reporter,
                rate=report["rate"],
                observed_at_s=report["observed_at"],
                signature=signature,
            )
        )
        session.flush()

    def _round(self, session: Session, pair: str, number: int) -> OracleRound:
        found = session.get(OracleRound, (pair, number))
        if found is None:
            found = OracleRound(pair=pair, round=number, submitted=False, median=None, usable=None)
            session.add(found)
            session.flush()
        return found

    def _reporters(self) -> list[str]:
        reporters = self._participants.directory.with_role(Role.REPORTER)
        return [institution.id for institution in sorted(reporters, key=lambda found: found.address)]

    def _digest(self, report: typed_data.Message) -> bytes:
        return typed_data.digest(self._deployment.domain("FxOracle"), "Report", report)
