"""CometBFT's files: `config.toml` from our settings, its genesis from ours, keys in its JSON format.

Source: CometBFT v0.40.0, config/toml.go, types/genesis.go, privval/file.go, p2p/key.go; FIPS 204 for the expanded key.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from dilithium_py.ml_dsa import ML_DSA_65

from node.app.errors import HomeError
from node.app.validator.home import NodeSettings, toml_text
from node.chain.genesis_block import read_genesis
from pqc.signatures import KeyPair

_KEY_TYPES: Final = {
    "ML-DSA-65": ("ml_dsa_65", "cometbft/PubKeyMlDsa65", "cometbft/PrivKeyMlDsa65"),
    "Ed25519": ("ed25519", "tendermint/PubKeyEd25519", "tendermint/PrivKeyEd25519"),
}
"""By algorithm: name in consensus parameters, in JSON for public and for private keys."""
ALGORITHMS: Final = tuple(_KEY_TYPES)
BLOCK_BYTES_MAX: Final = 4 << 20
"""Of a consensus block, as the contract Governance says at first; each ML-DSA-65 vote in it takes 3.4 KB."""
_ADDRESS_BYTES: Final = 20


def config_text(settings: NodeSettings, run: Path) -> str:
    """Return `config.toml`. What is not here is CometBFT's default."""
    rpc = [f"unix://{run / 'cometbft.sock'}"]
    if settings.consensus_port:
        rpc.append(f"tcp://{settings.consensus_host}:{settings.consensus_port}")
    return "# Written by landfall from node.toml at every start.\n" + toml_text(
        {
            "": {
                "proxy_app": f"unix://{run / 'abci.sock'}",
                "moniker": settings.name,
                "abci": "socket",
                # The application knows which peers belong to the network.
                "filter_peers": True,
                "log_format": "json",
                "log_level": "main:info,p2p:info,statesync:info,blocksync:info,*:error",
            },
            "rpc": {
                "laddr": ",".join(rpc),
                "unsafe": False,
                # 0 = no limit; the one who asks in batches is our own chain process.
                "max_request_batch_size": 0,
                "max_body_bytes": 16 << 20,
            },
            "p2p": {
                "laddr": f"tcp://{settings.p2p_host}:{settings.p2p_port}",
                "external_address": settings.external_address,
                "persistent_peers": ",".join(settings.peers),
                "persistent_peers_max_dial_period": "5s",
                # A network of known members: no exchange of addresses, several nodes behind one address allowed.
                "pex": False,
                "addr_book_strict": False,
                "allow_duplicate_ip": True,
                "flush_throttle_timeout": "10ms",
                "max_packet_msg_payload_size": 32_768,
                "send_rate": 200_000_000,
                "recv_rate": 200_000_000,
            },
            "mempool": {
                "size": 50_000,
                "cache_size": 200_000,
                "max_tx_bytes": 1 << 20,
                # Batches of transactions leave the mempool by this.
                "recheck": True,
            },
            "statesync": _statesync(settings),
            "consensus": {
                # Above the wait for the next second and the building of a block; equal on all nodes.
                "timeout_propose": "3s",
                "timeout_commit": "0s",
                "create_empty_blocks": False,
                "peer_gossip_sleep_duration": "10ms",
            },
            "tx_index": {"indexer": "null"},
            "instrumentation": {"prometheus": False},
        }
    )


def genesis_document(genesis: Mapping[str, Any]) -> dict[str, Any]:
    """Return CometBFT's genesis for ours.

    Raises:
        GenesisError: names the field of ours that is malformed.
        HomeError: a validator's key is of an algorithm that CometBFT cannot vote with.
    """
    read = read_genesis(genesis)
    names = {entry["public_key"]: entry.get("name", "") for entry in read.landfall["validators"]}
    for one in read.validators:
        if one.algorithm not in _KEY_TYPES:
            raise HomeError(f"landfall.validators: expected {' or '.join(ALGORITHMS)}, got {one.algorithm}")
    started = datetime.fromtimestamp(read.block.header.timestamp, UTC)
    return {
        "genesis_time": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "chain_id": read.network,
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": str(BLOCK_BYTES_MAX), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": "100000",
                "max_age_duration": str(48 * 3600 * 10**9),
                "max_bytes": "1048576",
            },
            # Both, whatever the first validators have: the members may vote in one with the other kind of key.
            "validator": {"pub_key_types": sorted(name for name, _, _ in _KEY_TYPES.values())},
            "version": {"app": "0"},
            "abci": {"vote_extensions_enable_height": "0"},
            "authority": {"authority": ""},
        },
        "validators": [
            {
                "address": address(one.public_key).hex().upper(),
                "pub_key": _typed(_KEY_TYPES[one.algorithm][1], one.public_key),
                "power": str(one.power),
                "name": names["0x" + one.public_key.hex()],
            }
            for one in read.validators
        ],
        "app_hash": read.block.header.hash.hex().upper(),
    }


def private_key_document(key: KeyPair) -> dict[str, Any]:
    """Return `priv_validator_key.json`.

    Raises:
        HomeError: CometBFT cannot vote with keys of this algorithm.
    """
    if key.alg not in _KEY_TYPES:
        raise HomeError(f"validator key: expected {' or '.join(ALGORITHMS)}, got {key.alg}")
    _, public_type, private_type = _KEY_TYPES[key.alg]
    return {
        "address": address(key.public_key).hex().upper(),
        "pub_key": _typed(public_type, key.public_key),
        "priv_key": _typed(private_type, _expanded(key)),
    }


def node_key_document(key: KeyPair) -> dict[str, Any]:
    """Return `node_key.json` for an Ed25519 key: what a node proves its id with to its peers."""
    return {"priv_key": _typed(_KEY_TYPES["Ed25519"][2], key.seed + key.public_key)}


def node_id(node_key: Mapping[str, Any]) -> str:
    """Return the id in `node_key.json`, 40 hex digits.

    Raises:
        HomeError: it holds no key.
    """
    try:
        raw = base64.b64decode(node_key["priv_key"]["value"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise HomeError("node_key.json: expected priv_key with type and value, got something else") from error
    return address(raw[32:]).hex()


def new_vote_state() -> str:
    """Return `priv_validator_state.json` of a key that has signed nothing."""
    return json.dumps({"height": "0", "round": 0, "step": 0})


def address(public_key: bytes) -> bytes:
    """Return the address of a validator's or node's public key."""
    return sha256(public_key).digest()[:_ADDRESS_BYTES]


def _expanded(key: KeyPair) -> bytes:
    """Return the private key as CometBFT keeps it: for ML-DSA-65 the 4,032 bytes that follow from the seed."""
    if key.alg == "Ed25519":
        return key.seed + key.public_key
    public_key, private_key = ML_DSA_65.key_derive(key.seed)
    if public_key != key.public_key:
        raise HomeError("validator key: two libraries derive different public keys from its seed; report this")
    return bytes(private_key)


def _typed(name: str, value: bytes) -> dict[str, str]:
    return {"type": name, "value": base64.b64encode(value).decode("ascii")}


def _statesync(settings: NodeSettings) -> dict[str, Any]:
    if settings.statesync is None:
        return {"enable": False}
    return {
        "enable": True,
        "rpc_servers": ",".join(settings.statesync.rpc_servers),
        "trust_height": settings.statesync.trust_height,
        "trust_hash": settings.statesync.trust_hash,
        "trust_period": "336h0m0s",
        # Its least: the members' nodes are known and answer at once.
        "discovery_time": "5s",
    }
