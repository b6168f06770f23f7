"""Writes the devnet's genesis and its hash from the cast and the compiled contracts; `--check` only compares."""

import argparse
import json
import sys
from pathlib import Path

from node.app.cast import load_cast
from node.app.names import GENESIS_FILE, GENESIS_HASH_FILE
from node.app.network import build_devnet_genesis
from node.chain.genesis_block import read_genesis

FOLDER = Path(__file__).parent.parent / "node" / "app"


def main() -> int:
    """Write or check the files; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is not what the sources give")
    arguments = parser.parse_args()
    genesis = build_devnet_genesis(load_cast())
    texts = {
        GENESIS_FILE: json.dumps(genesis, separators=(",", ":"), sort_keys=True) + "\n",
        GENESIS_HASH_FILE: read_genesis(genesis).trusted_hash.hex() + "\n",
    }
    stale = [name for name, text in texts.items() if not _holds(FOLDER / name, text)]
    for name in texts:
        print(f"{name}: {'not what the sources give' if name in stale else 'up to date'}")
    if arguments.check:
        return len(stale)
    for name in stale:
        (FOLDER / name).write_text(texts[name], "utf-8")
        print(f"{name}: written")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
