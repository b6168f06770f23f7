"""Two networks of CometBFT 0.40 that ran `kvstore`, as their RPC told of them (tests/vectors/SOURCES.md)."""

import json
from bisect import bisect_right
from pathlib import Path
from typing import Any

from bridge.proofs.consensus import Commit, Header, Validator, validator_set
from bridge.proofs.light import LightBlock
from bridge.proofs.validator_changes import ValidatorSetChange
from node.chain.cometbft_json import read_commit, read_header, read_items, read_validators

_FOLDER = Path(__file__).parents[2] / "vectors" / "cometbft"


class Recorded:
    """One network: headers and commits by height, validator sets by the height from which they hold."""

    def __init__(self, name: str) -> None:
        document: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
        self.chain_id: str = document["chain_id"]
        self.genesis = validator_set(read_validators(document["genesis_validators"]))
        self.headers: dict[int, Header] = {}
        self.commits: dict[int, Commit] = {}
        for height, signed in document["commits"].items():
            self.headers[int(height)] = read_header(signed["header"])
            self.commits[int(height)] = read_commit(signed["commit"])
        self.blocks: dict[int, dict[str, Any]] = {int(height): one for height, one in document["blocks"].items()}
        self._sets = {int(height): read_validators(values) for height, values in document["validators"].items()}
        self.set_heights = sorted(self._sets)

    def validators(self, height: int) -> tuple[Validator, ...]:
        return self._sets[self.set_heights[bisect_right(self.set_heights, height) - 1]]

    def light_block(self, height: int) -> LightBlock:
        return LightBlock(self.headers[height], self.commits[height], self.validators(height))

    def items(self, height: int) -> tuple[bytes, ...]:
        return read_items(self.blocks[height]["block"])

    def changes(self) -> list[ValidatorSetChange]:
        return [
            ValidatorSetChange(self.headers[height - 1], self.commits[height - 1], self.validators(height))
            for height in self.set_heights[1:]
        ]


ED25519 = Recorded("kvstore-ed25519")
MLDSA65 = Recorded("kvstore-mldsa65")
"""Four validators with ML-DSA-65 keys; one with Ed25519 joins, changes and leaves."""
