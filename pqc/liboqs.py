"""ML-DSA by liboqs: several times as fast as `cryptography`, and on all cores, since calls into it release the GIL.

The `oqs` package downloads and builds its library, or ends the process, when it does not find one. It is imported
here only, and only once a library has been loaded from the folder that the caller names.

liboqs takes expanded private keys. They are derived from the seed in Python (dilithium-py: 7 to 21 ms, not in constant
time), checked against the public key that `cryptography` derives, and the last few are kept in memory.

Source: FIPS 204, algorithm 6 (key generation from a seed).
"""

import ctypes
import importlib
import importlib.util
import logging
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

from pqc import mldsa
from pqc.errors import BackendUnavailableError, KeyDerivationError

_LIBRARY: Final = "liboqs.dylib" if sys.platform == "darwin" else "liboqs.so"
_EXPANDED_KEYS_MAX: Final = 64
"""An institution signs with a handful of keys; 64 expanded ones take 300 kB."""
_DERIVING: Final[dict[mldsa.MlDsa, Any]] = {
    mldsa.ML_DSA_44: ML_DSA_44,
    mldsa.ML_DSA_65: ML_DSA_65,
    mldsa.ML_DSA_87: ML_DSA_87,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiboqsMlDsa(mldsa.MlDsa):
    """One parameter set; its public keys still come from `cryptography`."""

    plain: mldsa.MlDsa
    oqs: Any
    verifier: Any

    def sign(self, seed: bytes, message: bytes, context: bytes) -> bytes:
        with self.oqs.Signature(self.name, _expand(self.plain, seed)) as signer:
            return bytes(signer.sign_with_ctx_str(message, context))

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
        return bool(self.verifier.verify_with_ctx_str(message, signature, context, public_key))


def load(install_path: Path) -> tuple[LiboqsMlDsa, ...]:
    """Return ML-DSA by the library in `install_path` (its `lib` or `lib64`), for `signatures.use_backend`.

    A liboqs that the system's loader finds goes first, as `oqs` has it. Sets OQS_INSTALL_PATH in this process.

    Raises:
        BackendUnavailableError: no library, no `oqs` package, or a version that the package is not made for.
    """
    _check_library(install_path)
    oqs = _import_oqs(install_path)
    if oqs.oqs_version() != oqs.oqs_python_version():
        raise BackendUnavailableError(f"version {oqs.oqs_python_version()}", oqs.oqs_version())
    enabled = oqs.get_enabled_sig_mechanisms()
    missing = [one.name for one in mldsa.PARAMETER_SETS if one.name not in enabled]
    if missing:
        raise BackendUnavailableError("a build with ML-DSA", f"one without {', '.join(missing)}")
    return tuple(
        LiboqsMlDsa(
            name=one.name,
            public_key_bytes=one.public_key_bytes,
            signature_bytes=one.signature_bytes,
            load_private=one.load_private,
            load_public=one.load_public,
            plain=one,
            oqs=oqs,
            verifier=oqs.Signature(one.name),
        )
        for one in mldsa.PARAMETER_SETS
    )


def _check_library(install_path: Path) -> None:
    reason = "no such file"
    for folder in ("lib", "lib64"):
        library = install_path.absolute() / folder / _LIBRARY
        if library.is_file():
            try:
                ctypes.CDLL(str(library))
            except OSError as error:
                reason = str(error)
            else:
                return
    raise BackendUnavailableError(f"a loadable {install_path}/lib/{_LIBRARY}", reason)


def _import_oqs(install_path: Path) -> Any:
    if importlib.util.find_spec("oqs") is None:
        raise BackendUnavailableError("the package liboqs-python (the extra `liboqs`)", "no module `oqs`")
    # It logs to standard output, where commands write JSON.
    logging.getLogger("oqs.oqs").disabled = True
    os.environ["OQS_INSTALL_PATH"] = str(install_path.absolute())
    try:
        return importlib.import_module("oqs")
    except (AttributeError, RuntimeError) as error:
        raise BackendUnavailableError("a liboqs that liboqs-python can use", str(error)) from error


@lru_cache(maxsize=_EXPANDED_KEYS_MAX)
def _expand(plain: mldsa.MlDsa, seed: bytes) -> bytes:
    public_key, expanded = _DERIVING[plain].key_derive(seed)
    if public_key != plain.public_key(seed):
        raise KeyDerivationError(plain.name)
    return bytes(expanded)
