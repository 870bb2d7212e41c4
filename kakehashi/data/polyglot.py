"""Polyglot's word vectors (``.pkl``): a pickled pair of words and an array with a row for each.

Unpickling runs whatever the file says, so it is never done. Here the opcodes of a pickle are data:
those that word vectors need are known by name, all others are refused. A call that the file asks
for is not made but noted; what numpy's calls for an array mean is read off the notes in the end.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import opened
from kakehashi.data.vocabulary import Wanted
from kakehashi.errors import CorpusError

# Polyglot's largest file has 100,004 words and 64 columns: 27 MB.
_PIECE = 1 << 16
_MOST_PIECES = 1 << 12
_MOST_MADE = 64  # Word vectors need about 20. A file of empty lists could take 60 times its size.
_KINDS = re.compile(
    "(?P<push>INT|BININT[12]?|LONG1?|(SHORT_)?BIN(UNICODE|STRING|BYTES)|NONE|NEW(TRUE|FALSE)|MARK)"
    "|(?P<take>EMPTY_TUPLE|TUPLE[123]?|EMPTY_LIST|APPENDS?|(STACK_)?GLOBAL|REDUCE|BUILD)"
    "|(?P<put>(LONG_)?BINPUT|MEMOIZE)|(?P<get>(LONG_)?BINGET)|(?P<skip>PROTO|FRAME|STOP)"
)
_OPCODES = ((each.name, _KINDS.fullmatch(each.name)) for each in pickletools.opcodes)
_KIND = {name: match.lastgroup for name, match in _OPCODES if match is not None}
_MARK = object()
_CONSTANTS = {"NEWTRUE": True, "NEWFALSE": False, "MARK": _MARK}
_FUNCTION = re.compile(r"numpy\.(dtype|ndarray|_?core\.multiarray\._reconstruct)|_codecs\.encode")


@dataclass
class _Call:
    """What a file would call, with what, and what state it gives to the result."""

    function: object
    arguments: object
    state: object = None


def read_polyglot(path: str, wanted: Wanted) -> npt.NDArray[np.float32]:
    """Read the vectors of the wanted words (words, width), pickled in a binary protocol.

    Time and memory are proportional to the file; `CorpusError` if it is anything else.
    """
    with opened(path) as file:
        # In pieces, since a single call would first take the memory for all that it may read.
        pieces = iter(partial(file.read, _PIECE), b"")
        data = b"".join(islice(pieces, _MOST_PIECES + 1))
    try:
        if len(data) > _MOST_PIECES * _PIECE:
            raise ValueError(f"it is larger than {_MOST_PIECES * _PIECE >> 20} MiB")
        match _read_pickle(data):
            case (list() | tuple()) as words, _Call(state=state):
                return _select(words, _matrix(state), wanted, len(data))
        raise ValueError("it is no pair of words and an array")
    except ValueError as error:
        problem = f"expected word vectors pickled by Polyglot; {str(error)[:200]}"
        raise CorpusError(data_path(path), problem) from error


def _matrix(state: object) -> npt.NDArray[np.floating[Any]]:
    """Make the array whose state numpy has pickled."""
    match state:
        case (
            _,
            (int(rows), int(width)),
            _Call(
                "numpy.dtype", ((str() | bytes()) as code, *_), (_, (str() | bytes()) as order, *_)
            ),
            by_column,
            data,
        ):
            match data:
                case _Call("_codecs.encode", (str() as text, *_)):  # Python 3 for Python 2
                    data = text.encode("latin-1")
            kind = f"{_text(order)}{_text(code)}"
            if re.fullmatch("[<>=]f[48]", kind) and isinstance(data, bytes):
                if rows < 1 or width < 1 or rows * width * np.dtype(kind).itemsize != len(data):
                    raise ValueError(f"its array is not {rows} x {width} numbers of {kind[1:]}")
                array = np.frombuffer(data, kind)
                return array.reshape(width, rows).T if by_column else array.reshape(rows, width)
    raise ValueError("its array is not one of two dimensions and numbers of f4 or f8")


def _text(value: object) -> object:
    """Decode what Python 2 may have pickled as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _select(
    words: Sequence[object], matrix: npt.NDArray[np.floating[Any]], wanted: Wanted, size: int
) -> npt.NDArray[np.float32]:
    """Return the vectors of the wanted words, of a file of some size."""
    if len(words) != len(matrix):
        raise ValueError(f"it has {len(words)} words but {len(matrix)} rows")
    sources: dict[int, int] = {}
    for number, value in enumerate(words, start=1):
        try:
            word = _text(value)
            if not isinstance(word, str):
                raise ValueError(f"word {number} is no text")
            word.encode()
        except UnicodeError as error:
            raise ValueError(f"word {number} is not UTF-8 ({error})") from error
        size -= len(word)
        if size < 0:  # One long word may be recalled a million times.
            raise ValueError("its words hold more text than the file")
        row = wanted.place(word, number)
        if row is not None:
            sources[row] = number - 1
    with np.errstate(over="ignore", invalid="ignore"):
        chosen = matrix[np.fromiter(sources.values(), np.intp)].astype(np.float32)
    finite = np.isfinite(chosen).all(axis=1)
    if not finite.all():
        word = list(wanted.rows)[int(finite.argmin())]
        raise ValueError(f"the vector of {word[:40]!r} has numbers that 32 bits cannot hold")
    return chosen


def _read_pickle(data: bytes) -> object:
    """Read strings, numbers, lists, tuples and calls; ``str`` of Python 2 becomes bytes."""
    stack: list[Any] = []
    memo: dict[int, object] = {}
    n_made = 0
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):
        kind = _KIND.get(opcode.name)
        try:
            if kind is None:
                raise ValueError(f"opcode {opcode.name} is refused, word vectors do not need it")
            if kind == "push":
                # pickletools returns the bytes of Python 2's str as Latin-1.
                value = argument.encode("latin-1") if "BINSTRING" in opcode.name else argument
                stack.append(_CONSTANTS.get(opcode.name, value))
            elif kind == "take":
                stack.append(_make(opcode.name, argument, _take(opcode, stack)))
                n_made += opcode.name not in ("APPEND", "APPENDS")
            elif kind == "put":
                memo[len(memo) if argument is None else argument] = stack[-1]
            elif kind == "get":
                stack.append(memo[argument])
        except LookupError:
            raise ValueError("it takes what it never stored") from None
        if n_made > _MOST_MADE:
            raise ValueError(f"it makes more than {_MOST_MADE} lists, tuples and calls")
    return stack[-1] if stack else None


def _take(opcode: pickletools.OpcodeInfo, stack: list[Any]) -> list[Any]:
    """Pop what an opcode needs from the stack, and all since the mark where it needs one."""
    needed, taken = opcode.stack_before, []
    if pickletools.markobject in needed:
        needed = needed[: needed.index(pickletools.markobject)]
        while (value := stack.pop()) is not _MARK:
            taken.append(value)
    taken += [stack.pop() for _ in needed]
    return taken[::-1]


def _make(name: str, argument: str | None, taken: list[Any]) -> object:
    match name, argument.split(" ", 1) if argument is not None else taken:
        case "APPEND" | "APPENDS", [list() as target, *values]:
            target.extend(values)
            return target
        case "GLOBAL" | "STACK_GLOBAL", [str() as module, str() as function]:
            if not _FUNCTION.fullmatch(name := f"{module}.{function}"):
                raise ValueError(f"{name[:60]!r} is refused, word vectors do not need it")
            return name
        case "REDUCE", [str() as function, arguments]:
            return _Call(function, arguments)
        case "BUILD", [_Call() as call, state]:
            call.state = state
            return call
        case (("EMPTY_LIST" | "EMPTY_TUPLE" | "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3"), _):
            return taken if name == "EMPTY_LIST" else tuple(taken)
    raise ValueError(f"opcode {name} does not get what it needs")
