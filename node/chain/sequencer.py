"""A chain with one sequencer, as a devnet has it: the pieces put together. Loads py-evm."""

import json
import time

from node.chain.application import Application
from node.chain.clock import LedgerClock
from node.chain.finality import StoredFinality
from node.chain.genesis_block import Genesis
from node.chain.intake import Intake
from node.chain.journal import TransactionJournal
from node.chain.jsonrpc.eth import EthMethods
from node.chain.jsonrpc.finality import FinalityMethods
from node.chain.jsonrpc.logs import LogMethods, StoredLogs
from node.chain.jsonrpc.network import NetworkMethods
from node.chain.jsonrpc.reads import StoredReads
from node.chain.jsonrpc.views import BlockViews
from node.chain.opening import Chain
from node.chain.process import ChainSettings
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.sealing import BlockSealer
from node.chain.solo import CLOCK_META, SoloDriver
from node.chain.store import ChainStore
from node.chain.validator_key import load_or_create_validator_key


async def open_chain(
    settings: ChainSettings, genesis: Genesis, store: ChainStore, journal: TransactionJournal
) -> Chain:
    """Put the pieces together and take the journal's transactions in again."""
    sealer = BlockSealer(genesis, store, load_or_create_validator_key(settings.home))
    engine = PyEvmEngine(store, genesis.chain_id)
    application = Application(genesis, store, engine)
    await application.open()
    clock = LedgerClock(time.time, _load_offset(store, genesis))
    driver = SoloDriver(application, sealer, clock, journal, settings.interval_ms, is_manual=settings.is_manual)
    intake = Intake(application, journal, driver.transaction_taken)
    await intake.replay()
    views = BlockViews(application)
    reads = StoredReads(application, views, engine).table()
    finality = FinalityMethods(store, views, StoredFinality(store, genesis.validators))
    methods = {
        **EthMethods(application, intake, settings.client_version).table(),
        **reads,
        "eth_getTransactionReceipt": finality.with_finality(reads["eth_getTransactionReceipt"]),
        **finality.table(),
        **LogMethods(application, views, StoredLogs(store, views)).table(),
        **NetworkMethods(application, clock, driver).table(),
    }
    return Chain(
        application, methods, (lambda: journal.run(lambda: [tx.item for tx in application.mempool.all()]), driver.run)
    )


def _load_offset(store: ChainStore, genesis: Genesis) -> int:
    """Return the clock's offset; at the first start it puts the clock where genesis says."""
    stored = store.meta(CLOCK_META)
    if stored is not None:
        return int(json.loads(stored)["offset_s"])
    offset_s = genesis.block.header.timestamp - int(time.time())
    store.put_meta(CLOCK_META, json.dumps({"offset_s": offset_s}).encode())
    return offset_s
