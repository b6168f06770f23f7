"""What can go wrong with a trade: the caller, the outside, ourselves."""

from typing import ClassVar

from node import errors


class RejectedError(errors.RejectedError):
    """The caller is at fault; nothing was changed. `field` is the path of the value that must change."""

    codespace: ClassVar[str] = "trades"
    code: ClassVar[int] = 3

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {_shown(got)}")
        self.field = field
        self.expected = expected
        self.got = got


class UnavailableError(errors.UnavailableError):
    """Something outside does not answer; the same call may succeed later."""

    codespace: ClassVar[str] = "trades"
    code: ClassVar[int] = 4


class InvariantError(errors.InvariantError):
    """This code contradicts itself or the chain: stop, keep the evidence, do not retry."""

    codespace: ClassVar[str] = "trades"
    code: ClassVar[int] = 5


class TermsRejectedError(RejectedError):
    """The terms cannot be agreed as they are; no version was stored."""

    code = 6


class InvoiceRejectedError(RejectedError):
    """The invoice is not UBL 2.1, too large, contradicts itself or does not agree with the terms."""

    code = 7


class DocumentRejectedError(RejectedError):
    """A logistics document or statement is malformed, too large or too deep; nothing was attested."""

    code = 8


class EvidenceMismatchError(RejectedError):
    """The document is sound but proves nothing here: another shipment, another milestone, another time."""

    code = 9


class AttesterRejectedError(RejectedError):
    """Whoever brought the evidence may not attest this milestone; nothing was attested."""

    code = 10
    kind = "forbidden"


class EvidenceReplayedError(RejectedError):
    """This event or statement was attested before; it counts once."""

    code = 11
    kind = "conflict"


class UnknownTradeError(RejectedError):
    """No trade of this reference is known to this institution, or this customer is no party to it."""

    code = 12
    kind = "not_found"

    def __init__(self, reference: str) -> None:
        super().__init__("reference", "a trade of this institution", reference)


class WrongStateError(RejectedError):
    """The trade is not in the state this step needs; the message says which step comes first."""

    code = 13
    kind = "conflict"


class NotPermittedError(RejectedError):
    """This principal may not do this step; the message says who may."""

    code = 14
    kind = "forbidden"


class OfferRejectedError(RejectedError):
    """A message from the other bank contradicts what is stored; ours stays as it was."""

    code = 15


class EvidenceNotReadyError(UnavailableError):
    """The chain has no finality proof yet for a block of this trade; ask again in a moment."""

    code = 16


class UnknownDisputeError(RejectedError):
    """No dispute of that digest was put before this arbiter, or the chain knows none."""

    code = 17
    kind = "not_found"

    def __init__(self, digest: str) -> None:
        super().__init__("dispute", "a case of this arbiter", digest)


class PaymentRejectedError(RejectedError):
    """A status or a confirmation is about another payment than this bank has sent to its sender; nothing was kept."""

    code = 18


class UnknownMessageError(RejectedError):
    """The trade has no payment message of that number, or none that the caller may see."""

    code = 19
    kind = "not_found"

    def __init__(self, number: int) -> None:
        super().__init__("number", "a message of the trade, as its list numbers them", number)


def _shown(value: object) -> str:
    """Return `value` cut to a length that fits one line."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


class UnknownDocumentError(RejectedError):
    """The trade has no document of this hash, or none that the caller may see."""

    code = 40
    kind = "not_found"

    def __init__(self, sha256: str) -> None:
        super().__init__("sha256", "one of the trade's documents", sha256)
