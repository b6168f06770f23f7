"""Settings of a node, from the environment: every variable starts with LANDFALL_, an unknown one is refused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from node.app.errors import SettingsError

_PREFIX = "LANDFALL_"
_OF_COMMANDS = frozenset({"LANDFALL_KEYSTORE", "LANDFALL_PASSPHRASE_FILE"})
"""Read by `landfall keys`; a node leaves them alone."""


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
