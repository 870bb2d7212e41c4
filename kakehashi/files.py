"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path


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
    """Make a file that somebody else writes, in the same way.

    Args:
        path: The file.
        fill: Writes the file whose temporary name it is given.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fill(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write JSON for people and programs, atomically."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder with all its files, or none.

    Args:
        folder: Where it will stand; one that stands there already is replaced.
        fill: Writes the files into the temporary folder it is given.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _sync_folder(folder.parent)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
