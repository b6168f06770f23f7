"""An institution's quantum links: `quantum.toml` in its folder, beside its keystore; without the file it has none."""

import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from node.app.errors import SettingsError
from node.messages.quantum import Quantum
from node.participants.errors import InvalidIdentifierError
from node.participants.identifiers import validate_lei
from pqc.errors import PqcError
from pqc.qkd import Policy

FILE: Final = "quantum.toml"
FILE_BYTES_MAX: Final = 64 * 1024
"""A link is a line of some fifty bytes."""


def _lei(value: str) -> str:
    try:
        validate_lei(value)
    except InvalidIdentifierError as error:
        raise ValueError(str(error)) from error
    return value


class _Links(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Policy
    """`require` waits for a key, `prefer` goes without, `off` takes none."""
    server: str = Field(max_length=2048)
    """Where the key server is, `https://kme.example:8443`."""
    authority: Path
    certificate: Path
    private_key: Path
    """PEM files, from this file's folder on."""
    peers: dict[Annotated[str, AfterValidator(_lei)], str] = Field(min_length=1)
    """LEI of a peer to its SAE's name at the key server."""


def load_quantum(folder: Path) -> Quantum:
    """Return an institution's quantum links.

    Raises:
        SettingsError: the file is there and says something else than links, or names files that are none.
    """
    path = folder / FILE
    if not path.exists():
        return Quantum()
    # Most have no link, and need no HTTP client at their start.
    from node.messages.key_server import KeyServer, build_tls_context

    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise SettingsError(f"{FILE}: expected at most {FILE_BYTES_MAX} bytes, got more")
        links = _Links.model_validate(tomllib.loads(text.decode()))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{FILE}: {place}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{FILE}: expected TOML in UTF-8, got {error}") from error
    try:
        context = build_tls_context(folder / links.authority, folder / links.certificate, folder / links.private_key)
        source = KeyServer(links.server, context)
    except PqcError as error:
        raise SettingsError(f"{FILE}: {error}") from error
    return Quantum(links.policy, source, links.peers)
