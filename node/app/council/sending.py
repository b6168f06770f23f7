"""Transactions of a member to the council's contract: signed by its account's key, sent, and waited for."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from contracts.client.artifacts import decode_log, encode_call
from contracts.client.chain_client import ChainClient
from contracts.client.errors import ChainUnavailableError
from contracts.client.transactions import sign_call
from node.app.council.state import GOVERNANCE
from node.app.errors import StepError
from node.participants.second_signing import SecondSigner
from pqc.keystore import Keystore

WAIT_S: Final = 60.0
_POLL_S: Final = 0.1
_GAS_MARGIN_PERCENT: Final = 25
"""The estimate is for the state after the head; others may change it before."""


@dataclass(frozen=True, slots=True)
class Account:
    """A member's account: a secp256k1 key of its keystore, and the post-quantum one beside it where it has one."""

    keystore: Keystore
    key: str

    @property
    def address(self) -> str:
        """Return its checksummed address."""
        return self.keystore.address(self.key)


async def send(client: ChainClient, account: Account, function: str, *args: Any) -> tuple[str, list[dict[str, Any]]]:
    """Call the contract Governance; return the transaction's hash and its decoded events once a block has it.

    Raises:
        CallRevertedError: the contract refuses; nothing was sent.
        TransactionRefusedError: the chain refuses; nothing is pending.
        ChainUnavailableError: no block took it in time; it may still happen.
        StepError: a block took it, and the contract refused it there.
    """
    to, data = client.deployment.address(GOVERNANCE), encode_call(GOVERNANCE, function, args)
    await client.dry_run(account.address, to, data)
    request = {"from": account.address, "to": to, "data": "0x" + data.hex()}
    estimate = int(await client.raw("eth_estimateGas", [request]), 16)
    signed = sign_call(
        chain_id=client.deployment.chain_id,
        nonce=int(await client.raw("eth_getTransactionCount", [account.address, "pending"]), 16),
        gas=estimate + estimate * _GAS_MARGIN_PERCENT // 100,
        to=to,
        data=data,
        sign_digest=lambda digest: account.keystore.sign_digest(account.key, digest),
    )
    second = SecondSigner(
        registry=client, keys=account.keystore, account=account.address, chain_id=client.deployment.chain_id
    )
    (signature,) = await second.sign([signed.tx_hash])
    await client.submit(signed.raw, signature)
    tx_hash = "0x" + signed.tx_hash.hex()
    receipt = await _receipt(client, tx_hash)
    if int(receipt["status"], 16) != 1:
        raise StepError(
            f"{function}: expected the contract to accept it, got a refusal in block {int(receipt['blockNumber'], 16)}"
        )
    return tx_hash, [_event(log) for log in receipt["logs"]]


async def _receipt(client: ChainClient, tx_hash: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                receipt = await client.raw("eth_getTransactionReceipt", [tx_hash])
                if receipt is not None:
                    return dict(receipt)
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise ChainUnavailableError(
            f"transaction {tx_hash}: expected a block to take it within {WAIT_S:g} s, got none yet; it may still happen"
        ) from None


def _event(log: dict[str, Any]) -> dict[str, Any]:
    decoded = decode_log(
        GOVERNANCE,
        [bytes.fromhex(topic.removeprefix("0x")) for topic in log["topics"]],
        bytes.fromhex(log["data"].removeprefix("0x")),
    )
    return {} if decoded is None else {"event": decoded[0], **decoded[1]}
