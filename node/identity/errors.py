"""What can go wrong when somebody wants to come in."""

from node.errors import RejectedError


class SignInRefusedError(RejectedError):
    """E-mail, password or code are not those of an account; which of them is not told."""

    codespace = "identity"
    code = 6
    kind = "unauthenticated"

    def __init__(self, what: str = "e-mail, password and code") -> None:
        super().__init__(f"sign-in: expected {what} of an account of this institution, got others")


class LockedOutError(RejectedError):
    """Too many tries; the next one counts only after a wait."""

    codespace = "identity"
    code = 7
    kind = "too_many"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"sign-in: expected fewer tries, got too many; try again in {retry_after_s} seconds")
        self.retry_after_s = retry_after_s


class InvitationError(RejectedError):
    """The one-time link is used, too old, or none; ask an operator for another one."""

    codespace = "identity"
    code = 8
    kind = "not_found"

    def __init__(self) -> None:
        super().__init__("token: expected that of a link that is neither used nor too old; ask an operator for another")
        self.field = "token"


class PasswordError(RejectedError):
    """The password is too easy to guess; nothing was changed."""

    codespace = "identity"
    code = 9

    def __init__(self, expected: str) -> None:
        super().__init__(f"password: expected {expected}")
        self.field = "password"


class CodeError(RejectedError):
    """The code of the authenticator app is wrong, or was used before; nothing was changed."""

    codespace = "identity"
    code = 10

    def __init__(self) -> None:
        super().__init__("code: expected the six digits that the authenticator app shows now, unused, got others")
        self.field = "code"


class PasskeyError(RejectedError):
    """What the browser sent is no passkey for this challenge; nothing was changed."""

    codespace = "identity"
    code = 11

    def __init__(self, reason: str) -> None:
        super().__init__(f"credential: expected a passkey's answer to this challenge, got one refused: {reason[:200]}")
        self.field = "credential"


class ChallengeError(RejectedError):
    """The challenge is used or too old; ask for a new one."""

    codespace = "identity"
    code = 12
    kind = "conflict"

    def __init__(self) -> None:
        super().__init__("challenge: expected one that is neither used nor older than five minutes; ask for a new one")
        self.field = "challenge"


class UnknownPersonError(RejectedError):
    """There is nobody of this id here."""

    codespace = "identity"
    code = 13
    kind = "not_found"

    def __init__(self, person_id: str) -> None:
        super().__init__(f"person: expected somebody of this institution, got {person_id[:80]!r}")


class PersonExistsError(RejectedError):
    """Somebody has this e-mail address already."""

    codespace = "identity"
    code = 14
    kind = "conflict"

    def __init__(self) -> None:
        super().__init__("email: expected one that nobody here has, got another person's")
        self.field = "email"


class PersonStateError(RejectedError):
    """The person is in another state; nothing was changed."""

    codespace = "identity"
    code = 15
    kind = "conflict"

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"person: expected one that is {expected}, got one that is {got}")


class PersonFormatError(RejectedError):
    """A field about a person is not acceptable; nothing was changed."""

    codespace = "identity"
    code = 16

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got!r:.80}")
        self.field = field


class RecentSignInNeededError(RejectedError):
    """This changes how somebody signs in, and their sign-in is too old for it; sign in again."""

    codespace = "identity"
    code = 17
    kind = "forbidden"

    def __init__(self) -> None:
        super().__init__("session: expected a sign-in of the last fifteen minutes, got an older one; sign in again")


class SessionEndedError(RejectedError):
    """The session is over: too old, too long unused, or ended; sign in again."""

    codespace = "identity"
    code = 18
    kind = "unauthenticated"

    def __init__(self) -> None:
        super().__init__("session: expected one that still runs, got one that is over; sign in again")


class OwnAccountError(RejectedError):
    """Nobody changes their own roles or state; somebody else has to."""

    codespace = "identity"
    code = 19
    kind = "forbidden"

    def __init__(self) -> None:
        super().__init__("person: expected somebody else than the caller, got the caller; ask another operator")
