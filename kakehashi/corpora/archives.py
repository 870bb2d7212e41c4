"""The files of a folder or of a tar archive, read in place."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import numbered_lines, opened, read_bounded
from kakehashi.errors import CorpusError

# What tarfile raises on damaged headers, beside its own errors.
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, RecursionError)


class Member(NamedTuple):
    """A file of an archive or folder."""

    where: str  # for messages
    path: PurePosixPath  # inside
    content: bytes

    def lines(self, encoding: str) -> Iterator[tuple[int, str]]:
        """Yield its numbered lines."""
        return numbered_lines(BytesIO(self.content), self.where, encoding)


def members(path: str, pattern: str) -> Iterator[Member]:
    """Yield the files whose path inside an archive or folder matches; ``*`` also stands for ``/``.

    Nothing is unpacked to disk. Raises `CorpusError` if the archive is damaged, leads out of itself
    (absolute names, ``..``, links) or unpacks to more than it may, or no file matches.
    """
    place = data_path(path)
    member = None
    for member in _in_folder(place, pattern) if place.is_dir() else _in_archive(path, pattern):
        yield member
    if member is None:
        raise CorpusError(place, f"no file inside matches {pattern!r}")


def _in_folder(folder: Path, pattern: str) -> Iterator[Member]:
    inside = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    for name in inside:
        path = folder / name
        if fnmatchcase(name, pattern) and path.is_file():
            with opened(str(path.absolute())) as file:
                yield Member(str(path), PurePosixPath(name), read_bounded(file, str(path)))


def _in_archive(path: str, pattern: str) -> Iterator[Member]:
    place = data_path(path)
    with opened(path) as file:
        try:
            with tarfile.open(fileobj=file, mode="r|", tarinfo=_StrictHeader) as archive:
                for entry in archive:
                    # Stricter than tarfile.data_filter, which cuts absolute names short and lets
                    # links inside pass.
                    is_plain = (entry.isreg() and not entry.issparse()) or entry.isdir()
                    is_outside = entry.name.startswith("/") or ".." in entry.name.split("/")
                    if not is_plain or is_outside or not entry.name.isprintable():
                        problem = f"holds the unsafe member {entry.name!r}; only plain files"
                        raise CorpusError(place, f"{problem} and folders are read")
                    name = entry.name.removeprefix("./")
                    where, content = f"{place}!{name}", archive.extractfile(entry)
                    if content is not None and fnmatchcase(name, pattern):
                        yield Member(where, PurePosixPath(name), read_bounded(content, where))
            while file.read(1 << 16):  # to the end, where gzip keeps its checksum
                pass
        except _DAMAGE as error:
            raise CorpusError(place, f"is a damaged archive ({error}); fetch it again") from error


class _StrictHeader(tarfile.TarInfo):
    """A header that must not be damaged; tarfile takes a damaged one for the archive's end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _StrictHeader:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            # The zero block at the end; typeshed leaves its name out.
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(str(error)) from error
