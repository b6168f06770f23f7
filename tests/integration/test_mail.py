"""E-mail arrives at a mail server as it was written, and what the server refuses is said."""

import email
import email.policy
import socket
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from node.notices.errors import MailServerError
from node.notices.mailer import MailServer, SmtpMailer


class Mailbox:
    """Takes mail for one address."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address != "ann@bank.example":
            return "550 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(bytes(envelope.content or b""))
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[MailServer]:
    # Its start connects to the port by number, so any free one will not do.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield MailServer("127.0.0.1", port, "landfall@bank.example", "none", password=None)
    controller.stop()


async def test_mail_says_what_was_written_when_it_arrives(server: MailServer, mailbox: Mailbox) -> None:
    await SmtpMailer(server).send("ann@bank.example", "Rosen für Köln", "Zeile eins.\nZeile zwei.", "notice-1")
    (raw,) = mailbox.got
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert (message["To"], message["From"], message["Subject"]) == (
        "ann@bank.example",
        "landfall@bank.example",
        "Rosen für Köln",
    )
    assert (message["Message-ID"], message["Auto-Submitted"]) == ("<notice-1@bank.example>", "auto-generated")
    assert message.get_content().splitlines() == ["Zeile eins.", "Zeile zwei."]  # type: ignore[attr-defined]


async def test_mail_is_unavailable_when_the_server_refuses_or_is_away(server: MailServer) -> None:
    with pytest.raises(MailServerError, match="nobody of this name"):
        await SmtpMailer(server).send("eve@bank.example", "x", "y", "notice-2")
    with pytest.raises(MailServerError):
        await SmtpMailer(MailServer("127.0.0.1", 1, "a@b", "none")).send("ann@bank.example", "x", "y", "notice-3")
    assert "hush" not in repr(MailServer("mail", 25, "a@b", "none", "user", "hush"))
