"""A member's transaction: plain or signed twice, and what is said when it does not happen."""

from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from contracts.client.artifacts import load_artifact
from contracts.client.errors import CallRevertedError, ChainUnavailableError
from node.app.council import sending
from node.app.council.sending import Account, send
from node.app.errors import StepError
from pqc import signatures
from pqc.keystore import DEVNET, KeyRole, Keystore
from tests.unit.app.council.support import deployment
from tests.unit.client.fake_chain import CHAIN_ID, Actor, parse

MEMBER = Actor("member")


class Chain:
    """What `send` asks of a ChainClient."""

    def __init__(self) -> None:
        self.deployment = deployment()
        self.transaction_key = b""
        self.refusal: str | None = None
        self.status = "0x1"
        self.is_slow = False
        self.submitted: list[tuple[bytes, bytes]] = []

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        assert (sender, to) == (MEMBER.address, self.deployment.address("Governance"))
        if self.refusal is not None:
            raise CallRevertedError("Governance.vote", self.refusal)

    async def call(self, contract: str, function: str, *args: Any) -> Any:
        assert (contract, args) == ("ParticipantRegistry", (MEMBER.address,))
        return {"transaction_key": self.transaction_key, "transaction_key_state": int(bool(self.transaction_key))}[
            function
        ]

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        self.submitted.append((raw, second_signature))

    async def raw(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionReceipt":
            voted = load_artifact("Governance").topic("Voted")
            topics = [voted, (7).to_bytes(32, "big"), encode(["address"], [MEMBER.address])]
            log = {"topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + encode(["bool"], [True]).hex()}
            receipt = {"status": self.status, "blockNumber": "0x9", "logs": [log]}
            return None if self.is_slow else receipt
        return {"eth_estimateGas": hex(100_000), "eth_getTransactionCount": "0x5"}[method]


@pytest.fixture
def account(tmp_path: Path) -> Account:
    keystore = Keystore.create(tmp_path / "keystore.json", b"devnet", DEVNET)
    keystore.add("transaction", "secp256k1", KeyRole.TRANSACTION, MEMBER.key.secret)
    keystore.add("second", "ML-DSA-65", KeyRole.TRANSACTION)
    return Account(keystore, "transaction")


async def vote(chain: Chain, account: Account) -> tuple[str, list[dict[str, Any]]]:
    return await send(chain, account, "vote", 7, True)  # type: ignore[arg-type]


async def test_plain_account_sends_one_signature_and_hears_what_happened(account: Account) -> None:
    chain = Chain()
    tx_hash, events = await vote(chain, account)
    ((raw, second),) = chain.submitted
    sent = parse(raw)
    assert (sent.sender, sent.nonce, "0x" + sent.tx_hash.hex(), second) == (MEMBER.address, 5, tx_hash, b"")
    assert events == [{"event": "Voted", "id": 7, "member": MEMBER.address, "approve": True}]


async def test_account_with_a_transaction_key_signs_the_hash_a_second_time(account: Account) -> None:
    chain = Chain()
    chain.transaction_key = account.keystore.public_key("second")
    tx_hash, _ = await vote(chain, account)
    ((_, second),) = chain.submitted
    context = f"landfall/transaction/1/{CHAIN_ID}".encode()
    signatures.verify("ML-DSA-65", chain.transaction_key, bytes.fromhex(tx_hash[2:]), second, context)


async def test_nothing_is_sent_when_the_contract_would_refuse_it(account: Account) -> None:
    chain = Chain()
    chain.refusal = "governance: voted already"
    with pytest.raises(CallRevertedError, match="voted already"):
        await vote(chain, account)
    assert chain.submitted == []


async def test_refusal_in_the_block_is_told(account: Account) -> None:
    chain = Chain()
    chain.status = "0x0"
    with pytest.raises(StepError, match="vote: expected the contract to accept it, got a refusal in block 9"):
        await vote(chain, account)


async def test_who_waits_too_long_is_told_that_it_may_still_happen(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WAIT_S", 0)
    chain = Chain()
    chain.is_slow = True
    with pytest.raises(ChainUnavailableError, match="it may still happen"):
        await vote(chain, account)
    assert len(chain.submitted) == 1
