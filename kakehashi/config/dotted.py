"""Settings as a flat table, by their dotted names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def dotted(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Name every setting of a tree; lists become JSON.

    Example:
        >>> dict(dotted({"name": "a", "corpus": {"mapping": None, "types": ["LOC"]}}))
        {'name': 'a', 'corpus.mapping': None, 'corpus.types': '["LOC"]'}
    """
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{path}{name}.")
        elif isinstance(value, list):
            yield f"{path}{name}", json.dumps(value, ensure_ascii=False)
        else:
            yield f"{path}{name}", value
