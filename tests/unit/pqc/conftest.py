"""ML-DSA by either library. Where liboqs is not built its cases are skipped; .ci/run builds it and forbids that."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pqc import liboqs, mldsa, signatures
from pqc.errors import BackendUnavailableError
from pqc.ports import SignatureScheme

LIBOQS = Path(__file__).parents[3] / ".cache" / "liboqs"


@pytest.fixture(scope="session")
def liboqs_backend() -> tuple[SignatureScheme, ...]:
    """ML-DSA by liboqs."""
    try:
        return liboqs.load(LIBOQS)
    except BackendUnavailableError as error:
        if "REQUIRE_LIBOQS" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture(params=["cryptography", "liboqs"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each library in turn as the one that `pqc.signatures` uses."""
    if request.param == "liboqs":
        signatures.use_backend(request.getfixturevalue("liboqs_backend"))
    yield request.param
    signatures.use_backend(mldsa.PARAMETER_SETS)
