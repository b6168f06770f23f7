"""A faster instruction loop for py-evm: the simple instructions inline, everything else as py-evm has it.

py-evm spends most of a contract call on pushing, duplicating, storing to memory and jumping, each through several
function calls. This loop does those on plain integers with jump destinations and push values decoded once per
contract. Storage, calls, logs, creation, hashes of accounts and every rare instruction stay py-evm's own functions,
and so do all rules about errors: whatever fails here fails with one of py-evm's exceptions, which burn all gas.

Tests compare it with py-evm's own loop on random programs and on this network's contracts, gas and output alike.

Source: Ethereum yellow paper, appendix H; py-evm, eth/vm/logic.
"""

from functools import lru_cache
from typing import Any, Final

from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm.computation import NO_RESULT
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.logic.invalid import InvalidOpcode
from eth.vm.stack import Stack
from eth_hash.auto import keccak

from node.chain.errors import ExecutionFailedError, InvariantError

_MAX: Final = (1 << 256) - 1
_STACK_MAX: Final = 1024


class _IntStack(Stack):
    """A stack that holds integers only, so that the loop needs no conversions."""

    def push_bytes(self, value: bytes) -> None:
        if len(self.values) >= _STACK_MAX:
            raise FullStack("Stack limit reached")
        self.values.append(int.from_bytes(value, "big"))


@lru_cache(maxsize=32)
def _decode(code: bytes) -> tuple[frozenset[int], tuple[tuple[int, int], ...], bytes]:
    """Return jump destinations; (value, next position) by position of a PUSH; and the code, ended by STOP."""
    destinations, pushes, position = set(), [(0, 0)] * len(code), 0
    while position < len(code):
        opcode = code[position]
        if opcode == 0x5B:
            destinations.add(position)
        elif 0x5F <= opcode <= 0x7F:
            end = position + 1 + opcode - 0x5F
            raw = code[position + 1 : end].ljust(opcode - 0x5F, b"\0")
            pushes[position] = (int.from_bytes(raw, "big"), end)
            position = end
            continue
        position += 1
    # A push that ends after the code is followed by STOP, so the padding is as long as the longest push.
    return frozenset(destinations), tuple(pushes), code + bytes(34)


@lru_cache(maxsize=16_384)
def _hash_small(data: bytes) -> bytes:
    """Mapping slots are hashes of 64 bytes, and the same ones come again and again."""
    return keccak(data)


def _memory_cost(words: int) -> int:
    return words * 3 + words * words // 512


class FastComputation(PragueComputation):
    """Prague's rules with this module's loop."""

    def __init__(self, state: Any, message: Any, transaction_context: Any) -> None:
        super().__init__(state, message, transaction_context)
        self._stack = _IntStack()

    @classmethod
    def apply_computation(
        cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """As py-evm's own, with another loop at the end."""
        with cls(state, message, transaction_context) as entered:
            computation: Any = entered
            if computation.is_origin_computation:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            if parent_computation is not None:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = computation.precompiles.get(message.code_address, NO_RESULT)
            if precompile is not NO_RESULT:
                if not message.is_delegation:
                    precompile(computation)
                return computation
            _run(computation, message.code)
        return computation


def _run(computation: Any, program: bytes) -> None:
    """Run until a halting instruction; exceptional halts leave as py-evm's exceptions."""
    destinations, pushes, code = _decode(bytes(program))
    stream, meter, memory = computation.code, computation.get_gas_meter(), computation._memory
    values = computation._stack.values
    push, pop = values.append, values.pop
    data, table, state = computation.msg.data_as_bytes, computation.opcodes, computation.state
    jumps_left = getattr(state, "jumps_left", None)
    buffer, gas, position = memory._bytes, meter.gas_remaining, 0
    try:
        while True:
            opcode = code[position]
            if 0x5F <= opcode <= 0x7F:  # PUSH
                gas -= 2 if opcode == 0x5F else 3
                if gas < 0:
                    raise OutOfGas("push")
                if len(values) >= _STACK_MAX:
                    raise FullStack("Stack limit reached")
                value, position = pushes[position]
                push(value)
                continue
            if 0x80 <= opcode <= 0x8F:  # DUP
                gas -= 3
                if len(values) >= _STACK_MAX:
                    raise FullStack("Stack limit reached")
                push(values[0x7F - opcode])
            elif opcode == 0x52:  # MSTORE
                start, value = pop(), pop()
                gas -= 3
                if start + 32 > len(buffer):
                    gas -= _memory_cost((start + 63) // 32) - _memory_cost(len(buffer) // 32)
                    if gas < 0:
                        raise OutOfGas("memory")
                    memory.extend(start, 32)
                    buffer = memory._bytes
                buffer[start : start + 32] = value.to_bytes(32, "big")
            elif opcode == 0x51:  # MLOAD
                start = values[-1]
                gas -= 3
                if start + 32 > len(buffer):
                    gas -= _memory_cost((start + 63) // 32) - _memory_cost(len(buffer) // 32)
                    if gas < 0:
                        raise OutOfGas("memory")
                    memory.extend(start, 32)
                    buffer = memory._bytes
                values[-1] = int.from_bytes(buffer[start : start + 32], "big")
            elif 0x90 <= opcode <= 0x9F:  # SWAP
                gas -= 3
                depth = 0x8E - opcode
                values[-1], values[depth] = values[depth], values[-1]
            elif opcode == 0x5B:  # JUMPDEST
                gas -= 1
            elif opcode == 0x57 or opcode == 0x56:  # JUMPI, JUMP
                gas -= 10 if opcode == 0x57 else 8
                target = pop()
                if opcode == 0x56 or pop():
                    if gas < 0:
                        raise OutOfGas("jump")
                    if target not in destinations:
                        raise InvalidJumpDestination("Invalid Jump Destination")
                    if jumps_left is not None:
                        state.jumps_left -= 1
                        if state.jumps_left < 0:
                            raise ExecutionFailedError("execution aborted: too many steps in one call")
                    position = target
                    continue
            elif opcode == 0x01:  # ADD
                gas -= 3
                value = pop()
                values[-1] = (value + values[-1]) & _MAX
            elif opcode == 0x50:  # POP
                gas -= 2
                pop()
            elif opcode == 0x03:  # SUB
                gas -= 3
                value = pop()
                values[-1] = (value - values[-1]) & _MAX
            elif opcode == 0x15:  # ISZERO
                gas -= 3
                values[-1] = 0 if values[-1] else 1
            elif opcode == 0x14:  # EQ
                gas -= 3
                value = pop()
                values[-1] = 1 if value == values[-1] else 0
            elif opcode == 0x10:  # LT
                gas -= 3
                value = pop()
                values[-1] = 1 if value < values[-1] else 0
            elif opcode == 0x11:  # GT
                gas -= 3
                value = pop()
                values[-1] = 1 if value > values[-1] else 0
            elif opcode == 0x16:  # AND
                gas -= 3
                value = pop()
                values[-1] &= value
            elif opcode == 0x17:  # OR
                gas -= 3
                value = pop()
                values[-1] |= value
            elif opcode == 0x18:  # XOR
                gas -= 3
                value = pop()
                values[-1] ^= value
            elif opcode == 0x19:  # NOT
                gas -= 3
                values[-1] = _MAX - values[-1]
            elif opcode == 0x1B:  # SHL
                gas -= 3
                value = pop()
                values[-1] = (values[-1] << value) & _MAX if value < 256 else 0
            elif opcode == 0x1C:  # SHR
                gas -= 3
                value = pop()
                values[-1] = values[-1] >> value if value < 256 else 0
            elif opcode == 0x02:  # MUL
                gas -= 5
                value = pop()
                values[-1] = (value * values[-1]) & _MAX
            elif opcode == 0x04:  # DIV
                gas -= 5
                value = pop()
                divisor = values[-1]
                values[-1] = value // divisor if divisor else 0
            elif opcode == 0x06:  # MOD
                gas -= 5
                value = pop()
                divisor = values[-1]
                values[-1] = value % divisor if divisor else 0
            elif opcode == 0x35:  # CALLDATALOAD
                gas -= 3
                start = values[-1]
                values[-1] = int.from_bytes(data[start : start + 32].ljust(32, b"\0"), "big")
            elif opcode == 0x36:  # CALLDATASIZE
                gas -= 2
                if len(values) >= _STACK_MAX:
                    raise FullStack("Stack limit reached")
                push(len(data))
            elif opcode == 0x20:  # KECCAK256
                start, size = pop(), pop()
                gas -= 30 + 6 * ((size + 31) // 32)
                if size and start + size > len(buffer):
                    gas -= _memory_cost((start + size + 31) // 32) - _memory_cost(len(buffer) // 32)
                    if gas < 0:
                        raise OutOfGas("memory")
                    memory.extend(start, size)
                    buffer = memory._bytes
                if gas < 0:
                    raise OutOfGas("hash")
                content = bytes(buffer[start : start + size])
                push(int.from_bytes(_hash_small(content) if size <= 64 else keccak(content), "big"))
            else:
                if gas < 0:
                    raise OutOfGas("gas")
                meter.gas_remaining = gas
                position += 1
                stream.program_counter = position
                function = table.get(opcode)
                try:
                    (function or InvalidOpcode(opcode))(computation=computation)
                except Halt:
                    return
                except IndexError as error:
                    raise InvariantError(f"opcode {opcode:#x}: expected no index error, got {error}") from error
                gas, buffer = meter.gas_remaining, memory._bytes
                continue
            if gas < 0:
                raise OutOfGas("gas")
            position += 1
    except IndexError:
        raise InsufficientStack("Insufficient stack items") from None
