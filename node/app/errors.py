"""Errors of assembly and of the command line."""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from bridge.proofs.light import Fork


class RejectedError(Exception):
    """The caller's fault; nothing was changed."""

    codespace: ClassVar[str] = "app"
    code: ClassVar[int] = 2


class UnavailableError(Exception):
    """Something outside did not answer; the same call may succeed later."""

    codespace: ClassVar[str] = "app"
    code: ClassVar[int] = 20


class SettingsError(RejectedError):
    """A setting is unknown or out of range; the process did not start."""

    code: ClassVar[int] = 3


class ScenarioError(RejectedError):
    """A demo scenario is unknown or did not go as its story says."""

    code: ClassVar[int] = 4


class ChangeError(RejectedError):
    """A change of the validator set, or the evidence for it, cannot be read or does not fit; nothing was sent."""

    code: ClassVar[int] = 10


class StepError(RejectedError):
    """A step of a trade was taken and did not lead where it should."""

    code: ClassVar[int] = 6


class HomeError(RejectedError):
    """The home directory belongs to another network or is in use."""

    code: ClassVar[int] = 5


class PassphraseError(RejectedError):
    """No usable passphrase was given; nothing was opened or written."""

    code: ClassVar[int] = 7


class KeyFileError(RejectedError):
    """A file of keys cannot be read, or would be overwritten; nothing was written over."""

    code: ClassVar[int] = 8


class CeremonyError(RejectedError):
    """A member's file or a merged genesis is not what the others have; nothing was written."""

    code: ClassVar[int] = 9


class ProcessError(UnavailableError):
    """A process of the node did not start, or ended by itself."""

    code: ClassVar[int] = 21


class EngineMissingError(UnavailableError):
    """A program that a validator needs is not on this machine; install it and try again."""

    code: ClassVar[int] = 22


class UntrustedSourceError(RejectedError):
    """What a light client was told does not follow from the header it trusts; nothing was believed."""

    code: ClassVar[int] = 30


class ForkError(RejectedError):
    """Two histories are both signed by enough: validators attack the network; trust neither, keep the evidence."""

    code: ClassVar[int] = 31

    def __init__(self, message: str, fork: "Fork") -> None:
        super().__init__(message)
        self.fork = fork


class SourceUnavailableError(UnavailableError):
    """A node does not answer a light client, or has not yet what was asked for."""

    code: ClassVar[int] = 32
