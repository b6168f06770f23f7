"""Makes `*_pb2.py` and its type stub beside each `.proto` of ours; `--check` tells if they are current."""

import argparse
import sys
import tempfile
from pathlib import Path
from subprocess import run

ROOT = Path(__file__).resolve().parent.parent
# The whole path is the file's name in protobuf's pool, where another package's `abci.proto` may live too.
PROTOS = ("node/chain/abci/abci.proto", "node/chain/gossip.proto")
GENERATED = tuple(name.replace(".proto", f"_pb2.{ending}") for name in PROTOS for ending in ("py", "pyi"))


def main() -> int:
    """Write or compare the generated files; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not current")
    is_check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}", f"--python_out={out}", f"--pyi_out={out}"]
        run([*command, *PROTOS], check=True)
        if is_check:
            stale = [name for name in GENERATED if (out / name).read_bytes() != (ROOT / name).read_bytes()]
            for name in stale:
                print(f"{name}: not what its .proto says; run scripts/build_protos.py")
            return 1 if stale else 0
        for name in GENERATED:
            (ROOT / name).write_bytes((out / name).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
