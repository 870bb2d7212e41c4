"""Where data files lie."""

from __future__ import annotations

import os
from pathlib import Path

DATA_VARIABLE = "KAKEHASHI_DATA"


def data_path(path: str | Path) -> Path:
    """Take a relative path from the folder in ``KAKEHASHI_DATA``, else from where we are."""
    return Path(os.environ.get(DATA_VARIABLE, "")) / path


def missing_hint(path: str | Path) -> str:
    """Say from where a relative path is taken, for a message that it leads nowhere."""
    if Path(path).is_absolute():
        return ""
    folder = os.environ.get(DATA_VARIABLE)
    if folder:
        return f"; relative paths are taken from {DATA_VARIABLE}={folder}"
    return (
        f"; relative paths are taken from the working directory, since {DATA_VARIABLE} is not set"
    )
