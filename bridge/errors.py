"""What can go wrong in this room, in three families: the caller, the outside, ourselves."""

from typing import ClassVar


class BridgeError(Exception):
    """Base of this room's errors; catch a family, not this."""

    codespace: ClassVar[str] = "bridge"
    code: ClassVar[int] = 2


class RejectedError(BridgeError):
    """The input is at fault: the same call fails again until the caller changes it."""

    code = 3


class UnavailableError(BridgeError):
    """Something outside did not answer: the same call may succeed later."""

    code = 4


class InvariantError(BridgeError):
    """This code contradicts itself: stop, keep the evidence, do not retry."""

    code = 5


class InvalidProofError(RejectedError):
    """A Merkle proof, header or commit does not prove what it claims: believe nothing that rests on it."""

    code = 6

    def __init__(self, field: str, expected: object, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


class InsufficientPowerError(RejectedError):
    """Not more than two thirds of the voting power signed: the block is not final for this validator set."""

    code = 7

    def __init__(self, signed: int, total: int, path: str = "") -> None:
        super().__init__(f"{path}commit.signatures: expected more than 2/3 of voting power {total}, got {signed}")
        self.signed = signed
        self.total = total
        self.path = path


class TrustExpiredError(RejectedError):
    """The trusted header is too old to say who the validators are now: give a newer one, known from elsewhere."""

    code = 8

    def __init__(self, header_s: int, period_s: int, now_s: int) -> None:
        ago = f"at most {period_s} s ago, got {now_s - header_s} s"
        super().__init__(f"trusted.header.time: expected {ago}; give a newer height and hash")
        self.header_s = header_s
        self.period_s = period_s
        self.now_s = now_s


class EvidenceError(RejectedError):
    """An evidence pack is not what it claims to be: believe nothing in it.

    `path` says where: the JSON path of the value, or the offset of the byte where the text stops being a pack.
    """

    code = 20

    def __init__(self, path: str, expected: object, got: object) -> None:
        super().__init__(f"{path}: expected {str(expected)[:300]}, got {str(got)[:200]}")
        self.path = path
        self.expected = expected
        self.got = got
