"""What numpy's pickles of arrays mean, said without calling numpy on their behalf.

Pickled strings and arrays of numbers, read without unpickling.

Unpickling runs whatever the file says. Here its opcodes are data: their list is closed, the
functions that a file names stay names, and the four of them by which numpy pickles an array mean
what `pickledarray` says. Nothing is imported, called or built on behalf of the file.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]


class Global(NamedTuple):
    """What a file calls by name; it is never imported."""

    module: str
    name: str


KNOWN = frozenset(
    (
        Global("numpy", "dtype"),
        Global("numpy", "ndarray"),
        Global("numpy.core.multiarray", "_reconstruct"),
        Global("numpy._core.multiarray", "_reconstruct"),
        Global("_codecs", "encode"),
    )
)


@dataclass
class DType:
    """Numbers of 32 or 64 bits, and their byte order."""

    code: str
    order: str = "="


@dataclass
class PickledArray:
    """An array of two dimensions; its matrix is None until the file has told its state."""

    matrix: Matrix | None = None


def result_of(function: object, arguments: object) -> object:
    """Say what a call would give, if it is one by which numpy pickles an array."""
    match function, arguments:
        case Global(name="_reconstruct"), (Global(name="ndarray"), _, _):
            return PickledArray()
        case Global(name="dtype"), (("f4" | "f8" | b"f4" | b"f8") as code, _, _):
            return DType(_text(code))
        case Global(name="encode"), (str() as text, "latin1"):
            return text.encode("latin-1")
    raise ValueError("it calls a function otherwise than arrays of f4 or f8 do")


def set_state(target: object, state: object) -> None:
    """Complete a dtype by its byte order, or an array by its shape, dtype and numbers."""
    match target, state:
        case DType(), (int(), ("<" | ">" | "=" | b"<" | b">" | b"=") as order, *_):
            target.order = _text(order)
        case PickledArray(), (
            int(),
            (int(rows), int(width)),
            DType() as dtype,
            int(by_column),
            bytes() as data,
        ):
            numbers = np.dtype(dtype.order + dtype.code)
            if rows < 1 or width < 1 or rows * width * numbers.itemsize != len(data):
                raise ValueError(f"its array is not {rows} x {width} numbers of {dtype.code}")
            array = np.frombuffer(data, numbers)
            target.matrix = (
                array.reshape(width, rows).T if by_column else array.reshape(rows, width)
            )
        case _:
            raise ValueError("its array is not one of two dimensions and plain numbers")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("ascii")


# Word vectors need about 15. Without a limit a file of empty lists takes 60 times its size.
_MOST_MADE = 64
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_QUOTED = re.compile(rb"(['\"])(.*)\1\n", re.DOTALL)
_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"'": b"'", b'"': b'"'}


def read_pickled(data: bytes) -> object:
    """Read a pickle of strings, numbers, lists, tuples and arrays of two dimensions.

    Protocols 0 to 4 are read. Time and memory are proportional to the length of the data.

    Returns:
        The object, with `PickledArray` for an array and bytes for what was ``str`` in Python 2.

    Raises:
        ValueError: If the data is damaged or holds anything else.
    """
    return _Machine(data).run()


class _Machine:
    """The stack, the marks on it and the memo of one pickle."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._n_made = 0
        self._encodable = len(data)

    def run(self) -> object:
        """Follow the opcodes to the last."""
        while True:
            code = self._file.read(1).decode("latin-1")
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise ValueError(f"unknown opcode {code!r}" if code else "it is cut off")
            if opcode.name == "STOP":
                return self._pop()
            if opcode.name not in _OPERATIONS:
                raise ValueError(f"opcode {opcode.name} is refused, word vectors do not need it")
            reader = _READERS.get(opcode.name, opcode.arg and opcode.arg.reader)
            _OPERATIONS[opcode.name](self, reader(self._file) if reader else None)

    def _pop(self) -> object:
        if not self._stack:
            raise ValueError("it takes from an empty stack")
        return self._stack.pop()

    def _since_mark(self) -> list[object]:
        if not self._marks:
            raise ValueError("a mark is missing")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _push_made(self, made: object) -> None:
        self._n_made += 1
        if self._n_made > _MOST_MADE:
            raise ValueError(f"it makes more than {_MOST_MADE} lists, tuples and calls")
        self._stack.append(made)

    def push(self, value: object) -> None:
        self._stack.append(value)

    def push_python2(self, text: str) -> None:
        # pickletools hands out the bytes of Python 2's str as Latin-1.
        self._stack.append(text.encode("latin-1"))

    def push_mark(self, _: None) -> None:
        self._marks.append(len(self._stack))

    def push_list(self, _: None) -> None:
        self._push_made([])

    def list_since_mark(self, _: None) -> None:
        self._push_made(self._since_mark())

    def tuple_since_mark(self, _: None) -> None:
        self._push_made(tuple(self._since_mark()))

    def tuple_of(self, size: int) -> None:
        values = [self._pop() for _ in range(size)]
        self._push_made(tuple(reversed(values)))

    def append(self, _: None) -> None:
        self._extend([self._pop()])

    def append_since_mark(self, _: None) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[object]) -> None:
        target = self._pop()
        if not isinstance(target, list):
            raise ValueError("it appends to what is no list")
        target.extend(values)
        self._stack.append(target)

    def put(self, key: int | None) -> None:
        value = self._pop()
        self._stack.append(value)
        self._memo[len(self._memo) if key is None else key] = value

    def get(self, key: int) -> None:
        if key not in self._memo:
            raise ValueError("it recalls what it never stored")
        self._stack.append(self._memo[key])

    def push_global(self, module_and_name: str) -> None:
        module, _, name = module_and_name.partition(" ")
        self._push_global(module, name)

    def global_from_stack(self, _: None) -> None:
        name, module = self._pop(), self._pop()
        self._push_global(module, name)

    def _push_global(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("it names a function by what is no text")
        found = Global(module, name)
        if found not in KNOWN:
            raise ValueError(f"{f'{module}.{name}'[:60]!r} is refused, word vectors do not need it")
        self._stack.append(found)

    def reduce(self, _: None) -> None:
        arguments, function = self._pop(), self._pop()
        result = result_of(function, arguments)
        if isinstance(result, bytes):
            # One text could be encoded again and again.
            self._encodable -= len(result)
            if self._encodable < 0:
                raise ValueError("it encodes more text than it holds")
        self._push_made(result)

    def build(self, _: None) -> None:
        state, target = self._pop(), self._pop()
        set_state(target, state)
        self._stack.append(target)

    def skip(self, _: int) -> None:
        """Pass over what only helps to read."""


def _read_global(file: io.BytesIO) -> str:
    """Read two lines; pickletools would take a backslash in them for an escape, and warn."""
    module, name = file.readline(), file.readline()
    return f"{module.decode('ascii').rstrip()} {name.decode('ascii').rstrip()}"


def _read_quoted(file: io.BytesIO) -> bytes:
    """Read a line that is the repr of a Python 2 str; pickletools takes only ASCII in it."""
    quoted = _QUOTED.fullmatch(file.readline())
    if quoted is None:
        raise ValueError("a string is not between quotes")
    return _ESCAPED.sub(_unescaped, quoted[2])


def _unescaped(escaped: re.Match[bytes]) -> bytes:
    code, letter = escaped.groups()
    if code is not None:
        return bytes.fromhex(code.decode())
    if letter not in _ESCAPES:
        raise ValueError(f"a string holds the unknown escape {escaped[0]!r}")
    return _ESCAPES[letter]


Operation = Callable[[_Machine, Any], None]


def _always(operation: Operation, argument: object) -> Operation:
    return lambda machine, _: operation(machine, argument)


def _each(names: str, operation: Operation) -> dict[str, Operation]:
    return dict.fromkeys(names.split(), operation)


_READERS: Mapping[str, Callable[[io.BytesIO], object]] = {
    "STRING": _read_quoted,
    "GLOBAL": _read_global,
}
_OPERATIONS: Mapping[str, Operation] = {
    **_each("INT BININT BININT1 BININT2 LONG LONG1", _Machine.push),
    **_each("UNICODE BINUNICODE SHORT_BINUNICODE", _Machine.push),
    **_each("STRING BINBYTES SHORT_BINBYTES", _Machine.push),
    **_each("BINSTRING SHORT_BINSTRING", _Machine.push_python2),
    "NONE": _always(_Machine.push, None),
    "NEWTRUE": _always(_Machine.push, True),
    "NEWFALSE": _always(_Machine.push, False),
    "EMPTY_TUPLE": _always(_Machine.tuple_of, 0),
    "TUPLE1": _always(_Machine.tuple_of, 1),
    "TUPLE2": _always(_Machine.tuple_of, 2),
    "TUPLE3": _always(_Machine.tuple_of, 3),
    "MARK": _Machine.push_mark,
    "TUPLE": _Machine.tuple_since_mark,
    "EMPTY_LIST": _Machine.push_list,
    "LIST": _Machine.list_since_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.append_since_mark,
    **_each("PUT BINPUT LONG_BINPUT MEMOIZE", _Machine.put),
    **_each("GET BINGET LONG_BINGET", _Machine.get),
    "GLOBAL": _Machine.push_global,
    "STACK_GLOBAL": _Machine.global_from_stack,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    **_each("PROTO FRAME", _Machine.skip),
}
