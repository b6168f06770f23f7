"""What can go wrong between a service and the contracts, in three families."""

from typing import ClassVar


class ContractsError(Exception):
    """Base of this room's errors; catch a family, not this."""

    codespace: ClassVar[str] = "contracts"
    code: ClassVar[int] = 2


class RejectedError(ContractsError):
    """The input is at fault: the same call fails again until the caller changes it."""

    code = 3


class UnavailableError(ContractsError):
    """The chain does not answer for now: nothing is known about effects, the same call may succeed later."""

    code = 4


class InvariantError(ContractsError):
    """Chain and program contradict each other: stop, keep the evidence, do not retry."""

    code = 5


class UnknownArtifactError(RejectedError):
    """No compiled contract of this name is installed; nothing was encoded."""

    code = 6

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"contract: expected one of {', '.join(known) or 'nothing installed'}, got {name[:64]!r}")
        self.name = name


class UnknownFunctionError(RejectedError):
    """The contract has no function of this name and number of arguments; nothing was encoded."""

    code = 7

    def __init__(self, contract: str, function: str, arguments: int) -> None:
        super().__init__(f"function: expected one of {contract} with {arguments} arguments, got {function[:64]!r}")
        self.contract = contract
        self.function = function


class ArgumentError(RejectedError):
    """An argument does not fit its ABI type; nothing was encoded."""

    code = 8

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {str(got)[:80]}")
        self.field = field
        self.expected = expected


class CallRevertedError(RejectedError):
    """The contract refused the call with `reason`; no state changed."""

    code = 9

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"{function}: expected the contract to accept it, got {reason!r}")
        self.function = function
        self.reason = reason


class UnknownAddressError(RejectedError):
    """The network's genesis names no contract or currency like this."""

    code = 10

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"contract or currency: expected one of {', '.join(known)}, got {name[:64]!r}")
        self.name = name


class TransactionRefusedError(RejectedError):
    """The chain refused the signed transaction at its door; it is not pending and has no effect."""

    code = 11


class RpcError(RejectedError):
    """The chain answered a request with a JSON-RPC error; `rpc_code` is its code."""

    code = 12

    def __init__(self, method: str, rpc_code: int, message: str) -> None:
        super().__init__(f"{method}: expected a result, got error {rpc_code}: {message[:500]}")
        self.method = method
        self.rpc_code = rpc_code
        self.message = message


class ChainUnavailableError(UnavailableError):
    """The chain process cannot be reached or did not answer in time."""

    code = 13


class SecondSignatureUnavailableError(UnavailableError):
    """The account's transactions need a second signature that cannot be made now; what waits is sent when it can."""

    code = 16

    def __init__(self, account: str, expected: str, got: str) -> None:
        super().__init__(f"transaction key of {account}: expected {expected}, got {got}")
        self.account = account


class ForkedChainError(InvariantError):
    """A block this database has booked is not on the chain any more: wrong network, or finality was broken."""

    code = 14

    def __init__(self, number: int, expected: bytes, got: bytes) -> None:
        super().__init__(
            f"block {number}: expected hash 0x{expected.hex()}, got 0x{got.hex()}; stop and compare chains"
        )
        self.number = number
        self.expected = expected
        self.got = got


class GenesisFormatError(RejectedError):
    """The network's genesis section lacks a field or holds a wrong type."""

    code = 15
