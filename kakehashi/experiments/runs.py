"""From a grid to its runs: settings resolved, and a fingerprint of all that can change a score.

A new setting that leaves everything as it was at its default changes no fingerprint. One whose
default is new names in its field, as ``unhashed``, the value that changes none. Whoever changes
anything else that changes scores raises `SCORES`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from kakehashi.baselines import BASELINES, version_of
from kakehashi.config.architecture import ModelSettings
from kakehashi.config.reading import data_path, put, read_tree, settings_from_tree
from kakehashi.config.segmenting import TextSettings
from kakehashi.config.settings import RunSettings, TrainingSettings
from kakehashi.config.sources import AssistantSource, PluginSource, Settings, Source
from kakehashi.corpora import assistant
from kakehashi.corpora.plugin import find_reader
from kakehashi.encoders.locate import E5, E5_SHA256
from kakehashi.errors import ConfigError, MissingExtraError
from kakehashi.experiments.grid import SEED, Grid
from kakehashi.files import read_json, sha256_of, write_json
from kakehashi.runtime.checked_folder import MANIFEST
from kakehashi.text.segment import segmenter_of
from kakehashi.text.views import view_signature
from kakehashi.training.given import joined

SCORES = "1"
MISSING = "missing"


class FileHashes:
    """SHA-256 of files, kept in a JSON file by path, size and time of change."""

    def __init__(self, memory: Path) -> None:
        self._memory, self._changed = memory, False
        self._sums: dict[str, str] = read_json(memory)

    def of(self, path: Path) -> str:
        """Hash a file, or all files in a folder; ``missing`` where there is none."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            lines = [f"{self._of_file(file)}  {file.relative_to(path)}\n" for file in files]
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        return self._of_file(path) if path.is_file() else MISSING

    def save(self) -> None:
        """Write the JSON file, if the folder allows it."""
        with contextlib.suppress(OSError):
            if self._changed:
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                write_json(self._memory, self._sums)

    def _of_file(self, file: Path) -> str:
        state = file.stat()
        name = f"{file.absolute()} {state.st_size} {state.st_mtime_ns}"
        if name not in self._sums:
            self._sums[name], self._changed = sha256_of(file), True
        return self._sums[name]


@dataclass(frozen=True)
class Fingerprint:
    """What makes two runs the same: all that can change a score, and nothing else."""

    config: str  # hash of the settings, and of those of the source
    facts: Mapping[str, str]  # SHA-256 of every file, version of every program; of the source too

    @property
    def key(self) -> str:
        """The hash that names the run folder."""
        return _hash([self.config, sorted(self.facts.items())])

    @property
    def missing(self) -> list[str]:
        """The facts that are unknown here, such as a corpus that is not on this machine."""
        return [name for name, state in self.facts.items() if state == MISSING]

    def changes(self, other: Fingerprint) -> list[str]:
        """Return the names of the facts that differ."""
        return sorted({name for name, _ in self.facts.items() ^ other.facts.items()})

    def may_be(self, other: Fingerprint) -> bool:
        """Whether the other has the same settings, and differs in no fact known here."""
        return self.config == other.config and set(self.changes(other)) <= set(self.missing)


def fingerprint_of(
    settings: RunSettings,
    hashes: FileHashes,
    source: Fingerprint | None = None,
    teachers: Sequence[Fingerprint] = (),
) -> Fingerprint:
    """Compute the fingerprint of a run that transfers and learns from runs with these fingerprints.

    Without, ``transfer.source`` and ``teach.teachers`` name folders and files, whose content counts
    and not their place.
    """
    # What a preset or a language sets is in the settings themselves.
    text = settings.text
    spelled_out = {"text": text.model_copy(update={"language": None})}
    tree = _not_default(settings.model_copy(update=spelled_out))
    tree = {k: v for k, v in tree.items() if k not in ("name", "preset")}
    facts = {"kakehashi's scores": SCORES, f"segmenter {text.segmenter}": _segmenter(text)}
    facts |= dict(_plugins(settings))
    if settings.system in BASELINES:
        with contextlib.suppress(PackageNotFoundError):
            facts[f"system {settings.system}"] = MISSING
            facts[f"system {settings.system}"] = version_of(settings.system)
    if settings.encoder is not None:
        name = settings.encoder.name
        facts[f"encoder {name}"] = E5_SHA256 if name == E5 else hashes.of(Path(name))
    facts |= {name: hashes.of(path) for name, path in files_of(settings)}
    if settings.transfer is not None:
        tree["transfer"] = list(settings.transfer.groups)
        if source is None:
            facts["source model"] = hashes.of(_content(settings.transfer.source))
    if settings.teach is not None:
        del tree["teach"]["teachers"]
        for number, name in enumerate(() if teachers else settings.teach.teachers, 1):
            facts[f"teacher {number}"] = hashes.of(_content(name))
    if source is not None:
        tree["source"] = source.config
    if teachers:
        tree["teachers"] = [teacher.config for teacher in teachers]
    for made in (*teachers, *([source] if source is not None else [])):
        facts = {**made.facts, **facts}
    return Fingerprint(_hash(tree), facts)


def _content(name: str) -> Path:
    """Return what stands for a model: the sums of its files, or a file of labels itself."""
    places = (Path(name) / file for file in (f"model/{MANIFEST}", MANIFEST, "model.crfsuite"))
    return next((place for place in places if place.exists()), Path(name))


def _not_default(value: object) -> Any:  # noqa: ANN401 a tree of JSON
    """Return what is not at its default of old; the format of a corpus source always counts."""
    if isinstance(value, tuple):
        return [_not_default(member) for member in value]
    if not isinstance(value, Settings):
        return value
    found = {}
    for name, field in type(value).model_fields.items():
        own = getattr(value, name)
        hashed = _not_default(own)
        # A table at its defaults of today counts if one of these is new.
        is_new = own != _old_default(field) or (isinstance(own, Settings) and hashed)
        if name == "format" or is_new:
            found[name] = hashed
    return found


def _old_default(field: FieldInfo) -> object:
    if isinstance(field.default, TextSettings):  # all of it at its defaults of old
        return field.default.model_copy(update={"plausible": False})
    extra = field.json_schema_extra
    return extra.get("unhashed", field.default) if isinstance(extra, dict) else field.default


def files_of(settings: RunSettings) -> Iterator[tuple[str, Path]]:
    """Yield the files that a run reads, each with its name in the settings."""
    corpus, teach, joint = settings.corpus, settings.teach, settings.joint
    for source in _sources(settings):
        if isinstance(source, AssistantSource):
            yield "the built-in grammars", Path(assistant.__file__).parent / "data"
        else:
            yield source.path, data_path(source.path)
    if settings.vectors is not None:
        names = filter(None, (settings.vectors.path, settings.vectors.align_to))
        yield from ((name, data_path(name)) for name in names)
    for mapping in (each.mapping for each in (corpus, teach, joint) if each is not None):
        if mapping is not None and mapping.endswith(".toml"):
            yield mapping, Path(mapping)


def _sources(settings: RunSettings) -> Iterator[Source]:
    corpus, teach, joint = settings.corpus, settings.teach, settings.joint
    yield from (*corpus.train, *corpus.dev, *corpus.test, *corpus.all)
    yield from teach.unlabeled if teach is not None and teach.unlabeled != "rest" else ()
    yield from joint.train if joint is not None else ()


def _plugins(settings: RunSettings) -> Iterator[tuple[str, str]]:
    """Yield the views and readers that other packages compute, each with its version."""
    for name in {settings.model.word_view, settings.model.char_view}:
        try:
            signature = view_signature(name)
        except MissingExtraError:
            signature = MISSING
        if signature != name:
            yield f"view {name}", signature
    for source in _sources(settings):
        if isinstance(source, PluginSource):
            yield f"reader {source.reader}", find_reader(source).signature


@functools.cache
def _segmenter(text: TextSettings) -> str:
    try:
        return segmenter_of(text).signature
    except MissingExtraError:
        return MISSING


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunSpec:
    """A planned run of a grid, or its source."""

    axes: Mapping[str, str]  # axis to label; of a source, ``source`` to its name
    settings: RunSettings  # names the source and the teachers by their labels
    fingerprint: Fingerprint
    source: RunSpec | None = None  # the run it transfers from
    teachers: tuple[RunSpec, ...] = ()  # the runs it learns from

    @property
    def needs(self) -> tuple[RunSpec, ...]:
        """The runs that must be finished before."""
        return (*([self.source] if self.source is not None else []), *self.teachers)

    @property
    def key(self) -> str:
        """The name of its folder."""
        return self.fingerprint.key

    @property
    def label(self) -> str:
        """Its labels in one line."""
        return " · ".join(f"seed {v}" if axis == SEED else v for axis, v in self.axes.items())


def expand(grid: Grid, hashes: FileHashes) -> list[RunSpec]:
    """List the runs of a grid, the seed varying fastest; a ConfigError if a config is wrong."""
    sources = {}
    for name, model in grid.sources.items():
        tree = _changed(read_tree(model.config), model.set)
        settings = settings_from_tree(tree, where=f"{grid.name}: source {name!r}")
        sources[name] = RunSpec({"source": name}, settings, fingerprint_of(settings, hashes))
    axes = [[(axis, label) for label in labels] for axis, labels in grid.labels.items()]
    specs = [_spec(grid, dict(labels), sources, hashes) for labels in itertools.product(*axes)]
    hashes.save()
    return specs


def _spec(
    grid: Grid,
    axes: Mapping[str, str],
    sources: Mapping[str, RunSpec],
    hashes: FileHashes,
    pupils: tuple[str, ...] = (),
) -> RunSpec:
    """Plan a run, and those that teach it; ``pupils`` are the runs that this one teaches."""
    where = f"{grid.name}: run {', '.join(axes.values())!r}"
    if where in pupils:
        raise ConfigError(where, "teaches itself; name other labels under teachers")
    changes = [grid.axes[axis][label] for axis, label in axes.items() if axis != SEED]
    chosen: dict[str, Any] = {"config": grid.config, "source": grid.source, "groups": None}
    for change in changes:  # the last label that names one decides
        chosen |= change.model_dump(include=set(chosen), exclude_none=True)
    config, name, groups = chosen["config"], chosen["source"], chosen["groups"]
    if config is None:
        raise ConfigError(where, "has no config; name one in the grid or in one of its labels")
    tree = _changed(read_tree(config), grid.set, *(change.set for change in changes))
    put(tree, "training.seed", int(axes[SEED]))
    if groups is not None:
        if name is None:
            problem = "says which groups to transfer, but not from where; add source = NAME"
            raise ConfigError(where, problem)
        tree["transfer"] = {"source": name, "groups": groups}
    elif grid.sources and tree.get("transfer") is not None:
        problem = f"names no groups to transfer, but {config} has [transfer], and this grid names"
        remedy = 'take it out there, or say transfer = "null" under [set] here'
        raise ConfigError(where, f"{problem} its sources itself; {remedy}")
    teachers = [
        _spec(grid, {**axes, axis: label, SEED: seed}, sources, hashes, (*pupils, where))
        for axis, own in axes.items()
        if axis != SEED
        for label in grid.axes[axis][own].teachers or ()
        for seed in _teacher_seeds(grid.axes[axis][own].teacher_seeds, axes[SEED])
    ]
    if teachers:
        put(tree, "teach.teachers", [teacher.label for teacher in teachers])
    elif "teachers" not in (tree.get("teach") or {}):
        tree.pop("teach", None)  # that the grid sets for the rows that have teachers
    settings = _without_unused(settings_from_tree(tree, where))
    source = sources[name] if groups is not None else None
    if source is not None:
        settings = joined(settings, source.settings.corpus)
    made = (source.fingerprint if source else None, [each.fingerprint for each in teachers])
    fingerprint = fingerprint_of(settings, hashes, *made)
    return RunSpec(axes, settings, fingerprint, source, tuple(teachers))


def _teacher_seeds(n_seeds: int, own: str) -> list[str]:
    return [own] if n_seeds == 1 else [str(seed) for seed in range(1, n_seeds + 1)]


def _without_unused(settings: RunSettings) -> RunSettings:
    """Reset what a system does not read to its default of old: such runs share a fingerprint."""
    if settings.system == "encoder":
        return settings.model_copy(update={"vectors": None, "model": ModelSettings()})
    if settings.system not in BASELINES:
        return settings
    seed = set() if BASELINES[settings.system].deterministic else {"seed"}
    training = {k: _old_default(field) for k, field in TrainingSettings.model_fields.items()}
    training |= settings.training.model_dump(include={"test_epochs"} | seed)
    read = {name: getattr(settings, name) for name in ("name", "system", "corpus", "text")}
    read["text"] = settings.text.model_copy(update={"plausible": False})
    return RunSettings(**read, training=TrainingSettings.model_validate(training))


def _changed(tree: dict[str, Any], *sets: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in (item for overrides in sets for item in overrides.items()):
        put(tree, key, None if value == "null" else value)
    return tree
