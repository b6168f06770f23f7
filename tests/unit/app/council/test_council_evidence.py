"""Files of evidence: where it is found, when it convicts, and how it is kept."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from node.app.council.evidence import FILE_BYTES_MAX, PIECES_MAX, keep, read_conviction
from node.app.errors import ChangeError
from node.chain.cometbft_json import read_double_sign
from tests.unit.app.council.support import key_pair, validator
from tests.unit.bridge.double_signs import double_sign

NETWORK = "landfall-unit"
GUILTY, OTHER = validator("A"), validator("B")
EVIDENCE = double_sign(key_pair("A"), NETWORK)
OTHERS = double_sign(key_pair("B"), NETWORK)


def write(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "block.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


@pytest.mark.parametrize(
    "document",
    [
        EVIDENCE,
        [EVIDENCE],
        {"block": {"evidence": {"evidence": [EVIDENCE]}}},
        {
            "result": {
                "block_id": {},
                "block": {"evidence": {"evidence": [double_sign(key_pair("B"), NETWORK), EVIDENCE]}},
            }
        },
    ],
)
def test_evidence_is_found_wherever_cometbft_has_it(tmp_path: Path, document: Any) -> None:
    found = read_conviction(write(tmp_path, document), NETWORK, [GUILTY])
    assert (found.validator, found.document) == (GUILTY, EVIDENCE)
    assert found.digest == read_double_sign(EVIDENCE).hash
    assert found.summary == f"validator {GUILTY.address} signed two precommits at height 3, round 0"


def test_either_key_of_a_bank_in_rotation_convicts_it(tmp_path: Path) -> None:
    following = validator("A", name="A-next")
    path = write(tmp_path, double_sign(key_pair("A-next"), NETWORK))
    assert read_conviction(path, NETWORK, [GUILTY, following]).validator == following


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (OTHERS, "expected evidence against .*, got " + OTHER.address),
        ({"block": {"evidence": {"evidence": []}}}, "expected evidence against .*, got none"),
        ({"block": {"evidence": None}}, "got none"),
        ({"type": "tendermint/LightClientAttackEvidence", "value": {}}, "got none"),
        (double_sign(key_pair("A"), "another network"), r"vote_a\.signature.*it convicts nobody"),
        (double_sign(key_pair("A"), NETWORK, height="4"), r"vote_b\.height: expected 3, got 4; it convicts nobody"),
        (double_sign(key_pair("A"), NETWORK, signature=""), r"vote_b\.signature"),
        ({"type": "tendermint/DuplicateVoteEvidence", "value": {}}, "cometbft: expected a double_sign"),
        ([EVIDENCE] * (PIECES_MAX + 1), f"at most {PIECES_MAX} pieces of evidence"),
        ("{", "expected JSON"),
        ("[" * 17 + "]" * 17, "16 deep, got more"),
        (" " * (FILE_BYTES_MAX + 1), f"at most {FILE_BYTES_MAX} bytes"),
    ],
)
def test_file_convicts_nobody_when(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(ChangeError, match=message):
        read_conviction(write(tmp_path, document), NETWORK, [GUILTY])


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChangeError, match="cannot be read"):
        read_conviction(tmp_path / "none.json", NETWORK, [GUILTY])


def test_evidence_is_kept_once_under_its_digest_and_convicts_again(tmp_path: Path) -> None:
    found = read_conviction(write(tmp_path, {"block": {"evidence": {"evidence": [EVIDENCE]}}}), NETWORK, [GUILTY])
    kept = keep(found, tmp_path / "kept")
    assert kept == keep(copy.copy(found), tmp_path / "kept") == tmp_path / "kept" / f"{found.digest.hex()}.json"
    assert read_conviction(kept, NETWORK, [GUILTY]).digest == found.digest
