"""Optional libraries, imported where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from kakehashi.errors import MissingExtraError

_EXTRAS = {"torch": "train", "pyarrow": "parquet", "jinja2": "train"}


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module; `MissingExtraError` names the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtraError(module, extra) from error


def missing_extra(error: Exception) -> MissingExtraError | None:
    """Return what to raise instead, where large libraries that an extra installs are not there."""
    name = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return MissingExtraError(name, _EXTRAS[name]) if name in _EXTRAS else None
