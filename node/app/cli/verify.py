"""`landfall verify`: is this evidence pack true? Needs no node and no network."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    pack: Annotated[Path, typer.Argument(help="Evidence pack (JSON) to verify", exists=True, dir_okay=False)],
    genesis_hash: Annotated[
        str | None, typer.Option(help="Genesis hash you trust (64 hex digits); default: the devnet's")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Verify an evidence pack offline. Exit code 0 = yes, 1 = no."""
