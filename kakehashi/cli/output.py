"""Standard output and error, whatever is behind them: a terminal, a closed pipe, a full disk."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO


def prepare_outputs() -> None:
    """Let the program write results and messages to `Output`."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)  # None if whoever started us has closed it
        buffer = stream.buffer if stream else io.BufferedWriter(io.FileIO(os.devnull, "w"))
        lines = name == "stderr" or buffer.isatty()
        setattr(sys, name, Output(buffer, vital=name == "stdout", line_buffering=lines))


class Output(io.TextIOWrapper):
    """Text in UTF-8, as input is, whatever the locale says.

    Where nobody reads results on, as behind ``| head``, the program ends, and nothing is wrong with
    it. Messages that nobody reads stop nothing.

    Args:
        buffer: Takes the bytes.
        vital: Whether the program cannot do without, as with results.
        line_buffering: Whether each line is written at once.
    """

    def __init__(self, buffer: BinaryIO, *, vital: bool, line_buffering: bool) -> None:
        self._vital = vital
        # Names of files come as bytes where the locale knows no better, and leave as they came.
        super().__init__(
            buffer, "utf-8", "surrogateescape", newline="\n", line_buffering=line_buffering
        )

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            OSError: If it cannot be written, e.g. for a full disk; named "standard output".
            SystemExit: With status 0, if the reader is gone.
        """
        with self._ending():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is left, and raise what `write` does."""
        with self._ending():
            super().flush()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is left goes nowhere; else Python would try again, and fail, when it ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.buffer.fileno())
            os.close(nowhere)
            if not self._vital:
                return
            if isinstance(error, BrokenPipeError):
                raise SystemExit(0) from None
            error.filename = "standard output"
            raise
