"""The landfall_ methods that prove to others: finality of blocks and transactions, light blocks, validator changes."""

import inspect
from collections.abc import Mapping
from typing import Any

from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.consensus import data_proof
from bridge.proofs.finality import merkle_to_json, proof_to_json
from bridge.proofs.light import light_block_to_json
from bridge.proofs.validator_changes import changes_to_json
from node.chain.errors import InvalidParamsError, LimitExceededError
from node.chain.finality import FinalitySource
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.views import BlockViews
from node.chain.store import ChainStore

Params = list[Any]


class FinalityMethods:
    """Proofs of one chain."""

    def __init__(self, store: ChainStore, views: BlockViews, source: FinalitySource) -> None:
        self._store = store
        self._views = views
        self._source = source

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "landfall_getFinalityProof": Method(self.get_finality_proof, 1, 1),
            "landfall_getLightBlock": Method(self.get_light_block, 1, 1),
            "landfall_getValidatorChanges": Method(self.get_validator_changes, 2, 2),
        }

    async def get_finality_proof(self, p: Params) -> dict[str, Any] | None:
        """Return the proof of a block, or of a transaction's block and the transaction's index in it."""
        number, index = self._place(p[0])
        proof = None if number is None else await self._source.proof(number)
        if proof is None:
            return None
        return proof_to_json(proof) | ({} if index is None else self._transaction(number or 0, index))

    async def get_light_block(self, p: Params) -> dict[str, Any] | None:
        """Return header, votes and validators of a consensus height; null above the latest."""
        block = await self._source.light_block(None if p[0] == "latest" else params.height(p[0], "height"))
        return None if block is None else light_block_to_json(block)

    async def get_validator_changes(self, p: Params) -> list[dict[str, Any]]:
        """Return the links of the consensus heights from the first to the second, both included."""
        first, last = params.height(p[0], "from_height"), params.height(p[1], "to_height")
        if first > last:
            raise InvalidParamsError(f"to_height: expected {first} or above, got {last}")
        links = await self._source.validator_changes(first, last)
        if len(links) > VALIDATOR_CHANGES_MAX:
            raise LimitExceededError(
                f"heights: expected at most {VALIDATOR_CHANGES_MAX} changes, got {len(links)}; ask for fewer heights"
            )
        return changes_to_json(links)

    def with_finality(self, receipt: Method) -> Method:
        """Return `eth_getTransactionReceipt` with a member more: what has a receipt is final, and it says so."""

        async def answer(p: Params) -> dict[str, Any] | None:
            found = receipt.answer(p)
            value: dict[str, Any] | None = await found if inspect.isawaitable(found) else found
            height = None if value is None else self._source.height_of(int(value["blockNumber"], 16))
            if value is None or height is None:
                return value
            return value | {"finality": {"consensusHeight": hex(height)}}

        return Method(answer, receipt.params_min, receipt.params_max)

    def _transaction(self, number: int, index: int) -> dict[str, Any]:
        """Return a transaction's place in its block: the item as decided, after the payload, and its Merkle proof."""
        items = self._source.items(number)
        return {
            "transaction_index": index,
            "transaction": hex_data(items[index + 1]),
            "transaction_proof": merkle_to_json(data_proof(items, index + 1)),
        }

    def _place(self, value: object) -> tuple[int | None, int | None]:
        """Return (block number, transaction index) of a block's number, tag or hash, or of a transaction's hash."""
        view = self._views.find(value)
        if view is not None:
            return view.header.number, None
        if isinstance(value, str) and len(value) == 66:
            place = self._store.place_of(params.data(value, "hash", 32))
            if place is not None:
                return place.block_number, place.index
        return None, None
