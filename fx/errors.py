"""What can go wrong in this room, in three families: the caller, the outside, ourselves."""

from typing import ClassVar


class FxError(Exception):
    """Base of this room's errors; catch a family, not this."""

    codespace: ClassVar[str] = "fx"
    code: ClassVar[int] = 2


class RejectedError(FxError):
    """The input is at fault: the same call fails again until the caller changes it."""

    code = 3


class UnavailableError(FxError):
    """Something outside is missing for now: the same call may succeed later."""

    code = 4


class InvariantError(FxError):
    """This code contradicts itself: stop, keep the evidence, do not retry."""

    code = 5


class InvalidNumberError(RejectedError):
    """A number is of the wrong type or out of range; nothing was computed."""

    code = 6

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class UnknownCurrencyError(RejectedError):
    """No ISO 4217 currency with minor units has this code."""

    code = 7

    def __init__(self, code: object) -> None:
        super().__init__(f"currency: expected an ISO 4217 code with minor units such as EUR, got {str(code)[:16]!r}")


class CurrencyMismatchError(RejectedError):
    """Two amounts of different currencies met where one currency was needed."""

    code = 8

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"currency: expected {expected}, got {got}; convert it at a stated rate first")
        self.expected = expected
        self.got = got


class RateFileError(RejectedError):
    """The rate file is malformed; no rate was taken from it."""

    code = 9


class RateMissingError(UnavailableError):
    """The source holds no fixing of this pair on or before the day."""

    code = 10

    def __init__(self, base: str, quote: str, day: object, reach: str) -> None:
        super().__init__(f"rate {base}/{quote}: expected a fixing on or before {day}, got none ({reach})")


class WeightsError(RejectedError):
    """Weights or shares do not add up, or make a part of zero; nothing was divided."""

    code = 11


class NoOfferError(RejectedError):
    """No offer covers the amount."""

    code = 12


class QuoteTooLowError(RejectedError):
    """The quote is below the median less the spread limit; it settles nothing, another may."""

    code = 13

    def __init__(self, least: str, got: str) -> None:
        super().__init__(f"quote: expected a rate of at least {least}, got {got}; ask for another quote")
        self.least = least
        self.got = got


class NothingToPayError(RejectedError):
    """The payment rounds down to nothing, which is no settlement."""

    code = 14
