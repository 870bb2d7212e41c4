"""Models on the Hugging Face Hub: an address loads like a folder.

``hf://OWNER/NAME`` is the newest model of a repository, ``hf://OWNER/NAME@REVISION`` that of a
commit, tag or branch.
"""

from __future__ import annotations

import re
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

from kakehashi import __version__
from kakehashi.errors import ConfigError, ModelError
from kakehashi.extras import require

# A Path has one slash where the address has two.
_ADDRESS = re.compile(r"hf:/{1,2}(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_FILES = ["*.json", "*.safetensors", "SHA256SUMS"]
_SHA = re.compile("[0-9a-f]{40}")


def is_address(path: str | Path) -> bool:
    """Whether a path is an address on the Hub."""
    return str(path).startswith("hf:/")


@lru_cache(maxsize=32)
def download(address: str) -> Path:
    """Return the folder of a model on the Hub, downloaded once and kept in the library's cache.

    Without a revision a warning names the commit. Where ``HF_HUB_OFFLINE`` is 1, only what is in
    the cache is found. `ModelError` if there is no such model, or the Hub does not answer.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ModelError(address, "is no address; expected hf://OWNER/NAME or hf://OWNER/NAME@TAG")
    name, revision = found["name"], found["revision"]
    hub = _hub()
    try:
        folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # of whatever kind: the library reads what the Hub answers
        raise ModelError(f"hf://{name}", f"cannot be downloaded: {_worded(error)}") from error
    if revision is None and _SHA.fullmatch(folder.name):
        warnings.warn(
            f"hf://{name} is whatever is newest; to load the same model again, name the commit:"
            f" hf://{name}@{folder.name}",
            stacklevel=2,
        )
    return folder


def upload(folder: Path, name: str, *, private: bool = False) -> str:
    """Upload what `kakehashi.reports.model_card` has written, and return the address of the commit.

    `ModelError` if the Hub refuses, or does not answer: nothing of it is there then, or all.
    """
    hub = _hub()
    try:
        hub.create_repo(name, private=private, exist_ok=True)
        message = f"A model of kakehashi {__version__}"
        commit = hub.upload_folder(repo_id=name, folder_path=folder, commit_message=message)
    except Exception as error:  # likewise
        raise ModelError(f"hf://{name}", f"cannot be uploaded: {_worded(error)}") from error
    return f"hf://{name}@{commit.oid}"


def check_name(name: str) -> None:
    """Raise a `ConfigError` if this names no repository."""
    if is_address(name) or not _ADDRESS.fullmatch(f"hf://{name}") or "@" in name:
        raise ConfigError(name, "expected the name of a repository, OWNER/NAME")


def _hub() -> Any:  # noqa: ANN401
    hub = require("huggingface_hub", "hub")
    if not sys.stderr.isatty():
        require("huggingface_hub.utils", "hub").disable_progress_bars()
    return hub


def _worded(error: Exception) -> str:
    """Put into one line what the library has made of the Hub's answer, or of none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        return f"there is no such repository or revision, or it is not yours (HTTP {status})"
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]
