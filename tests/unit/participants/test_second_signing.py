"""Second signatures: made by the key that the registry holds now, with no key but that one."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.client.errors import SecondSignatureUnavailableError, UnavailableError
from node.participants.second_signing import ALGORITHM, SecondSigner, logged
from pqc import signatures
from pqc.errors import InvalidSignatureError
from pqc.keystore import DEVNET, KeyRole, Keystore

ACCOUNT = "0x" + "11" * 20
TX_HASH = b"\x42" * 32


class Registry:
    """The two views, of one account."""

    def __init__(self) -> None:
        self.key, self.state = b"", 0

    async def call(self, contract: str, function: str, *args: Any) -> Any:
        assert (contract, args) == ("ParticipantRegistry", (ACCOUNT,))
        return {"transaction_key": self.key, "transaction_key_state": self.state}[function]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    keystore = Keystore.create(tmp_path / "keystore.json", b"devnet", DEVNET)
    keystore.add("transaction", "secp256k1", KeyRole.TRANSACTION)
    keystore.add("message", ALGORITHM, KeyRole.MESSAGE)
    keystore.add("second", ALGORITHM, KeyRole.TRANSACTION)
    return keystore


@pytest.fixture
def signer(registry: Registry, keystore: Keystore) -> SecondSigner:
    return SecondSigner(registry=registry, keys=keystore, account=ACCOUNT, chain_id=7777)


async def test_plain_account_gets_no_signature_although_its_keystore_has_a_key(signer: SecondSigner) -> None:
    assert await signer.sign([TX_HASH, TX_HASH]) == [b"", b""]


async def test_signature_is_over_the_hash_under_the_chains_context(
    registry: Registry, keystore: Keystore, signer: SecondSigner
) -> None:
    registry.key, registry.state = keystore.public_key("second"), 1
    signature, other = await signer.sign([TX_HASH, b"\x43" * 32])
    assert len(signature) == 3_309
    signatures.verify(ALGORITHM, registry.key, TX_HASH, signature, b"landfall/transaction/1/7777")
    signatures.verify(ALGORITHM, registry.key, b"\x43" * 32, other, b"landfall/transaction/1/7777")
    with pytest.raises(InvalidSignatureError):
        signatures.verify(ALGORITHM, registry.key, TX_HASH, signature, b"landfall/transaction/1/7778")


async def test_the_older_generation_signs_until_the_registry_holds_the_next(
    registry: Registry, keystore: Keystore, signer: SecondSigner
) -> None:
    registry.key, registry.state = keystore.public_key("second"), 1
    following = keystore.rotate("second", 10, 0)
    (old,) = await signer.sign([TX_HASH])
    signatures.verify(ALGORITHM, registry.key, TX_HASH, old, b"landfall/transaction/1/7777")
    registry.key = following.public_key
    (new,) = await signer.sign([TX_HASH])
    signatures.verify(ALGORITHM, registry.key, TX_HASH, new, b"landfall/transaction/1/7777")


async def test_no_signature_is_made_when_the_key_is_not_there_or_of_another_role(
    registry: Registry, keystore: Keystore, signer: SecondSigner
) -> None:
    for key in (signatures.generate(ALGORITHM).public_key, keystore.public_key("message")):
        registry.key, registry.state = key, 1
        with pytest.raises(SecondSignatureUnavailableError, match="restore it from its backup") as caught:
            await signer.sign([TX_HASH])
        assert isinstance(caught.value, UnavailableError)


async def test_no_signature_is_made_when_the_key_is_revoked(registry: Registry, signer: SecondSigner) -> None:
    registry.state = 2
    with pytest.raises(SecondSignatureUnavailableError, match="expected one that the members assign, got it revoked"):
        await signer.sign([TX_HASH])


async def test_missing_signature_is_logged_once_until_there_was_one(registry: Registry, signer: SecondSigner) -> None:
    sign = logged(signer.sign, ACCOUNT)
    with capture_logs() as logs:
        for state in (2, 2, 0, 2):
            registry.state = state
            if state:
                with pytest.raises(SecondSignatureUnavailableError):
                    await sign([TX_HASH])
            else:
                assert await sign([TX_HASH]) == [b""]
    assert [one["event"] for one in logs] == ["second_signature_unavailable"] * 2
