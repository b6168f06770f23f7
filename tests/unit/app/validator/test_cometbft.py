"""CometBFT's files, read back as it reads them."""

import base64
import json
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.app.errors import HomeError
from node.app.validator.ceremony import merge_members
from node.app.validator.cometbft import (
    address,
    config_text,
    genesis_document,
    new_vote_state,
    node_id,
    node_key_document,
    private_key_document,
)
from node.app.validator.home import NodeSettings, StateSync
from node.chain.genesis_block import read_genesis
from pqc import signatures
from tests.unit.app.validator.support import PLAN, members, validator_key

PEER = "ab" * 20 + "@127.0.0.1:26656"
RUN = Path("/run/landfall")


def config(**fields: Any) -> dict[str, Any]:
    """Return `config.toml`, parsed."""
    return tomllib.loads(config_text(NodeSettings(name="bank-nl", **fields), RUN))


def test_config_has_the_settings_that_the_chain_relies_on() -> None:
    written = config()
    assert written["proxy_app"] == "unix:///run/landfall/abci.sock"
    assert written["filter_peers"] is True
    assert written["rpc"]["laddr"] == "unix:///run/landfall/cometbft.sock"
    assert written["rpc"]["unsafe"] is False
    assert written["p2p"]["pex"] is False
    assert written["mempool"]["recheck"] is True
    assert written["consensus"]["timeout_commit"] == "0s"
    assert written["consensus"]["create_empty_blocks"] is False
    assert written["tx_index"]["indexer"] == "null"
    assert written["statesync"] == {"enable": False}


def test_config_opens_a_consensus_port_only_when_it_is_wished() -> None:
    assert config(consensus_port=26657)["rpc"]["laddr"].endswith(",tcp://127.0.0.1:26657")
    assert "tcp" not in config()["rpc"]["laddr"]


def test_config_names_every_peer() -> None:
    other = "cd" * 20 + "@bank.example:26656"
    assert config(peers=(PEER, other))["p2p"]["persistent_peers"] == f"{PEER},{other}"


def test_config_has_state_sync_when_a_node_joins() -> None:
    sync = StateSync(trust_height=7, trust_hash="AB" * 32, rpc_servers=("a:1", "b:2"))
    written = config(statesync=sync)["statesync"]
    assert (written["enable"], written["trust_height"], written["rpc_servers"]) == (True, 7, "a:1,b:2")


def test_genesis_says_of_our_network_what_cometbft_wants_to_know() -> None:
    genesis = merge_members(members(), PLAN)
    document = genesis_document(genesis)
    assert document["chain_id"] == "test-network"
    assert document["genesis_time"] == "2026-09-21T14:13:20Z"
    assert document["app_hash"] == read_genesis(genesis).block.header.hash.hex().upper()
    assert document["consensus_params"]["validator"]["pub_key_types"] == ["ed25519", "ml_dsa_65"]
    assert {one["name"] for one in document["validators"]} == {"bank-nl", "bank-ke", "cb-eur"}
    for one in document["validators"]:
        public_key = base64.b64decode(one["pub_key"]["value"])
        assert one["pub_key"]["type"] == "cometbft/PubKeyMlDsa65"
        assert one["address"] == sha256(public_key).hexdigest()[:40].upper()


def test_private_key_is_the_expanded_one_when_it_is_ml_dsa() -> None:
    key = validator_key("bank-nl")
    document = private_key_document(key)
    private = base64.b64decode(document["priv_key"]["value"])
    assert document["priv_key"]["type"] == "cometbft/PrivKeyMlDsa65"
    assert len(private) == 4032
    # FIPS 204, algorithm 24: the first 32 bytes are those of the public key, the third 32 its hash.
    assert private[:32] == key.public_key[:32]
    assert base64.b64decode(document["pub_key"]["value"]) == key.public_key


def test_private_key_is_seed_and_public_key_when_it_is_ed25519() -> None:
    key = signatures.from_seed("Ed25519", b"\x07" * 32)
    document = private_key_document(key)
    private = base64.b64decode(document["priv_key"]["value"])
    assert document["priv_key"]["type"] == "tendermint/PrivKeyEd25519"
    assert Ed25519PrivateKey.from_private_bytes(private[:32]).public_key().public_bytes_raw() == private[32:]


def test_private_key_is_refused_when_cometbft_has_no_such_algorithm() -> None:
    with pytest.raises(HomeError, match="expected ML-DSA-65 or Ed25519, got ML-DSA-87"):
        private_key_document(signatures.from_seed("ML-DSA-87", b"\x07" * 32))


def test_node_id_is_the_address_of_its_key() -> None:
    key = signatures.from_seed("Ed25519", b"\x08" * 32)
    assert node_id(node_key_document(key)) == address(key.public_key).hex()


@pytest.mark.parametrize("document", [{}, {"priv_key": 1}, {"priv_key": {"value": "?"}}])
def test_node_id_is_refused_when_the_file_has_no_key(document: Any) -> None:
    with pytest.raises(HomeError, match=r"node_key\.json"):
        node_id(document)


def test_vote_state_says_that_nothing_was_signed() -> None:
    assert json.loads(new_vote_state()) == {"height": "0", "round": 0, "step": 0}
