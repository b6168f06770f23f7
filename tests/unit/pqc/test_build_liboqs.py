"""The build of liboqs: only from the archive that was asked for, and not twice."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "build_liboqs.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_build_stops_when_the_archive_is_another(tmp_path: Path):
    archive = tmp_path / "liboqs.tar.xz"
    archive.write_bytes(b"changed")
    done = run(archive, "--into", tmp_path / "into")
    assert done.returncode == 1
    assert f"got {hashlib.sha256(b'changed').hexdigest()}" in done.stderr
    assert not (tmp_path / "into").exists()


def test_build_stops_when_there_is_no_archive(tmp_path: Path):
    done = run(tmp_path / "none.tar.xz", "--into", tmp_path / "into")
    assert done.returncode == 1
    assert "archive: expected a file" in done.stderr


def test_build_does_nothing_when_the_archive_was_built_before(tmp_path: Path):
    sha256 = "0" * 64
    (tmp_path / "archive.sha256").write_text(sha256)
    done = run(tmp_path / "none.tar.xz", "--sha256", sha256, "--into", tmp_path)
    assert (done.returncode, "is built from this archive" in done.stdout) == (0, True)


def test_archive_in_the_repository_is_the_one_that_the_script_names():
    archive = ROOT / "scripts" / "vendor" / "liboqs-0.16.0-ml.tar.xz"
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert f'"{sha256}"' in SCRIPT.read_text()
    assert sha256 in (ROOT / "scripts" / "vendor" / "SOURCES.md").read_text()
