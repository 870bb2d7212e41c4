"""How the program meets the operating system: output streams, signals, errors, exit status.

Exit status: 0 done, 2 an error that the user can fix, 1 a bug of ours, 130 stopped by Ctrl-C, 143
by SIGTERM.
"""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import BinaryIO, TextIO

from kakehashi.errors import KakehashiError, system_problem
from kakehashi.extras import missing_extra

_SOON = 0.01
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_program(program: Callable[[], object]) -> None:
    """Run a program; every error becomes one line on stderr, ``--debug`` shows the traceback."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    _prepare_outputs()
    stopped = _stop_on_signals()
    try:
        try:
            program()
        finally:
            sys.stdout.flush()
            for number in _SIGNALS:
                if callable(signal.getsignal(number)):  # nothing is left that could be saved
                    signal.signal(number, signal.SIG_DFL)
    except SystemExit:
        if stopped:
            raise SystemExit(128 + stopped[0]) from None
        raise
    except Exception as error:
        if debug:
            raise
        status = 2
        error = missing_extra(error) or error
        if isinstance(error, KakehashiError):
            message = str(error)
        elif isinstance(error, OSError):
            message = system_problem(error)
        else:
            bug, status = f"{type(error).__name__}: {error}", 1
            message = f"this is a bug in kakehashi: {bug}; rerun with --debug"
        sys.stderr.write(f"error: {' '.join(message.splitlines())}\n")
        raise SystemExit(status) from None


class _Stopped(KeyboardInterrupt):
    """A signal stops the program.

    KeyboardInterrupt itself, raised where Python executes the text of a program, as modules do
    while they are loaded, would end the process by SIGINT whatever its exit status is.
    """


def _stop_on_signals() -> list[int]:
    """Treat SIGTERM as Ctrl-C; the list that is returned then contains the signal.

    Python drops an exception that is raised while it cleans up behind an object, so it is raised
    again. Processes that torchrun has started are ended all at once, and wait for nobody.
    """
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise _Stopped

    def raise_again(dropped: sys.UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, _Stopped):  # if raised from here, it would be dropped again
            Timer(_SOON, _thread.interrupt_main, received[:1]).start()
        else:
            sys.__unraisablehook__(dropped)

    if "WORLD_SIZE" not in os.environ:
        sys.unraisablehook = raise_again
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, stop)
    return received


def _prepare_outputs() -> None:
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)  # None if whoever started us has closed it
        buffer = stream.buffer if stream else io.BufferedWriter(io.FileIO(os.devnull, "w"))
        lines = name == "stderr" or buffer.isatty()
        setattr(sys, name, _Output(buffer, vital=name == "stdout", line_buffering=lines))


class _Output(io.TextIOWrapper):
    """Text in UTF-8, as input is, whatever the locale says.

    If nobody reads results any further, as behind ``| head``, the program ends without an error;
    messages that nobody reads (``vital`` is false) stop nothing.
    """

    def __init__(self, buffer: BinaryIO, *, vital: bool, line_buffering: bool) -> None:
        self._vital = vital
        # Names of files come as bytes where the locale knows no better, and leave as they came.
        super().__init__(
            buffer, "utf-8", "surrogateescape", newline="\n", line_buffering=line_buffering
        )

    def write(self, text: str) -> int:
        """Write text; an OSError, e.g. for a full disk, names "standard output"."""
        with self._ending():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is left, with the errors of `write`."""
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
