"""SHA-256 of files, computed once per state of a file.

What makes two cells the same: all that can change a score, and nothing else.

A new setting that leaves everything as it was at its default changes no identity. Whoever changes
a default, or anything else that moves scores, raises `SCORES`.

From a grid to its cells: every combination of labels and seeds, with its settings resolved.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from kakehashi.baselines.baseline import BASELINES
from kakehashi.config.reading import data_path, put, read_tree, settings_from_tree
from kakehashi.config.settings import RunSettings, TextSettings, TrainingSettings
from kakehashi.config.sources import AssistantSource, Settings
from kakehashi.corpora import assistant
from kakehashi.errors import ConfigError, MissingExtraError
from kakehashi.experiments.grid import SEED, Change, Grid
from kakehashi.files import sha256_of, write_json
from kakehashi.text.segment import segmenter_of

MISSING = "missing"


class Fingerprints:
    """Remembers the sums of files by path, size and time of change, so that asking again is cheap.

    Args:
        memory: JSON file that keeps them.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._sums: dict[str, str] = _read(memory)
        self._learnt = False

    def of(self, path: Path) -> str:
        """Give the sum of a file, or of all files in a folder; ``missing`` where there is none."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            lines = [f"{self._of_file(file)}  {file.relative_to(path)}\n" for file in files]
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        return self._of_file(path) if path.is_file() else MISSING

    def save(self) -> None:
        """Keep what was learnt, if the folder lets us; else it will be computed again."""
        if self._learnt:
            with contextlib.suppress(OSError):
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                write_json(self._memory, self._sums)

    def _of_file(self, file: Path) -> str:
        state = file.stat()
        name = f"{file.absolute()} {state.st_size} {state.st_mtime_ns}"
        if name not in self._sums:
            self._sums[name] = sha256_of(file)
            self._learnt = True
        return self._sums[name]


def _read(memory: Path) -> dict[str, str]:
    try:
        sums: dict[str, str] = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return sums


SCORES = "1"

_NOT_TELLING = ("name", "preset")  # what a preset sets stands in the settings themselves
_GRAMMARS = Path(assistant.__file__).parent / "data"
_WIDTH = 16
_MANIFEST = "SHA256SUMS"  # kakehashi.model.folder.MANIFEST, which loads torch


@dataclass(frozen=True)
class Identity:
    """Who a cell is.

    Attributes:
        config: Hash of its settings, and of those of its source.
        facts: What else its scores hang on, and in which state that was: SHA-256 of every file,
            version of every program; those of its source too.
    """

    config: str
    facts: Mapping[str, str]

    @property
    def key(self) -> str:
        """Name it, in hexadecimal."""
        return _hash([self.config, sorted(self.facts.items())])

    @property
    def missing(self) -> list[str]:
        """The facts that cannot be told here, such as a corpus that is not on this machine."""
        return [name for name, state in self.facts.items() if state == MISSING]

    def changes(self, other: Identity) -> list[str]:
        """Name the facts that differ from those of an older cell."""
        names = sorted({*self.facts, *other.facts})
        return [name for name in names if self.facts.get(name) != other.facts.get(name)]

    def may_be(self, other: Identity) -> bool:
        """Say whether the other has the same settings, and differs in no fact known here."""
        return self.config == other.config and set(self.changes(other)) <= set(self.missing)


def identify(
    settings: RunSettings, fingerprints: Fingerprints, source: Identity | None = None
) -> Identity:
    """Tell who the cell of some settings is.

    Args:
        settings: Of the cell.
        fingerprints: Tells the state of files.
        source: Who the cell is that it transfers from; without one, ``transfer.source`` is the
            folder of a model, and its weights count, wherever they lie.
    """
    tree = {name: value for name, value in _telling(settings).items() if name not in _NOT_TELLING}
    facts = {"kakehashi's scores": SCORES, **_programs(settings)}
    for name, path in _files(settings):
        facts[name] = fingerprints.of(path)
    if settings.transfer is not None:
        tree["transfer"] = list(settings.transfer.groups)
        if source is None:
            facts["source model"] = fingerprints.of(_manifest(settings.transfer.source))
    if source is not None:
        tree["source"] = source.config
        facts = {**source.facts, **facts}
    return Identity(_hash(tree), facts)


def missing_files(settings: RunSettings) -> list[str]:
    """Name the files of a run that are not there, as its settings name them."""
    return [name for name, path in _files(settings) if not path.exists()]


def _manifest(source: str) -> Path:
    """Find the file that vouches for the weights of a model folder, or of a run folder's model."""
    inner = Path(source) / "model" / _MANIFEST
    return inner if inner.exists() else Path(source) / _MANIFEST


def _telling(settings: Settings) -> dict[str, object]:
    """Take what is not at its default; the format of a source always tells."""
    tree = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "format" or value != field.default:
            tree[name] = _plain(value)
    return tree


def _plain(value: object) -> object:
    if isinstance(value, Settings):
        return _telling(value)
    return [_plain(member) for member in value] if isinstance(value, tuple) else value


def _files(settings: RunSettings) -> Iterator[tuple[str, Path]]:
    corpus = settings.corpus
    for source in (*corpus.train, *corpus.dev, *corpus.test, *corpus.all):
        if isinstance(source, AssistantSource):
            yield "the built-in grammars", _GRAMMARS
        else:
            yield source.path, data_path(source.path)
    if settings.vectors is not None:
        yield settings.vectors.path, data_path(settings.vectors.path)
    if corpus.mapping is not None and corpus.mapping.endswith(".toml"):
        yield corpus.mapping, Path(corpus.mapping)


def _programs(settings: RunSettings) -> dict[str, str]:
    versions = {f"segmenter {settings.text.segmenter}": _segmenter(settings.text)}
    if settings.system in BASELINES:
        versions[f"system {settings.system}"] = _library(BASELINES[settings.system].package)
    return versions


@functools.cache
def _segmenter(text: TextSettings) -> str:
    try:
        return segmenter_of(text).signature
    except MissingExtraError:
        return MISSING


def _library(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_WIDTH]


_Value = TypeVar("_Value")


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
    if settings.system not in BASELINES or not BASELINES[settings.system].deterministic:
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
