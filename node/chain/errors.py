"""What can go wrong in the chain process, in three families: the caller, the outside, ourselves.

`rpc_code` is the JSON-RPC error code a client sees.
"""

from typing import Any, ClassVar


class ChainError(Exception):
    """Base of this room's errors; catch a family, not this."""

    codespace: ClassVar[str] = "chain"
    code: ClassVar[int] = 2
    rpc_code: int = -32000

    @property
    def rpc_data(self) -> Any:
        """Return what goes into the error's `data`, or None."""
        return None


class RejectedError(ChainError):
    """The input is at fault: the same call fails again until the caller changes it."""

    code = 3


class UnavailableError(ChainError):
    """Not now: the same call may succeed later."""

    code = 4
    rpc_code = -32005


class InvariantError(ChainError):
    """This code or the stored chain contradicts itself: the process stops and keeps what is on disk."""

    code = 5
    rpc_code = -32603


class InvalidParamsError(RejectedError):
    """A JSON-RPC parameter is missing or malformed; nothing was done."""

    code = 6
    rpc_code = -32602


class MethodNotFoundError(RejectedError):
    """This process does not offer the method."""

    code = 7
    rpc_code = -32601


class TransactionRejectedError(RejectedError):
    """The transaction was not taken and never will be in this form."""

    code = 8


class NonceTooLowError(TransactionRejectedError):
    """The account has already used this nonce: the transaction, or another in its place, is in a block."""

    code = 9

    def __init__(self, got: int, expected: int) -> None:
        super().__init__(f"nonce too low: next nonce {expected}, tx nonce {got}")
        self.got = got
        self.expected = expected


class NonceTooHighError(TransactionRejectedError):
    """Too far ahead of the account's nonce to wait for the ones between."""

    code = 10


class InsufficientFundsError(TransactionRejectedError):
    """The account cannot pay gas and value; fund it and send again."""

    code = 11

    def __init__(self, balance: int, needed: int) -> None:
        super().__init__(f"insufficient funds for gas * price + value: balance {balance}, tx cost {needed}")
        self.balance = balance
        self.needed = needed


class WrongChainError(TransactionRejectedError):
    """Signed for another chain; sign again with this chain's id."""

    code = 12

    def __init__(self, got: int | None, expected: int) -> None:
        shown = "none (only replay-protected transactions, EIP-155)" if got is None else str(got)
        super().__init__(f"invalid chain id for signer: expected {expected}, got {shown}")
        self.got = got
        self.expected = expected


class UnderpricedError(TransactionRejectedError):
    """The fee is below the block's base fee, or no improvement on the transaction it would replace."""

    code = 13


class AlreadyKnownError(TransactionRejectedError):
    """The same transaction is already waiting; nothing was changed and it stays acknowledged."""

    code = 14


class MempoolFullError(UnavailableError):
    """No room for more waiting transactions; send again after the next blocks."""

    code = 15


class OversizedTransactionError(TransactionRejectedError):
    """More bytes than a transaction may have."""

    code = 70


class SignatureRejectedError(TransactionRejectedError):
    """The secp256k1 signature is none that any key could have made; sign again."""

    code = 71


class MissingSecondSignatureError(TransactionRejectedError):
    """The account has a transaction key and its signature is missing."""

    code = 72

    def __init__(self, account: bytes) -> None:
        super().__init__(
            f"second signature: expected one by the ML-DSA-65 key of 0x{account.hex()}, got none; "
            "send by landfall_sendDualSigned"
        )


class WrongSecondSignatureError(TransactionRejectedError):
    """The second signature is not by the account's transaction key over this transaction."""

    code = 73

    def __init__(self, account: bytes) -> None:
        super().__init__(
            f"second signature: expected one by the ML-DSA-65 key of 0x{account.hex()} over the transaction's hash, "
            "got one of another key or transaction"
        )


class RevokedTransactionKeyError(TransactionRejectedError):
    """The account's transaction key is revoked; it may send nothing until it is assigned the next."""

    code = 74

    def __init__(self, account: bytes) -> None:
        super().__init__(f"second signature: the key of 0x{account.hex()} is revoked; let the next one be assigned")


class UnwantedSecondSignatureError(TransactionRejectedError):
    """The account has no transaction key, so a second signature says nothing; send the plain transaction."""

    code = 75

    def __init__(self, account: bytes) -> None:
        super().__init__(
            f"second signature: expected none, as 0x{account.hex()} has no transaction key; register one or send plain"
        )


class DelegationRefusedError(TransactionRejectedError):
    """An authorization (EIP-7702) of an account with a transaction key: nobody has signed it twice."""

    code = 76

    def __init__(self, account: bytes) -> None:
        super().__init__(
            f"authorizationList: expected no authorization of 0x{account.hex()}, whose transactions are signed twice"
        )


class InvalidBlockError(RejectedError):
    """A proposed block does not follow from its parent: vote against it."""

    code = 16

    def __init__(self, field: str, expected: object, got: object) -> None:
        super().__init__(f"block.{field}: expected {expected}, got {got}")
        self.field = field


class UnknownBlockError(RejectedError):
    """No block of this number or hash is in this chain."""

    code = 17


class ExecutionRevertedError(RejectedError):
    """The called contract reverted; `output` is what it returned."""

    code = 18
    rpc_code = 3

    def __init__(self, output: bytes, reason: str | None) -> None:
        super().__init__("execution reverted" + (f": {reason}" if reason else ""))
        self.output = output

    @property
    def rpc_data(self) -> str:
        """Return the revert data."""
        return "0x" + self.output.hex()


class ExecutionFailedError(RejectedError):
    """The call ran out of gas or steps, or hit an invalid instruction; it changed nothing."""

    code = 19


class LimitExceededError(RejectedError):
    """More was asked for than one answer may hold; ask for less at a time."""

    code = 20
    rpc_code = -32005


class TimeControlError(RejectedError):
    """Time cannot be moved like that (backwards, too far, or on a network where nobody may)."""

    code = 21


class NotReadyError(UnavailableError):
    """The chain is still opening; ask again."""

    code = 22


class ReadOnlyError(UnavailableError):
    """The disk refused a write; nothing is taken any more until the process is restarted."""

    code = 23


class CorruptChainError(InvariantError):
    """What is on disk contradicts itself or the genesis file: restore from a backup or start a new home."""

    code = 24


class OtherGenesisError(CorruptChainError):
    """The genesis file is not the one that this home began with; nothing was changed."""

    code = 86


class GenesisError(RejectedError):
    """The genesis file or the network description is malformed; nothing was written."""

    code = 25

    def __init__(self, field: str, expected: object, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class ConsensusUnavailableError(UnavailableError):
    """CometBFT does not answer, or has not what was asked for now: ask again, or ask another node."""

    code = 60


class ConsensusAnswerError(InvariantError):
    """CometBFT answered something that this program cannot read: another version, or not CometBFT."""

    code = 61


class GethAnswerError(RejectedError):
    """geth refused a request; its own code, message and data, as a client of geth would see them."""

    code = 62

    def __init__(self, rpc_code: int, message: str, data: Any) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code
        self._data = data

    @property
    def rpc_data(self) -> Any:
        """Return what geth sent as the error's `data`."""
        return self._data


class GethUnavailableError(UnavailableError):
    """geth does not answer; the node's processes are started again together, and the request may be sent again."""

    code = 63


class GethMismatchError(InvariantError):
    """The geth that answers is not the one this chain needs: other chain, genesis block, or version."""

    code = 64

    def __init__(self, field: str, expected: object, got: object, way_out: str) -> None:
        super().__init__(f"geth.{field}: expected {expected}, got {got}; {way_out}")
        self.field = field


class MalformedBatchError(TransactionRejectedError):
    """A gossiped batch that cannot be read, or holds more than one may: nothing of it was taken."""

    code = 80


class NoLongerWaitingError(TransactionRejectedError):
    """Nothing of what was gossiped waits for a block: it is in one, or was overtaken."""

    code = 81


class TakenError(TransactionRejectedError):
    """No fault: a batch's transactions are in the pool now; who handed it out hands it to every other peer as well."""

    code = 87


class DivergedError(InvariantError):
    """Consensus decided on a block that this node's engine does not agree with: it stops and leaves a report."""

    code = 82


class PeerRefusedError(RejectedError):
    """The node is not one that the members allow."""

    code = 83


class UnknownQueryError(RejectedError):
    """Nothing is answered under this path."""

    code = 84


class SnapshotRefusedError(RejectedError):
    """A piece of a snapshot does not lead to the app hash that was proven: ask another node for it, or for another."""

    code = 85

    def __init__(self, message: str, *, is_whole: bool = False) -> None:
        super().__init__(f"snapshot: {message}")
        self.is_whole = is_whole
        """Whether no piece can help: the snapshot is not what it says."""
