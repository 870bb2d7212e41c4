"""From a grid to its cells: every combination of labels and seeds, with its settings resolved."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kakehashi.config.reading import put, read_tree, settings_from_tree
from kakehashi.config.settings import RunSettings, TrainingSettings
from kakehashi.errors import ConfigError
from kakehashi.experiments.fingerprints import Fingerprints
from kakehashi.experiments.grid import SEED, Change, Grid
from kakehashi.experiments.identity import Identity, identify

_Value = TypeVar("_Value")
_DETERMINISTIC = ("crfsuite",)


@dataclass(frozen=True)
class Cell:
    """One run of a grid, or a source model.

    Attributes:
        axes: Axis to label; of a source, ``source`` to its name.
        settings: What to run; ``transfer.source`` is the name of the source.
        identity: Who it is.
        source: The cell it transfers from.
    """

    axes: Mapping[str, str]
    settings: RunSettings
    identity: Identity
    source: Cell | None = None

    @property
    def key(self) -> str:
        """The name of its folder."""
        return self.identity.key

    @property
    def label(self) -> str:
        """Its labels in one line."""
        seed = [f"seed {self.axes[SEED]}"] if SEED in self.axes else []
        return " · ".join([*(v for axis, v in self.axes.items() if axis != SEED), *seed])

    def settings_from(self, source: Path | None) -> RunSettings:
        """Give the settings with the run folder of the source, where there is one."""
        transfer = self.settings.transfer
        if source is None or transfer is None:
            return self.settings
        place = transfer.model_copy(update={"source": str(source.absolute())})
        return self.settings.model_copy(update={"transfer": place})


def expand(grid: Grid, fingerprints: Fingerprints) -> list[Cell]:
    """Make the cells of a grid, in its order: the last axis runs fastest, but for the seed.

    Raises:
        ConfigError: If a config, or what is changed in it, is wrong.
    """
    sources = {name: _source(grid, name, fingerprints) for name in grid.sources}
    axes = [[(axis, label) for label in labels] for axis, labels in grid.labels.items()]
    cells = [
        _cell(grid, dict(labels), sources, fingerprints) for labels in itertools.product(*axes)
    ]
    fingerprints.save()
    return cells


def _source(grid: Grid, name: str, fingerprints: Fingerprints) -> Cell:
    model = grid.sources[name]
    tree = _changed(read_tree(model.config), model.set)
    settings = settings_from_tree(tree, where=f"{grid.name}: source {name!r}")
    return Cell({"source": name}, settings, identify(settings, fingerprints))


def _cell(
    grid: Grid, axes: Mapping[str, str], sources: Mapping[str, Cell], fingerprints: Fingerprints
) -> Cell:
    where = f"{grid.name}: cell {', '.join(axes.values())!r}"
    changes = [grid.axes[axis][label] for axis, label in axes.items() if axis != SEED]
    config = _last((change.config for change in changes), grid.config)
    if config is None:
        raise ConfigError(where, "has no config; name one in the grid or in one of its labels")
    tree = _changed(read_tree(config), grid.set, *(change.set for change in changes))
    put(tree, "training.seed", int(axes[SEED]))
    source = _source_of(grid, changes, sources, where)
    if source is not None:
        groups = _last((change.groups for change in changes), None)
        tree["transfer"] = {"source": source.label, "groups": groups}
    elif grid.sources and tree.get("transfer") is not None:
        raise ConfigError(
            where,
            f"names no groups to transfer, but {config} has [transfer], and this grid names its"
            ' sources itself; take it out there, or say transfer = "null" under [set] here',
        )
    settings = _in_use(settings_from_tree(tree, where))
    identity = identify(settings, fingerprints, source.identity if source else None)
    return Cell(axes, settings, identity, source)


def _source_of(
    grid: Grid, changes: list[Change], sources: Mapping[str, Cell], where: str
) -> Cell | None:
    if all(change.groups is None for change in changes):
        return None
    name = _last((change.source for change in changes), grid.source)
    if name is None:
        raise ConfigError(
            where, "says which groups to transfer, but not from where; add source = NAME"
        )
    return sources[name]


def _in_use(settings: RunSettings) -> RunSettings:
    """Put at its default what a system does not read, so that cells that only differ there agree.

    A system that draws no random numbers has no seed either.
    """
    if settings.system == "kakehashi":
        return settings
    training = TrainingSettings(test_epochs=settings.training.test_epochs)
    if settings.system not in _DETERMINISTIC:
        training = training.model_copy(update={"seed": settings.training.seed})
    return RunSettings(
        name=settings.name,
        system=settings.system,
        corpus=settings.corpus,
        text=settings.text,
        training=training,
    )


def _changed(tree: dict[str, Any], *sets: Mapping[str, Any]) -> dict[str, Any]:
    for overrides in sets:
        for key, value in overrides.items():
            put(tree, key, None if value == "null" else value)
    return tree


def _last(values: Iterator[_Value | None], default: _Value | None) -> _Value | None:
    """Take the last value that is given."""
    return next((value for value in reversed([*values]) if value is not None), default)
