"""What evidence needs from the chain; `contracts.client.chain_client.ChainClient` has it."""

from typing import Any, Protocol


class ProofSource(Protocol):
    """Reads for an evidence pack.

    Raises (every call):
        UnavailableError: the chain does not answer now.
    """

    async def genesis(self) -> dict[str, Any]:
        """Return `landfall_getGenesis`."""
        ...

    async def receipts(self, block: int) -> list[dict[str, Any]]:
        """Return `eth_getBlockReceipts`."""
        ...

    async def finality_proof(self, block: int) -> dict[str, Any]:
        """Return `landfall_getFinalityProof`."""
        ...

    async def validator_changes(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return `landfall_getValidatorChanges`, for consensus heights."""
        ...

    async def raw(self, method: str, params: list[Any]) -> Any:
        """Return the result of a JSON-RPC method: `eth_getBlockByNumber`, `eth_getLogs`."""
        ...
