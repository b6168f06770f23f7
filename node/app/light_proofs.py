"""What a light client proves to its user beside headers: a block, a transaction with its receipt, an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.limits import PROOF_NODE_BYTES_MAX, PROOF_NODES_MAX
from bridge.proofs.accounts import ProvenAccount, verify_account
from bridge.proofs.blocks import EthereumHeader, read_header
from bridge.proofs.consensus import header_hash
from bridge.proofs.consensus_json import get_bytes, get_int, get_list, get_object
from bridge.proofs.finality import merkle_from_json, proof_from_json
from bridge.proofs.items import split_item
from bridge.proofs.merkle import verify_proof
from bridge.proofs.receipts import Receipt, decode_receipt, encode_receipt, receipts_root
from node.app.errors import SourceUnavailableError
from node.app.light import LightClient, Source

_ITEM_BYTES_MAX = 1 << 20
"""A transaction is 128 KiB at most."""
_PLACE = ("transaction", "transaction_index", "transaction_proof")


@dataclass(frozen=True, slots=True)
class ProvenTransaction:
    """A transaction of a final block: it is at this index, and this is what it did."""

    index: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ProvenThing:
    """A final Ethereum block, and what of it was asked for."""

    height: int
    block: EthereumHeader
    transaction: ProvenTransaction | None = None


def prove(client: LightClient, what: str) -> ProvenThing:
    """Return the block, or the transaction's block and what the transaction did.

    Args:
        client: Proves the consensus header.
        what: A block's number or hash, or a transaction's hash, as JSON-RPC takes them.

    Raises:
        UntrustedSourceError, SourceUnavailableError, ForkError: as `LightClient.advance`.
    """
    return client.leading(lambda source: _prove(client, source, what))


def prove_account(client: LightClient, thing: ProvenThing, address: bytes) -> ProvenAccount | None:
    """Return an account after a proven block, None where it is proven that there is none."""

    def ask(source: Source) -> ProvenAccount | None:
        answer = source.call("eth_getProof", "0x" + address.hex(), [], hex(thing.block.number))
        nodes = get_list(answer.get("accountProof") if isinstance(answer, dict) else None, "proof", PROOF_NODES_MAX)
        raw = [get_bytes(node, f"proof[{at}]", 1, PROOF_NODE_BYTES_MAX) for at, node in enumerate(nodes)]
        return verify_account(thing.block.state_root, address, raw)

    return client.leading(ask)


def _prove(client: LightClient, source: Source, what: str) -> ProvenThing:
    answer = source.call("landfall_getFinalityProof", what)
    if not isinstance(answer, dict):
        raise SourceUnavailableError(f"{source.name}: expected a proof of {what}, got nothing")
    place = {key: answer.pop(key) for key in _PLACE if key in answer}
    proof = proof_from_json(answer)
    header = client.at(source, proof.header.height).header
    if header_hash(header) != header_hash(proof.header):
        raise InvalidProofError("header", header_hash(header).hex(), header_hash(proof.header).hex())
    if proof.payload_proof.index != 0:
        raise InvalidProofError("payload_proof.index", 0, proof.payload_proof.index)
    verify_proof(proof.payload_proof, header.data_hash, sha256(proof.payload).digest())
    block = read_header(proof.payload, "payload")
    if place:
        transaction = _transaction(source, what, header.data_hash, block, place)
        return ProvenThing(header.height, block, transaction)
    if len(what) == 66 and block.hash.hex() != what[2:].lower():
        raise InvalidProofError("payload", what, "0x" + block.hash.hex())
    if len(what) < 66 and what.startswith("0x") and block.number != int(what, 16):
        raise InvalidProofError("payload.number", int(what, 16), block.number)
    return ProvenThing(header.height, block)


def _transaction(
    source: Source, tx_hash: str, data_hash: bytes, block: EthereumHeader, place: Mapping[str, Any]
) -> ProvenTransaction:
    fields = get_object(dict(place), "proof", _PLACE)
    index = get_int(fields["transaction_index"], "transaction_index", 1 << 31)
    item = get_bytes(fields["transaction"], "transaction", 1, _ITEM_BYTES_MAX)
    merkle = merkle_from_json(fields["transaction_proof"], "transaction_proof")
    if merkle.index != index + 1:
        raise InvalidProofError("transaction_proof.index", index + 1, merkle.index)
    verify_proof(merkle, data_hash, sha256(item).digest(), "transaction_proof")
    raw, _ = split_item(item)
    if keccak(raw).hex() != tx_hash[2:].lower():
        raise InvalidProofError("transaction", f"the one of hash {tx_hash}", "0x" + keccak(raw).hex())
    receipts = source.call("eth_getBlockReceipts", hex(block.number))
    if not isinstance(receipts, list) or index >= len(receipts):
        raise InvalidProofError("receipts", f"a list of more than {index} receipts", type(receipts).__name__)
    encoded = [encode_receipt(receipt) for receipt in receipts]
    root = receipts_root(encoded)
    if root != block.receipts_root:
        raise InvalidProofError("receipts", f"receipts of root {block.receipts_root.hex()}", root.hex())
    return ProvenTransaction(index, decode_receipt(encoded[index]))
