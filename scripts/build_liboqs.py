"""Build liboqs (ML-DSA and ML-KEM only) from a source archive, offline: about half a minute on two cores.

    python scripts/build_liboqs.py                                     the archive under scripts/vendor
    python scripts/build_liboqs.py ARCHIVE --sha256 HEX [--into DIR]   another one

Needs a C compiler, cmake, and ninja or make. Afterwards `landfall devnet --liboqs .cache/liboqs` signs and verifies
with it. Nothing is done when the archive has been built into the folder before.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ARCHIVE: Final = ROOT / "scripts" / "vendor" / "liboqs-0.16.0-ml.tar.xz"
ARCHIVE_SHA256: Final = "7e3d20d0249e7fa63577a56f5c15192bb2a6d8e00d0790997ba2359c6f7e715a"
INTO: Final = ROOT / ".cache" / "liboqs"

OPTIONS: Final = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DOQS_BUILD_ONLY_LIB=ON",
    # One library for every processor: it looks at start what this one can do.
    "-DOQS_DIST_BUILD=ON",
    "-DOQS_USE_OPENSSL=OFF",
    "-DOQS_MINIMAL_BUILD=SIG_ml_dsa_44;SIG_ml_dsa_65;SIG_ml_dsa_87;KEM_ml_kem_768;KEM_ml_kem_1024",
)


def main() -> None:
    """Build, unless this archive has been built already."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?", default=ARCHIVE, help="source archive (tar)")
    parser.add_argument("--sha256", default=ARCHIVE_SHA256, help="SHA-256 that the archive must have")
    parser.add_argument("--into", type=Path, default=INTO, help="folder to install into (default: .cache/liboqs)")
    arguments = parser.parse_args()
    stamp = arguments.into / "archive.sha256"
    if stamp.is_file() and stamp.read_text("ascii") == arguments.sha256:
        print(f"liboqs: {arguments.into} is built from this archive")
        return
    check_archive(arguments.archive, arguments.sha256)
    for tool in ("cmake", "cc"):
        if shutil.which(tool) is None:
            raise SystemExit(
                f"liboqs: expected {tool} on the path (Debian: apt install build-essential cmake ninja-build)"
            )
    build(arguments.archive, arguments.into.absolute())
    stamp.write_text(arguments.sha256, "ascii")
    print(f"liboqs: built into {arguments.into}")


def check_archive(archive: Path, sha256: str) -> None:
    """Stop unless the archive is the expected one: what it holds will run with the node's keys."""
    if not archive.is_file():
        raise SystemExit(f"archive: expected a file, got {archive}")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"archive: expected SHA-256 {sha256}, got {found} ({archive})")


def build(archive: Path, into: Path) -> None:
    """Compile in a temporary folder and install."""
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    with tempfile.TemporaryDirectory() as folder:
        source, objects = Path(folder, "source"), Path(folder, "build")
        with tarfile.open(archive) as tar:
            tar.extractall(source, filter="data")
        configure = ["cmake", "-S", source, "-B", objects, *generator, *OPTIONS, f"-DCMAKE_INSTALL_PREFIX={into}"]
        subprocess.run([*configure, "-DCMAKE_INSTALL_LIBDIR=lib"], stdout=subprocess.DEVNULL, check=True)
        compile_ = ["cmake", "--build", objects, "--parallel", str(os.cpu_count() or 1), "--target", "install"]
        subprocess.run(compile_, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
