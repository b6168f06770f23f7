"""Loading liboqs: denied unless its library is there, because importing `oqs` without one downloads and builds."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pqc import liboqs, mldsa, signatures
from pqc.errors import BackendUnavailableError, KeyDerivationError
from pqc.ports import SignatureScheme

ROOT = Path(__file__).parents[3]


def without_library(folder: Path) -> str:
    """Load from `folder` in a process of its own; return what it printed."""
    program = f"""
import sys
from pathlib import Path
from pqc import liboqs, signatures
from pqc.errors import UnavailableError
try:
    signatures.use_backend(liboqs.load(Path({str(folder)!r})))
except UnavailableError as error:
    print(error)
print("oqs" in sys.modules, type(signatures.scheme("ML-DSA-65")).__name__)
"""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_load_does_not_import_oqs_when_there_is_no_library(tmp_path: Path):
    said = without_library(tmp_path)
    assert f"liboqs: expected a loadable {tmp_path}/lib/liboqs.so, got no such file; `make liboqs`" in said
    assert said.endswith("False MlDsa\n")


def test_load_does_not_import_oqs_when_the_library_is_no_library(tmp_path: Path):
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "liboqs.so").write_bytes(b"not a library")
    said = without_library(tmp_path)
    assert "file too short" in said or "invalid ELF header" in said
    assert said.endswith("False MlDsa\n")


def test_pqc_does_not_import_oqs_when_nobody_asks_for_it():
    program = "import sys, pqc.signatures, pqc.batch, pqc.keystore, pqc.liboqs; print('oqs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_load_raises_when_the_package_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(liboqs, "_check_library", lambda path: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendUnavailableError, match="extra `liboqs`"):
        liboqs.load(tmp_path)


@pytest.mark.parametrize(
    ("version", "enabled", "said"),
    [
        ("0.15.0", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"], "expected version 0.16.0, got 0.15.0"),
        ("0.16.0", ["ML-DSA-44", "ML-DSA-65"], "one without ML-DSA-87"),
    ],
)
def test_load_raises_when_the_library_is_of_another_version_or_lacks_an_algorithm(
    version: str, enabled: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake = SimpleNamespace(
        oqs_version=lambda: version,
        oqs_python_version=lambda: "0.16.0",
        get_enabled_sig_mechanisms=lambda: enabled,
    )
    monkeypatch.setattr(liboqs, "_check_library", lambda path: None)
    monkeypatch.setattr(liboqs, "_import_oqs", lambda path: fake)
    with pytest.raises(BackendUnavailableError, match=said):
        liboqs.load(tmp_path)


def test_sign_raises_when_the_libraries_derive_different_keys(
    liboqs_backend: tuple[SignatureScheme, ...], monkeypatch: pytest.MonkeyPatch
):
    broken = SimpleNamespace(key_derive=lambda seed: (b"another key", b"secret"))
    monkeypatch.setattr(liboqs, "_DERIVING", dict.fromkeys(mldsa.PARAMETER_SETS, broken))
    seed = b"\x55" * 32
    with pytest.raises(KeyDerivationError, match="ML-DSA-44: expected both libraries"):
        liboqs_backend[0].sign(seed, b"pay", b"")


@pytest.mark.usefixtures("backend")
def test_sign_is_hedged_when_called_twice_by_either_library():
    key = signatures.from_seed("ML-DSA-65", bytes(32))
    first, second = signatures.sign(key, b"pay"), signatures.sign(key, b"pay")
    assert first != second
    signatures.verify("ML-DSA-65", key.public_key, b"pay", second)


def test_use_backend_changes_who_signs_when_called(liboqs_backend: tuple[SignatureScheme, ...], backend: str):
    used = signatures.scheme("ML-DSA-65")
    assert (used in liboqs_backend) == (backend == "liboqs")
