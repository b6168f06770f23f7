"""The eth_, net_, web3_ and txpool_ methods that are the same whatever keeps the state; they send transactions.

Source: ethereum/execution-apis; where it is silent, what geth 1.17 answers.
"""

from collections.abc import Mapping
from typing import Any

from eth_hash.auto import keccak

from bridge.proofs.items import SIGNATURE_BYTES, join_item
from node.chain.application import Application
from node.chain.blocks import next_base_fee
from node.chain.intake import Intake
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data
from node.chain.jsonrpc.methods import Method
from node.chain.limits import TRANSACTION_BYTES_MAX

Params = list[Any]


class EthMethods:
    """Answers from one application."""

    def __init__(self, application: Application, intake: Intake, client_version: str) -> None:
        self._app = application
        self._intake = intake
        self._version = client_version

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "eth_chainId": Method(lambda _: hex(self._app.genesis.chain_id), 0, 0),
            "net_version": Method(lambda _: str(self._app.genesis.chain_id), 0, 0),
            "net_listening": Method(lambda _: True, 0, 0),
            "net_peerCount": Method(lambda _: "0x0", 0, 0),
            "web3_clientVersion": Method(lambda _: self._version, 0, 0),
            "web3_sha3": Method(lambda p: hex_data(keccak(params.data(p[0], "data"))), 1, 1),
            "eth_syncing": Method(lambda _: False, 0, 0),
            "eth_accounts": Method(lambda _: [], 0, 0),
            "eth_gasPrice": Method(lambda _: hex(next_base_fee(self._app.head)), 0, 0),
            "eth_maxPriorityFeePerGas": Method(lambda _: "0x0", 0, 0),
            "eth_blobBaseFee": Method(lambda _: "0x1", 0, 0),
            "eth_sendRawTransaction": Method(self.send_raw_transaction, 1, 1),
            "landfall_sendDualSigned": Method(self.send_dual_signed, 2, 2),
            "txpool_status": Method(self.txpool_status, 0, 0),
        }

    async def send_raw_transaction(self, p: Params) -> str:
        return hex_data(await self._intake.submit(params.data(p[0], "data", None, TRANSACTION_BYTES_MAX + 1)))

    async def send_dual_signed(self, p: Params) -> str:
        """Send a transaction with the second signature that the sender's transaction key asks for."""
        raw = params.data(p[0], "data", None, TRANSACTION_BYTES_MAX + 1)
        return hex_data(await self._intake.submit(join_item(raw, params.data(p[1], "signature", SIGNATURE_BYTES))))

    def txpool_status(self, _: Params) -> dict[str, str]:
        pool = self._app.mempool
        executable = sum(1 for _ in pool.executable())
        return {"pending": hex(executable), "queued": hex(len(pool) - executable)}
