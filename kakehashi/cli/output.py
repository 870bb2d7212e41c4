"""Standard output, whatever stands behind it: a terminal, a pipe that is closed, a full disk."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


class Output(io.TextIOWrapper):
    """Text in UTF-8, as input is, whatever the locale says.

    Where nobody reads on, as behind ``| head``, the program ends, and nothing is wrong with it.
    """

    def __init__(self, buffer: BinaryIO, *, line_buffering: bool) -> None:
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
            return super().write(text)

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
            if isinstance(error, BrokenPipeError):
                raise SystemExit(0) from None
            error.filename = "standard output"
            raise
