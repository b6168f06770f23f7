"""Messages that parties signed, and how a pack proves that they did.

Three proofs, the strongest first: the signer's own signature, the record an institution made of the digest by its own
transaction, or only the chain's word, whose contract took the message.

Source: docs/spec/evidence.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.limits import DECISIONS_MAX
from bridge.proofs.fields import expect, get_address, get_bytes, get_digits, get_int, get_items, get_object, get_text
from bridge.proofs.messages import check_signer
from bridge.proofs.network import Network
from bridge.proofs.records import Signed, Story
from contracts.client import typed_data

_SIGNATURE_BYTES: Final = 65
_PROOFS: Final = ("chain", "recorded", "signature")
CHOICE: Final = "ChooseQuote"
TYPES: Final = (
    "Accept",
    "Amend",
    "Assign",
    "Award",
    "Cancel",
    CHOICE,
    "CloseOutOfBand",
    "Defer",
    "Dispute",
    "Waive",
)
"""What parties sign after the funding."""


def proof_kind(fields: Mapping[str, Any], path: str) -> str:
    """Return how a message is proven."""
    kind = get_text(fields["proof"], f"{path}.proof")
    if kind not in _PROOFS:
        raise EvidenceError(f"{path}.proof", f"one of {', '.join(_PROOFS)}", kind)
    if (kind == "signature") != ("signature" in fields):
        raise EvidenceError(f"{path}.signature", "a signature exactly where that is the proof", kind)
    return kind


def check_proof(fields: Mapping[str, Any], path: str, signer: str, digest: bytes, story: Story, used_at: int) -> None:
    """Raise unless the signature is the signer's, or the record is there before the message's use."""
    if fields["proof"] == "signature":
        check_signature(fields, path, signer, digest)
    if fields["proof"] == "recorded":
        check_record(path, signer, digest, story, used_at)


def check_signature(fields: Mapping[str, Any], path: str, signer: str, digest: bytes) -> None:
    """Raise unless `signature` is the signer's over the digest."""
    signature = get_bytes(fields["signature"], f"{path}.signature", _SIGNATURE_BYTES, _SIGNATURE_BYTES)
    check_signer(f"{path}.signature", signer, digest, signature)


def check_record(path: str, signer: str, digest: bytes, story: Story, used_at: int) -> None:
    """Raise unless the signer recorded the digest before its use."""
    recorded_at = story.recorded.get((signer, digest))
    if recorded_at is None or recorded_at > used_at:
        raise EvidenceError(
            path, f"DigestRecorded by {signer} of 0x{digest.hex()} in a block of the pack, before its use", "none"
        )


def check_valid(path: str, valid_until: int, used_at: int) -> None:
    """Raise unless a message was still valid when it was used."""
    if valid_until < used_at:
        raise EvidenceError(f"{path}.valid_until", f"{used_at} (its use) or later", valid_until)


def read_consents(value: object, network: Network, story: Story) -> tuple[dict[str, str], set[tuple[str, bytes]]]:
    """Return how each side's consent to the first terms is proven, and the digests (by signer) that prove it."""
    sides = get_object(value, "consents", ("exporter", "importer"))
    proofs: dict[str, str] = {}
    digests: set[tuple[str, bytes]] = set()
    for side in ("importer", "exporter"):
        path = f"consents.{side}"
        fields = get_object(sides[side], path, ("proof",), ("action", "signature", "valid_until"))
        proofs[side] = proof_kind(fields, path)
        if proofs[side] == "chain":
            get_object(sides[side], path, ("proof",))
            continue
        terms = story.versions[0]
        until, action = _validity(fields, path)
        message = {"terms": terms, "valid_until": until, "action": action}
        digest = typed_data.digest(network.domain("TradeEscrow"), "Consent", message)
        check_proof(fields, path, terms[side], digest, story, story.funded_at)
        check_valid(path, until, story.funded_at)
        digests.add((terms[side], digest))
    return proofs, digests


@dataclass(frozen=True, slots=True)
class Decision:
    """A message of a party, proven."""

    type: str
    signer: str
    fields: Mapping[str, Any]
    proof: str
    time_s: int


class DecisionBook:
    """The messages of a pack's `decisions`, handed to the replay where the escrow took them."""

    def __init__(self, value: object, network: Network) -> None:
        self._network = network
        self._waiting: dict[int, tuple[str, Mapping[str, Any]]] = {}
        self._records: list[tuple[str, str, bytes, int]] = []
        self.decisions: list[Decision] = []
        self.digests: set[tuple[str, bytes]] = set()
        keys, optional = ("number", "proof", "signer", "type"), ("action", "least", "signature", "valid_until")
        before = -1
        for path, item in get_items(value, "decisions", DECISIONS_MAX):
            fields = get_object(item, path, keys, optional)
            number = get_int(fields["number"], f"{path}.number", 1 << 16)
            if number <= before:
                raise EvidenceError(f"{path}.number", f"a number above {before}", number)
            before = number
            self._waiting[number] = (path, fields)

    def __call__(self, signed: Signed) -> Mapping[str, Any] | None:
        """Return the message's own fields if the pack has it.

        Raises:
            EvidenceError: it is not the message that the escrow took then, or not signed.
        """
        path, fields = self._waiting.pop(signed.number, ("", None))
        if fields is None:
            return None
        expect(f"{path}.type", signed.type, get_text(fields["type"], f"{path}.type"))
        expect(f"{path}.signer", signed.signer, get_address(fields["signer"], f"{path}.signer"))
        kind = proof_kind(fields, path)
        self.decisions.append(Decision(signed.type, signed.signer, signed.fields, kind, signed.time_s))
        if kind == "chain":
            get_object(fields, path, ("number", "proof", "signer", "type"))
            return {}
        until, action = _validity(fields, path)
        own = {"valid_until": until, "action": action}
        if signed.type == CHOICE:
            own["least"] = get_digits(fields.get("least"), f"{path}.least")
        elif "least" in fields:
            raise EvidenceError(f"{path}.least", "no such key", "one")
        digest = typed_data.digest(self._network.domain("TradeEscrow"), signed.type, {**signed.fields, **own})
        if kind == "signature":
            check_signature(fields, path, signed.signer, digest)
        else:
            self._records.append((path, signed.signer, digest, signed.time_s))
        check_valid(path, until, signed.time_s)
        self.digests.add((signed.signer, digest))
        return own

    def finish(self, story: Story) -> None:
        """Raise unless every message was taken by the escrow, and each recorded one is on record before its use."""
        for path, _ in self._waiting.values():
            raise EvidenceError(path, f"the number of a message that the escrow took, below {story.signed}", "another")
        for path, signer, digest, used_at in self._records:
            check_record(path, signer, digest, story, used_at)


def _validity(fields: Mapping[str, Any], path: str) -> tuple[int, int]:
    until = get_digits(fields.get("valid_until"), f"{path}.valid_until")
    return until, get_digits(fields.get("action"), f"{path}.action")
