"""Bootstrap a named-entity recognizer for a new language from one that already works.

Importing this costs nothing: every name of ``__init__.pyi`` is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path

__version__ = "0.1.0"

_STUB = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
# Its lines read: from MODULE import NAME as NAME
_WORDS = (line.split() for line in _STUB.splitlines() if line.startswith("from "))
_HOMES = {name: module for _, module, _, name, *_ in _WORDS}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'kakehashi' has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        from kakehashi.extras import missing_extra

        raise missing_extra(error) or error from None
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
