"""From English data, few target labels and unlabeled text to a small recognizer: the trainings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kakehashi.config.reading import read_tree, settings_from_tree
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import Source
from kakehashi.corpora.corpus import load_corpora, load_joint
from kakehashi.training.labeling import count_texts

TeacherSystem = Literal["encoder", "kakehashi"]

# Seconds per sentence of MASSIVE, on one thread of a server processor that nobody else keeps busy;
# rounded from trainings of 250 to 11,514 sentences. Longer sentences take longer.
_TRAINING = {"encoder": 0.015, "kakehashi": 0.015}
_LABELING = {"encoder": 0.007, "kakehashi": 0.001}
# A teacher's English training on an encoder as it was measured, which more epochs make longer.
_ON_ENGLISH = {"max_epochs": 8, "patience": 3}
# Seconds of a training, however little there is to learn from; dev and test are encoded too.
_LEAST = {"encoder": 60.0, "kakehashi": 30.0}


class Step(NamedTuple):
    """A training, its run folder, what it learns from, and about how long it takes."""

    folder: Path
    settings: RunSettings
    n_gold: int  # sentences
    n_unlabeled: int
    seconds: float


def plan_curriculum(
    target: str | Path,
    english: str | Path,
    unlabeled: Sequence[Source],
    out: Path,
    teacher: TeacherSystem,
    english_epochs: int | None = None,
) -> list[Step]:
    """Plan the trainings from two configs, each after those whose models it uses.

    The teacher learns English, then the target's gold, if there is any. The student, of the preset
    ``strong``, starts from characters and output layer of a ``strong`` English model, and learns
    from gold and from the text that the teacher labels. Without gold the teacher knows English
    alone, on an encoder with its states standardized by the text, and chooses the epoch. On an
    encoder it sees English ``english_epochs`` times, or until F1 has stopped rising. `ConfigError`
    if a config is wrong, or what `count_texts` raises.
    """
    strong = {"system": "kakehashi", "preset": "strong", "encoder": None}
    # The preset with the learning rate that the encoder's layers were measured with.
    teaching = (
        strong
        if teacher == "kakehashi"
        else {"system": teacher, "preset": "external", "joint": None, "contexts": None}
    )
    first = out / ("english" if teacher == "kakehashi" else "english-teacher")
    source = {"source": str((out / "english").absolute()), "groups": ["char", "dense"]}
    tree, source_corpus = read_tree(target), read_tree(english).get("corpus") or {}
    if (joint := tree.get("joint")) is not None and not joint.get("train"):
        ours = {name: source_corpus.get(name) for name in ("train", "mapping")}
        tree["joint"] = {**ours, **joint}
    corpus = tree.get("corpus") or {}
    has_gold = bool(corpus.get("train") or corpus.get("all")) and corpus.get("train_size") != 0
    last = first if teacher == "kakehashi" and not has_gold else out / "teacher"
    texts = [each.model_dump(mode="json") for each in unlabeled]
    teach = {
        **(tree.get("teach") or {}),
        "teachers": [str(last.absolute())],
        "unlabeled": texts,
    }
    student = {**tree, **strong, "transfer": source, "teach": teach}
    if not has_gold:
        student["training"] = {**(tree.get("training") or {}), "select": "teacher"}
    trees: dict[Path, tuple[str | Path, dict[str, Any]]] = {}
    trees[first] = english, {**read_tree(english), **teaching}
    if teacher == "encoder":
        training = trees[first][1].get("training") or {}
        exactly = {} if english_epochs is None else {"epochs": english_epochs}
        trees[first][1]["training"] = {**_ON_ENGLISH, **training, **exactly}
    if last != first:
        taken = source if teacher == "kakehashi" else {"source": str(first.absolute())}
        trees[last] = target, {**tree, **teaching, "transfer": taken, "teach": None}
    if last != first and not has_gold:  # nothing to learn, and no epoch to select
        where = {} if corpus.get("train") or corpus.get("all") else {"train": texts}
        still = {**(tree.get("training") or {}), "epochs": 1, "select": "last"}
        trees[last][1].update(corpus={**corpus, **where, "train_size": 0}, training=still)
    trees[out / "english"] = english, {**read_tree(english), **strong}
    trees[out / "student"] = target, student
    return [
        _step(folder, settings_from_tree(changed, str(config)), teacher)
        for folder, (config, changed) in trees.items()
    ]


def _step(folder: Path, settings: RunSettings, teacher: TeacherSystem) -> Step:
    size = settings.corpus.train_size
    n_gold = sum(1 for _ in load_corpora(settings.corpus).train) if size is None else size
    n_unlabeled = count_texts(settings) if settings.teach is not None else 0
    n_joint = sum(1 for _ in load_joint(settings)) if settings.joint is not None else 0
    system, n_sentences = settings.system, n_gold + n_unlabeled + n_joint
    seconds = _LEAST[system] + _TRAINING[system] * n_sentences
    return Step(folder, settings, n_gold, n_unlabeled, seconds + _LABELING[teacher] * n_unlabeled)
