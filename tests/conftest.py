"""What tests of several rooms need."""

import gc
import os
from pathlib import Path

import pytest

from node.app.errors import EngineMissingError
from node.app.validator.engines import ENGINES, find_engine

# A worker holds some gigabytes of networks on an EVM in the process; looking through them is a part of the whole run.
gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def engines() -> Path:
    """The folder with CometBFT and geth; skipped where they are not built, which .ci/run forbids."""
    try:
        found = [find_engine(one) for one in ENGINES]
    except EngineMissingError as error:
        if "REQUIRE_ENGINES" in os.environ:
            raise
        pytest.skip(str(error))
    assert len({one.parent for one in found}) == 1, "the tests take both programs from one folder"
    return found[0].parent
