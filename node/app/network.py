"""The devnet's network: from the cast to the genesis file.

Building runs the contracts' constructors and takes seconds, so the result ships with the program
(`devnet_genesis.json`, made by `scripts/build_devnet_genesis.py`; a test holds it against the sources).
"""

import json
from importlib.resources import files
from typing import Any, Final

from fx.currencies import get_currency
from node.app.cast import Cast, InstitutionCast, devnet_seed
from node.app.home import VALIDATOR_ALGORITHM, genesis_time_s, message_key, validator_key
from node.app.names import GENESIS_FILE, GENESIS_HASH_FILE
from pqc import secp256k1, signatures

_ETHER_WEI: Final = 10**18
_BALANCE_WEI: Final = 10_000 * _ETHER_WEI


def shipped_genesis() -> dict[str, Any]:
    """Return the devnet's genesis."""
    genesis: dict[str, Any] = json.loads(files("node.app").joinpath(GENESIS_FILE).read_text("utf-8"))
    return genesis


def shipped_genesis_hash() -> bytes:
    """Return the hash of the devnet's genesis, which a verifier of its packs trusts."""
    return bytes.fromhex(files("node.app").joinpath(GENESIS_HASH_FILE).read_text("ascii"))


def build_devnet_genesis(cast: Cast) -> dict[str, Any]:
    """Build the genesis of a cast; imports the execution engine."""
    from node.chain.genesis import (
        NetworkConfig,
        PairConfig,
        ParticipantConfig,
        TokenConfig,
        ValidatorConfig,
        build_genesis,
    )

    config = NetworkConfig(
        network=cast.network,
        chain_id=cast.chain_id,
        genesis_time_s=genesis_time_s(cast),
        governor=cast.governor,
        validators=tuple(
            ValidatorConfig(name=one.id, algorithm=VALIDATOR_ALGORITHM, public_key=validator_key(one.id).public_key)
            for one in cast.institutions
            if "validator" in one.roles
        ),
        participants=tuple(
            ParticipantConfig(
                id=one.id,
                name=one.name,
                lei=one.lei,
                bic=one.bic,
                roles=one.roles,
                address=_address(one),
                key_thumbprint=_thumbprint(message_key(one.id)),
            )
            for one in cast.institutions
        ),
        tokens=tuple(
            TokenConfig(
                currency=one.code,
                name=one.name,
                symbol=one.symbol,
                decimals=get_currency(one.code).exponent,
                issuer=one.issuer,
            )
            for one in cast.currencies
        ),
        pairs=tuple(PairConfig(**pair.model_dump()) for pair in cast.pairs),
        balances_wei={
            **{_address(one): _BALANCE_WEI for one in cast.institutions},
            **{bytes.fromhex(account.removeprefix("0x")): _BALANCE_WEI for account in cast.developer_accounts},
        },
    )
    return build_genesis(config)


def _thumbprint(key: signatures.KeyPair) -> bytes:
    return signatures.thumbprint(key.alg, key.public_key)


def _address(institution: InstitutionCast) -> bytes:
    public_key = secp256k1.public_key(devnet_seed(institution.id, "transaction"))
    return bytes.fromhex(secp256k1.address_of(public_key).removeprefix("0x"))
