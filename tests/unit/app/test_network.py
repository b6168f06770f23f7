"""The devnet's shipped genesis against what it is made from."""

import json

from node.app.cast import load_cast
from node.app.network import build_devnet_genesis, shipped_genesis, shipped_genesis_hash
from node.chain.genesis_block import read_genesis


def test_shipped_genesis_is_what_the_sources_give_when_built_again() -> None:
    built = build_devnet_genesis(load_cast())
    assert json.loads(json.dumps(built)) == shipped_genesis(), "run scripts/build_devnet_genesis.py"


def test_shipped_genesis_hash_belongs_to_the_shipped_genesis_when_read() -> None:
    assert read_genesis(shipped_genesis()).trusted_hash == shipped_genesis_hash()
