"""The exceptions users meet.

A message is one line: where, what was expected, what came, what to do. What the operating system
refuses, such as a write to a full disk, stays an `OSError`, which `system_problem` puts into words.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from pathlib import Path

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room, then run the same command again"),
    errno.EFBIG: "the limit of file sizes (ulimit -f) is too low for it",
    errno.EROFS: "choose another place",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "change its permissions, or choose another place"),
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


class KakehashiError(Exception):
    """Base class of all errors of this package."""

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes, though subclasses take other arguments."""
        return type(self).__new__, (type(self), str(self)), vars(self)


class CorpusError(KakehashiError):
    """A corpus, vector or prediction file is not what its format says.

    The ``path`` may be that of an archive's member, ``archive!member``; lines count from 1.
    """

    def __init__(self, path: str | Path, problem: str, line: int | None = None) -> None:
        self.path, self.line = str(path), line
        where = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{where}: {problem}")


class TagError(KakehashiError, ValueError):
    """A tag or an entity type is not one that the tagset knows."""

    def __init__(self, tag: str, problem: str) -> None:
        self.tag = tag
        super().__init__(problem)


class ConfigError(KakehashiError, ValueError):
    """A setting is unknown or wrong; ``key`` is its dotted name."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        super().__init__(f"{key}: {problem}" if key else problem)


class FolderError(KakehashiError):
    """A folder at ``path`` cannot be used as asked."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path = str(path)
        super().__init__(f"{self.path}: {problem}")


class ModelError(FolderError):
    """A model folder is damaged, incomplete or of a newer format."""


class RunError(FolderError):
    """A run folder cannot be created or used as asked."""


class TransferError(KakehashiError):
    """A requested transfer is impossible; ``group`` is the layer group."""

    def __init__(self, group: str, problem: str) -> None:
        self.group = group
        super().__init__(problem)


class DivergenceError(KakehashiError):
    """The loss or a weight is no finite number any more, in the epoch of number ``epoch``."""

    def __init__(self, epoch: int, problem: str) -> None:
        self.epoch = epoch
        super().__init__(f"epoch {epoch}: {problem}")


class TrackingError(KakehashiError):
    """A tracker cannot be reached or written to."""


class DistributedError(KakehashiError):
    """The processes of a distributed training differ in what they read, or one of them is gone."""


class MissingExtraError(KakehashiError, ImportError):
    """A library is not installed; an extra installs it, or ``""`` if the package itself should."""

    def __init__(self, module: str, extra: str) -> None:
        checkout = Path(__file__).parents[1]
        name = str(checkout) if (checkout / "pyproject.toml").is_file() else "kakehashi"
        package = f"'{name}[{extra}]'" if extra else name
        super().__init__(f"this needs {module}, which is not installed; run: pip install {package}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return advice for a name that is unknown: the nearest of those that are known, or all."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"


def system_problem(error: OSError) -> str:
    """Describe in one line what the operating system refused, and what the user can do."""
    where = f"{error.filename}: " if error.filename is not None else ""
    problem = " ".join((error.strerror or str(error)).split())
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{problem}; {remedy}" if remedy else where + problem
