"""Named arrays in one Arrow file, which is mapped into memory when it is read.

The file holds one row, and each array is the list in its column of that row. So arrays of any
length stand side by side, each of them is one contiguous piece, as numpy needs it, and processes
that map the same file share its memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kakehashi.errors import CorpusError
from kakehashi.files import fill_atomically

Array = npt.NDArray[Any]
Columns = Mapping[str, Array | Sequence[str]]
"""Arrays of numbers, of one dimension and any type, or of strings; by name."""

_FINGERPRINT = b"kakehashi"


class Arrays:
    """The arrays of one file; those of numbers are views of the mapped file, never copies.

    Args:
        path: The file.
        fingerprint: What the file was made of.

    Raises:
        CorpusError: If the file is truncated, or none of ours, or was made of something else.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        try:
            with pa.memory_map(str(path)) as file:
                self._row = pa.ipc.open_file(file).get_batch(0)
        except (OSError, pa.ArrowInvalid) as error:
            raise _unusable(path, "is missing, truncated or no Arrow file") from error
        if (self._row.schema.metadata or {}).get(_FINGERPRINT) != fingerprint.encode():
            raise _unusable(path, "was not made of these corpora and settings")

    def numbers(self, name: str) -> Array:
        """View an array of numbers; it cannot be written to."""
        array: Array = self._values(name).to_numpy(zero_copy_only=True)
        return array

    def strings(self, name: str) -> list[str]:
        """Copy an array of strings."""
        strings: list[str] = self._values(name).to_pylist()
        return strings

    def __contains__(self, name: str) -> bool:
        """Say whether there is such an array."""
        return name in self._row.schema.names

    def _values(self, name: str) -> pa.Array:
        return self._row.column(name).values


def write_arrays(path: Path, arrays: Mapping[str, Array | Sequence[str]], fingerprint: str) -> None:
    """Write arrays atomically.

    Args:
        path: The file.
        arrays: What to write.
        fingerprint: What the arrays are made of; asked for when they are read.
    """
    columns = {name: _column(array) for name, array in arrays.items()}
    batch = pa.RecordBatch.from_pydict(columns).replace_schema_metadata(
        {_FINGERPRINT: fingerprint.encode()}
    )

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)

    fill_atomically(path, fill)


def _column(array: Array | Sequence[str]) -> pa.LargeListArray:
    if isinstance(array, np.ndarray):
        buffers = [None, pa.py_buffer(np.ascontiguousarray(array))]
        values = pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), len(array), buffers)
    else:
        values = pa.array(array, pa.large_string())
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


def _unusable(path: Path, problem: str) -> CorpusError:
    return CorpusError(path, f"{problem}; remove the folder {path.parent} to encode again")
