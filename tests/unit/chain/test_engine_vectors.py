"""Blocks that geth 1.17.5 imported with these hashes: this engine must come to the same."""

import json
from pathlib import Path

import pytest
import rlp

from node.chain.blocks import BlockHeader
from node.chain.errors import InvalidBlockError
from node.chain.genesis_block import read_genesis
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore
from node.chain.transactions import decode_item

FOLDER = Path(__file__).parents[2] / "vectors" / "geth"
# As geth logged them: "Successfully wrote genesis state", "Imported new chain segment".
GENESIS_HASH = "8ce6504eb111f8af41043a9eeda8699531ce492005c34bf9ce90c04f8fe5fbe4"
HEAD_HASH = "31bc8ec70f9baa24c9ce3aeeaaef5801aed96797d91f2e4f6349090ce87f86cd"


def _blocks() -> list[list[bytes]]:
    """Return the items (payload, transactions) of every block."""
    data, blocks = bytes.fromhex((FOLDER / "blocks.hex").read_text("ascii").replace("\n", "")), []
    while data:
        size = rlp.codec.consume_length_prefix(data, 0)
        end = size[3] + size[2]
        header, transactions, _, _ = rlp.decode(data[:end])
        raws = [tx if isinstance(tx, bytes) else rlp.encode(tx) for tx in transactions]
        blocks.append([rlp.encode(header), *raws])
        data = data[end:]
    return blocks


async def test_geths_blocks_are_executed_to_geths_hashes(tmp_path: Path) -> None:
    genesis = read_genesis(json.loads((FOLDER / "genesis.json").read_text("utf-8")))
    assert genesis.block.header.hash.hex() == GENESIS_HASH
    store = ChainStore(tmp_path, map_bytes=1 << 28)
    store.commit(genesis.block, None)
    engine = PyEvmEngine(store, genesis.chain_id)
    blocks = _blocks()
    block = genesis.block
    for payload, *items in blocks:
        header, transactions = BlockHeader.decode(payload), [decode_item(item) for item in items]
        with pytest.raises(InvalidBlockError):
            await engine.execute(header, [*transactions, decode_item(blocks[0][1])])
        block = await engine.execute(header, transactions)
        store.commit(block, None)
    assert block.header.number == 24
    assert block.header.hash.hex() == HEAD_HASH
    store.close()
