"""A Landfall node."""

import os

# Of the two Keccak libraries installed, eth-hash takes the slower one by itself; hashing is much of a block's work.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
