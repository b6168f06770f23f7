"""What the API takes and gives about messages."""

from pydantic import Field

from node.messages.limits import BODY_BYTES_MAX, MESSAGE_ID_CHARS_MAX, REASON_CHARS_MAX
from node.messages.tracker import Direction, Track
from node.web.schemas import Answer, Order, Time, WallTime


class ProtectionOut(Answer):
    """How a message was protected."""

    alg: str = Field(description="Signature algorithm", examples=["id-MLDSA65-Ed25519-SHA512"])
    signer_key: str = Field(description="RFC 7638 thumbprint of the sender's message key, base64url")
    kem: str = Field(description="What it was sealed with", examples=["X-Wing"])
    recipient_key: str = Field(description="Thumbprint of the recipient's sealing key")
    qkd_key_id: str | None = Field(description="Quantum key of the inner layer; null without one")


class MessageOut(Answer):
    """A message as this institution knows it. Times are of the wall clock unless they say otherwise."""

    message_id: str
    direction: Direction
    peer: str = Field(description="The other institution")
    kind: str = Field(examples=["pacs.008.001.08", "trades.offer"])
    thread: str | None = Field(description="What it keeps its order in: the trade's reference")
    uetr: str | None
    state: str = Field(
        description="Sent ones: queued; sent (not known whether it arrived); stored (the recipient signed for it); "
        "refused (it signed that it will not take it); dead (given up); dropped (by a person). Received ones: "
        "received (stored here); handled; refused (by its handler); dropped"
    )
    since_s: WallTime = Field(description="Since when it is in this state, or waits")
    attempts: int
    next_attempt_at_s: WallTime | None = Field(description="While it waits; in the past = now")
    reason: str | None = Field(description="Why it waits, was refused or is dead")
    created_at_s: Time | None = Field(description="Ledger time that its envelope says")
    protection: ProtectionOut | None = Field(description="Null until the recipient has signed for it")


class MessageDetailOut(MessageOut):
    """The same with what was said."""

    payload: str = Field(description="JSON, or XML of ISO 20022")
    signature: str | None = Field(
        description="Compact JWS: of a sent message its recipient's acknowledgement; of a received one its sender's "
        "signature, detached from the payload (docs/spec/envelope.md)"
    )

    @classmethod
    def of(cls, track: Track) -> "MessageDetailOut":
        """Return a message as the API shows it."""
        shown = MessageOut.model_validate(track).model_dump()
        signature = None if track.signature is None else track.signature.decode("ascii")
        return cls(**shown, payload=track.payload.decode("utf-8"), signature=signature)


class QueuedOut(Answer):
    """A document that was queued."""

    message_id: str
    kind: str
    uetr: str | None


class RepairIn(Order):
    """A message that waits for a person's decision."""

    message_id: str = Field(min_length=1, max_length=MESSAGE_ID_CHARS_MAX, examples=["quote-answer/7"])
    direction: Direction = "sent"
    peer: str | None = Field(
        None, max_length=64, description="Who has sent it, where it was received", examples=["bank-ke"]
    )


class CorrectIn(RepairIn):
    """The same with what it should have said."""

    document: str = Field(
        min_length=1, max_length=BODY_BYTES_MAX, description="ISO 20022 message of the same kind (XML)"
    )


class RejectIn(RepairIn):
    """The same with why it is let be."""

    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, examples=["The buyer's account is closed"])
