"""Oracle reporters: each signs a report for a round, one of them collects and submits.

A round is reported when the rate has moved, when a jump waits for its second round, or when the last recorded one
grows old; a round that would say the same again is left out, since it would cost a transaction and tell nothing.
The collector of a round is the reporter whose turn it is (round modulo reporters, by address). The others send it
their reports; with more than two thirds it submits. A round that nobody submitted is no loss: the next one counts.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from fx.checks import BPS
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Role
from node.participants.service import ParticipantService
from node.quotes.errors import MessageRejectedError, RejectedError, UnavailableError
from node.quotes.medians import MedianBook, OraclePair, round_row
from node.quotes.rates import LedgerRates, pair_id
from node.quotes.store import OraclePause, OracleReport, OracleRound
from node.quotes.wire import from_json, hex_of, signature_of, to_json
from node.storage import outbox
from node.storage.cursor import booked_until_s
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

REPORT: Final = "quotes.report"
# Asked at every block, so made once.
_PAUSED: Final = select(OraclePause.pair)


class OracleReporter:
    """Reports reference rates for one institution with role REPORTER."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        participants: ParticipantService,
        messages: MessageService,
        rates: LedgerRates,
        medians: MedianBook,
    ) -> None:
        self._deployment = deployment
        self._participants = participants
        self._messages = messages
        self._rates = rates
        self._pairs = medians.pairs
        self._reported: dict[str, int] = {}
        """Rounds that are in the database, by pair: the last one each."""

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Report on the round that this block's time belongs to, once."""
        rounds = {pair.name: block.time_s // pair.period_s for pair in self._pairs.values()}
        if rounds == self._reported:
            return
        paused = self.paused(session)
        for pair in self._pairs.values():
            if pair.name in paused:
                continue
            number = rounds[pair.name]
            if session.get(OracleRound, (pair.name, number)) is not None:
                self._reported[pair.name] = number
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

    def pause(self, session: Session, pair: str, given_by: str) -> None:
        """Report a pair no more until `resume`: its source is in doubt, or a devnet plays a dead oracle.

        Raises:
            RejectedError: no such pair.
        """
        self._require_pair(pair)
        if session.get(OraclePause, pair) is None:
            session.add(OraclePause(pair=pair, given_by=given_by))

    def resume(self, session: Session, pair: str) -> None:
        """Report a pair again, from the next round on; RejectedError if there is no such pair."""
        self._require_pair(pair)
        found = session.get(OraclePause, pair)
        if found is not None:
            session.delete(found)

    def paused(self, session: Session) -> set[str]:
        """Return the pairs that are not reported for now."""
        return set(session.scalars(_PAUSED))

    def _require_pair(self, pair: str) -> None:
        if pair not in self._pairs:
            raise RejectedError("pair", f"one of {', '.join(sorted(self._pairs))}", pair)

    def _is_wanted(self, session: Session, pair: OraclePair, rate: int, now_s: int) -> bool:
        """Tell whether a report of `rate` says something that the chain does not say already."""
        recorded = select(OracleRound).where(OracleRound.pair == pair.name, OracleRound.median.is_not(None))
        last = session.scalar(recorded.order_by(OracleRound.round.desc()).limit(1))
        if last is None or last.median is None or not last.usable:
            return True
        is_old = now_s - last.round * pair.period_s >= pair.refresh_s
        return is_old or abs(rate - last.median) * BPS >= last.median * pair.deviation_bps

    def _report(self, session: Session, pair: OraclePair, number: int, rate: int, now_s: int) -> None:
        round_row(session, pair.name, number)
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
        row = round_row(session, pair.name, number)
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

    def _reporters(self) -> list[str]:
        reporters = self._participants.directory.with_role(Role.REPORTER)
        return [institution.id for institution in sorted(reporters, key=lambda found: found.address)]

    def _digest(self, report: typed_data.Message) -> bytes:
        return typed_data.digest(self._deployment.domain("FxOracle"), "Report", report)
