"""Artifacts and snapshot belong to the sources, and every contract fits a chain."""

import hashlib
import json

import pytest

from scripts.build_contracts import RUNTIME_SIZE_MAX, artifact_path, contract_names
from tests.contracts.gas import load_snapshot
from tests.contracts.support import ROOT


@pytest.mark.parametrize("name", contract_names())
def test_artifact_is_that_of_its_sources(name: str) -> None:
    """By the recorded hashes; that the bytecode is theirs is `scripts/build_contracts.py --check`."""
    artifact = json.loads(artifact_path(name).read_text())
    found = {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in artifact["source_sha256"]}
    assert found == artifact["source_sha256"]
    assert f"contracts/src/{name}.vy" in found


@pytest.mark.parametrize("name", contract_names())
def test_runtime_size_equals_the_snapshot_and_leaves_a_tenth_free(name: str) -> None:
    size = json.loads(artifact_path(name).read_text())["runtime_size"]
    assert size == load_snapshot()["runtime_size"][name]
    assert size <= RUNTIME_SIZE_MAX
