"""The blocks of an evidence pack: final by the votes of the validators of their height, and what their receipts say.

In a pack a finality proof has no `payload_proof`: the payload is always item 0, whose place is fixed by the number
of aunts alone, and what is fixed is left out so that every byte that is there means something.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from eth_hash.auto import keccak

from bridge.errors import EvidenceError, InsufficientPowerError, InvalidProofError
from bridge.limits import BLOCKS_MAX, PROOF_NODE_BYTES_MAX, PROOF_NODES_MAX, RECEIPTS_MAX, TRANSACTIONS_MAX
from bridge.proofs import rlp
from bridge.proofs.event_logs import Event, decode_event
from bridge.proofs.fields import get_bytes, get_hash, get_int, get_items, get_object
from bridge.proofs.finality import PAYLOAD_BYTES_MAX, proof_from_json, verify_finality
from bridge.proofs.merkle import leaf_hash
from bridge.proofs.network import Network
from bridge.proofs.receipts import decode_receipt, verify_receipt
from bridge.proofs.records import Transaction
from bridge.proofs.validator_changes import ValidatorHistory, changes_from_json, verify_chain

_AUNTS_MAX: Final = 32
_STATE_ROOT: Final = 3
_RECEIPTS_ROOT: Final = 5
_NUMBER: Final = 8
_TIMESTAMP: Final = 11
_HEADER_FIELDS: Final = 21
"""A Prague header; docs/spec/evidence.md."""


@dataclass(frozen=True, slots=True)
class EthereumHeader:
    """What proofs need of an Ethereum header."""

    number: int
    hash: bytes
    time_s: int
    state_root: bytes
    receipts_root: bytes


@dataclass(frozen=True, slots=True)
class ProvenBlock:
    """A block that more than two thirds of the validators' power made final."""

    number: int
    hash: bytes
    time_s: int
    receipts_root: bytes
    height: int
    """Of the consensus block that holds it."""
    signed_power: int
    """Voting power of those whose signature is here."""
    power_total: int
    """Voting power of all validators of that height."""


def read_validators(pack: Mapping[str, Any], network: Network) -> ValidatorHistory:
    """Return who the validators were, as a pack's `validator_changes` prove it from the genesis set on.

    A pack without changes has no such key, so that there is one spelling of none.

    Raises:
        EvidenceError: names the path of what does not prove what it claims.
    """
    if "validator_changes" not in pack:
        return ValidatorHistory((network.validators,))
    try:
        links = changes_from_json(pack["validator_changes"])
        if not links:
            raise InvalidProofError("validator_changes", "no such key where nothing changed", "an empty list")
        return verify_chain(network.name, network.validators, links)
    except InvalidProofError as error:
        raise EvidenceError(error.field, error.expected, error.got) from None
    except InsufficientPowerError as error:
        path = f"{error.path}commit.signatures"
        raise EvidenceError(path, f"more than 2/3 of power {error.total}", error.signed) from None


def read_blocks(
    value: object, network: Network, history: ValidatorHistory
) -> tuple[tuple[ProvenBlock, ...], tuple[Transaction, ...]]:
    """Return blocks and transactions of a pack's `blocks`, everything proven.

    Raises:
        EvidenceError: names the path of what does not prove what it claims.
    """
    blocks: list[ProvenBlock] = []
    transactions: list[Transaction] = []
    for path, entry in get_items(value, "blocks", BLOCKS_MAX, 1):
        fields = get_object(entry, path, ("finality", "receipts"))
        block = read_block(fields["finality"], f"{path}.finality", network, history)
        if blocks and not _follows(block, blocks[-1]):
            raise EvidenceError(path, f"a block after {blocks[-1].number}", block.number)
        blocks.append(block)
        before = -1
        for where, item in get_items(fields["receipts"], f"{path}.receipts", RECEIPTS_MAX, 1):
            transaction = _read_transaction(item, where, block, network)
            if transaction.index <= before:
                raise EvidenceError(f"{where}.index", f"an index above {before}", transaction.index)
            before = transaction.index
            transactions.append(transaction)
    if history.heights and history.heights[-1] >= blocks[-1].height:
        path = f"validator_changes[{bisect_left(history.heights, blocks[-1].height)}]"
        raise EvidenceError(path, f"changes below height {blocks[-1].height} alone", history.heights[-1])
    return tuple(blocks), tuple(transactions)


def _follows(block: ProvenBlock, before: ProvenBlock) -> bool:
    return block.number > before.number and block.time_s > before.time_s and block.height > before.height


def read_block(value: object, path: str, network: Network, history: ValidatorHistory) -> ProvenBlock:
    """Return the block that a pack's finality proof makes final."""
    fields = get_object(value, path, ("header", "commit", "payload", "aunts"))
    payload = get_bytes(fields["payload"], f"{path}.payload", PAYLOAD_BYTES_MAX, 1)
    aunts = [get_hash(aunt, where) for where, aunt in get_items(fields["aunts"], f"{path}.aunts", _AUNTS_MAX)]
    place = {
        "total": 1 << len(aunts),
        "index": 0,
        "leaf_hash": "0x" + leaf_hash(sha256(payload).digest()).hex(),
        "aunts": fields["aunts"],
    }
    document = {"header": fields["header"], "commit": fields["commit"], "payload": fields["payload"]}
    try:
        proof = proof_from_json({**document, "payload_proof": place})
        validators = history.at(proof.header.height)
        verify_finality(proof, network.name, validators)
    except InvalidProofError as error:
        field = error.field.replace("payload_proof.aunts", "aunts")
        raise EvidenceError(f"{path}.{field}", error.expected, error.got) from None
    except InsufficientPowerError as error:
        raise EvidenceError(
            f"{path}.commit.signatures", f"more than 2/3 of power {error.total}", error.signed
        ) from None
    powers = {validator.address: validator.power for validator in validators}
    signed = sum(powers[vote.validator_address] for vote in proof.commit.signatures)
    header = read_header(payload, f"{path}.payload")
    return ProvenBlock(
        number=header.number,
        hash=header.hash,
        time_s=header.time_s,
        receipts_root=header.receipts_root,
        height=proof.header.height,
        signed_power=signed,
        power_total=sum(powers.values()),
    )


def pack_finality(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Return `landfall_getFinalityProof`'s answer in the form of a pack."""
    return {
        "header": proof["header"],
        "commit": proof["commit"],
        "payload": proof["payload"],
        "aunts": proof["payload_proof"]["aunts"],
    }


def decode_events(encoded: bytes, network: Network) -> tuple[Event, ...]:
    """Return the events of the network's contracts in an encoded receipt, in log order; none if it failed.

    Raises:
        InvalidProofError: not a receipt, or a log that is not of its event's shape.
    """
    receipt = decode_receipt(encoded)
    found = []
    for log in receipt.logs if receipt.succeeded else ():
        contract = network.contract_at(log.address)
        event = decode_event(contract, log) if contract else None
        if event is not None:
            found.append(event)
    return tuple(found)


def read_payload(finality: Mapping[str, Any]) -> EthereumHeader:
    """Return the header in a `landfall_getFinalityProof` answer, nothing proven."""
    path = "payload"
    return read_header(get_bytes(finality.get(path), path, PAYLOAD_BYTES_MAX, 1), path)


def read_header(payload: bytes, path: str) -> EthereumHeader:
    """Return what a verifier needs of an Ethereum header's RLP; raises EvidenceError at `path`."""
    try:
        fields = rlp.decode(payload)
        if not isinstance(fields, list) or len(fields) != _HEADER_FIELDS:
            raise rlp.RlpError("another number of fields")
        state_root, root = (_root(fields[at]) for at in (_STATE_ROOT, _RECEIPTS_ROOT))
        number, time_s = rlp.decode_int(fields[_NUMBER], 8), rlp.decode_int(fields[_TIMESTAMP], 5)
    except rlp.RlpError as error:
        raise EvidenceError(path, f"the RLP of a header of {_HEADER_FIELDS} fields", error) from None
    return EthereumHeader(number, keccak(payload), time_s, state_root, root)


def _root(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes) or len(item) != 32:
        raise rlp.RlpError("no root of 32 bytes")
    return item


def _read_transaction(value: object, path: str, block: ProvenBlock, network: Network) -> Transaction:
    fields = get_object(value, path, ("index", "proof"))
    index = get_int(fields["index"], f"{path}.index", TRANSACTIONS_MAX)
    nodes = [
        get_bytes(node, where, PROOF_NODE_BYTES_MAX, 1)
        for where, node in get_items(fields["proof"], f"{path}.proof", PROOF_NODES_MAX, 1)
    ]
    try:
        events = decode_events(verify_receipt(block.receipts_root, index, nodes), network)
    except InvalidProofError as error:
        raise EvidenceError(f"{path}.{error.field}", error.expected, error.got) from None
    return Transaction(path, block.number, block.time_s, index, events)
