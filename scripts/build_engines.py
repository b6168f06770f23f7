"""Build CometBFT and geth from source at their pinned versions: some three minutes on two cores, needs Go.

    python scripts/build_engines.py [--into DIR]

The versions and the sums of their sources are in node/app/validator/engines.py. Go checks each source against its
public checksum database; this script checks the result against our own pins. Nothing is done when the folder has
what is pinned, unchanged since it was built.
"""

import argparse
import os
import shutil
import subprocess
from pathlib import Path

from node.app.validator.engines import BUILT, ENGINES, Engine, fault_of, write_receipt


def main() -> None:
    """Build what is missing or not as pinned, then write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=BUILT, help="folder for the programs (default: .cache/engines)")
    into = parser.parse_args().into.absolute()
    missing = [one for one in ENGINES if not (into / one.name).is_file() or fault_of(one, into / one.name)]
    if not missing:
        print(f"engines: {into} has {' and '.join(f'{one.name} {one.version}' for one in ENGINES)}")
        return
    if shutil.which("go") is None:
        raise SystemExit("engines: expected go on the path, got none (https://go.dev/doc/install, 1.25 or later)")
    into.mkdir(parents=True, exist_ok=True)
    for engine in ENGINES:
        print(f"engines: building {engine.name} {engine.version}")
        build(engine, into)
        check(engine, built_from(into / engine.name))
    write_receipt(into)
    print(f"engines: built into {into}")


def build(engine: Engine, into: Path) -> None:
    """Let Go fetch, check and compile; no path of this machine gets into the program."""
    environment = os.environ | {"GOBIN": str(into), "GOFLAGS": "-trimpath"}
    subprocess.run(["go", "install", f"{engine.package}@{engine.version}"], env=environment, check=True)


def built_from(program: Path) -> tuple[str, str, str]:
    """Return module, version and sum that Go wrote into the program."""
    told = subprocess.run(["go", "version", "-m", program], capture_output=True, text=True, check=True).stdout
    for line in told.splitlines():
        match line.split():
            case ["mod", module, version, module_sum]:
                return module, version, module_sum
    raise SystemExit(f"{program}: expected the module that it was built from, got none")


def check(engine: Engine, found: tuple[str, str, str]) -> None:
    """Stop unless the program is of the pinned source: it will hold the node's votes."""
    expected = (engine.module, engine.version, engine.sum)
    if found != expected:
        raise SystemExit(f"{engine.name}: expected {' '.join(expected)}, got {' '.join(found)}")


if __name__ == "__main__":
    main()
