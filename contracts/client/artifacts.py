"""Compiled contracts as bindings: what to send for a call, what a result or a log means.

One artifact per contract, `contracts/artifacts/<Name>.json`. Encoding uses eth_abi alone, so that importing
this module costs little. A struct is accepted as a mapping or a tuple and returned as a dict; bytes stay bytes,
addresses are returned checksummed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak

from contracts.client.errors import (
    ArgumentError,
    InvariantError,
    UnknownArtifactError,
    UnknownFunctionError,
)

CURRENCY_CONTRACT: Final = "SettlementToken"
_ERROR_SELECTOR: Final = keccak(b"Error(string)")[:4]
_PANIC_SELECTOR: Final = keccak(b"Panic(uint256)")[:4]
# An EVM address is the last 20 of a topic's 32 bytes.
_ADDRESS_OFFSET: Final = 12


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument, a result, a struct field or an event field."""

    name: str
    type: str
    """Canonical ABI type: a struct is written as its tuple, `(address,uint256)[]`."""
    components: tuple["Parameter", ...]
    indexed: bool

    @property
    def is_array(self) -> bool:
        return self.type.endswith("]")

    @property
    def element(self) -> "Parameter":
        """The parameter of one item of this array."""
        return Parameter(self.name, self.type[: self.type.rindex("[")], self.components, False)


@dataclass(frozen=True, slots=True)
class Function:
    """One external function."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    selector: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `topic` is the first topic of its logs."""

    name: str
    inputs: tuple[Parameter, ...]
    topic: bytes


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    functions: Mapping[tuple[str, int], Function]
    """By name and number of arguments."""
    events: Mapping[bytes, Event]
    """By first topic."""

    def function(self, name: str, arguments: int) -> Function:
        """Return the function.

        Raises:
            UnknownFunctionError: no function of that name takes that many arguments.
        """
        found = self.functions.get((name, arguments))
        if found is None:
            raise UnknownFunctionError(self.name, name, arguments)
        return found

    def topic(self, event: str) -> bytes:
        """Return the first topic of `event`, or raise KeyError."""
        for candidate in self.events.values():
            if candidate.name == event:
                return candidate.topic
        raise KeyError(event)


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """A decoded log of one of the network's contracts."""

    contract: str
    name: str
    args: dict[str, Any]
    address: str
    block_number: int
    block_hash: bytes
    block_time_s: int
    tx_hash: bytes
    tx_index: int
    log_index: int
    """Position in the block, unique within it."""


def contract_of(name: str) -> str:
    """Return the artifact behind `name`, which is a contract's name or a currency's code."""
    return CURRENCY_CONTRACT if len(name) == 3 and name.isupper() else name


@lru_cache
def load_artifact(name: str) -> Artifact:
    """Return the compiled contract `name`, a contract's name or a currency's code.

    Raises:
        UnknownArtifactError: no artifact of that name is installed.
    """
    name = contract_of(name)
    folder = files("contracts").joinpath("artifacts")
    known = tuple(sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")))
    if name not in known:
        raise UnknownArtifactError(name, known)
    return parse_artifact(json.loads(folder.joinpath(f"{name}.json").read_text("utf-8")))


def parse_artifact(document: Mapping[str, Any]) -> Artifact:
    """Return the artifact of an artifact file's content (or of any `{"name", "abi", "bytecode"}`)."""
    functions: dict[tuple[str, int], Function] = {}
    events: dict[bytes, Event] = {}
    for item in document["abi"]:
        if item["type"] not in ("function", "event"):
            continue
        inputs = tuple(_parameter(entry) for entry in item["inputs"])
        signature = keccak(f"{item['name']}({','.join(parameter.type for parameter in inputs)})".encode())
        if item["type"] == "event":
            events[signature] = Event(item["name"], inputs, signature)
        else:
            outputs = tuple(_parameter(entry) for entry in item["outputs"])
            functions[item["name"], len(inputs)] = Function(item["name"], inputs, outputs, signature[:4])
    bytecode = bytes.fromhex(document["bytecode"].removeprefix("0x"))
    return Artifact(document["name"], tuple(document["abi"]), bytecode, functions, events)


def encode_call(contract: str | Artifact, function: str, args: Sequence[Any]) -> bytes:
    """Return the calldata of one call.

    Raises:
        UnknownArtifactError, UnknownFunctionError: there is no such call.
        ArgumentError: an argument does not fit its type; the message names it.
    """
    found = _artifact(contract).function(function, len(args))
    values = [_to_abi(parameter, value) for parameter, value in zip(found.inputs, args, strict=True)]
    try:
        return found.selector + encode([parameter.type for parameter in found.inputs], values)
    except (EncodingError, TypeError, ValueError, OverflowError) as error:
        raise _argument_error(found, values, error) from error


def decode_call(contract: str | Artifact, data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return (function, arguments by name) of calldata, or None when it is no call of this contract."""
    for function in _artifact(contract).functions.values():
        if function.selector == data[:4]:
            try:
                values = decode([parameter.type for parameter in function.inputs], data[4:])
            except DecodingError:
                return None
            pairs = zip(function.inputs, values, strict=True)
            return function.name, {parameter.name: _from_abi(parameter, value) for parameter, value in pairs}
    return None


def decode_result(contract: str | Artifact, function: str, arguments: int, data: bytes) -> Any:
    """Return what the call returned: None, one value, or a tuple of values.

    Args:
        arguments: How many arguments the call took (chooses among functions of the same name).

    Raises:
        UnknownFunctionError: there is no such call.
        InvariantError: the bytes are not a result of this function (wrong address or artifact).
    """
    artifact = _artifact(contract)
    outputs = artifact.function(function, arguments).outputs
    try:
        values = decode([parameter.type for parameter in outputs], data)
    except DecodingError as error:
        raise InvariantError(f"{artifact.name}.{function}: expected its result, got {len(data)} bytes") from error
    results = tuple(_from_abi(parameter, value) for parameter, value in zip(outputs, values, strict=True))
    if not results:
        return None
    return results[0] if len(results) == 1 else results


def decode_log(contract: str | Artifact, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return (event name, fields) of a log, or None when the contract declares no such event."""
    if not topics:
        return None
    event = _artifact(contract).events.get(topics[0])
    if event is None:
        return None
    indexed = [parameter for parameter in event.inputs if parameter.indexed]
    plain = [parameter for parameter in event.inputs if not parameter.indexed]
    try:
        fields = {
            parameter.name: _from_abi(parameter, decode([parameter.type], topic)[0])
            for parameter, topic in zip(indexed, topics[1:], strict=True)
        }
        values = decode([parameter.type for parameter in plain], data)
    except (DecodingError, ValueError) as error:
        raise InvariantError(f"{event.name}: expected a log of its declared shape, got {error}") from error
    fields |= {parameter.name: _from_abi(parameter, value) for parameter, value in zip(plain, values, strict=True)}
    return event.name, {parameter.name: fields[parameter.name] for parameter in event.inputs}


def decode_revert(data: bytes) -> str:
    """Return the reason inside revert data as text, hex when it is of no known shape."""
    try:
        if data[:4] == _ERROR_SELECTOR:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == _PANIC_SELECTOR:
            return f"panic 0x{decode(['uint256'], data[4:])[0]:02x}"
    except DecodingError:
        return f"0x{data.hex()}"
    return f"0x{data.hex()}" if data else "reverted without a reason"


def checksummed(address: bytes | str) -> str:
    """Return the EIP-55 form of an address given as 20 bytes or hex."""
    plain = address.hex() if isinstance(address, bytes) else address.lower().removeprefix("0x")
    digest = keccak(plain.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(digest[position], 16) >= 8 else letter for position, letter in enumerate(plain)
    )


def _artifact(contract: str | Artifact) -> Artifact:
    return contract if isinstance(contract, Artifact) else load_artifact(contract)


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    components = tuple(_parameter(item) for item in entry.get("components", ()))
    kind = str(entry["type"])
    if kind.startswith("tuple"):
        kind = f"({','.join(item.type for item in components)}){kind.removeprefix('tuple')}"
    return Parameter(entry["name"], kind, components, bool(entry.get("indexed", False)))


def _to_abi(parameter: Parameter, value: Any) -> Any:
    if parameter.is_array and isinstance(value, (list, tuple)):
        return [_to_abi(parameter.element, item) for item in value]
    if not parameter.components or parameter.is_array:
        return value
    if isinstance(value, Mapping):
        missing = [item.name for item in parameter.components if item.name not in value]
        if missing or len(value) != len(parameter.components):
            names = ", ".join(item.name for item in parameter.components)
            raise ArgumentError(parameter.name, f"the fields {names}", ", ".join(map(str, value)))
        value = tuple(value[item.name] for item in parameter.components)
    if not isinstance(value, (list, tuple)) or len(value) != len(parameter.components):
        raise ArgumentError(parameter.name, f"{len(parameter.components)} fields", value)
    return tuple(_to_abi(item, part) for item, part in zip(parameter.components, value, strict=True))


def _from_abi(parameter: Parameter, value: Any) -> Any:
    if parameter.is_array:
        return [_from_abi(parameter.element, item) for item in value]
    if parameter.components:
        return {item.name: _from_abi(item, part) for item, part in zip(parameter.components, value, strict=True)}
    return checksummed(value) if parameter.type == "address" else value


def _argument_error(function: Function, values: Sequence[Any], cause: Exception) -> ArgumentError:
    for parameter, value in zip(function.inputs, values, strict=True):
        try:
            encode([parameter.type], [value])
        except (EncodingError, TypeError, ValueError, OverflowError) as error:
            return ArgumentError(f"{function.name}.{parameter.name}", parameter.type, f"{value!r}: {error}")
    return ArgumentError(function.name, "arguments of its types", cause)
