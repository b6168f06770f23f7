"""A chain that a network of validators decides: CometBFT orders, geth or py-evm executes. The pieces put together."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from node.chain.abci.server import serve_abci
from node.chain.application import Application
from node.chain.clock import LedgerClock
from node.chain.cometbft_driver import CometBftDriver
from node.chain.cometbft_rpc import CometBftRpc
from node.chain.consensus import DecidedChain
from node.chain.finality import ConsensusFinality
from node.chain.genesis_block import Genesis
from node.chain.geth.engine import GethEngine
from node.chain.geth.ipc import GethIpc
from node.chain.geth.logs import GethLogs
from node.chain.geth.reads import GethReads
from node.chain.gossip import Gossip
from node.chain.intake import Intake
from node.chain.journal import TransactionJournal
from node.chain.jsonrpc.eth import EthMethods
from node.chain.jsonrpc.finality import FinalityMethods
from node.chain.jsonrpc.logs import LogMethods, LogSource, StoredLogs
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.network import NetworkMethods
from node.chain.jsonrpc.reads import StoredReads
from node.chain.jsonrpc.views import BlockViews
from node.chain.limits import GETH_START_S, PYEVM_FILL_S
from node.chain.opening import Chain
from node.chain.process import ChainSettings, ValidatorSettings
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore

GETH_SOCKET: Final = "geth.ipc"
COMETBFT_SOCKET: Final = "cometbft.sock"
ABCI_SOCKET: Final = "abci.sock"


@dataclass(frozen=True, slots=True)
class _Execution:
    """An open engine with what reads from it."""

    application: Application
    views: BlockViews
    reads: Mapping[str, Method]
    logs: LogSource


async def open_chain(
    settings: ChainSettings, genesis: Genesis, store: ChainStore, journal: TransactionJournal
) -> Chain:
    """Put the pieces together and take the journal's transactions in again."""
    validator = settings.validator
    assert validator is not None, "the process chose this module because there are settings of a validator"
    execution = await _open_execution(validator, genesis, store)
    application = execution.application
    rpc = CometBftRpc(f"unix://{validator.run / COMETBFT_SOCKET}")
    gossip = Gossip(application.mempool, rpc)
    intake = Intake(application, journal, gossip.transaction_taken)
    await intake.replay()

    def on_commit() -> None:
        if not len(application.mempool):
            journal.trim()

    async def hand_out() -> None:
        try:
            await gossip.run()
        finally:
            await rpc.close()

    async def peer_count(_: list[Any]) -> str:
        return hex(len(await rpc.net_info()))

    driver = CometBftDriver(DecidedChain(application), settings.home, on_commit=on_commit)
    finality = FinalityMethods(store, execution.views, ConsensusFinality(store, rpc))
    methods = {
        **EthMethods(application, intake, settings.client_version).table(),
        "net_peerCount": Method(peer_count, 0, 0),
        **execution.reads,
        "eth_getTransactionReceipt": finality.with_finality(execution.reads["eth_getTransactionReceipt"]),
        **finality.table(),
        **LogMethods(application, execution.views, execution.logs).table(),
        **NetworkMethods(application, LedgerClock(time.time)).table(),
    }
    return Chain(
        application,
        methods,
        (
            lambda: serve_abci(validator.run / ABCI_SOCKET, driver),
            hand_out,
            lambda: journal.run(gossip.waiting),
        ),
    )


async def _open_execution(validator: ValidatorSettings, genesis: Genesis, store: ChainStore) -> _Execution:
    if validator.engine == "pyevm":
        engine = PyEvmEngine(store, genesis.chain_id, PYEVM_FILL_S)
        application = Application(genesis, store, engine)
        await application.open()
        views = BlockViews(application)
        reads = StoredReads(application, views, engine).table()
        return _Execution(application, views, reads, StoredLogs(store, views))
    socket = validator.run / GETH_SOCKET
    application = Application(genesis, store, GethEngine(store, genesis, socket))
    await application.open()
    # A second connection: what clients ask must not stand before a block in the same queue.
    ipc = await GethIpc.connect(socket, GETH_START_S)
    reads = GethReads(ipc, store, application.mempool).table()
    return _Execution(application, BlockViews(application), reads, GethLogs(ipc, store))
