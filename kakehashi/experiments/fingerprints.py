"""SHA-256 of files, computed once per state of a file."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from kakehashi.files import sha256_of, write_json

MISSING = "missing"


class Fingerprints:
    """Remembers the sums of files by path, size and time of change, so that asking again is cheap.

    Args:
        memory: JSON file that keeps them.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._sums: dict[str, str] = _read(memory)
        self._learnt = False

    def of(self, path: Path) -> str:
        """Give the sum of a file, or of all files in a folder; ``missing`` where there is none."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            lines = [f"{self._of_file(file)}  {file.relative_to(path)}\n" for file in files]
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        return self._of_file(path) if path.is_file() else MISSING

    def save(self) -> None:
        """Keep what was learnt, if the folder lets us; else it will be computed again."""
        if self._learnt:
            with contextlib.suppress(OSError):
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                write_json(self._memory, self._sums)

    def _of_file(self, file: Path) -> str:
        state = file.stat()
        name = f"{file.absolute()} {state.st_size} {state.st_mtime_ns}"
        if name not in self._sums:
            self._sums[name] = sha256_of(file)
            self._learnt = True
        return self._sums[name]


def _read(memory: Path) -> dict[str, str]:
    try:
        sums: dict[str, str] = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return sums
