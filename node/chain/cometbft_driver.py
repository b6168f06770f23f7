"""CometBFT as the driver of the chain: what each method of ABCI 2.0 means here.

A consensus block's data is a payload (the Ethereum header) and its transactions, or nothing; nothing makes no Ethereum
block and leaves the app hash. A block's time is a whole second after its parent's and not ahead of the wall clock, so
who proposes waits for the next second, and who votes refuses what is further ahead.

Source: CometBFT 0.38 spec/abci/abci++_methods.md, abci++_app_requirements.md; v0.40.0 state/execution.go.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from bridge.proofs.consensus import Validator
from node.chain.abci.abci_pb2 import (
    Block,
    BlockParams,
    CheckTxType,
    ConsensusParams,
    Empty,
    ExecTxResult,
    PublicKey,
    RequestApplySnapshotChunk,
    RequestCheckTx,
    RequestExtendVote,
    RequestInfo,
    RequestInitChain,
    RequestLoadSnapshotChunk,
    RequestOfferSnapshot,
    RequestPrepareProposal,
    RequestQuery,
    RequestVerifyVoteExtension,
    ResponseApplySnapshotChunk,
    ResponseCheckTx,
    ResponseCommit,
    ResponseExtendVote,
    ResponseFinalizeBlock,
    ResponseInfo,
    ResponseInitChain,
    ResponseListSnapshots,
    ResponseLoadSnapshotChunk,
    ResponseOfferSnapshot,
    ResponsePrepareProposal,
    ResponseProcessProposal,
    ResponseQuery,
    ResponseVerifyVoteExtension,
    ValidatorUpdate,
)
from node.chain.application import decode_header
from node.chain.consensus import DecidedChain, Decision
from node.chain.errors import (
    ChainError,
    CorruptChainError,
    GenesisError,
    InvalidBlockError,
    InvariantError,
    MalformedBatchError,
    NoLongerWaitingError,
    SnapshotRefusedError,
    TakenError,
    UnknownQueryError,
)
from node.chain.gossip import decode_batch
from node.chain.governance import ValidatorUpdate as GovernanceUpdate
from node.chain.limits import BLOCK_AHEAD_S_MAX, SNAPSHOT_EVERY_HEIGHTS
from node.chain.misbehaviour import misbehaviour_to_json
from node.chain.peers import PeerList
from node.chain.snapshots import SnapshotRestore, SnapshotSource
from node.chain.transactions import Transaction
from node.errors import abci_code

_log = structlog.get_logger("landfall.consensus")
_PAYLOAD_BYTES: Final = 1_024
"""More than any header takes in a block."""
_FRAME_SHARE: Final = 32 / 33
"""A transaction of a hundred bytes or more takes up to three more in a block."""
_LOG_CHARS: Final = 500
_KEY_FIELDS: Final = {"Ed25519": "ed25519", "ML-DSA-65": "ml_dsa_65"}
_FILTER: Final = "/p2p/filter/"


class CometBftDriver:
    """Answers CometBFT; see `node.chain.abci.server.AbciHandler`.

    Args:
        home: Where the report of a divergence is left.
        on_commit: Called after every durable commit.
        snapshot_every: Heights from one snapshot to the next.
        wall_s: The machine's clock, unix seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        chain: DecidedChain,
        home: Path,
        *,
        on_commit: Callable[[], None] = lambda: None,
        snapshot_every: int = SNAPSHOT_EVERY_HEIGHTS,
        wall_s: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._chain = chain
        self._app = chain.application
        self._home = home
        self._on_commit = on_commit
        self._wall_s = wall_s
        self._sleep = sleep
        self._peers = PeerList(chain.application)
        self._source = SnapshotSource(chain.application.store, snapshot_every)
        self._restore = SnapshotRestore(chain)
        self._decision: Decision | None = None
        self._is_awake = False
        """Whether something stays in CometBFT's mempool after the last block."""

    # -- where we are ------------------------------------------------------------------------------------------

    async def info(self, request: RequestInfo) -> ResponseInfo:
        """Tell what is durable here: CometBFT replays what follows."""
        _log.info("cometbft_connected", height=self._chain.height, block_number=self._app.head.number)
        return ResponseInfo(
            data="landfall", last_block_height=self._chain.height, last_block_app_hash=self._chain.app_hash
        )

    async def init_chain(self, request: RequestInitChain) -> ResponseInitChain:
        """Begin the network.

        Raises:
            GenesisError: CometBFT's genesis is not made from ours.
            CorruptChainError: this home has blocks that no consensus decided.
        """
        genesis = self._app.genesis
        if request.chain_id != genesis.network:
            raise GenesisError("cometbft.chain_id", genesis.network, request.chain_id)
        if request.initial_height not in (0, 1):
            raise GenesisError("cometbft.initial_height", 1, request.initial_height)
        expected = {_public_key(one).SerializeToString(): one.power for one in genesis.validators}
        got = {one.pub_key.SerializeToString(): one.power for one in request.validators}
        if got != expected:
            different = len(expected.items() ^ got.items())
            raise GenesisError("cometbft.validators", "those of genesis.json", f"{different} entries that differ")
        if self._app.head.number:
            raise CorruptChainError(
                f"home: expected no blocks before consensus begins, got {self._app.head.number}; "
                "use another home directory for another network"
            )
        return ResponseInitChain(app_hash=self._chain.app_hash)

    async def query(self, request: RequestQuery) -> ResponseQuery:
        """Tell whether a peer may connect; CometBFT asks with its address and with its id."""
        try:
            kind, _, peer = request.path.removeprefix(_FILTER).partition("/")
            if not request.path.startswith(_FILTER) or kind not in ("addr", "id"):
                raise UnknownQueryError(f"query: expected {_FILTER}id/ID or {_FILTER}addr/ADDRESS")
            if kind == "id":
                await self._peers.check(peer)
        except ChainError as error:
            _log.warning("query_refused", path=request.path[:200], reason=str(error))
            codespace, code = abci_code(error)
            return ResponseQuery(code=code, codespace=codespace, log=str(error)[:_LOG_CHARS])
        return ResponseQuery()

    # -- transactions ------------------------------------------------------------------------------------------

    async def check_txs(self, requests: Sequence[RequestCheckTx]) -> Sequence[ResponseCheckTx]:
        """Take what is new into the pool; tell of what was checked before whether it has to stay."""
        gossiped = [_read(request.tx) for request in requests]
        fresh = dict.fromkeys(
            item
            for request, items in zip(requests, gossiped, strict=True)
            if request.type == CheckTxType.NEW and not isinstance(items, ChainError)
            for item in items
            if self._app.mempool.find(item) is None
        )
        taken = dict(zip(fresh, await self._app.take_all(list(fresh)), strict=True))
        return [self._checked(*pair, taken) for pair in zip(requests, gossiped, strict=True)]

    def _checked(
        self,
        request: RequestCheckTx,
        items: tuple[bytes, ...] | ChainError,
        taken: Mapping[bytes, Transaction | ChainError],
    ) -> ResponseCheckTx:
        if isinstance(items, ChainError):
            return _refusal(items)
        if request.type == CheckTxType.RECHECK:
            return self._rechecked(items)
        if len(items) > 1 and any(isinstance(taken.get(item), Transaction) for item in items):
            return _refusal(TakenError("taken into the pool; who handed it out hands it to the others"))
        if any(self._app.mempool.find(item) is not None for item in items):
            return ResponseCheckTx()
        refusal = taken.get(items[0])
        return _refusal(refusal if isinstance(refusal, ChainError) else NoLongerWaitingError("expected one that waits"))

    def _rechecked(self, items: tuple[bytes, ...]) -> ResponseCheckTx:
        # While something stays in CometBFT's mempool a block is proposed: one stays as long as there is one to make.
        can_run = any(self._app.mempool.can_run(item) for item in items)
        if can_run or (not self._is_awake and self._app.mempool.has_executable()):
            self._is_awake = True
            return ResponseCheckTx()
        return _refusal(NoLongerWaitingError("expected a transaction that can run, got none"))

    # -- blocks ------------------------------------------------------------------------------------------------

    async def prepare_proposal(self, request: RequestPrepareProposal) -> ResponsePrepareProposal:
        """Fill a block from the pool, at the next whole second; none where nothing can run."""
        if not self._app.mempool.has_executable():
            return ResponsePrepareProposal()
        earliest_s = self._app.head.timestamp + 1
        early_s = earliest_s - self._wall_s()
        if early_s > 0:
            # The others took the head when it was at most this far ahead of their clocks; ours may be slow.
            await self._sleep(min(early_s, BLOCK_AHEAD_S_MAX))
        timestamp = max(earliest_s, int(self._wall_s()))
        bytes_max = int((request.max_tx_bytes - _PAYLOAD_BYTES) * _FRAME_SHARE)
        return ResponsePrepareProposal(
            txs=await self._app.propose(timestamp, request.proposer_address, bytes_max=bytes_max)
        )

    async def process_proposal(self, request: Block) -> ResponseProcessProposal:
        """Vote for a block that follows from the head by the rules and is not of the future."""
        try:
            if request.txs:
                await self._verify(request)
        except InvalidBlockError as error:
            proposer = "0x" + request.proposer_address.hex()
            _log.warning("proposal_refused", height=request.height, proposer=proposer, reason=str(error))
            return ResponseProcessProposal(status=ResponseProcessProposal.REJECT)
        return ResponseProcessProposal(status=ResponseProcessProposal.ACCEPT)

    async def _verify(self, request: Block) -> None:
        header, latest_s = decode_header(request.txs), int(self._wall_s()) + BLOCK_AHEAD_S_MAX
        if header.timestamp > latest_s:
            raise InvalidBlockError("timestamp", f"at most {latest_s}", header.timestamp)
        await self._app.verify(request.txs, request.proposer_address)

    async def finalize_block(self, request: Block) -> ResponseFinalizeBlock:
        """Execute what was decided, also when it was never proposed here (replay); nothing is durable yet.

        Raises:
            CorruptChainError: not the next height.
            DivergedError: this node does not agree with the block; it must not go on.
        """
        if request.height != self._chain.height + 1:
            raise CorruptChainError(f"consensus height: expected {self._chain.height + 1}, got {request.height}")
        reports = [misbehaviour_to_json(one, request.height) for one in request.misbehavior]
        try:
            decision = await self._chain.decide(request.height, request.txs, request.proposer_address, reports)
        except InvalidBlockError as refusal:
            raise await self._chain.diverged(request.txs, refusal, self._home) from refusal
        self._decision = decision
        return ResponseFinalizeBlock(
            # Gas differs by nothing here, and engines that keep receipts to themselves need not tell it.
            tx_results=[ExecTxResult() for _ in request.txs],
            validator_updates=[ValidatorUpdate(pub_key=_public_key(one), power=one.power) for one in decision.updates],
            consensus_param_updates=_params(decision),
            app_hash=self._chain.app_hash if decision.block is None else decision.block.header.hash,
        )

    async def commit(self, request: Empty) -> ResponseCommit:
        """Make durable what was decided.

        Raises:
            InvariantError: nothing was.
            ReadOnlyError: the disk refused.
        """
        if self._decision is None:
            raise InvariantError("commit: expected a decided height before it, got none")
        await self._chain.commit(self._decision)
        self._decision = None
        self._is_awake = False
        self._on_commit()
        return ResponseCommit()

    async def extend_vote(self, request: RequestExtendVote) -> ResponseExtendVote:
        """Add nothing to a vote."""
        return ResponseExtendVote()

    async def verify_vote_extension(self, request: RequestVerifyVoteExtension) -> ResponseVerifyVoteExtension:
        """Take votes to which nothing was added."""
        status = ResponseVerifyVoteExtension.REJECT if request.vote_extension else ResponseVerifyVoteExtension.ACCEPT
        return ResponseVerifyVoteExtension(status=status)

    # -- snapshots ---------------------------------------------------------------------------------------------

    async def list_snapshots(self, request: Empty) -> ResponseListSnapshots:
        """Return what others may begin from."""
        return ResponseListSnapshots(snapshots=self._source.listed())

    async def load_snapshot_chunk(self, request: RequestLoadSnapshotChunk) -> ResponseLoadSnapshotChunk:
        """Return a piece for another node; nothing where there is no such piece."""
        return ResponseLoadSnapshotChunk(chunk=self._source.chunk(request.height, request.format, request.chunk))

    async def offer_snapshot(self, request: RequestOfferSnapshot) -> ResponseOfferSnapshot:
        """Begin from what another node has, if it can lead to the app hash that CometBFT proved."""
        return ResponseOfferSnapshot(result=self._restore.offer(request.snapshot, request.app_hash))

    async def apply_snapshot_chunk(self, request: RequestApplySnapshotChunk) -> ResponseApplySnapshotChunk:
        """Take the next piece, or ask for it again from somebody else."""
        try:
            await self._restore.apply(request.index, request.chunk)
        except SnapshotRefusedError as error:
            _log.warning("snapshot_piece_refused", index=request.index, sender=request.sender, reason=str(error))
            if error.is_whole:
                return ResponseApplySnapshotChunk(result=ResponseApplySnapshotChunk.REJECT_SNAPSHOT)
            return ResponseApplySnapshotChunk(
                result=ResponseApplySnapshotChunk.RETRY,
                refetch_chunks=[request.index],
                reject_senders=[request.sender],
            )
        return ResponseApplySnapshotChunk(result=ResponseApplySnapshotChunk.ACCEPT)


def _read(gossiped: bytes) -> tuple[bytes, ...] | ChainError:
    try:
        return decode_batch(gossiped)
    except MalformedBatchError as error:
        return error


def _refusal(error: ChainError) -> ResponseCheckTx:
    codespace, code = abci_code(error)
    return ResponseCheckTx(code=code, codespace=codespace, log=str(error)[:_LOG_CHARS])


def _public_key(validator: Validator | GovernanceUpdate) -> PublicKey:
    return PublicKey(**{_KEY_FIELDS[validator.algorithm]: validator.public_key})


def _params(decision: Decision) -> ConsensusParams | None:
    """Return the whole group of block limits: consensus resets those of a group that are left out."""
    if decision.limits is None:
        return None
    return ConsensusParams(block=BlockParams(max_bytes=decision.limits.block_bytes, max_gas=decision.limits.block_gas))
