"""The fast instruction loop against py-evm's own: same output, gas, logs, storage and failure, on any program."""

from typing import Any

import pytest
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.pyevm.interpreter import FastComputation
from node.chain.tries import EMPTY_ROOT

CALLER, CALLEE, OTHER = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20
EDGES = [0, 1, 2, 31, 32, 33, 255, 256, (1 << 64) - 1, (1 << 255), (1 << 256) - 1]


def _untraced(function: Any) -> Any:
    """Return py-evm's own function: the contract tests' plugin puts tracers into the table all of py-evm shares."""
    while hasattr(function, "env"):
        function = function.sha3 if hasattr(function, "sha3") else function.sstore
    return function


_TABLE: Any = {opcode: _untraced(function) for opcode, function in PragueComputation.opcodes.items()}


class _Fast(FastComputation):
    opcodes = _TABLE


class _Slow(PragueComputation):
    opcodes = _TABLE


class _FastState(PragueState):
    computation_class: Any = _Fast


class _SlowState(PragueState):
    computation_class: Any = _Slow


def _run(kind: type[PragueState], code: bytes, data: bytes, gas: int) -> tuple[Any, ...]:
    context: Any = ExecutionContext
    state: Any = kind(
        AtomicDB(),
        context(
            coinbase=bytes(20),
            timestamp=1_800_000_000,
            block_number=7,
            difficulty=0,
            mix_hash=b"\1" * 32,
            gas_limit=30_000_000,
            prev_hashes=(),
            chain_id=1337,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        ),
        EMPTY_ROOT,  # type: ignore[arg-type]
    )
    state.set_code(CALLEE, code)
    state.set_code(OTHER, bytes.fromhex("60ff5f5260205ff3"))
    state.set_balance(CALLER, 10**18)
    state.lock_changes()
    transaction = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    message = Message(gas=gas, to=CALLEE, sender=CALLER, value=3, data=data, code=code)
    computation = state.computation_class.apply_message(state, message, transaction)
    return (
        computation.is_error,
        computation.should_burn_gas,
        computation.get_gas_remaining(),
        computation.get_gas_refund(),
        bytes(computation.output),
        computation.get_log_entries(),
        state.make_state_root(),
    )


def _check_same(code: bytes, data: bytes = b"", gas: int = 100_000) -> None:
    assert _run(_FastState, code, data, gas) == _run(_SlowState, code, data, gas)


def _push(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([0x5F + size]) + value.to_bytes(size, "big")


_OPCODES = [
    *range(0x0C),
    *range(0x10, 0x1E),
    0x20,
    *range(0x30, 0x40),
    *range(0x40, 0x49),
    *range(0x50, 0x5F),
    *range(0x80, 0xA5),
    *(0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFA, 0xFD, 0xFE, 0xFF, 0x0C, 0x4B),
]
_instruction = st.one_of(
    st.sampled_from(EDGES).map(_push),
    st.integers(0, 80).map(_push),
    st.sampled_from(_OPCODES).map(lambda opcode: bytes([opcode])),
    st.sampled_from([0x51, 0x52, 0x53, 0x20, 0x35, 0x01, 0x03, 0x1B, 0x1C, 0x5B]).map(lambda opcode: bytes([opcode])),
)


@settings(max_examples=400, deadline=None)
@given(
    program=st.lists(_instruction, min_size=1, max_size=40).map(b"".join),
    data=st.binary(max_size=70),
    gas=st.sampled_from([100, 1_000, 40_000, 200_000]),
)
def test_fast_loop_equals_py_evm_on_random_programs(program: bytes, data: bytes, gas: int) -> None:
    _check_same(b"".join(_push(value) for value in (5, 64, 1, 0, 96, 2)) + program, data, gas)


@settings(max_examples=100, deadline=None)
@given(program=st.binary(min_size=1, max_size=60), data=st.binary(max_size=40))
def test_fast_loop_equals_py_evm_on_random_bytes(program: bytes, data: bytes) -> None:
    _check_same(program, data)


@pytest.mark.parametrize("opcode", [0x01, 0x02, 0x03, 0x04, 0x06, 0x10, 0x11, 0x14, 0x16, 0x17, 0x18, 0x1B, 0x1C])
def test_fast_loop_equals_py_evm_on_two_operands_at_the_edges(opcode: int) -> None:
    pairs = b"".join(
        _push(left) + _push(right) + bytes([opcode]) + _push(32 * index) + b"\x52"
        for index, (left, right) in enumerate((left, right) for left in EDGES for right in EDGES)
    )
    _check_same(pairs + _push(32 * len(EDGES) ** 2) + _push(0) + b"\xf3", gas=1_000_000)


@pytest.mark.parametrize(
    "code",
    [
        b"\x5f" * 1024,
        b"\x5f" * 1025,
        b"\x5f" * 1024 + b"\x80",
        b"\x5f" * 1024 + b"\x36",
        b"\x50",
        b"\x5f\x01",
        b"\x5f" * 16 + b"\x9f",
        b"\x5f" * 17 + b"\x9f",
        b"\x5f" * 15 + b"\x8f",
        _push(3) + b"\x56\x5b\x5f\x5f\xf3",
        _push(4) + b"\x56\x60\x5b\x00",
        _push(1 << 255) + b"\x56",
        b"\x5f\x5f\x57\x00",
        _push(1) + _push(99) + b"\x57",
        b"\x7f\xff",
        b"\x62\x01",
        _push(1 << 200) + b"\x51",
        _push(1 << 200) + b"\x5f\x20",
        b"\x5f" + _push(1 << 200) + b"\x20",
        _push(7) + _push((1 << 256) - 1) + b"\x52",
        b"",
        b"\xfe",
        b"\x0c",
        b"\x5f\x5f\xfd",
    ],
    ids=lambda code: code.hex()[:24],
)
def test_fast_loop_equals_py_evm_at_the_edges(code: bytes) -> None:
    for gas in (2, 3, 100, 5_000):
        _check_same(code, gas=gas)


def test_fast_loop_equals_py_evm_when_memory_is_shared_with_a_call() -> None:
    # Calls another contract with memory as input and output, then grows memory and reads it back.
    call = _push(32) + _push(0) + _push(32) + _push(0) + _push(0) + b"\x73" + OTHER + b"\x5a\xf1\x50"
    _check_same(call + _push(9) + _push(4096) + b"\x52" + _push(4128) + b"\x5f\xf3")


def test_fast_loop_stops_a_call_when_it_jumps_too_often() -> None:
    from node.chain.errors import ExecutionFailedError

    class _Bounded(_FastState):
        jumps_left = 10

    with pytest.raises(ExecutionFailedError, match="too many steps"):
        _run(_Bounded, b"\x5b\x5f\x56", b"", 1_000_000)
    assert _run(_FastState, b"\x5b\x5f\x56", b"", 1_000)[0]
