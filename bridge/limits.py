"""Limits on what a verifier takes in, each with its reason."""

from typing import Final

PACK_BYTES_MAX: Final = 16 << 20
"""A trade of eight milestones with eight attesters and 256 KiB of evidence each comes to about 20 MB at the very most;
an ordinary pack is 200 kB."""

PACK_DEPTH_MAX: Final = 16
"""The deepest path, `blocks[0].finality.header.last_block_id.parts.hash`, has seven levels; terms add a few."""

BLOCKS_MAX: Final = 256
"""Funding, eight milestones of eight attesters, records and disputes in a block each come to less."""

VALIDATOR_CHANGES_MAX: Final = 128
"""Changes of the validator set since genesis, about 110 kB each with ten validators: one a month for ten years."""

BACKWARD_STEPS_MAX: Final = 10_000
"""Headers that a light client asks for one by one to reach a height below its trusted one."""

RECEIPTS_MAX: Final = 64
"""Receipts of one trade in one block."""

TRANSACTIONS_MAX: Final = 1 << 20
"""Receipts in one block, of any trade."""

PROOF_NODES_MAX: Final = 16
"""A trie of a million receipts is eight nodes high."""

PROOF_NODE_BYTES_MAX: Final = 256 * 1024
"""A leaf holds a whole receipt."""

QUOTES_MAX: Final = 32
"""Providers asked for one trade."""

ATTESTATIONS_MAX: Final = 64
"""Eight milestones of eight attesters."""

AMENDMENTS_MAX: Final = 32
"""Versions of the terms after the first."""

DECISIONS_MAX: Final = 256
"""Messages that parties sign about a trade once it is funded."""

EVIDENCE_BYTES_MAX: Final = 256 * 1024
"""One evidence document, as the trade service takes it in."""

STATEMENT_LINES_MAX: Final = 512
"""Lines of the statement; the verifier writes them itself and compares."""

RLP_ITEMS_MAX: Final = 4096
"""Items of one RLP list: logs of one receipt."""
