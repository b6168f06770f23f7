"""What can go wrong in this room, in three families: the caller, the outside, ourselves."""

from typing import ClassVar


class PqcError(Exception):
    """Base of this room's errors; catch a family, not this."""

    codespace: ClassVar[str] = "pqc"
    code: ClassVar[int] = 2


class RejectedError(PqcError):
    """The input is at fault: the same call fails again until the caller changes it."""

    code = 3


class UnavailableError(PqcError):
    """Something outside (a file, a library) is missing for now: the same call may succeed later."""

    code = 4


class InvariantError(PqcError):
    """This code contradicts itself: stop, keep the evidence, do not retry."""

    code = 5


class UnknownAlgorithmError(RejectedError):
    """No scheme of this name is registered, so nothing was signed or verified."""

    code = 6

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"algorithm: expected one of {', '.join(known)}, got {name[:64]!r}")
        self.name = name
        self.known = known


class InvalidKeyError(RejectedError):
    """A key, seed or context has the wrong size or type; nothing was signed or verified."""

    code = 7

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class InvalidSignatureError(RejectedError):
    """The signature does not belong to this message, context and key: treat the message as not sent."""

    code = 8

    def __init__(self, algorithm: str, reason: str) -> None:
        super().__init__(f"signature: expected a valid {algorithm} signature, got {reason}")
        self.algorithm = algorithm


class WrongPassphraseError(RejectedError):
    """The passphrase is not the one this keystore was written with; nothing was decrypted.

    A keystore whose salt or cost was changed looks the same: the passphrase then leads to another key.
    """

    code = 9


class KeystoreFormatError(RejectedError):
    """The file is not a keystore this version reads, or its parameters exceed the limits; nothing was decrypted."""

    code = 10


class UnknownKeyError(RejectedError):
    """The keystore holds no key of this name."""

    code = 11

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        shown = ", ".join(known[:20]) or "an empty keystore"
        super().__init__(f"name: expected a key of this keystore ({shown}), got {name[:64]!r}")
        self.name = name


class KeyExistsError(RejectedError):
    """A key or keystore file of this name exists; it was left as it was."""

    code = 12


class WrongKeyKindError(RejectedError):
    """The key exists but cannot do what was asked (an ML-DSA key has no address, for example)."""

    code = 13


class KeystoreUnavailableError(UnavailableError):
    """The file could not be read or written; the keys on disk are those of the last successful write."""

    code = 14


class TamperedKeystoreError(RejectedError):
    """The passphrase is right but the content was changed after it was written: restore the file from a backup."""

    code = 15


class KeystoreChangedError(UnavailableError):
    """Another process wrote the file since it was opened; nothing was written. Open it again and repeat."""

    code = 16


class BackendUnavailableError(UnavailableError):
    """liboqs cannot be used here; nothing was changed, and `cryptography` keeps signing and verifying."""

    code = 30

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"liboqs: expected {expected}, got {got}; `make liboqs` in the source tree builds it")


class KeyDerivationError(InvariantError):
    """Two libraries derive different keys from one seed; nothing was signed. The seed is not to blame."""

    code = 31

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"{algorithm}: expected both libraries to derive one public key from a seed, got two")
        self.algorithm = algorithm


class SizeLimitError(RejectedError):
    """An input is outside its limits; nothing was sealed, opened or signed."""

    code = 40

    def __init__(self, field: str, low: int, high: int, got: int) -> None:
        super().__init__(f"{field}: expected {low} to {high} bytes, got {got}")
        self.field = field


class UnsealError(RejectedError):
    """The sealed text does not open with this key: it is for another, was bound to another header, or was changed."""

    code = 41

    def __init__(self, kem: str) -> None:
        super().__init__(
            f"sealed: expected text sealed to this {kem} key under this info, got another; ask for it anew"
        )
        self.kem = kem


class MalformedError(RejectedError):
    """A key, header, token or message is not in the form that docs/spec/envelope.md gives; nothing in it counts."""

    code = 42

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class AlgorithmNotAllowedError(RejectedError):
    """The message is protected by an algorithm that this peer may not use: treat it as a downgrade, do not read it."""

    code = 43

    def __init__(self, field: str, name: str, allowed: frozenset[str]) -> None:
        super().__init__(f"{field}: expected one of {', '.join(sorted(allowed)) or 'none'}, got {name[:64]!r}")
        self.field = field


class NotForUsError(RejectedError):
    """The message is for another institution, or for a key that is not (or no longer) ours; it was not read."""

    code = 44

    def __init__(self, field: str, got: str) -> None:
        super().__init__(
            f"{field}: expected one of this institution, got {got[:64]!r}; fetch our keys and send it anew"
        )
        self.field = field


class UnknownSignerError(RejectedError):
    """The sender has no such key, as far as we know: nothing it says counts until the directory knows the key."""

    code = 45

    def __init__(self, sender: str, key_id: str) -> None:
        super().__init__(f"kid: expected a key of {sender[:64]!r}, got {key_id[:64]!r}; publish the key first")
        self.sender = sender
        self.key_id = key_id


class MessageTimeError(RejectedError):
    """The message was made too far in the future or the past of our clock; it was genuine, it was not taken."""

    code = 46

    def __init__(self, field: str, earliest_s: int, latest_s: int, got_s: int) -> None:
        super().__init__(f"{field}: expected {earliest_s} to {latest_s}, got {got_s}; check both clocks, send it anew")
        self.field = field
        self.got_s = got_s


class AcknowledgementMismatchError(RejectedError):
    """A genuine acknowledgement, but of another message, envelope or institution: ours is still not acknowledged."""

    code = 47

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got[:80]}")
        self.field = field


class QuantumKeyMissingError(RejectedError):
    """The message has a quantum layer whose key we do not have (used, unknown or never fetched): send it anew."""

    code = 48

    def __init__(self, key_id: str) -> None:
        super().__init__(f"qkd_key_id: expected a key at hand, got {key_id[:64]!r}; send it anew under another key")
        self.key_id = key_id


class QuantumRequiredError(RejectedError):
    """This peer's policy requires a quantum layer and there is none: nothing was sent, or what came was not read."""

    code = 49

    def __init__(self, reason: str) -> None:
        super().__init__(f"quantum policy: expected a key (require), got {reason[:200]}")


class KeySourceError(UnavailableError):
    """The key server gave no key: unreachable, refusing, exhausted or answering nonsense. `reason` says which."""

    code = 50

    def __init__(self, reason: str) -> None:
        super().__init__(f"key server: expected a key, got {reason[:200]}")
        self.reason = reason[:200]


class WrongKeyRoleError(RejectedError):
    """The key exists and was made for another purpose; it was not used."""

    code = 60

    def __init__(self, name: str, expected: str, got: str) -> None:
        super().__init__(f"role: expected a key for role {expected}, got {name!r}, which is for role {got}")
        self.name = name
        self.expected = expected
        self.got = got


class KeyNotValidError(RejectedError):
    """No generation of the key was valid at this time: what claims to be signed then was not signed with it."""

    code = 61


class KeyDestroyedError(RejectedError):
    """The key's seed was destroyed: its signatures can still be verified, new ones cannot be made."""

    code = 62


class KeyStillValidError(RejectedError):
    """The key is in use, so its seed was not destroyed. Rotate the key and wait until the overlap has passed."""

    code = 63


class SplitBackupError(RejectedError):
    """The shares do not give the key back; nothing was stored. Correct or add shares and repeat."""

    code = 64


class JwksFormatError(RejectedError):
    """The file is not a set of public keys as this program writes them, or exceeds the limits; nothing was taken."""

    code = 65


class SignerUnavailableError(UnavailableError):
    """The device that holds the keys does not answer or has no session: the same call may succeed later."""

    code = 66
