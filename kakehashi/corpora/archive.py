"""The files of a tar.gz, or of the folder it was unpacked to, one by one; none goes to disk."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from kakehashi.config.reading import data_path
from kakehashi.corpora.lines import LARGEST_FILE, opened
from kakehashi.errors import CorpusError

# What tarfile raises on damaged headers, beside its own errors.
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, RecursionError)


class Member(NamedTuple):
    """One file of an archive or folder.

    Attributes:
        where: Archive and path inside, for messages.
        folder: The name of the folder it lies in.
        stem: Its own name without suffix.
        content: Its bytes.
    """

    where: str
    folder: str
    stem: str
    content: bytes


def members(path: str, pattern: str) -> Iterator[Member]:
    """Yield the files whose path inside matches: an archive's in its order, a folder's sorted.

    Args:
        path: A tar file, plain or gzip, or a folder.
        pattern: Shell-style; ``*`` also stands for ``/``.

    Raises:
        CorpusError: If the archive is damaged, leads out of itself (absolute names, ``..``, links)
            or unpacks to something unreasonably large, or no file matches.
    """
    place = data_path(path)
    found = False
    for member in _in_folder(place, pattern) if place.is_dir() else _in_archive(path, pattern):
        found = True
        yield member
    if not found:
        raise CorpusError(place, f"no file inside matches {pattern!r}")


def _in_folder(folder: Path, pattern: str) -> Iterator[Member]:
    files = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    for name, path in sorted(files):
        if fnmatchcase(name, pattern) and path.is_file():
            with opened(str(path.absolute())) as file:
                yield _member(str(path), name, file)


def _in_archive(path: str, pattern: str) -> Iterator[Member]:
    place = data_path(path)
    with opened(path) as file:
        try:
            with tarfile.open(fileobj=file, mode="r|", tarinfo=_StrictHeader) as archive:
                for entry in archive:
                    _refuse_unsafe(entry, place)
                    name = entry.name.removeprefix("./")
                    content = archive.extractfile(entry)
                    if content is not None and fnmatchcase(name, pattern):
                        yield _member(f"{place}!{name}", name, content)
            while file.read(1 << 16):  # to the end, where gzip keeps its checksum
                pass
        except _DAMAGE as error:
            raise CorpusError(place, f"is a damaged archive ({error}); fetch it again") from error


def _member(where: str, name: str, file: IO[bytes]) -> Member:
    content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CorpusError(where, f"is larger than {LARGEST_FILE >> 20} MiB")
    path = PurePosixPath(name)
    return Member(where, path.parent.name, path.stem, content)


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


def _refuse_unsafe(entry: tarfile.TarInfo, place: Path) -> None:
    path = PurePosixPath(entry.name)
    plain = (entry.isreg() and not entry.issparse()) or entry.isdir()
    if not plain or path.is_absolute() or ".." in path.parts or not entry.name.isprintable():
        raise CorpusError(
            place, f"holds the unsafe member {entry.name!r}; only plain files and folders are read"
        )
