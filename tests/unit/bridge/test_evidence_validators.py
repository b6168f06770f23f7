"""Evidence packs of a network whose validators changed while the trade ran."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import EvidenceError
from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.canonical_json import canonical
from bridge.proofs.evidence import verify_content, verify_pack
from bridge.proofs.pack import build_pack
from tests.unit.bridge.evidence_changes import Path_, at, changed, leaves, pattern
from tests.unit.bridge.evidence_fixture import DAY, GENESIS_HASH, NEW_VALIDATOR, VALIDATORS, Trade, terms_document


def changing_trade(late: bool = False) -> Trade:
    """Two changes while the trade runs: one joins, then two leave; and one more after it closed."""
    trade = Trade(terms_document())
    trade.fund()
    trade.chain.change(trade.now_s + 30, *VALIDATORS, NEW_VALIDATOR)
    trade.attest(0, "carrier", due=True)
    trade.seal(*trade.settlement(0, 10_000), wait_s=3 * DAY)
    trade.chain.change(trade.now_s + 30, *VALIDATORS[:2], NEW_VALIDATOR)
    trade.attest(1, "inspector", wait_s=5 * DAY)
    trade.attest(1, "surveyor", due=True)
    trade.seal(*trade.settlement(1, 10_000, cause=1), wait_s=2 * DAY + 1)
    if late:
        trade.chain.change(trade.now_s + 30, *VALIDATORS)
    return trade


PACK = build_pack(changing_trade(late=True).inputs())
LINKS = json.loads(PACK)["validator_changes"]


def refused(edit: Callable[[dict[str, Any]], None]) -> str:
    """Return the path that the verifier names."""
    pack = json.loads(PACK)
    edit(pack)
    with pytest.raises(EvidenceError) as caught:
        verify_pack(canonical(pack), GENESIS_HASH)
    return caught.value.path


def test_pack_is_proven_across_changes_and_carries_those_it_needs_alone() -> None:
    verified = verify_pack(PACK, GENESIS_HASH)
    assert len(LINKS) == verified.validator_changes == 2
    assert [block.power_total for block in verified.blocks] == [10, 18, 18, 18, 15, 15, 15]
    assert "of the genesis validators, as 2 changes since made them." in verified.statement[-1]
    assert "signed by at least 15 of 18 voting power" in verified.statement[-1]


def test_pack_has_no_changes_when_they_came_after_its_last_block() -> None:
    trade = Trade(terms_document())
    trade.fund()
    trade.attest(0, "carrier", due=True)
    trade.seal(*trade.settlement(0, 10_000), wait_s=3 * DAY)
    trade.attest(1, "inspector", wait_s=5 * DAY)
    trade.attest(1, "surveyor", due=True)
    trade.seal(*trade.settlement(1, 10_000, cause=1), wait_s=2 * DAY + 1)
    trade.chain.change(trade.now_s + 30, *VALIDATORS, NEW_VALIDATOR)
    pack = build_pack(trade.inputs())
    assert "validator_changes" not in json.loads(pack)
    assert verify_pack(pack, GENESIS_HASH).validator_changes == 0


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (lambda pack: pack.pop("validator_changes"), "blocks[1].finality.header.validators_hash"),
        (lambda pack: pack.update(validator_changes=[]), "validator_changes"),
        (lambda pack: pack.update(validator_changes=LINKS[:1]), "blocks[4].finality.header.validators_hash"),
        (lambda pack: pack.update(validator_changes=LINKS[1:]), "validator_changes[0].header.validators_hash"),
        (lambda pack: pack.update(validator_changes=LINKS[::-1]), "validator_changes[0].header.validators_hash"),
        (lambda pack: pack.update(validator_changes=[*LINKS, LINKS[1]]), "validator_changes[2].header.height"),
        (
            lambda pack: pack.update(validator_changes=LINKS * VALIDATOR_CHANGES_MAX),
            "validator_changes",
        ),
        (
            lambda pack: pack["validator_changes"][0]["commit"].update(signatures=LINKS[0]["commit"]["signatures"][:1]),
            "validator_changes[0].commit.signatures",
        ),
        (lambda pack: pack["validator_changes"][1]["validators"].pop(), "validator_changes[1].validators"),
        (lambda pack: pack["validator_changes"][1].update(extra=1), "validator_changes[1].extra"),
        (lambda pack: pack.update(validator_changes={}), "validator_changes"),
    ],
)
def test_pack_is_refused_with_the_path_when_its_changes_were(edit: Callable[[dict[str, Any]], None], path: str) -> None:
    assert refused(edit) == path


def test_pack_is_refused_when_it_carries_a_change_that_no_block_needs() -> None:
    document = json.loads(PACK)
    document["validator_changes"] = changing_trade(late=True).chain.changes
    with pytest.raises(EvidenceError, match=r"validator_changes\[2\]: expected changes below height"):
        verify_content(document, GENESIS_HASH)


def test_pack_is_refused_when_one_value_of_each_kind_in_its_changes_is_another() -> None:
    kinds: dict[tuple[str, ...], Path_] = {pattern(path): path for path, _ in leaves(LINKS)}
    assert len(kinds) > 25
    for path in kinds.values():
        document = copy.deepcopy(LINKS)
        at(document, path[:-1])[path[-1]] = changed(at(document, path))
        assert "validator" in refused(lambda pack, new=document: pack.update(validator_changes=new))
