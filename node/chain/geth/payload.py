"""Blocks as the Engine API has them, and back: the same header, in JSON.

Source: ethereum/execution-apis, src/engine/prague.md; go-ethereum 1.17.5 beacon/engine/types.go.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from eth_hash.auto import keccak

from node.chain.blocks import ZERO_HASH, BlockHeader, Log, Receipt
from node.chain.errors import GethMismatchError, InvalidBlockError
from node.chain.ports import AccountOverride, BlockEnvironment, CallRequest, Overrides
from node.chain.transactions import Transaction
from node.chain.tries import ordered_root

BEACON_ROOT: Final = "0x" + ZERO_HASH.hex()
_DIFFERENCES: Final = (
    re.compile(r"\(remote: (?P<got>\S+) +local: (?P<expected>\S+)\)"),
    re.compile(r"have (?P<got>\S+), want (?P<expected>[^,\s]+)"),
)
_AT_TRANSACTION: Final = re.compile(r"(?:could not apply tx|invalid transaction) (\d+)")
_FIELDS: Final = (
    ("invalid merkle root", "state_root"),
    ("invalid receipt root", "receipts_root"),
    ("invalid bloom", "bloom"),
    ("invalid gas used", "gas_used"),
    ("invalid gasUsed", "gas_used"),
    ("invalid requests hash", "requests_hash"),
    ("invalid timestamp", "timestamp"),
    ("invalid baseFee", "base_fee"),
    ("invalid gas limit", "gas_limit"),
    ("extra-data longer", "extra_data"),
    ("invalid extradata", "extra_data"),
    ("blockhash mismatch", "hash"),
)
"""How geth words what it refuses (core/block_validator.go, consensus/beacon), and the header's field."""


def payload_to_json(header: BlockHeader, raws: Sequence[bytes]) -> dict[str, Any]:
    """Return the ExecutionPayloadV3 of a block; geth computes the transactions' root and compares the hash."""
    return {
        "parentHash": _hex(header.parent_hash),
        "feeRecipient": _hex(header.coinbase),
        "stateRoot": _hex(header.state_root),
        "receiptsRoot": _hex(header.receipts_root),
        "logsBloom": _hex(header.bloom),
        "prevRandao": _hex(header.mix_hash),
        "blockNumber": hex(header.number),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": _hex(header.extra_data),
        "baseFeePerGas": hex(header.base_fee),
        "blockHash": _hex(header.hash),
        "transactions": [_hex(raw) for raw in raws],
        "withdrawals": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
    }


def attributes_to_json(environment: BlockEnvironment) -> dict[str, Any]:
    """Return the PayloadAttributesV3 of a block that is to be built."""
    return {
        "timestamp": hex(environment.timestamp),
        "prevRandao": _hex(keccak(environment.parent.hash)),
        "suggestedFeeRecipient": _hex(environment.coinbase),
        "withdrawals": [],
        "parentBeaconBlockRoot": BEACON_ROOT,
    }


def environment_of(header: BlockHeader, parent: BlockHeader) -> BlockEnvironment:
    """Return what was decided about a block before its transactions ran."""
    return BlockEnvironment(
        parent=parent,
        timestamp=header.timestamp,
        coinbase=header.coinbase,
        gas_limit=header.gas_limit,
        extra_data=header.extra_data,
    )


def call_to_json(request: CallRequest) -> dict[str, Any]:
    """Return a call as eth_call takes it."""
    call: dict[str, Any] = {
        "from": _hex(request.sender),
        "gas": hex(request.gas),
        "value": hex(request.value),
        "input": _hex(request.data),
        "maxFeePerGas": hex(request.max_fee_per_gas),
        "maxPriorityFeePerGas": hex(request.max_priority_fee_per_gas),
        "accessList": [
            {"address": _hex(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
            for address, slots in request.access_list
        ],
    }
    if request.to:
        call["to"] = _hex(request.to)
    if request.authorization_list:
        call["authorizationList"] = [
            {
                "chainId": hex(one.chain_id),
                "address": _hex(one.address),
                "nonce": hex(one.nonce),
                "yParity": hex(one.y_parity),
                "r": hex(one.r),
                "s": hex(one.s),
            }
            for one in request.authorization_list
        ]
    return call


def overrides_to_json(overrides: Overrides) -> dict[str, Any]:
    """Return a state override set as eth_call takes it."""
    return {_hex(address): _override(one) for address, one in overrides.items()}


def _override(one: AccountOverride) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if one.balance is not None:
        changes["balance"] = hex(one.balance)
    if one.nonce is not None:
        changes["nonce"] = hex(one.nonce)
    if one.code is not None:
        changes["code"] = _hex(one.code)
    if one.storage is not None:
        changes["state"] = _slots(one.storage)
    elif one.storage_diff:
        changes["stateDiff"] = _slots(one.storage_diff)
    return changes


def _slots(storage: Mapping[int, int]) -> dict[str, str]:
    return {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in storage.items()}


def header_of_payload(envelope: Mapping[str, Any], transactions: Sequence[Transaction]) -> BlockHeader:
    """Return the header of a block that geth built of these transactions.

    Raises:
        GethMismatchError: it hashes to something else than geth says: geth built it by other rules.
    """
    payload = envelope["executionPayload"]
    header = BlockHeader(
        parent_hash=_bytes(payload["parentHash"]),
        coinbase=_bytes(payload["feeRecipient"]),
        state_root=_bytes(payload["stateRoot"]),
        transactions_root=ordered_root([tx.raw for tx in transactions]),
        receipts_root=_bytes(payload["receiptsRoot"]),
        bloom=_bytes(payload["logsBloom"]),
        number=int(payload["blockNumber"], 16),
        gas_limit=int(payload["gasLimit"], 16),
        gas_used=int(payload["gasUsed"], 16),
        timestamp=int(payload["timestamp"], 16),
        extra_data=_bytes(payload["extraData"]),
        mix_hash=_bytes(payload["prevRandao"]),
        base_fee=int(payload["baseFeePerGas"], 16),
        requests_hash=requests_hash(envelope["executionRequests"]),
    )
    if header.hash != _bytes(payload["blockHash"]):
        raise GethMismatchError(
            "block", header.hash.hex(), payload["blockHash"], "geth follows other rules than Prague; check genesis.json"
        )
    return header


def receipt_of_json(receipt: Mapping[str, Any]) -> Receipt:
    """Return a receipt as blocks have it."""
    return Receipt(
        int(receipt["type"], 16),
        receipt["status"] == "0x1",
        int(receipt["cumulativeGasUsed"], 16),
        tuple(log_of_json(log) for log in receipt["logs"]),
        _bytes(receipt["logsBloom"]),
    )


def log_of_json(log: Mapping[str, Any]) -> Log:
    """Return a log as blocks have it."""
    return Log(_bytes(log["address"]), tuple(_bytes(topic) for topic in log["topics"]), _bytes(log["data"]))


def requests_hash(requests: Sequence[str]) -> bytes:
    """Return the hash over a block's requests (EIP-7685)."""
    return sha256(b"".join(sha256(_bytes(request)).digest() for request in requests)).digest()


def invalid_block(validation_error: str) -> InvalidBlockError:
    """Return what geth says against a block, with the header's field or the transaction it names."""
    at = _AT_TRANSACTION.search(validation_error)
    if at is not None:
        return InvalidBlockError(f"transactions[{at[1]}]", "one that can run", validation_error)
    field = next((field for text, field in _FIELDS if text in validation_error), "payload")
    for pattern in _DIFFERENCES:
        found = pattern.search(validation_error)
        if found is not None:
            return InvalidBlockError(field, found["expected"], found["got"])
    return InvalidBlockError(field, "what follows from the parent", validation_error)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value[2:])
