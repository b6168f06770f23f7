"""Accounts whose transactions need a second, post-quantum signature, as the state after the head has them.

Read from the contract ParticipantRegistry when the chain opens and after each block that changes a key. What counts
for a block is the registry at its parent.

Source: docs/spec/governance.md, "Transaction keys".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from bridge.proofs.items import second_signature_context
from contracts.client.artifacts import decode_result, encode_call
from node.chain.blocks import BlockHeader, ExecutedBlock, may_contain
from node.chain.errors import (
    DelegationRefusedError,
    MissingSecondSignatureError,
    RevokedTransactionKeyError,
    UnwantedSecondSignatureError,
    WrongSecondSignatureError,
)
from node.chain.genesis_block import Genesis
from node.chain.governance import KeyState, transaction_key_changes
from node.chain.limits import CALL_GAS_MAX, SECOND_SIGNATURES_CACHED_MAX
from node.chain.ports import CallRequest, ExecutionEngine
from node.chain.transactions import Transaction
from pqc import signatures
from pqc.errors import InvalidSignatureError

_REGISTRY: Final = "ParticipantRegistry"
_ALGORITHM: Final = "ML-DSA-65"


@dataclass(frozen=True, slots=True)
class _Key:
    """An account's transaction key; empty while it is revoked."""

    state: KeyState
    public_key: bytes


class DualSigners:
    """The accounts that have, or had, a transaction key."""

    def __init__(self, genesis: Genesis, engine: ExecutionEngine) -> None:
        address = genesis.landfall.get("contracts", {}).get(_REGISTRY)
        self._registry = None if address is None else bytes.fromhex(address[2:])
        self._context = second_signature_context(genesis.chain_id)
        self._engine = engine
        self._keys: dict[bytes, _Key] = {}

    async def load(self, head: BlockHeader) -> None:
        """Read every key in the state after `head`."""
        if self._registry is None:
            return
        accounts = await self._ask(self._registry, head, "dual_signers")
        await self._read(self._registry, head, [bytes.fromhex(account[2:]) for account in accounts])

    async def follow(self, block: ExecutedBlock) -> frozenset[bytes]:
        """Take over what a block changed, once it is the engine's head; return the accounts it changed."""
        if self._registry is None or not may_contain(block.header.bloom, self._registry):
            return frozenset()
        changes = transaction_key_changes(await self._engine.logs(block, self._registry), self._registry)
        accounts = list({change.account for change in changes})
        await self._read(self._registry, block.header, accounts)
        return frozenset(accounts)

    def check(self, tx: Transaction) -> None:
        """Return when the transaction is signed as its account's key asks for.

        Raises:
            MissingSecondSignatureError, WrongSecondSignatureError, RevokedTransactionKeyError,
            UnwantedSecondSignatureError, DelegationRefusedError.
        """
        for authorization in tx.authorization_list:
            if (authority := authorization.authority) in self._keys:
                raise DelegationRefusedError(authority)
        key = self._keys.get(tx.sender)
        if key is None:
            if tx.second_signature:
                raise UnwantedSecondSignatureError(tx.sender)
            return
        if key.state is KeyState.REVOKED:
            raise RevokedTransactionKeyError(tx.sender)
        if not tx.second_signature:
            raise MissingSecondSignatureError(tx.sender)
        if not _is_signed(key.public_key, tx.hash, tx.second_signature, self._context):
            raise WrongSecondSignatureError(tx.sender)

    async def _read(self, registry: bytes, header: BlockHeader, accounts: Sequence[bytes]) -> None:
        for account in accounts:
            state = KeyState(await self._ask(registry, header, "transaction_key_state", account))
            public_key = await self._ask(registry, header, "transaction_key", account)
            self._keys[account] = _Key(state, public_key)

    async def _ask(self, registry: bytes, header: BlockHeader, function: str, *arguments: Any) -> Any:
        data = encode_call(_REGISTRY, function, arguments)
        request = CallRequest(sender=bytes(20), to=registry, gas=CALL_GAS_MAX, value=0, data=data)
        return decode_result(_REGISTRY, function, len(arguments), await self._engine.call(header, request, {}))


@lru_cache(maxsize=SECOND_SIGNATURES_CACHED_MAX)
def _is_signed(public_key: bytes, tx_hash: bytes, signature: bytes, context: bytes) -> bool:
    """Return the verdict; asked when a transaction comes in and again for the block that holds it."""
    try:
        signatures.verify(_ALGORITHM, public_key, tx_hash, signature, context)
    except InvalidSignatureError:
        return False
    return True
