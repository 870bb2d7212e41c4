"""Products of bytes against whole numbers of numpy, and all steps against plain numpy."""

import ctypes
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra fast is not installed")

from llvmlite import binding, ir

from kakehashi.runtime import kernels, lstm_kernels
from kakehashi.runtime.lstm_kernels import MachineSteps
from kakehashi.runtime.quantized import quantize, round_states, rounded_weights
from kakehashi.runtime.steps import describe_kernels, run_sequences
from kakehashi.runtime.vector_code import (
    ARM_DOT,
    AVX512_VNNI,
    AVX_VNNI,
    Instructions,
    build_product,
    choose,
)

HOST = binding.get_host_cpu_features()
RUNS_HERE = {
    AVX512_VNNI: HOST.get("avx512vnni"),
    AVX_VNNI: HOST.get("avxvnni") or (HOST.get("avx512vnni") and HOST.get("avx512vl")),
    ARM_DOT: HOST.get("dotprod"),
}
FLOATS = Instructions("AVX2", 8, 16)


def module_of(cpu, n_rows, kind="int8"):
    module = ir.Module()
    function_type = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * 6)
    function = ir.Function(module, function_type, "product")
    builder = ir.IRBuilder(function.append_basic_block())
    build_product(builder, cpu, n_rows, kind, list(function.args))
    builder.ret_void()
    return binding.parse_assembly(str(module))


def address(array):
    return array.ctypes.data


@pytest.mark.parametrize("n_rows", [1, 3, 6])
@pytest.mark.parametrize("cpu", [AVX512_VNNI, AVX_VNNI, ARM_DOT, FLOATS], ids=lambda cpu: cpu.name)
def test_a_product_is_exact(cpu, n_rows):
    if not RUNS_HERE.get(cpu, True):
        pytest.skip(f"this processor has no {cpu.name}")
    rng = np.random.default_rng(n_rows)
    n_inputs = 76
    states = rng.integers(-127, 128, (n_rows, n_inputs))
    weights = rng.integers(-127, 128, (n_inputs, 64))
    weights[:, 0], states[0] = 127, 127  # the largest sum there is
    if cpu.dot:
        bytes_ = (states + cpu.zero).astype(np.uint8)
        packed = weights.astype(np.int8).reshape(-1, 4, 64).transpose(0, 2, 1).copy()
        start = (-cpu.zero * weights.sum(0)).astype(np.int32)
        sums = np.empty((n_rows, 64), np.int32)
    else:
        bytes_, packed = states.astype(np.float32), weights.astype(np.float32)
        start, sums = np.zeros(64, np.float32), np.empty((n_rows, 64), np.float32)
    kind = "int8" if cpu.dot else "float32"
    multiply(cpu, kind, sums, start, packed, bytes_)
    assert np.array_equal(sums, states @ weights)


def multiply(cpu, kind, sums, start, packed, states):
    """Compile `build_product` for this processor, and run it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=HOST.flatten(), opt=2
    )
    with binding.create_mcjit_compiler(module_of(cpu, len(sums), kind), machine) as engine:
        engine.finalize_object()
        call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(engine.get_function_address("product"))
        arrays = map(address, (sums, start, packed, states))
        call(*arrays, states.strides[0], len(packed))


@pytest.mark.skipif(not HOST.get("avx512bf16"), reason="this processor has no AVX512-BF16")
@pytest.mark.parametrize("n_rows", [1, 3, 6])
def test_a_product_of_bfloat16_is_exact(n_rows):
    """Whole numbers up to 256 are exact in it, and their sums are in float32."""
    rng = np.random.default_rng(n_rows)
    states, weights = rng.integers(-256, 257, (n_rows, 76)), rng.integers(-256, 257, (76, 64))
    start = rng.integers(-9, 10, 64).astype(np.float32)
    halves = [(part.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
              for part in (states, weights)]  # fmt: skip
    packed = halves[1].reshape(-1, 2, 64).transpose(0, 2, 1).copy()
    sums = np.empty((n_rows, 64), np.float32)
    multiply(AVX512_VNNI, "bfloat16", sums, start, packed, halves[0])
    assert np.array_equal(sums, states @ weights + start)


@pytest.mark.parametrize(
    ("cpu", "triple", "model", "instruction"),
    [
        (AVX512_VNNI, "x86_64-linux-gnu", "cascadelake", r"\tvpdpbusd\t.*zmm"),
        (AVX512_VNNI, "x86_64-linux-gnu", "sapphirerapids", r"\tvdpbf16ps\t.*zmm"),
        (AVX_VNNI, "x86_64-linux-gnu", "alderlake", r"\{vex\}\s*vpdpbusd\t.*ymm"),
        (ARM_DOT, "aarch64-linux-gnu", "neoverse-n1", r"\tsdot\tv"),
        (ARM_DOT, "arm64-apple-darwin", "apple-m1", r"\tsdot(\.4s)?\tv"),
    ],
)
def test_each_processor_gets_its_instruction(cpu, triple, model, instruction):
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=model, opt=2)
    kind = "bfloat16" if "dpbf16ps" in instruction else "int8"
    code = machine.emit_assembly(module_of(cpu, 6, kind))
    assert len(re.findall(instruction, code)) == 6 * 64 // cpu.lanes


@pytest.mark.parametrize(
    ("architecture", "features", "name"),
    [
        ("x86_64", {"avx2", "avx512f", "avx512vnni"}, "AVX512-VNNI"),
        ("x86_64", {"avx2", "avxvnni"}, "AVX-VNNI"),
        ("x86_64", {"avx2", "avx512f"}, "AVX-512"),
        ("x86_64", {"avx2"}, "AVX2"),
        ("x86_64", set(), "SIMD"),
        ("aarch64", {"neon", "dotprod"}, "ARM dot product"),
        ("arm64", {"neon"}, "NEON"),
        ("riscv64", {"dotprod"}, "SIMD"),
    ],
)
def test_what_a_processor_has_is_chosen(architecture, features, name):
    assert choose(architecture, frozenset(features)).name == name


def problem(width, lengths, seed=0):
    """Make weights, projected forms, rows and offsets."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 1 / width**0.5, (2, width, 4 * width)).astype(np.float32)
    projected = rng.normal(0, 1, (9, 8 * width)).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return weights, projected, rng.integers(0, 9, offsets[-1]), offsets


def states_of(weights, projected, rows, offsets, precision):
    states = np.full((len(rows), 2 * weights.shape[1]), np.nan, np.float32)
    MachineSteps(weights, precision)(projected, rows, offsets, states)
    return states


def expected_states(weights, projected, rows, offsets, precision):
    """Compute the states one after the other, in 64 bits."""
    width = weights.shape[1]
    states = np.zeros((len(rows), 2 * width))
    codes, scales = quantize(weights)
    rounded = codes * scales.astype(float)[:, None] / 127
    for begin, end in pairwise(offsets):
        for side, tokens in enumerate([range(begin, end), reversed(range(begin, end))]):
            state, cell = np.zeros((2, width))
            for token in tokens:
                if precision == "int8":
                    product = round_states(state.astype(np.float32)) @ rounded[side]
                else:
                    product = state @ weights[side].astype(float)
                gates = product + projected[rows[token]].reshape(2, -1)[side]
                input_, forget, new, output = gates.reshape(4, width)
                cell = expit(forget) * cell + expit(input_) * np.tanh(new)
                state = expit(output) * np.tanh(cell)
                states[token].reshape(2, -1)[side] = state
    return states


def expit(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("lengths", [[1], [5], [4, 4], [7, 7, 5, 3, 3, 2, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("width", [1, 5, 16, 37])
def test_states_are_those_of_an_lstm(width, lengths, precision):
    data = problem(width, lengths)
    found, expected = states_of(*data, precision), expected_states(*data, precision)
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("width", [5, 16, 37])
def test_items_of_float16_are_read_exactly(width):
    weights, projected, *others = problem(width, [7, 7, 5, 3, 3, 2, 1])
    projected[0, :6] = [0, -0.0, 2**-24, -(2**-20), 65504, -65504]
    halves = projected.astype(np.float16)
    found = states_of(weights, halves, *others, "int8")
    assert np.array_equal(found, states_of(weights, halves.astype(np.float32), *others, "int8"))


def test_numbers_are_rounded_to_float16():
    rng = np.random.default_rng(0)
    normal = rng.normal(0, 3, (1000, 24)).astype(np.float32)
    ties = np.array([1 + 2**-11, 1 + 3 * 2**-11, -2048.5 - 0.5, 0, 65504, 2**-14], np.float32)
    for numbers in (normal, 1e3 * normal, ties):
        assert np.array_equal(halves_of(numbers), numbers.astype(np.float16))
    assert halves_of(np.array([65520, -1e9], np.float32)).tolist() == [65504, -65504]
    small = rng.normal(0, 1e-5, 1000).astype(np.float32)
    assert np.abs(halves_of(small) - small).max() <= 2**-25


def halves_of(numbers):
    halves = np.empty(numbers.shape, np.int16)
    kernels.round_to_half(numbers.ravel(), halves.ravel())
    return halves.view(np.float16)


def test_bfloat16_is_multiplied_where_a_processor_has_it():
    both = {"avx512vnni", "avx512bf16"}
    assert [
        choose("x86_64", frozenset(each)).bfloat16 for each in (both, both - {"avx512bf16"})
    ] == [
        True,
        False,
    ]


def test_whole_numbers_are_the_same_in_floats(monkeypatch):
    data = problem(37, [7, 7, 5, 3, 3, 2, 1])
    found = states_of(*data, "int8")
    monkeypatch.setattr(lstm_kernels, "INSTRUCTIONS", lstm_kernels.INSTRUCTIONS._replace(dot=""))
    assert np.array_equal(states_of(*data, "int8"), found)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_numpy_computes_the_same(precision):
    weights, *data = problem(37, [7, 7, 5, 3, 3, 2, 1])
    rounded = rounded_weights(weights) if precision == "int8" else weights
    found = np.empty((len(data[1]), 2 * 37), np.float32)
    run_sequences(rounded, precision, *data, found)
    assert np.abs(found - states_of(weights, *data, precision)).max() < 1e-5


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_large_gates_are_saturated(precision):
    weights, projected, rows, offsets = problem(16, [6, 5])
    found = states_of(weights, 1e4 * projected, rows, offsets, precision)
    assert np.abs(found - np.clip(found, -1, 1)).max() == 0
    expected = expected_states(weights, 1e4 * projected, rows, offsets, precision)
    assert np.abs(found - expected).max() < 1e-5


def test_the_kernel_is_named():
    assert lstm_kernels.INSTRUCTIONS.name in describe_kernels()


def test_threads_get_the_same():
    weights, *data = problem(37, [9, 6, 6, 2])
    run, states = MachineSteps(weights, "int8"), states_of(weights, *data, "int8")

    def states_in_a_thread(_):
        mine = np.empty_like(states)
        run(*data, mine)
        return mine

    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(each, states) for each in pool.map(states_in_a_thread, range(40)))
