"""Atomic writes, locks, and what a killed process leaves behind.

A file is replaced as a whole or not at all, and a folder likewise. ``NAME`` is written as
``.NAME.tmp`` by the process that holds ``.NAME.lock``, so that at most one leftover a name can ever
be there: the next write of that name takes its place, and `sweep` removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LEFTOVER = re.compile(r"\.(.+)\.(tmp|old|lock)")


def write_atomically(
    path: Path, data: bytes | str | Iterable[str], *, encoding: str = "utf-8"
) -> None:
    """Write a file under a temporary name beside it, force it to disk, and rename it.

    Args:
        path: The file.
        data: What it will hold; text that comes in pieces is never held in memory whole.
        encoding: Of text.
    """

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            for piece in [data] if isinstance(data, bytes | str) else data:
                file.write(piece.encode(encoding) if isinstance(piece, str) else piece)

    fill_atomically(path, fill)


def fill_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Write a file atomically, by a function that is given a path.

    Args:
        path: The file. A link is followed; a device or a pipe is written to as it stands.
        fill: Writes the file whose temporary name it is given.

    Raises:
        OSError: If the file cannot be written; it names the file, and the old one stands.
    """
    with _naming(path):
        path = path.resolve()
        if path.exists() and not path.is_file() and not path.is_dir():
            fill(path)
            return
        with _replacing(path) as temporary:
            fill(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        _sync_folder(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write JSON for people and programs, atomically."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder with all its files, or none.

    Args:
        folder: Where it will stand. One that stands there already is replaced; it is moved aside
            and comes back if the new one cannot take its place.
        fill: Writes the files into the temporary folder it is given.

    Raises:
        OSError: If the folder cannot be written; it names the folder.
    """
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(folder) as temporary:
            temporary.mkdir()
            fill(temporary)
            old = _beside(folder, "old")
            if folder.exists():
                folder.rename(old)
            temporary.rename(folder)
            _sync_folder(folder.parent)


@contextmanager
def lock(
    path: Path, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold a lock among all processes that use the same file; the system frees a killed one's.

    Args:
        path: The lock file: made if need be, removed in the end.
        wait: Wait until it is free, however long that takes.
        waiting: Is called before waiting for another process.

    Yields:
        Whether it is held; it always is with ``wait``.
    """
    descriptor = _claimed(path, wait=False)
    if descriptor is None and wait:
        waiting()
        descriptor = _claimed(path, wait=True)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed processes have left half written directly in a folder of ours.

    What a process that is alive is writing stays. A folder that was moved aside comes back where
    its successor had not yet taken its place.
    """
    found = (_LEFTOVER.fullmatch(path.name) for path in folder.iterdir())
    for name in {match[1] for match in found if match is not None}:
        with lock(folder / f".{name}.lock", wait=False) as mine:
            if mine:
                _clear(folder / name)
    for torn in folder.glob(".*.[0-9]*.tmp"):  # with a process number: those of version 0.1
        _remove(torn)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Hold the temporary name of a file or folder; nothing stands under it before or after."""
    with lock(_beside(path, "lock")):
        _clear(path)
        try:
            yield _beside(path, "tmp")
        finally:
            _clear(path)


def _clear(path: Path) -> None:
    """Remove what stands beside a file or folder under its temporary names."""
    old = _beside(path, "old")
    if old.exists() and not path.exists():
        old.rename(path)
    for leftover in (old, _beside(path, "tmp")):
        _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{kind}")


def _claimed(path: Path, *, wait: bool) -> int | None:
    """Open and lock a file; None if another process holds it, and we are not to wait."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            with suppress(FileNotFoundError):
                # Whoever held it has removed it: then ours is the lock of nothing.
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error of the operating system name the file that the caller knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
