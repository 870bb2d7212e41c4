"""What numpy's pickles of arrays mean, said without calling numpy on their behalf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
