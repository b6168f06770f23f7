"""Blocks, transactions, receipts and logs as Ethereum JSON-RPC shows them.

Source: ethereum/execution-apis, src/schemas; checked against its recorded answers.
"""

from typing import Any, Final

import rlp
from eth_hash.auto import keccak

from node.chain.blocks import EMPTY_UNCLES_HASH, ZERO_HASH, BlockHeader, Log, Receipt
from node.chain.transactions import ACCESS_LIST, DYNAMIC_FEE, LEGACY, SET_CODE, Transaction
from node.chain.tries import EMPTY_ROOT

_ZERO_HEX: Final = "0x0"


def hex_data(value: bytes) -> str:
    """Return bytes as 0x hex."""
    return "0x" + value.hex()


def block_to_json(header: BlockHeader, transactions: list[Transaction], *, is_full: bool) -> dict[str, Any]:
    """Return a block, with whole transactions or their hashes."""
    return {
        "baseFeePerGas": hex(header.base_fee),
        "blobGasUsed": _ZERO_HEX,
        "difficulty": _ZERO_HEX,
        "excessBlobGas": _ZERO_HEX,
        "extraData": hex_data(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "hash": hex_data(header.hash),
        "logsBloom": hex_data(header.bloom),
        "miner": hex_data(header.coinbase),
        "mixHash": hex_data(header.mix_hash),
        "nonce": "0x0000000000000000",
        "number": hex(header.number),
        "parentBeaconBlockRoot": hex_data(ZERO_HASH),
        "parentHash": hex_data(header.parent_hash),
        "receiptsRoot": hex_data(header.receipts_root),
        "requestsHash": hex_data(header.requests_hash),
        "sha3Uncles": hex_data(EMPTY_UNCLES_HASH),
        "size": hex(_block_size(header, transactions)),
        "stateRoot": hex_data(header.state_root),
        "timestamp": hex(header.timestamp),
        "transactions": [
            transaction_to_json(tx, header, index) if is_full else hex_data(tx.hash)
            for index, tx in enumerate(transactions)
        ],
        "transactionsRoot": hex_data(header.transactions_root),
        "uncles": [],
        "withdrawals": [],
        "withdrawalsRoot": hex_data(EMPTY_ROOT),
    }


def transaction_to_json(tx: Transaction, header: BlockHeader | None, index: int | None) -> dict[str, Any]:
    """Return a transaction in a block, or a waiting one without a place."""
    price = tx.max_fee_per_gas if header is None else tx.effective_gas_price(header.base_fee)
    shown: dict[str, Any] = {
        "blockHash": None if header is None else hex_data(header.hash),
        "blockNumber": None if header is None else hex(header.number),
        "blockTimestamp": None if header is None else hex(header.timestamp),
        "from": hex_data(tx.sender),
        "gas": hex(tx.gas),
        "gasPrice": hex(price),
        "hash": hex_data(tx.hash),
        "input": hex_data(tx.data),
        "nonce": hex(tx.nonce),
        "to": hex_data(tx.to) if tx.to else None,
        "transactionIndex": None if index is None else hex(index),
        "value": hex(tx.value),
        "type": hex(tx.type_id),
        "v": hex(tx.v),
        "r": hex(tx.r),
        "s": hex(tx.s),
    }
    if tx.chain_id is not None:
        shown["chainId"] = hex(tx.chain_id)
    if tx.type_id in (DYNAMIC_FEE, SET_CODE):
        shown["maxFeePerGas"] = hex(tx.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = hex(tx.max_priority_fee_per_gas)
    if tx.type_id in (ACCESS_LIST, DYNAMIC_FEE, SET_CODE):
        shown["accessList"] = [
            {"address": hex_data(address), "storageKeys": [f"0x{key:064x}" for key in keys]}
            for address, keys in tx.access_list
        ]
        shown["yParity"] = hex(tx.v)
    if tx.type_id == SET_CODE:
        shown["authorizationList"] = [
            {
                "chainId": hex(one.chain_id),
                "address": hex_data(one.address),
                "nonce": hex(one.nonce),
                "yParity": hex(one.y_parity),
                "r": hex(one.r),
                "s": hex(one.s),
            }
            for one in tx.authorization_list
        ]
    return shown


def receipts_to_json(
    header: BlockHeader, transactions: list[Transaction], receipts: list[Receipt]
) -> list[dict[str, Any]]:
    """Return all receipts of a block."""
    shown, gas_before, logs_before = [], 0, 0
    for index, (tx, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        shown.append(
            {
                "blockHash": hex_data(header.hash),
                "blockNumber": hex(header.number),
                "contractAddress": None if tx.to else hex_data(contract_address(tx.sender, tx.nonce)),
                "cumulativeGasUsed": hex(receipt.cumulative_gas),
                "effectiveGasPrice": hex(tx.effective_gas_price(header.base_fee)),
                "from": hex_data(tx.sender),
                "gasUsed": hex(receipt.cumulative_gas - gas_before),
                "logs": [
                    log_to_json(log, header, tx.hash, index, logs_before + place)
                    for place, log in enumerate(receipt.logs)
                ],
                "logsBloom": hex_data(receipt.bloom),
                "status": "0x1" if receipt.is_success else "0x0",
                "to": hex_data(tx.to) if tx.to else None,
                "transactionHash": hex_data(tx.hash),
                "transactionIndex": hex(index),
                "type": hex(tx.type_id),
            }
        )
        gas_before = receipt.cumulative_gas
        logs_before += len(receipt.logs)
    return shown


def log_to_json(log: Log, header: BlockHeader, tx_hash: bytes, tx_index: int, log_index: int) -> dict[str, Any]:
    """Return one log with its place."""
    return {
        "address": hex_data(log.address),
        "topics": [hex_data(topic) for topic in log.topics],
        "data": hex_data(log.data),
        "blockNumber": hex(header.number),
        "transactionHash": hex_data(tx_hash),
        "transactionIndex": hex(tx_index),
        "blockHash": hex_data(header.hash),
        "blockTimestamp": hex(header.timestamp),
        "logIndex": hex(log_index),
        "removed": False,
    }


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Return the address a creation by this sender at this nonce gets."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def _block_size(header: BlockHeader, transactions: list[Transaction]) -> int:
    body = sum(len(tx.raw) if tx.type_id == LEGACY else _string_size(len(tx.raw)) for tx in transactions)
    return _list_size(len(header.payload) + _list_size(body) + 2)


def _list_size(content: int) -> int:
    return content + 1 + (0 if content < 56 else (content.bit_length() + 7) // 8)


def _string_size(content: int) -> int:
    return _list_size(content)
