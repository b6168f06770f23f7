"""Carries what institutions sign about their keys to every other institution, and takes what they send."""

import json
from hashlib import sha256
from typing import Final

import rfc8785
from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Directory
from node.participants.errors import KeyChangeRefusedError
from node.participants.papers import AnyPaper
from node.participants.peers import Peers
from node.storage.cursor import booked_until_s

KIND: Final = "participant.paper"


class PaperPost:
    """Papers in and out of one institution. A paper proves itself, so it does not matter who brings it."""

    def __init__(self, *, institution_id: str, directory: Directory, messages: MessageService, peers: Peers) -> None:
        self._institution_id = institution_id
        self._directory = directory
        self._messages = messages
        self._peers = peers
        messages.register(KIND, self._on_paper)

    def spread(self, session: Session, paper: AnyPaper) -> None:
        """Send a paper to every other institution."""
        digest = sha256(paper.data).hexdigest()
        for institution in self._directory:
            if institution.id != self._institution_id:
                message_id = f"paper/{digest}/{institution.id}"
                body = json.loads(paper.data)
                self._messages.send(
                    session, to=institution.id, kind=KIND, message_id=message_id, body=body, thread=KIND
                )

    def _on_paper(self, session: Session, message: Message) -> None:
        now_s = booked_until_s(session)
        try:
            self._peers.take(session, rfc8785.dumps(dict(message.body)), now_s)
        except KeyChangeRefusedError as error:
            # Nothing was changed; the notice is what an operator acts on.
            self._peers.report(session, error, now_s)
