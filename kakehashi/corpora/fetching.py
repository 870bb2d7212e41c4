"""Corpora of the catalogue, brought to this machine: only when asked for, verified, whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kakehashi.config.catalogue import CatalogueEntry, PinnedFile, catalogue_path, find_entry
from kakehashi.corpora.archives import members
from kakehashi.errors import CorpusError
from kakehashi.extras import require
from kakehashi.files import write_atomically
from kakehashi.progress import ProgressBars

_TIMEOUT = 60  # seconds without an answer


def is_fetched(entry: CatalogueEntry) -> bool:
    """Whether all files of a corpus are there."""
    return all(path.exists() for file in entry.files for path in _kept(entry, file))


def fetch(name: str) -> Path:
    """Bring a corpus of the catalogue to this machine, and return its folder.

    What is there already is not brought again. A file whose sum or size differs from what the
    catalogue says is not kept: `CorpusError`; so it is where the address does not answer.
    """
    entry = find_entry(name)
    folder = catalogue_path(entry.folder)
    for file, pinned in entry.files.items():
        if all(path.exists() for path in _kept(entry, file)):
            continue
        _download(pinned, folder / file)
        for member in pinned.unpack:
            for found in members(str(folder / file), member):
                write_atomically(folder / found.path.name, found.content)
    return folder


def _kept(entry: CatalogueEntry, file: str) -> list[Path]:
    """Return the paths of what is read of a file: itself, or the members of an archive."""
    folder = catalogue_path(entry.folder)
    return [folder / Path(name).name for name in entry.files[file].unpack or (file,)]


def _download(pinned: PinnedFile, place: Path) -> None:
    pooch: Any = require("pooch", "corpora")
    pooch.get_logger().setLevel("WARNING")
    try:
        with _bar(place.name, pinned.bytes) as bar:
            pooch.retrieve(
                pinned.address,
                f"sha256:{pinned.sha256}",
                fname=place.name,
                path=place.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT),
            )
    except _TooLargeError:
        problem = f"has more than the {pinned.bytes:,} bytes of the catalogue; nothing is kept"
        raise CorpusError(pinned.address, problem) from None
    except ValueError as error:
        if "hash" not in str(error):
            raise
        problem = f"is not the file of the catalogue, whose SHA-256 is {pinned.sha256}"
        raise CorpusError(pinned.address, f"{problem}; nothing is kept") from None
    except OSError as error:  # those of requests are such, without a number
        if error.errno is not None:
            raise
        first = next(iter(str(error).splitlines()), "")
        problem = f"cannot be downloaded ({type(error).__name__}: {first[:160]})"
        raise CorpusError(pinned.address, f"{problem}; try again later") from error


class _TooLargeError(Exception):
    """More comes than the catalogue says."""


@contextmanager
def _bar(label: str, size: int) -> Iterator[Any]:
    """Yield what the downloader tells how many bytes have come."""
    with ProgressBars().bars() as bars:
        task = bars.add_task(label, total=size)

        class Bar:
            total = size

            def update(self, count: int) -> None:
                bars.advance(task, count)
                if bars.tasks[0].completed > size + count:  # the last count may be less in bytes
                    raise _TooLargeError

            def reset(self) -> None:
                bars.reset(task)

            def close(self) -> None:
                pass

        yield Bar()
