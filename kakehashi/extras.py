"""Optional libraries, imported where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from kakehashi.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module, which an extra of this package installs.

    Raises:
        MissingExtraError: If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtraError(module, extra) from error
