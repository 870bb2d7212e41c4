"""What other packages add: segmenters, views and readers, by entry points.

A package names them in its ``pyproject.toml``, as docs/languages.md shows, under
``[project.entry-points."kakehashi.segmenters"]``, ``….views`` and ``….readers``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from kakehashi.errors import ConfigError

Kind = Literal["segmenter", "view", "reader"]


@dataclass(frozen=True)
class Plugin:
    """A function of another package."""

    kind: Kind
    name: str
    package: str  # and its version
    function: Callable[..., Any]

    @property
    def signature(self) -> str:
        """Its name, that of its package, and the version: ``swahili(kakehashi-swahili 1.0)``."""
        return f"{self.name}({self.package})"

    def problem(self, error: Exception) -> ConfigError:
        """Say in one line that it failed."""
        return _problem(self.kind, self.name, self.package, f"failed: {_short(error)}")

    def __call__(self, *arguments: str) -> str:
        """Return the string that it makes of others; `ConfigError` names it if it does not."""
        try:
            made = self.function(*arguments)
        except Exception as error:
            raise self.problem(error) from error
        if not isinstance(made, str):
            raise self.problem(TypeError(f"expected a str, got {type(made).__name__}"))
        return made

    def iterate(self, *arguments: Any, **options: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield what it yields; `ConfigError` names it whatever it raises."""
        try:
            yield from self.function(*arguments, **options)
        except Exception as error:
            raise self.problem(error) from error


def plugin_names(kind: Kind) -> list[str]:
    """List what packages add, without loading it."""
    return sorted({point.name for point in _points(kind)})


def unknown_name(kind: Kind, name: str, ours: Collection[str]) -> str:
    """Return what is wrong with a name that is neither one of ours nor of a plug-in."""
    others = plugin_names(kind)
    near = get_close_matches(name, [*ours, *others], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = f"{', '.join(ours)}{'; ' if ours else ''}of plug-ins: {', '.join(others) or 'none'}"
    return f"there is no {kind} {name!r}; {hint}known: {known}"


@cache
def load_plugin(kind: Kind, name: str) -> Plugin | None:
    """Load what a package adds under a name; None if none does.

    `ConfigError` names the package if loading raises, it is no function, or another has that name.
    """
    points = [point for point in _points(kind) if point.name == name]
    if not points:
        return None
    package, *others = sorted({_package(point) for point in points})
    if others:
        raise _problem(kind, name, package, f"is also one of {others[0]}; uninstall one")
    try:
        function = points[0].load()
    except Exception as error:
        raise _problem(kind, name, package, f"cannot be loaded: {_short(error)}") from error
    if not callable(function):
        raise _problem(kind, name, package, f"expected a function, got {type(function).__name__}")
    return Plugin(kind, name, package, function)


def _points(kind: Kind) -> list[EntryPoint]:
    return list(entry_points(group=f"kakehashi.{kind}s"))


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _problem(kind: Kind, name: str, package: str, problem: str) -> ConfigError:
    return ConfigError(f"{kind} {name!r} of the plug-in {package}", problem)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
