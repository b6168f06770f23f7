"""What a key may be used for: a closed set, checked at every use, so that one stolen capability is not all of them."""

from enum import StrEnum


class KeyRole(StrEnum):
    """The one purpose of a key."""

    TRANSACTION = "transaction"
    """Signs transactions: secp256k1 for accounts, a post-quantum key beside it for dual-signed transactions."""
    MESSAGE = "message"
    """Signs messages to other institutions, quotes and attestations."""
    SEALING = "sealing"
    """Opens what was sealed to the institution. A role of its own: whoever only reads post must not be able to sign."""
    VALIDATOR = "validator"
    """Signs votes on blocks."""
    EVIDENCE = "evidence"
    """Signs evidence packs and what goes into them."""
