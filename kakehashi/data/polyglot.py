"""Polyglot's word vectors (``.pkl``): a pickled pair of words and an array with a row for each.

Unpickling runs whatever the file says, so it is never done. Here the opcodes of a pickle are data:
those that word vectors need are known by name, all others are refused; the functions that a file
names stay names, and the three by which numpy pickles an array have their meaning in `_call`.
Nothing is imported, called or built on behalf of the file.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import opened
from kakehashi.data.vocabulary import Wanted
from kakehashi.errors import CorpusError

# Polyglot's largest file has 100,004 words and 64 columns: 27 MB.
_PIECE = 1 << 16
_MOST_PIECES = 1 << 12
_MOST_MADE = 64  # Word vectors need about 15. A file of empty lists could take 60 times its size.

_KINDS = {
    "push": "INT|BININT[12]?|LONG1?|((SHORT_)?BIN)?UNICODE|(SHORT_)?BIN(STRING|BYTES)|STRING|NONE"
    "|NEWTRUE|NEWFALSE|MARK|GLOBAL",
    "take": "EMPTY_TUPLE|TUPLE[123]?|EMPTY_LIST|LIST|APPENDS?|STACK_GLOBAL|REDUCE|BUILD",
    "put": "PUT|(LONG_)?BINPUT|MEMOIZE",
    "get": "GET|(LONG_)?BINGET",
    "skip": "PROTO|FRAME",
    "stop": "STOP",
}
_OPCODES = {
    opcode.code.encode("latin-1"): (opcode, kind)
    for opcode in pickletools.opcodes
    for kind, names in _KINDS.items()
    if re.fullmatch(names, opcode.name)
}
_ESCAPE = re.compile(rb"\\(?:x[0-9a-f]{2}|[nrt\\'\"])")
_MARK = object()
_CONSTANTS = {"NEWTRUE": True, "NEWFALSE": False, "MARK": _MARK}
_FUNCTIONS = frozenset(
    (
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "_codecs.encode",
    )
)


class _Function(NamedTuple):
    """What a file calls by name; it is never imported."""

    name: str


@dataclass
class _DType:
    """Numbers of 32 or 64 bits, and their byte order."""

    code: str
    order: str = "="


@dataclass
class _Array:
    """An array of two dimensions; its matrix is None until its state has come."""

    matrix: npt.NDArray[np.floating[Any]] | None = None


def read_polyglot(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words.

    Protocols 0 to 4 are read. Time and memory are proportional to the length of the file.

    Returns:
        (words, width) float32: one row for each of ``wanted.rows``.

    Raises:
        CorpusError: If the file cannot be read or is anything else than such a pair.
    """
    with opened(path) as file:
        # In pieces, since a single call would first take the memory for all that it may read.
        pieces = iter(partial(file.read, _PIECE), b"")
        data = b"".join(islice(pieces, _MOST_PIECES + 1))
    try:
        if len(data) > _MOST_PIECES * _PIECE:
            raise ValueError(f"it is larger than {_MOST_PIECES * _PIECE >> 20} MiB")
        match _Pickle(data).read():
            case ((list() | tuple()) as words, _Array(matrix=np.ndarray() as matrix)):
                if len(words) != len(matrix):
                    raise ValueError(f"it has {len(words)} words but {len(matrix)} rows")
                return _select(words, matrix, wanted, len(data))
        raise ValueError("it is no pair of words and an array")
    except ValueError as error:
        problem = f"expected word vectors pickled by Polyglot; {str(error)[:200]}"
        raise CorpusError(data_path(path), problem) from error


def _select(
    words: Sequence[object], matrix: npt.NDArray[np.floating[Any]], wanted: Wanted, size: int
) -> npt.NDArray[np.float32]:
    """Take the vectors of the wanted words, of a file of some size."""
    sources: dict[int, int] = {}
    for number, value in enumerate(words):
        try:  # Python 2 pickled text as unicode or as UTF-8 bytes.
            word = value.decode() if isinstance(value, bytes) else value
            if not isinstance(word, str):
                raise ValueError(f"word {number} is no text")
            word.encode()
        except UnicodeError as error:
            raise ValueError(f"word {number} is not UTF-8 ({error})") from error
        size -= len(word)
        if size < 0:  # One long word may be recalled a million times.
            raise ValueError("its words hold more text than the file")
        row = wanted.place(word)
        if row is not None:
            sources[row] = number
    with np.errstate(over="ignore", invalid="ignore"):
        chosen = matrix[np.fromiter(sources.values(), np.intp)].astype(np.float32)
    finite = np.isfinite(chosen).all(axis=1)
    if not finite.all():
        word = list(wanted.rows)[int(finite.argmin())]
        raise ValueError(f"the vector of {word[:40]!r} has numbers that 32 bits cannot hold")
    return chosen


class _Pickle:
    """A reader of strings, numbers, lists, tuples and arrays of two dimensions.

    What was ``str`` in Python 2 becomes bytes, and an array `_Array`.
    """

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._stack: list[Any] = []
        self._memo: dict[object, object] = {}
        self._n_made = 0
        self._encodable = len(data)

    def read(self) -> object:
        """Follow the opcodes to the last.

        Raises:
            ValueError: If the data is damaged or holds anything else.
        """
        stack, memo = self._stack, self._memo
        while code := self._file.read(1):
            if code not in _OPCODES:
                raise ValueError(f"opcode {code!r} is refused, word vectors do not need it")
            opcode, kind = _OPCODES[code]
            argument = self._argument(opcode)
            try:
                if kind == "push":
                    stack.append(_CONSTANTS.get(opcode.name, argument))
                elif kind == "take":
                    stack.append(self._result(opcode.name, self._take(opcode)))
                elif kind == "put":
                    memo[len(memo) if argument is None else argument] = stack[-1]
                elif kind == "get":
                    stack.append(memo[argument])
                elif kind == "stop":
                    return stack.pop()
            except LookupError:
                raise ValueError("it takes what it never stored") from None
        raise ValueError("it is cut off")

    def _argument(self, opcode: pickletools.OpcodeInfo) -> object:
        # Of itself pickletools would warn of a backslash in a name, and refuse bytes in a string.
        if opcode.name == "GLOBAL":
            lines = (self._file.readline() for _ in range(2))
            return _function(*(line.decode("ascii").rstrip() for line in lines))
        if opcode.name == "STRING":
            line = self._file.readline()
            if len(line) < 3 or line[0] not in b"'\"" or line[-2:] != line[:1] + b"\n":
                raise ValueError("a string is not between quotes")
            if b"\\" in _ESCAPE.sub(b"", line):
                raise ValueError("a string holds an unknown escape")
            return codecs.escape_decode(line[1:-2])[0]
        argument: Any = opcode.arg.reader(self._file) if opcode.arg is not None else None
        # pickletools returns the bytes of Python 2's str as Latin-1.
        return argument.encode("latin-1") if "BINSTRING" in opcode.name else argument

    def _take(self, opcode: pickletools.OpcodeInfo) -> list[Any]:
        """Take from the stack what an opcode needs, and all since the mark where it needs one."""
        needed, since = opcode.stack_before, []
        if pickletools.markobject in needed:
            needed = needed[: needed.index(pickletools.markobject)]
            while (value := self._stack.pop()) is not _MARK:
                since.append(value)
        values = since + [self._stack.pop() for _ in needed]
        return values[::-1]

    def _result(self, name: str, taken: list[Any]) -> object:
        if name in ("APPEND", "APPENDS"):
            target, *values = taken
            if not isinstance(target, list):
                raise ValueError("it appends to what is no list")
            target.extend(values)
            return target
        if name == "BUILD":
            _set_state(*taken)
            return taken[0]
        if name == "STACK_GLOBAL":
            return _function(*taken)
        self._n_made += 1
        if self._n_made > _MOST_MADE:
            raise ValueError(f"it makes more than {_MOST_MADE} lists, tuples and calls")
        if name != "REDUCE":
            return taken if "LIST" in name else tuple(taken)
        result = _call(*taken)
        if isinstance(result, bytes):  # One text could be encoded again and again.
            self._encodable -= len(result)
            if self._encodable < 0:
                raise ValueError("it encodes more text than it holds")
        return result


def _function(module: object, name: object) -> _Function:
    if not (isinstance(module, str) and isinstance(name, str)):
        raise ValueError("it names a function by what is no text")
    full = f"{module}.{name}"
    if full not in _FUNCTIONS:
        raise ValueError(f"{full[:60]!r} is refused, word vectors do not need it")
    return _Function(name)


def _call(function: object, arguments: object) -> object:
    """Return what a call would, if it is one by which numpy pickles an array."""
    match function, arguments:
        case _Function("_reconstruct"), (_Function("ndarray"), _, _):
            return _Array()
        case _Function("dtype"), (("f4" | "f8" | b"f4" | b"f8") as code, _, _):
            return _DType(_text(code))
        case _Function("encode"), (str() as text, "latin1"):
            return text.encode("latin-1")
    raise ValueError("it calls a function otherwise than arrays of f4 or f8 do")


def _set_state(target: object, state: object) -> None:
    """Complete a dtype by its byte order, or an array by its shape, dtype and numbers."""
    match target, state:
        case _DType(), (int(), ("<" | ">" | "=" | b"<" | b">" | b"=") as order, *_):
            target.order = _text(order)
        case _Array(), (
            int(),
            (int(n), int(width)),
            _DType() as dtype,
            int(by_column),
            bytes() as data,
        ):
            numbers = np.dtype(dtype.order + dtype.code)
            if n < 1 or width < 1 or n * width * numbers.itemsize != len(data):
                raise ValueError(f"its array is not {n} x {width} numbers of {dtype.code}")
            array = np.frombuffer(data, numbers)
            target.matrix = array.reshape(width, n).T if by_column else array.reshape(n, width)
        case _:
            raise ValueError("its array is not one of two dimensions and plain numbers")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("ascii")
