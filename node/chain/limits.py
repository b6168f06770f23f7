"""Every limit of the chain process, with its reason."""

from typing import Final

TRANSACTION_BYTES_MAX: Final = 131_072
"""As geth's pool: bounds decoding and gossip."""
ITEM_BYTES_MAX: Final = TRANSACTION_BYTES_MAX + 3_310
"""The largest transaction with a second signature."""
INIT_CODE_BYTES_MAX: Final = 49_152
"""EIP-3860."""
BLOCK_GAS_LIMIT: Final = 60_000_000
"""A devnet's, in the header; what a genesis file may say at least."""
NETWORK_GAS_LIMIT: Final = 400_000_000
"""A network of banks: whole-second block times make this some 4,000 transfers/s."""
BLOCK_GAS_LIMIT_MAX: Final = 1 << 53
"""JavaScript clients read no more."""
BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024
"""Payload and transactions of one consensus block."""
TRANSACTION_GAS_MAX: Final = BLOCK_GAS_LIMIT // 2
"""A transaction that asks for more would not fit a proposal on every network."""

MEMPOOL_TRANSACTIONS_MAX: Final = 20_000
MEMPOOL_BYTES_MAX: Final = 64 * 1024 * 1024
"""Whichever comes first; the journal holds the same bytes on disk."""
MEMPOOL_PER_SENDER_MAX: Final = 2_000
"""One sender cannot crowd out the others; a benchmark account still fits."""
MEMPOOL_NONCE_GAP_MAX: Final = 1_000
"""How far ahead of the account's nonce a waiting transaction may be."""
ACCOUNTS_CACHED_MAX: Final = 100_000
"""Senders remembered between two blocks."""
REPLACEMENT_BUMP_PERCENT: Final = 10
"""As geth: a replacement pays at least this much more, and more than nothing."""

SECOND_SIGNATURES_CACHED_MAX: Final = 8_192
"""Verdicts; some 28 MB of signatures."""

JOURNAL_BYTES_MAX: Final = 8 * 1024 * 1024
"""Above this the journal is rewritten with what is still pending."""

BLOCK_AHEAD_S_MAX: Final = 1
"""How far a proposed block may be ahead of a voter's clock."""
EVIDENCE_MAX: Final = 1_000
"""Reports of misbehaviour kept; the blocks of consensus hold them all."""
ABCI_REQUESTS_MAX: Final = 256
"""Requests of one connection read ahead of their answers: as many as CometBFT sends ahead."""
ABCI_MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A consensus block of the largest kind, with room for the commit of 200 validators."""
BATCH_BYTES_MAX: Final = 1024 * 1024
BATCH_TRANSACTIONS_MAX: Final = 500
"""One gossiped batch."""
GOSSIP_COLLECT_S: Final = 0.003
"""How long transactions are collected for a batch."""
GOSSIP_RETRY_S: Final = 0.5
"""After CometBFT did not take a batch: it is catching up, or full."""
GOSSIP_AGAIN_S: Final = 10.0
"""A transaction that waits this long is handed out again."""

SNAPSHOT_EVERY_HEIGHTS: Final = 10
"""Snapshots are read from the store when asked for, so one more costs nothing."""
SNAPSHOTS_LISTED: Final = 3
SNAPSHOT_CHUNK_BYTES: Final = 4 * 1024 * 1024
"""A piece holds whole blocks: up to this, or a single one. CometBFT carries 16 MB."""
SNAPSHOT_HEADERS: Final = 4_096
"""Headers in one piece, some 2.5 MB."""

RPC_BODY_BYTES_MAX: Final = 5 * 1024 * 1024
RPC_BATCH_MAX: Final = 1_000
RPC_RESULT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Sum of a batch's answers, so that one request cannot fill the memory."""
RPC_WAIT_READY_S: Final = 30.0
"""How long a request waits while the chain opens."""
RPC_JSON_DEPTH_MAX: Final = 32

CALL_GAS_MAX: Final = BLOCK_GAS_LIMIT // 2
"""Gas of eth_call and eth_estimateGas, unless less is asked for."""
CALL_JUMPS_MAX: Final = 100_000
"""Taken jumps of one eth_call, nested ones included: one to two seconds in the process that makes blocks."""
CALL_OVERRIDES_MAX: Final = 1_000
"""Accounts and slots of a state override set."""

LOGS_BLOCKS_MAX: Final = 100_000
LOGS_RESULTS_MAX: Final = 20_000
LOGS_ADDRESSES_MAX: Final = 1_000
LOGS_TOPICS_MAX: Final = 1_000
FILTERS_MAX: Final = 1_000
FILTER_IDLE_S: Final = 300.0
"""A filter nobody polls is dropped."""
FEE_HISTORY_BLOCKS_MAX: Final = 1_024

CONSENSUS_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of CometBFT's RPC: a block of 4 MiB in base64, and the commit of 200 validators."""
CONSENSUS_TIMEOUT_S: Final = 10.0
"""For one answer of CometBFT's RPC, which is on this machine."""

EXTRA_DATA: Final = b"landfall"
EXTRA_DATA_BYTES_MAX: Final = 32
LMDB_MAP_BYTES: Final = 64 * 1024 * 1024 * 1024
"""Address space, not disk: the file grows with the chain."""
CLOCK_AHEAD_S_MAX: Final = 100 * 365 * 86_400
"""How far time control may move the ledger ahead of the wall clock."""

UNIX_PATH_BYTES_MAX: Final = 107
"""What a socket's address holds on Linux."""
GETH_MEMORY_BYTES: Final = 384 * 1024 * 1024
"""geth's heap is collected harder near this; a goal, not a wall."""
GETH_CALL_TIMEOUT_S: Final = 5.0
"""How long geth may compute for one eth_call or trace."""
GETH_ANSWER_BYTES_MAX: Final = RPC_RESULT_BYTES_MAX
"""One answer of geth; a full block of `BLOCK_BYTES_MAX` is twice that in hex."""
GETH_REQUESTS_MAX: Final = 4_096
"""Requests under way on one connection."""
GETH_BUILDS_MAX: Final = 8
"""How often one proposal is tried with fewer transactions before it takes what is known to run."""
GETH_START_S: Final = 60.0
"""From the start of its process until geth listens; it may have a database to repair."""
GETH_TIMEOUT_S: Final = 60.0
"""One request of the Engine API: a full block on a busy machine takes seconds."""
GETH_REBUILD_LOG_S: Final = 5.0
"""How often a rebuild says how far it is."""
GETH_TRACES_MAX: Final = 2
"""Traces at once; each may take a core for `GETH_CALL_TIMEOUT_S`."""
TRACE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Steps of one transaction's trace, before they are written as JSON."""
GETH_INDEXING_POLL_S: Final = 0.1
GETH_INDEXING_TRIES_MAX: Final = 50
"""How often, and how many times, a lookup by transaction hash is asked again just after geth's start."""
PYEVM_FILL_S: Final = 1.5
"""How long py-evm fills a block; the other validators wait three seconds for a proposal."""
LOGS_PIECE_GAS: Final = 400_000_000
"""Gas of the blocks whose logs geth is asked for at once; some ten thousand transfers."""
DIVERGENCE_RECEIPTS_MAX: Final = 200
"""Receipts of a block among which a single difference is searched; the work grows with the square."""
