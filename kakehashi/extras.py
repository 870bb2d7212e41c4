"""Optional libraries, imported where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from kakehashi.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module; `MissingExtraError` names the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtraError(module, extra) from error
