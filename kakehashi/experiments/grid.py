"""A grid file: which runs answer a question, and how their table is laid out.

docs/experiments.md describes the file. Configs are looked for beside the grid file. In ``set``,
``"null"`` takes a setting away, as it does on the command line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, AliasChoices, Field, ValidationError, ValidationInfo

from kakehashi.config.reading import config_error, read_tree
from kakehashi.config.sources import Settings
from kakehashi.config.teaching import Group
from kakehashi.errors import ConfigError, suggestion

SEED = "seed"


def _beside(path: str, info: ValidationInfo) -> str:
    """Resolve a path in the folder of the grid file, unless nothing is there (``demo-ja``)."""
    beside = Path((info.context or {}).get("folder", "")) / path
    shipped = "/" not in path and not path.endswith((".toml", ".json"))
    return path if shipped and not beside.exists() else str(beside)


ConfigPath = Annotated[str, AfterValidator(_beside)]
Overrides = Mapping[str, Any]  # dotted keys and their values


class SourceModel(Settings):
    """A model to transfer from: a run of its own, trained once."""

    config: ConfigPath
    set: Overrides = Field({})


class Change(Settings):
    """What one label of an axis changes in the runs that have it."""

    config: ConfigPath | None = None
    source: str | None = None  # name of the source to transfer from
    groups: tuple[Group, ...] | None = Field(None, min_length=1)  # to transfer; default none
    teachers: tuple[str, ...] | None = Field(None, min_length=1)  # other labels of the same axis
    teacher_seeds: int = Field(1, ge=1)  # 1: that of the run itself; else 1 to so many, of each
    set: Overrides = Field({})


class Report(Settings):
    """How the table is laid out, and what is compared to what."""

    rows: str
    columns: str | None = None
    baseline: Mapping[str, str] = {}
    reference: Mapping[str, str] = Field(
        {}, validation_alias=AliasChoices("reference", "yardstick")  # of version 0.1
    )  # fmt: skip
    full: Mapping[str, str] = {}  # of the runs that have all labels, for grids with [set.selection]
    figures: tuple[Literal["size", "types", "selection"], ...] = ()
    x: str | None = None  # axis along the bottom of the size figure


class Grid(Settings):
    """A question: axes of changes to a config, and one run per combination and seed."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
    title: str = ""
    seeds: tuple[int, ...] = (1,)
    config: ConfigPath | None = None  # of runs whose labels name none; the same for source
    source: str | None = None
    set: Overrides = Field({})  # for every run, but not for sources
    sources: Mapping[str, SourceModel] = {}
    axes: Mapping[str, Mapping[str, Change]]
    report: Report

    @pydantic.model_validator(mode="after")
    def _check_axes(self) -> Grid:
        if not self.seeds:
            raise ValueError("'seeds' is empty; give it a number")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed stands in 'seeds' twice")
        if SEED in self.axes:
            raise ValueError("the axis 'seed' is made from 'seeds'; give another name to yours")
        _check_known("source", self.source, self.sources, "source")
        for axis, labels in self.axes.items():
            if not labels:
                raise ValueError(f"the axis {axis!r} is empty; give it a label, or remove it")
            for label, change in labels.items():
                where = f"axes.{axis}.{label!r}"
                _check_known(where, change.source, self.sources, "source")
                for teacher in change.teachers or ():
                    _check_known(f"{where}.teachers", teacher, labels, "label")
        return self

    @pydantic.model_validator(mode="after")
    def _check_report(self) -> Grid:
        for key in ("rows", "columns", "x"):
            _check_known(f"report.{key}", getattr(self.report, key), self.labels, "axis")
        if "size" in self.report.figures and self.report.x is None:
            raise ValueError("report.x: the figure 'size' needs the axis along its bottom")
        for key in ("baseline", "reference", "full"):
            for axis, label in getattr(self.report, key).items():
                _check_known(f"report.{key}", axis, self.labels, "axis")
                _check_known(f"report.{key}.{axis}", label, self.labels[axis], "label")
        return self

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of every axis, ``seed`` the last of them."""
        labels = {axis: tuple(changes) for axis, changes in self.axes.items()}
        return labels | {SEED: tuple(map(str, self.seeds))}

    def only(self, choices: Iterable[str]) -> Grid:
        """Return the part with these labels, ``AXIS=LABEL``; a ConfigError if one is unknown."""
        all_labels, chosen = self.labels, dict[str, list[str]]()
        for choice in choices:
            axis, _, label = choice.partition("=")
            if label not in all_labels.get(axis, ()):
                known = "; ".join(f"{axis}={'|'.join(all_labels[axis])}" for axis in all_labels)
                problem = f"there is no such axis and label; known: {known}"
                raise ConfigError(f"--only {choice}", problem)
            chosen.setdefault(axis, []).append(label)
        kept = all_labels | chosen
        axes = {
            axis: {label: change for label, change in labels.items() if label in kept[axis]}
            for axis, labels in self.axes.items()
        }
        seeds = tuple(seed for seed in self.seeds if str(seed) in kept[SEED])
        return self.model_copy(update={"axes": axes, "seeds": seeds})


def read_grid(path: str | Path) -> Grid:
    """Read a grid file; raises a ConfigError if it is not TOML, or a key or name in it is wrong."""
    tree = json.dumps(read_tree(path), default=str)
    try:
        return Grid.model_validate_json(tree, context={"folder": Path(path).parent})
    except ValidationError as error:
        raise config_error(error, str(path), Grid) from None


def _check_known(where: str, name: str | None, names: Iterable[str], noun: str) -> None:
    if name is not None and name not in names:
        raise ValueError(f"{where}: there is no {noun} {name!r}; {suggestion(name, names)}")
