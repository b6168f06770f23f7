"""From members' files to one genesis."""

import itertools
import json
from typing import Any

import pytest

from node.app.errors import CeremonyError
from node.app.validator.ceremony import check_genesis, member_name_of, merge_again, merge_members, peers_of
from node.app.validator.home import ValidatorHome
from node.app.validator.members import MemberCurrency
from node.chain.errors import GenesisError
from node.chain.validator_key import write_validator_key
from tests.unit.app.validator.support import PLAN, member, members, validator_key


@pytest.fixture(scope="module")
def genesis() -> dict[str, Any]:
    """The genesis of three members."""
    return merge_members(members(), PLAN)


def test_members_give_the_same_genesis_when_merged_in_any_order(genesis: dict[str, Any]) -> None:
    for order in itertools.permutations(members()):
        assert merge_members(order, PLAN) == genesis


def test_genesis_names_every_member_and_its_validator(genesis: dict[str, Any]) -> None:
    section = genesis["landfall"]
    assert [one["id"] for one in section["participants"]] == ["bank-ke", "bank-nl", "cb-eur"]
    assert [one["name"] for one in section["validators"]] == ["bank-ke", "bank-nl", "cb-eur"]
    assert section["tokens"]["EUR"]["issuer"] == "cb-eur"
    assert genesis["config"]["chainId"] == 777
    assert all(one.account in genesis["alloc"] for one in members())


def test_merging_again_gives_the_same_genesis_when_nothing_was_changed(genesis: dict[str, Any]) -> None:
    assert merge_again(members(), genesis) == genesis


def test_merging_again_gives_another_genesis_when_somebody_changed_it(genesis: dict[str, Any]) -> None:
    forged = json.loads(json.dumps(genesis))
    address = genesis["landfall"]["contracts"]["TradeEscrow"]
    forged["alloc"][address]["code"] = "0x00"
    assert merge_again(members(), forged) != forged


@pytest.mark.parametrize(
    "path",
    ["config.chainId", "timestamp", "landfall.network", "landfall.validators.0.power", "landfall.peers.0.address"],
)
def test_hash_changes_when_any_field_does(genesis: dict[str, Any], path: str) -> None:
    changed = json.loads(json.dumps(genesis))
    *parents, last = path.split(".")
    at: Any = changed
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = {"config.chainId": 778, "timestamp": "0x6ab13b81", "landfall.validators.0.power": 2}.get(path, "other")
    assert check_genesis(changed) != check_genesis(genesis)


def test_hash_stays_when_the_file_is_only_written_in_another_way(genesis: dict[str, Any]) -> None:
    again = json.loads(json.dumps(genesis, indent=7, sort_keys=True))
    assert check_genesis(again) == check_genesis(genesis)


def test_genesis_is_refused_when_a_field_is_malformed(genesis: dict[str, Any]) -> None:
    with pytest.raises(GenesisError, match=r"landfall\.network"):
        check_genesis(genesis | {"landfall": genesis["landfall"] | {"network": "x" * 51}})


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"account": member("bank-ke").account}, "account: expected one member for each"),
        ({"lei": member("bank-ke").lei}, "lei: expected one"),
        ({"id": "bank-ke"}, "id: expected one"),
        ({"validator": member("bank-ke").validator}, r"validator\.public_key: expected one"),
        ({"currencies": (MemberCurrency(code="EUR", name="Euro", symbol="E"),)}, "currency: .* two with EUR"),
    ],
)
def test_merge_is_refused_when_two_members_share_what_is_one_s_own(changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(CeremonyError, match=refusal):
        merge_members([member("bank-ke"), member("cb-eur"), member("bank-nl", **changes)], PLAN)


def test_merge_is_refused_when_nobody_validates() -> None:
    with pytest.raises(CeremonyError, match="at least one with a validator"):
        merge_members([member("bank-nl", validator=None)], PLAN)


def test_peers_are_the_others_that_told_an_address(genesis: dict[str, Any]) -> None:
    peers = peers_of(genesis, "bank-nl")
    assert [peer.split("@")[1] for peer in peers] == ["bank-ke.example:26656", "cb-eur.example:26656"]
    silent = member("cb-eur").validator.model_copy(update={"address": ""})  # type: ignore[union-attr]
    document = merge_members([member("bank-nl"), member("cb-eur", validator=silent)], PLAN)
    assert peers_of(document, "bank-nl") == ()


def test_home_is_whose_key_it_has(genesis: dict[str, Any], tmp_path: Any) -> None:
    write_validator_key(tmp_path, validator_key("bank-nl"))
    assert member_name_of(ValidatorHome(tmp_path), genesis) == "bank-nl"


def test_home_is_refused_when_its_key_votes_for_no_member(genesis: dict[str, Any], tmp_path: Any) -> None:
    with pytest.raises(CeremonyError, match="landfall init bank"):
        member_name_of(ValidatorHome(tmp_path), genesis)
    write_validator_key(tmp_path, validator_key("stranger"))
    with pytest.raises(CeremonyError, match="landfall join"):
        member_name_of(ValidatorHome(tmp_path), genesis)
