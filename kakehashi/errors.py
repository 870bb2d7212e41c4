"""The exceptions users meet.

::

    KakehashiError
    ├── CorpusError        a file is not what its format says        .path .line
    ├── TagError           a tag or type the tagset does not know    .tag    (also ValueError)
    ├── ConfigError        a setting is unknown or wrong             .key    (also ValueError)
    ├── ModelError         a model folder is damaged, incomplete or too new   .path
    ├── TransferError      the requested transfer is impossible      .group
    ├── RunError           a run folder cannot be created or used    .path
    ├── DivergenceError    training arrived at weights that are no numbers    .epoch
    ├── DistributedError   the processes of a training differ, or one is gone
    ├── TrackingError      a tracker cannot be reached or written to
    └── MissingExtraError  an optional library is not installed      .extra  (also ImportError)

A message is one line: where, what was expected, what came, what to do. What the operating system
refuses, such as a write to a full disk, stays an `OSError`, which `system_problem` puts into words.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "make room, then run the same command again",
    errno.EDQUOT: "make room, then run the same command again",
    errno.EFBIG: "the limit of file sizes (ulimit -f) is too low for it",
    errno.EROFS: "choose another place",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


class KakehashiError(Exception):
    """What every error of this package is."""

    def __reduce__(self) -> tuple[object, ...]:
        """Come back whole from another process, though the classes take other arguments."""
        return _restored, (type(self), str(self), vars(self))


def _restored(
    kind: type[KakehashiError], message: str, attributes: Mapping[str, object]
) -> KakehashiError:
    error = kind.__new__(kind, message)
    vars(error).update(attributes)
    return error


class CorpusError(KakehashiError):
    """Say that a corpus, vector or prediction file is not what its format says.

    Attributes:
        path: The file, or the archive and its member as ``archive!member``.
        line: The line number, from 1; None where lines make no sense.
    """

    def __init__(self, path: str | Path, problem: str, line: int | None = None) -> None:
        self.path = str(path)
        self.line = line
        where = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{where}: {problem}")


class TagError(KakehashiError, ValueError):
    """Say that a tag or an entity type is not one the tagset knows."""

    def __init__(self, tag: str, problem: str) -> None:
        self.tag = tag
        super().__init__(problem)


class ConfigError(KakehashiError, ValueError):
    """Say that a setting is unknown or wrong; ``key`` is its dotted name."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        super().__init__(f"{key}: {problem}" if key else problem)


class ModelError(KakehashiError):
    """Say that a model folder is damaged, incomplete or of a newer format."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path = str(path)
        super().__init__(f"{self.path}: {problem}")


class TransferError(KakehashiError):
    """Say that the requested transfer is impossible; ``group`` is the layer group."""

    def __init__(self, group: str, problem: str) -> None:
        self.group = group
        super().__init__(problem)


class RunError(KakehashiError):
    """Say that a run folder cannot be created or used as asked."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path = str(path)
        super().__init__(f"{self.path}: {problem}")


class DivergenceError(KakehashiError):
    """Training arrived at a loss or weights that are no finite numbers; ``epoch`` says in which."""

    def __init__(self, epoch: int, problem: str) -> None:
        self.epoch = epoch
        super().__init__(f"epoch {epoch}: {problem}")


class TrackingError(KakehashiError):
    """Say that a tracker cannot be reached or written to."""


class DistributedError(KakehashiError):
    """Say that the processes of one training cannot go on together."""


class MissingExtraError(KakehashiError, ImportError):
    """Say that a library is not installed, and how to install it.

    Attributes:
        extra: The extra that installs it; ``""`` for what the package itself installs.
    """

    def __init__(self, module: str, extra: str) -> None:
        self.extra = extra
        checkout = Path(__file__).parents[1]
        name = str(checkout) if (checkout / "pyproject.toml").is_file() else "kakehashi"
        package = f"'{name}[{extra}]'" if extra else name
        super().__init__(f"this needs {module}, which is not installed; run: pip install {package}")


def system_problem(error: OSError) -> str:
    """Describe in one line what the operating system refused, and what the user can do."""
    where = f"{error.filename}: " if error.filename is not None else ""
    problem = " ".join((error.strerror or str(error)).split())
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{problem}; {remedy}" if remedy else where + problem
