"""Atomic writes and locks: a file or folder is replaced as a whole or not at all.

``NAME`` is written as ``.NAME.tmp`` by the process that holds ``.NAME.lock``, so that a killed
process leaves at most one file per name: the next write of that name, or `sweep`, removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

_LEFTOVER = re.compile(r"\.(.+)\.(tmp|old|lock)")


def write_atomically(
    path: Path, data: bytes | str | Iterable[bytes | str], *, encoding: str = "utf-8"
) -> None:
    """Write a file atomically; pieces of it are written one by one, with flat memory."""
    with replacing_file(path) as temporary, temporary.open("wb") as file:
        for piece in [data] if isinstance(data, bytes | str) else data:
            file.write(piece.encode(encoding) if isinstance(piece, str) else piece)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write a file by; then sync and rename it.

    A link is followed; a device or a pipe is written to directly. An `OSError` names the file, of
    which the old one stays.
    """
    with _naming(path):
        path = path.resolve()
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        with _replacing(path) as temporary:
            yield temporary
            sync_to_disk(temporary)
            temporary.replace(path)
        sync_to_disk(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write JSON for people and programs, atomically."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object of JSON; an empty one where the file is missing or damaged."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; then rename it.

    One that is there already is moved aside, and back if the new one cannot take its place. An
    `OSError` names the folder.
    """
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(folder) as temporary:
            temporary.mkdir()
            yield temporary
            old = _beside(folder, "old")
            if folder.exists():
                folder.rename(old)
            temporary.rename(folder)
            sync_to_disk(folder.parent)


@contextmanager
def lock(
    path: Path, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold a lock among all processes that use the same file; a killed process frees its locks.

    The file is created if need be, and removed in the end. With ``wait``, ``waiting`` is called
    before waiting for another process, however long that takes; without, the lock may not be got.
    Yields whether it is held.
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
    """Remove what killed processes left half written directly in a folder.

    What a live process is writing stays. A folder that was moved aside comes back where its
    successor had not yet taken its place.
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
    """Hold the temporary name of a file or folder, of which nothing stays."""
    with lock(_beside(path, "lock")):
        _clear(path)
        try:
            yield _beside(path, "tmp")
        finally:
            _clear(path)


def _clear(path: Path) -> None:
    """Remove the temporary files or folders of a name."""
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
    """Open and lock a file; None if another process holds it and ``wait`` is false."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with ExitStack() as undo, suppress(FileNotFoundError):
            undo.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                return None
            # Who held it may have removed it, and then we hold the lock of no file.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                undo.pop_all()
                return descriptor


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make errors of the operating system name the file that the caller knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or the list of a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
