"""The second signature of an account's transactions: by the ML-DSA-65 key that the registry holds for it now.

The registry is asked for each submission: a follower's view may be blocks behind, and a transaction with yesterday's
signature is refused. A plain account costs one call and gets no signature.

Source: docs/spec/governance.md, "Transaction keys".
"""

from typing import Any, Final, Protocol

import structlog

from bridge.proofs.items import second_signature_context
from contracts.client.errors import SecondSignatureUnavailableError
from node.participants.ports import TransactionKeys
from pqc import signatures
from pqc.keystore import KeyInfo, KeyRole

ALGORITHM: Final = "ML-DSA-65"
_LOG = structlog.get_logger(__name__)
_REGISTRY: Final = "ParticipantRegistry"
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
        self._told: str | None = None

    async def sign(self, tx_hash: bytes) -> bytes:
        """Return the signature over an Ethereum transaction's hash, empty for a plain account.

        Raises:
            SecondSignatureUnavailableError: the registry's key is not in the keystore, or it is revoked.
            UnavailableError (of contracts): the chain does not answer.
        """
        try:
            signature = await self._sign(tx_hash)
        except SecondSignatureUnavailableError as error:
            # Told once: a sender asks again and again.
            if self._told != str(error):
                self._told = str(error)
                _LOG.warning("second_signature_unavailable", account=self._account, reason=self._told)
            raise
        self._told = None
        return signature

    async def _sign(self, tx_hash: bytes) -> bytes:
        public_key = await self._registry.call(_REGISTRY, "transaction_key", self._account)
        if not public_key:
            if await self._registry.call(_REGISTRY, "transaction_key_state", self._account) == _REVOKED:
                raise SecondSignatureUnavailableError(self._account, "one that the members assign", "it revoked")
            return b""
        found = self._find(public_key)
        return self._keys.sign_message(
            found.name, tx_hash, self._context, role=KeyRole.TRANSACTION, thumbprint=found.thumbprint
        )

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
