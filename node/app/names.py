"""Names of the files that ship with the program."""

from typing import Final

GENESIS_FILE: Final = "devnet_genesis.json"
GENESIS_HASH_FILE: Final = "devnet_genesis.sha256"
