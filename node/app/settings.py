"""Settings of a node, from the environment: every variable starts with LANDFALL_, an unknown one is refused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator

from node.app.errors import SettingsError
from node.notices.mailer import MailServer, Tls

_PREFIX = "LANDFALL_"
_OF_COMMANDS = frozenset({"LANDFALL_KEYSTORE", "LANDFALL_PASSPHRASE_FILE", "LANDFALL_ENGINES"})
"""Read by `landfall keys` and by validators; a devnet leaves them alone."""


class Settings(BaseModel):
    """One frozen set of settings per process; command-line options override single fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path("devnet"), description="Directory with genesis, keystores and databases")
    rpc_port: int = Field(8545, ge=0, le=65535, description="Ethereum JSON-RPC port on loopback; 0 = any free one")
    rest_port: int = Field(8600, ge=0, le=65535, description="REST port on loopback; 0 = any free one")
    messages_port: int = Field(
        8601, ge=0, le=65535, description="Port for other institutions' messages; 0 = any free one"
    )
    block_interval_ms: int = Field(0, ge=0, le=60_000, description="0 = a block as soon as something is pending")
    rates_file: Path | None = Field(None, description="Daily fixings (CSV) played on ledger time")
    keep_closed_customers_days: int = Field(
        1_827, ge=0, le=36_525, description="How long what is known about a customer is kept after parting"
    )
    keep_declined_applications_days: int = Field(
        180, ge=0, le=36_525, description="How long a declined application is kept"
    )
    liboqs: Path | None = Field(None, description="Folder of liboqs, which then computes ML-DSA")
    databases: str | None = Field(
        None, description="URL of a PostgreSQL database for each institution, {institution} in the place of its id"
    )
    webhook_networks: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks, with commas between, that webhooks may reach besides the public internet"
    )

    smtp_host: str | None = Field(None, description="Mail server for notices; none: no e-mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_tls: Tls = Field("starttls", description="tls (from the start), starttls, or none")
    smtp_from: str = Field("landfall@localhost", max_length=254, description="Sender of e-mails")
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None

    @property
    def mail_server(self) -> MailServer | None:
        """Where e-mail is handed in, None where it is not."""
        if self.smtp_host is None:
            return None
        password = None if self.smtp_password is None else self.smtp_password.get_secret_value()
        return MailServer(self.smtp_host, self.smtp_port, self.smtp_from, self.smtp_tls, self.smtp_user, password)

    @field_validator("webhook_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",")] if isinstance(value, str) else value

    @field_validator("databases")
    @classmethod
    def _check_place(cls, value: str | None) -> str | None:
        if value is not None and "{institution}" not in value:
            raise ValueError("expected {institution} in the URL: each institution has its own database")
        return value


def load_settings(environ: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Return the settings from `environ` and non-None `overrides`.

    Raises:
        SettingsError: an unknown LANDFALL_ variable, or a value out of range.
    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known | _OF_COMMANDS)
    if unknown:
        raise SettingsError(f"{unknown[0]}: expected one of {', '.join(sorted(known))}; unset it or correct the name")
    given = {name.removeprefix(_PREFIX).lower(): value for name, value in environ.items() if name in known}
    given |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValueError as error:
        raise SettingsError(str(error)) from error
