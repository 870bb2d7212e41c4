"""Type mappings as data: shipped ones by name, others by file.

A mapping is TOML: under ``[types]`` what each type becomes, in ``drop`` the types without a
counterpart. A type in neither is an error, so that no entity goes missing unnoticed.
"""

from __future__ import annotations

import difflib
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from kakehashi.config.sources import Settings
from kakehashi.errors import ConfigError
from kakehashi.tags import TypeMapping

_SUFFIX = ".toml"
_SHIPPED = resources.files(__package__) / "data"


class _File(Settings):
    types: dict[str, str]
    drop: tuple[str, ...] = ()


def shipped_mappings() -> tuple[str, ...]:
    """Name the mappings that come with the package."""
    names = (file.name for file in _SHIPPED.iterdir() if file.name.endswith(_SUFFIX))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names))


def load_mapping(name: str) -> TypeMapping:
    """Load a mapping.

    Args:
        name: A shipped one, or a file that ends in ``.toml``.

    Raises:
        ConfigError: If there is none of that name, or the file is malformed.

    Example:
        >>> load_mapping("irex-to-conll").types["PERSON"]
        'PER'
    """
    if name.endswith(_SUFFIX):
        return _read(Path(name))
    if name in shipped_mappings():
        return _read(_SHIPPED / f"{name}{_SUFFIX}")
    near = difflib.get_close_matches(name, shipped_mappings(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"shipped: {', '.join(shipped_mappings())}"
    raise ConfigError(
        "corpus.mapping", f"there is no type mapping {name!r}; {hint} (a file's name ends in .toml)"
    )


def _read(file: Traversable) -> TypeMapping:
    try:
        content = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError("corpus.mapping", f"{file}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError("corpus.mapping", f"{file}: {key}: {first['msg']}") from None
    except ValueError as error:
        raise ConfigError("corpus.mapping", f"{file}: is not TOML ({error})") from None
    types = content.types | dict.fromkeys(content.drop)
    return TypeMapping(file.name.removesuffix(_SUFFIX), types)
