"""The two programs of a validator that are not ours: which versions, where they are, whether they are what we built.

`scripts/build_engines.py` builds them from source and leaves a receipt beside them. A module's sum is Go's own: the
hash of its whole source tree, go.sum included, which holds the sums of everything it is built with.
"""

import json
import os
import shutil
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from node.app.errors import EngineMissingError

BUILT: Final = Path(__file__).resolve().parents[3] / ".cache" / "engines"
"""Where `make engines` builds, in a checkout."""
VARIABLE: Final = "LANDFALL_ENGINES"
RECEIPT: Final = "engines.json"
HOW_TO_GET: Final = (
    "run `make engines` in a checkout (needs Go 1.25 or later), or give its folder with --engines or LANDFALL_ENGINES"
)
_RECEIPT_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Engine:
    """A program by its Go module.

    Args:
        package: What `go install` builds.
        sum: The module's hash as go.sum writes it.
    """

    name: str
    module: str
    package: str
    version: str
    sum: str


COMETBFT: Final = Engine(
    name="cometbft",
    module="github.com/cometbft/cometbft",
    package="github.com/cometbft/cometbft/cmd/cometbft",
    version="v0.40.0",
    sum="h1:0+zc7FlcnonFfMwzhyDCd5vK/fHZqz0RfRyTCxZsFPU=",
)
"""`cometbft version` prints 0.39.0 for this one: only the module's version counts."""
GETH: Final = Engine(
    name="geth",
    module="github.com/ethereum/go-ethereum",
    package="github.com/ethereum/go-ethereum/cmd/geth",
    version="v1.17.5",
    sum="h1:o9BIXs2Q/3cPHVxw49n+Zjn2i6rB9TOXatev46duOC4=",
)
ENGINES: Final = (COMETBFT, GETH)


def find_engine(engine: Engine, folder: Path | None = None) -> Path:
    """Return the program: from `folder` or LANDFALL_ENGINES if given, else from the checkout's cache, else from PATH.

    Raises:
        EngineMissingError: says how to get it.
    """
    folder = folder or (Path(given) if (given := os.environ.get(VARIABLE)) else None)
    places = [folder] if folder is not None else [BUILT, *map(Path, os.get_exec_path())]
    for place in places:
        if found := shutil.which(engine.name, path=str(place)):
            return Path(found).absolute()
    looked = str(folder) if folder is not None else f"{BUILT} or PATH"
    raise EngineMissingError(f"{engine.name}: expected {engine.version} in {looked}, got none; {HOW_TO_GET}")


def write_receipt(folder: Path) -> None:
    """Note what was built: version, sum and the program's SHA-256."""
    built = {
        one.name: {"version": one.version, "sum": one.sum, "sha256": _sha256(folder / one.name)} for one in ENGINES
    }
    (folder / RECEIPT).write_text(json.dumps(built, indent=1) + "\n", "utf-8")


def fault_of(engine: Engine, program: Path) -> str | None:
    """Return None for a program that was built from the pinned source and not changed since, else what is wrong."""
    try:
        with (program.parent / RECEIPT).open("rb") as file:
            receipt = json.loads(file.read(_RECEIPT_BYTES_MAX))[engine.name]
        version, module_sum, sha256 = receipt["version"], receipt["sum"], receipt["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"expected a receipt that says what it was built from, got none beside {program}"
    if (version, module_sum) != (engine.version, engine.sum):
        return f"expected {engine.version}, got {version}"
    if sha256 != _sha256(program):
        return f"expected SHA-256 {sha256}, got another: it was changed after it was built"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
