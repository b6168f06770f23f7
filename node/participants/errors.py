"""What can go wrong with institutions and customers."""

from node.errors import RejectedError, UnavailableError


class UnknownInstitutionError(RejectedError):
    """The network has no institution of this id."""

    codespace = "participants"
    code = 6
    kind = "not_found"

    def __init__(self, institution_id: str) -> None:
        super().__init__(f"institution: expected one of the network's, got {institution_id[:64]!r}")
        self.field = "institution"


class UnknownCustomerError(RejectedError):
    """This institution has no customer of this id."""

    codespace = "participants"
    code = 7
    kind = "not_found"

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"customer: expected one of this institution's, got {customer_id[:64]!r}")
        self.field = "customer"


class CustomerExistsError(RejectedError):
    """A customer of this id exists with other details; it was left as it was."""

    codespace = "participants"
    code = 8
    kind = "conflict"


class InvalidCustomerError(RejectedError):
    """An id or name is not acceptable; no customer and no key was made."""

    codespace = "participants"
    code = 9


class WrongSignerError(RejectedError):
    """The message speaks for another account than the signer's; nothing was signed."""

    codespace = "participants"
    code = 10


class MessageFormatError(RejectedError):
    """The message lacks a field of its EIP-712 type or has one of the wrong shape; nothing was signed."""

    codespace = "participants"
    code = 11


class InvalidIdentifierError(RejectedError):
    """A LEI or BIC has another shape or wrong check digits; nothing was stored."""

    codespace = "participants"
    code = 12

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got[:40]!r}")
        self.field = field


class PaperFormatError(RejectedError):
    """A document, notice or revocation is not of the form docs/spec/participants.md gives; nothing was stored."""

    codespace = "participants"
    code = 13

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {str(got)[:200]}")
        self.field = field


class PaperTooLargeError(RejectedError):
    """A document, notice or revocation is over its limit; it was not read."""

    codespace = "participants"
    code = 14
    kind = "too_large"

    def __init__(self, limit: int, got: int) -> None:
        super().__init__(f"paper: expected at most {limit} bytes, got {got}")


class KeyChangeRefusedError(RejectedError):
    """Base of what is reported to the operator: somebody offered keys for an institution that do not count.

    Nothing was changed; the keys pinned before still hold.
    """

    codespace = "participants"
    code = 15
    kind = "conflict"

    def __init__(self, lei: str, message: str) -> None:
        super().__init__(message)
        self.lei = lei


class PaperSignatureError(KeyChangeRefusedError):
    """The signature is not by the key it has to be by."""

    code = 16


class AnchorMismatchError(KeyChangeRefusedError):
    """The message key is not the one that the registry on the chain holds for the institution now."""

    code = 17

    def __init__(self, lei: str, anchored: str, got: str) -> None:
        super().__init__(
            lei,
            f"message key: expected {anchored}, which the registry holds for {lei}, got {got}; "
            "ask the institution for its present document, or wait until the governor has anchored the new key",
        )


class PinnedKeyError(KeyChangeRefusedError):
    """The registry holds another key than the pinned one, and no rotation notice of the pinned key led to it."""

    code = 18

    def __init__(self, lei: str, pinned: str, got: str) -> None:
        super().__init__(
            lei,
            f"message key: expected the pinned key {pinned} of {lei}, got {got}; import its rotation notice, or ask "
            f"the institution by another channel whether this is its key and import with accept key {got}",
        )


class StalePaperError(KeyChangeRefusedError):
    """A paper that newer facts have overtaken: an older document, or a notice by a key that is no longer current."""

    code = 19


class KeyTimesError(KeyChangeRefusedError):
    """The times of a paper contradict each other, the clock, or another rotation that is under way."""

    code = 20


class DowngradeError(KeyChangeRefusedError):
    """The new key's algorithm is weaker than the old one's."""

    code = 21

    def __init__(self, lei: str, old: str, new: str) -> None:
        super().__init__(lei, f"alg: expected one at least as strong as {old}, got {new}")


class KeyRevokedError(KeyChangeRefusedError):
    """The key was revoked by its institution; nothing that it signs from then on counts, for good."""

    code = 22

    def __init__(self, lei: str, kid: str, revoked_at_s: int) -> None:
        super().__init__(lei, f"message key: expected one that holds, got {kid}, revoked at {revoked_at_s}")


class KeyNotValidError(RejectedError):
    """The institution has no such key, or the key did not hold at that time: treat what it signed as not sent."""

    codespace = "participants"
    code = 23

    def __init__(self, lei: str, kid: str, reason: str) -> None:
        super().__init__(f"kid: expected a key of {lei} that held at that time, got {kid[:64]!r}, {reason}")
        self.field = "kid"


class NoDocumentError(RejectedError):
    """No participant document of the institution has been imported."""

    codespace = "participants"
    code = 24
    kind = "not_found"

    def __init__(self, institution_id: str) -> None:
        super().__init__(f"document: expected one of {institution_id}, got none; import its participant.json")


class OwnKeyMissingError(UnavailableError):
    """The keystore lacks the message key that the registry holds for this institution; nothing can be signed.

    Restore the key from its backup, or let the governor anchor one that is there.
    """

    codespace = "participants"
    code = 25


class NoRotationError(RejectedError):
    """No rotation notice of the institution waits for its anchor."""

    codespace = "participants"
    code = 26
    kind = "not_found"

    def __init__(self, institution_id: str) -> None:
        super().__init__(f"rotation: expected a notice of {institution_id} that waits for its anchor, got none")


class KeyPendingError(UnavailableError):
    """The key was announced by a rotation notice whose anchor this node has not yet seen on the chain; try again."""

    codespace = "participants"
    code = 27

    def __init__(self, lei: str, kid: str) -> None:
        super().__init__(f"kid: expected a key of {lei} that the registry holds, got {kid}, which is only announced")


class ForeignPaperError(RejectedError):
    """The paper is of another network, or names another BIC or account than the registry has; nothing was stored."""

    codespace = "participants"
    code = 28

    def __init__(self, field: str, expected: object, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class AheadOfLedgerError(UnavailableError):
    """The paper is dated after the ledger time that this node has followed to; nothing was stored, bring it again."""

    codespace = "participants"
    code = 29

    def __init__(self, field: str, latest_s: int, got_s: int) -> None:
        super().__init__(f"{field}: expected up to {latest_s} as far as this node has followed the chain, got {got_s}")
        self.field = field


class CustomerClosedError(RejectedError):
    """The institution has parted from the customer; nothing is signed for it any more."""

    codespace = "participants"
    code = 60
    kind = "conflict"

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"customer {customer_id[:80]}: expected one that is served, got one that is closed")
