"""Messages that wait for a person: sent ones that were refused or given up, received ones that no handler took.

A person has one sent or handled again, sends what it should have said in its place, or rejects it with a reason. What
was decided, and by whom, stays with the message.
"""

from hashlib import sha256
from textwrap import wrap
from typing import Final

from anyascii import anyascii
from sqlalchemy.orm import Session

from node.messages import inbox, outbox, payloads, tracker
from node.messages.errors import NotCorrectableError
from node.messages.iso20022 import codec
from node.messages.iso20022.formats.answers import REJECTED, PaymentStatus
from node.messages.iso20022.formats.transfers import BankTransfer, CustomerTransfer
from node.messages.iso20022.parts import Agent, Header, Original, Reason
from node.messages.service import MessageService
from node.messages.store import ReceivedMessage
from node.messages.tracker import Track
from node.participants.directory import Directory, Institution
from node.storage.cursor import booked_until_s

STATUS: Final = "pacs.002.001.10"
_TRANSFERS: Final = ("pacs.008.", "pacs.009.")
# ISO 20022: the reason is in the words.
_IN_WORDS: Final = "NARR"
_LINE_CHARS: Final = 105
_LINES_MAX: Final = 2
_ID_CHARS: Final = 32


class Repairs:
    """The repair queue of one institution."""

    def __init__(self, *, institution_id: str, directory: Directory, messages: MessageService) -> None:
        self._institution_id = institution_id
        self._directory = directory
        self._messages = messages

    def resend(self, session: Session, message_id: str) -> Track:
        """Send a message again as it is.

        Raises:
            UnknownMessageError: nothing was sent under this id.
            NotDeadError: it does not wait for a decision.
        """
        row = tracker.sent_row(session, message_id)
        outbox.retry(session, row, self._messages.now_s)
        return tracker.of_sent(row)

    def handle_again(self, session: Session, sender: str, message_id: str) -> Track:
        """Hand a received message to its handler again; raises as `resend` does."""
        row = tracker.received_row(session, sender, message_id)
        inbox.retry(session, row, self._messages.now_s)
        return tracker.of_received(row)

    def correct(self, session: Session, message_id: str, document: bytes, by: str) -> Track:
        """Send a document in the place of one that was refused or given up; that one is let be.

        Raises:
            UnknownMessageError, NotDeadError: as `resend`.
            NotCorrectableError: the message is no document, the slice that wrote it has to write another.
            WrongDocumentError: the document is of another kind.
            RejectedError: it is not valid.
        """
        row = tracker.sent_row(session, message_id)
        if not payloads.is_document(row.kind):
            raise NotCorrectableError(
                f"message: expected an ISO 20022 document, got {row.kind}, which this node writes"
            )
        new_id = f"repair/{sha256(document).hexdigest()}/{row.recipient}"
        outbox.drop(row, self._messages.now_s, f"corrected by {by}: sent as {new_id}")
        self._messages.send_document(
            session, to=row.recipient, kind=row.kind, message_id=new_id, document=document, thread=row.thread
        )
        return tracker.of_sent(tracker.sent_row(session, new_id))

    def reject(self, session: Session, message_id: str, reason: str, by: str) -> Track:
        """Let a sent message be, and keep why; raises as `resend` does."""
        row = tracker.sent_row(session, message_id)
        outbox.drop(row, self._messages.now_s, f"rejected by {by}: {reason}")
        return tracker.of_sent(row)

    def reject_received(self, session: Session, sender: str, message_id: str, reason: str, by: str) -> Track:
        """Let a received message be; the sender of a transfer is told why, by a pacs.002. Raises as `resend` does."""
        row = tracker.received_row(session, sender, message_id)
        inbox.drop(row, self._messages.now_s, f"rejected by {by}: {reason}")
        if row.kind.startswith(_TRANSFERS):
            self._answer(session, row, reason)
        return tracker.of_received(row)

    def _answer(self, session: Session, row: ReceivedMessage, reason: str) -> None:
        answered = codec.parse(row.payload).message
        if not isinstance(answered, CustomerTransfer | BankTransfer):
            raise NotCorrectableError(f"message: expected a transfer, got {row.kind}")
        own, peer = self._directory.institution(self._institution_id), self._directory.institution(row.sender)
        answer_id = sha256(f"rejection/{row.sender}/{row.message_id}".encode()).hexdigest()[:_ID_CHARS]
        status = PaymentStatus(
            message_id=answer_id,
            created_s=booked_until_s(session),
            instructing=_agent(own),
            instructed=_agent(peer),
            original=Original(
                message_id=answered.message_id,
                definition=row.kind,
                uetr=answered.uetr,
                end_to_end_id=answered.end_to_end_id,
                instruction_id=answered.instruction_id,
            ),
            status=REJECTED,
            reason=Reason(_IN_WORDS, _lines(reason)),
        )
        header = Header(answer_id, status.instructing, status.instructed, status.created_s)
        self._messages.send_document(
            session,
            to=row.sender,
            kind=STATUS,
            message_id=answer_id,
            document=codec.build(status, header),
            thread=row.thread,
        )


def _agent(institution: Institution) -> Agent:
    return Agent(bic=institution.bic or None, lei=institution.lei)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(wrap(" ".join(anyascii(text).split()), _LINE_CHARS)[:_LINES_MAX])
