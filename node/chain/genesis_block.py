"""Block 0 from a genesis file in geth's format: the header, and every node of the state it starts with.

The file is checked as strictly as it must be to give the same hash on every machine; the `landfall` section is
handed on as it is. The state root is the standard one, so geth makes the same block 0 of the same file.

Source: go-ethereum core/genesis.go, "ToBlock".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import rfc8785
import rlp
from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import Validator, validator_set
from node.chain.blocks import ZERO_HASH, BlockHeader, ExecutedBlock
from node.chain.errors import GenesisError
from node.chain.limits import BLOCK_GAS_LIMIT, BLOCK_GAS_LIMIT_MAX
from node.chain.state import EMPTY_CODE_HASH, Account
from node.chain.tries import EMPTY_ROOT, Nodes, build_trie

FORKS_AT_ZERO: Final = (
    "homesteadBlock",
    "eip150Block",
    "eip155Block",
    "eip158Block",
    "byzantiumBlock",
    "constantinopleBlock",
    "petersburgBlock",
    "istanbulBlock",
    "berlinBlock",
    "londonBlock",
    "mergeNetsplitBlock",
    "shanghaiTime",
    "cancunTime",
    "pragueTime",
)


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a node knows before the first block."""

    chain_id: int
    block: ExecutedBlock
    landfall: Mapping[str, Any]
    network: str
    validators: tuple[Validator, ...]

    @property
    def trusted_hash(self) -> bytes:
        """Return what a verifier trusts: SHA-256 over canonical JSON of block hash and network section."""
        return genesis_hash(self.block.header.hash, self.landfall)


def genesis_hash(ethereum_genesis_hash: bytes, landfall: Mapping[str, Any]) -> bytes:
    """Return the hash of a network's beginning (RFC 8785 canonical JSON, SHA-256)."""
    document: Any = {"ethereum_genesis_hash": "0x" + ethereum_genesis_hash.hex(), "landfall": dict(landfall)}
    return sha256(rfc8785.dumps(document)).digest()


def read_genesis(document: Mapping[str, Any]) -> Genesis:
    """Build block 0.

    Raises:
        GenesisError: names the field that is missing or malformed.
    """
    config = _mapping(document, "config")
    for fork in FORKS_AT_ZERO:
        if config.get(fork) != 0 or isinstance(config.get(fork), bool):
            raise GenesisError(f"config.{fork}", 0, config.get(fork))
    landfall = _mapping(document, "landfall")
    nodes: Nodes = {}
    state_root = _state_root(_mapping(document, "alloc"), nodes)
    header = BlockHeader(
        parent_hash=ZERO_HASH,
        coinbase=_data(document, "coinbase", 20),
        state_root=state_root,
        number=0,
        gas_limit=_gas_limit(document),
        timestamp=_quantity(document.get("timestamp"), "timestamp"),
        extra_data=_data(document, "extraData", None),
        mix_hash=_data(document, "mixHash", 32),
        base_fee=_quantity(document.get("baseFeePerGas"), "baseFeePerGas"),
    )
    _expect(document, "difficulty", 0)
    _expect(document, "nonce", 0)
    chain_id = config.get("chainId")
    if isinstance(chain_id, bool) or not isinstance(chain_id, int) or not 0 < chain_id < 1 << 53:
        raise GenesisError("config.chainId", "1 to 2^53", chain_id)
    return Genesis(chain_id, ExecutedBlock(header, (), (), nodes), landfall, _network(landfall), _validators(landfall))


def _network(landfall: Mapping[str, Any]) -> str:
    network = landfall.get("network")
    if not isinstance(network, str) or not 0 < len(network) <= 50:
        raise GenesisError("landfall.network", "text of 1 to 50 characters", network)
    return network


def _validators(landfall: Mapping[str, Any]) -> tuple[Validator, ...]:
    entries = landfall.get("validators")
    if not isinstance(entries, list):
        raise GenesisError("landfall.validators", "a list", entries)
    try:
        return validator_set(
            [
                Validator(entry["algorithm"], bytes.fromhex(entry["public_key"].removeprefix("0x")), entry["power"])
                for entry in entries
            ]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GenesisError("landfall.validators", "algorithm, public_key (0x hex) and power each", error) from error
    except InvalidProofError as error:
        raise GenesisError(f"landfall.{error.field}", error.expected, error.got) from error


def _state_root(alloc: Mapping[str, Any], nodes: Nodes) -> bytes:
    accounts: dict[bytes, bytes] = {}
    for name, fields in alloc.items():
        path = f"alloc.{name}"
        address = _hex(name if name.startswith("0x") else "0x" + name, path, 20)
        if not isinstance(fields, dict):
            raise GenesisError(path, "an object", fields)
        code = _hex(fields.get("code", "0x"), f"{path}.code", None)
        if code:
            nodes[keccak(code)] = code
        account = Account(
            nonce=_quantity(fields.get("nonce", "0x0"), f"{path}.nonce"),
            balance=_quantity(fields.get("balance"), f"{path}.balance"),
            storage_root=_storage_root(fields.get("storage", {}), f"{path}.storage", nodes),
            code_hash=keccak(code) if code else EMPTY_CODE_HASH,
        )
        accounts[keccak(address)] = account.encode()
    return build_trie(accounts, nodes)


def _storage_root(storage: object, path: str, nodes: Nodes) -> bytes:
    if not isinstance(storage, dict):
        raise GenesisError(path, "an object", storage)
    pairs = {}
    for slot, value in storage.items():
        number = int.from_bytes(_hex(value, f"{path}.{slot}", 32), "big")
        if number:
            pairs[keccak(_hex(slot, f"{path}.{slot}", 32))] = rlp.encode(number)
    return build_trie(pairs, nodes) if pairs else EMPTY_ROOT


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise GenesisError(name, "an object", type(value).__name__)
    return value


def _quantity(value: object, path: str) -> int:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise GenesisError(path, "a 0x hex number", value)
    try:
        return int(value, 16)
    except ValueError:
        raise GenesisError(path, "a 0x hex number", value) from None


def _gas_limit(document: Mapping[str, Any]) -> int:
    got = _quantity(document.get("gasLimit"), "gasLimit")
    if not BLOCK_GAS_LIMIT <= got < BLOCK_GAS_LIMIT_MAX:
        raise GenesisError("gasLimit", f"{BLOCK_GAS_LIMIT} to {BLOCK_GAS_LIMIT_MAX}", got)
    return got


def _expect(document: Mapping[str, Any], name: str, expected: int) -> int:
    got = _quantity(document.get(name), name)
    if got != expected:
        raise GenesisError(name, hex(expected), hex(got))
    return got


def _data(document: Mapping[str, Any], name: str, length: int | None) -> bytes:
    return _hex(document.get(name), name, length)


def _hex(value: object, path: str, length: int | None) -> bytes:
    try:
        if not isinstance(value, str) or not value.startswith("0x"):
            raise ValueError
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise GenesisError(path, "0x hex", value) from None
    if length is not None and len(raw) != length:
        raise GenesisError(path, f"{length} bytes", f"{len(raw)} bytes")
    return raw
