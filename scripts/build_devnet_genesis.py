"""Writes the devnet's genesis from its cast and the compiled contracts; `--check` only compares."""

import argparse
import json
import sys
from pathlib import Path

from node.app.cast import load_cast
from node.app.network import GENESIS_FILE, build_devnet_genesis

TARGET = Path(__file__).parent.parent / "node" / "app" / GENESIS_FILE


def main() -> int:
    """Write or check the file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the file is not what the sources give")
    arguments = parser.parse_args()
    text = json.dumps(build_devnet_genesis(load_cast()), separators=(",", ":"), sort_keys=True) + "\n"
    if TARGET.exists() and TARGET.read_text("utf-8") == text:
        print(f"{TARGET.name}: up to date")
        return 0
    if arguments.check:
        print(f"{TARGET.name}: is not what the sources give; run scripts/build_devnet_genesis.py")
        return 1
    TARGET.write_text(text, "utf-8")
    print(f"{TARGET.name}: written, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
