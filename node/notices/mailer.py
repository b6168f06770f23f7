"""E-mail by SMTP."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal, Protocol

from node.notices.errors import MailServerError
from node.notices.limits import SMTP_S_MAX

Tls = Literal["tls", "starttls", "none"]


class Mailer(Protocol):
    """Sends e-mail."""

    async def send(self, to: str, title: str, text: str, message_id: str) -> None:
        """Send one, or raise MailServerError."""
        ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and as whom."""

    host: str
    port: int
    sender: str
    tls: Tls
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.tls})"


class SmtpMailer:
    """Hands mail to a server."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, to: str, title: str, text: str, message_id: str) -> None:
        # Only a node with a mail server needs it, and every command imports the settings that name one.
        import aiosmtplib

        server, message = self._server, EmailMessage()
        message["From"], message["To"], message["Subject"] = server.sender, to, title
        message["Message-ID"] = f"<{message_id}@{server.sender.rpartition('@')[2]}>"
        # Nobody answers; out-of-office programs must not, either (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                timeout=SMTP_S_MAX,
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailServerError(f"{server.host}: expected the mail to be taken, got {str(error)[:200]}") from error
