"""The second signature of an account's transactions: by the ML-DSA-65 key that the registry holds for it now.

The registry is asked for each submission: a follower's view may be blocks behind, and a transaction with yesterday's
signature is refused. A plain account costs one call and gets no signature.

Source: docs/spec/governance.md, "Transaction keys".
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import structlog

from bridge.proofs.items import second_signature_context
from contracts.client.errors import SecondSignatureUnavailableError
from contracts.client.transactions import SignSecond
from node.participants.ports import TransactionKeys
from pqc import signatures
from pqc.keystore import KeyInfo, KeyRole

ALGORITHM: Final = "ML-DSA-65"
_LOG = structlog.get_logger(__name__)
_REGISTRY: Final = "ParticipantRegistry"
_NONE: Final = 0
_REVOKED: Final = 2
"""Of `transaction_key_state`."""


class Registry(Protocol):
    """The contracts' views (`contracts.client.chain_client.ChainClient`)."""

    async def call(self, contract: str, function: str, *args: Any) -> Any:
        """Return the result of a view function in the state after the head."""
        ...


class SecondSigner:
    """Signs transactions of one account a second time, where its account needs that."""

    def __init__(self, *, registry: Registry, keys: TransactionKeys, account: str, chain_id: int) -> None:
        """Take a keystore's post-quantum keys of the role `transaction`, under whatever names."""
        self._registry = registry
        self._keys = keys
        self._account = account
        self._context = second_signature_context(chain_id)

    async def sign(self, tx_hashes: Sequence[bytes]) -> Sequence[bytes]:
        """Return the signatures over Ethereum transactions' hashes, empty for a plain account.

        Raises:
            SecondSignatureUnavailableError: the registry's key is not in the keystore, or it is revoked.
            UnavailableError (of contracts): the chain does not answer.
        """
        state = await self._registry.call(_REGISTRY, "transaction_key_state", self._account)
        if state == _NONE:
            return [b""] * len(tx_hashes)
        if state == _REVOKED:
            raise SecondSignatureUnavailableError(self._account, "one that the members assign", "it revoked")
        public_key = await self._registry.call(_REGISTRY, "transaction_key", self._account)
        found = self._find(public_key)
        return [
            self._keys.sign_message(
                found.name, tx_hash, self._context, role=KeyRole.TRANSACTION, thumbprint=found.thumbprint
            )
            for tx_hash in tx_hashes
        ]

    def _find(self, public_key: bytes) -> KeyInfo:
        infos = self._keys.keys()
        for current in infos:
            for info in self._keys.history(current.name):
                if info.public_key == public_key and info.role is KeyRole.TRANSACTION and not info.is_destroyed:
                    return info
        expected = f"{signatures.thumbprint(ALGORITHM, public_key).hex()} in the keystore"
        raise SecondSignatureUnavailableError(
            self._account, expected, "none; restore it from its backup, or let the members assign the next one"
        )


def logged(sign: SignSecond, account: str) -> SignSecond:
    """Return `sign` that also logs why it cannot, once for each reason: a sender asks again and again."""
    told: str | None = None

    async def sign_or_tell(tx_hashes: Sequence[bytes]) -> Sequence[bytes]:
        nonlocal told
        try:
            made = await sign(tx_hashes)
        except SecondSignatureUnavailableError as error:
            if told != str(error):
                told = str(error)
                _LOG.warning("second_signature_unavailable", account=account, reason=told)
            raise
        told = None
        return made

    return sign_or_tell
