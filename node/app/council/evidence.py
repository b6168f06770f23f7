"""Evidence of a double signature, as an operator gets it from CometBFT: found in a file, checked, kept.

A file is what CometBFT's RPC answers to `/block`, or the evidence alone. Of a block that holds several pieces, the one
about this bank's keys counts.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import Validator as ConsensusValidator
from bridge.proofs.double_sign import VOTE_TYPES, DoubleSign, verify_double_sign
from node.app.council.state import Validator
from node.app.errors import ChangeError
from node.chain.cometbft_json import DOUBLE_SIGN, read_double_sign
from node.chain.errors import ConsensusAnswerError
from node.json_depth import json_depth
from pqc import whole_file

FILE_BYTES_MAX: Final = 16 << 20
"""A block of 4 MiB in base64, and the commit of 200 validators."""
FILE_DEPTH_MAX: Final = 16
PIECES_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Conviction:
    """A double signature that was checked."""

    evidence: DoubleSign
    validator: Validator
    document: Any
    """The evidence as CometBFT's JSON has it."""

    @property
    def digest(self) -> bytes:
        """Return CometBFT's hash of the evidence, which goes on the chain."""
        return self.evidence.hash

    @property
    def summary(self) -> str:
        """Return what happened in one line."""
        vote = self.evidence.vote_a
        step = f"height {vote.height}, round {vote.round}"
        return f"validator {self.validator.address} signed two {VOTE_TYPES[vote.type]}s at {step}"


def read_conviction(path: Path, network: str, keys: Sequence[Validator]) -> Conviction:
    """Return the double signature in a file that convicts one of these keys.

    Args:
        network: The network's name, which every vote is signed for.
        keys: The bank's keys in the set.

    Raises:
        ChangeError: the file cannot be read, holds no such evidence, or evidence that proves nothing.
    """
    shown = str(path)[:100]
    by_address = {one.address: one for one in keys}
    about: list[str] = []
    for document in _pieces(_read(path, shown), shown):
        try:
            evidence = read_double_sign(document)
        except ConsensusAnswerError as error:
            raise ChangeError(f"{shown}: {error}") from error
        guilty = by_address.get(evidence.vote_a.validator_address.hex().upper())
        if guilty is None:
            about.append(evidence.vote_a.validator_address.hex().upper())
            continue
        try:
            key = ConsensusValidator(guilty.algorithm, guilty.public_key, guilty.power)
            verify_double_sign(network, key, evidence)
        except InvalidProofError as error:
            raise ChangeError(f"{shown}: {error}; it convicts nobody") from error
        return Conviction(evidence, guilty, document)
    expected = ", ".join(by_address) or "a key of the bank in the set, which has none"
    raise ChangeError(f"{shown}: expected evidence against {expected}, got {', '.join(about) or 'none'}")


def keep(conviction: Conviction, folder: Path) -> Path:
    """Write the evidence into a folder under its digest, unless it is there; return its file."""
    path = folder / f"{conviction.digest.hex()}.json"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        whole_file.create(path, (json.dumps(conviction.document, indent=1, sort_keys=True) + "\n").encode())
    return path


def _read(path: Path, shown: str) -> Any:
    try:
        data = whole_file.read(path, FILE_BYTES_MAX)
    except OSError as error:
        raise ChangeError(f"{shown}: cannot be read ({error.strerror})") from error
    if len(data) > FILE_BYTES_MAX or json_depth(data) > FILE_DEPTH_MAX:
        raise ChangeError(f"{shown}: expected at most {FILE_BYTES_MAX} bytes of JSON, {FILE_DEPTH_MAX} deep, got more")
    try:
        return json.loads(data)
    except ValueError as error:
        raise ChangeError(f"{shown}: expected JSON, got {str(error)[:100]}") from error


def _pieces(document: Any, shown: str) -> Iterator[Any]:
    """Return the double signatures in an answer of `/block`, in a block, or the one that is the document."""
    for name in ("result", "block", "evidence", "evidence"):
        if isinstance(document, dict) and name in document:
            document = document[name]
    found = document if isinstance(document, list) else [document]
    if len(found) > PIECES_MAX:
        raise ChangeError(f"{shown}: expected at most {PIECES_MAX} pieces of evidence, got {len(found)}")
    return (one for one in found if isinstance(one, dict) and one.get("type") == DOUBLE_SIGN)
