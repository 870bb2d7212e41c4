"""Small taggers, and results of grids that nobody ran."""

from collections.abc import Mapping

import numpy as np
import pytest

from kakehashi.config.architecture import ModelSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.experiments.grid import Grid
from kakehashi.experiments.store import Results, RunResult
from kakehashi.scoring.score import Count
from kakehashi.tags import Tagset

SENTENCES = 20


@pytest.fixture
def make_tagger():
    import torch  # takes seconds, and not every test needs a tagger

    from kakehashi.model.tagger import Tagger

    def make(words, ngrams, types, *, seed=0, n_seen=None, n_compact=0, **settings):
        torch.manual_seed(seed)
        widths = {"word_width": 6, "word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}
        model = ModelSettings(**{**widths, **settings})
        tagset = Tagset(tuple(types), model.scheme)
        words, ngrams = Vocabulary(words, n_seen), Vocabulary(ngrams)
        return Tagger(model, words, ngrams, tagset, n_compact).eval()

    return make


def counts_of(correct: int, predicted: int = SENTENCES, sentences: int = SENTENCES) -> np.ndarray:
    """One mention a sentence; the first are predicted, the first of those are right."""
    rows = np.zeros((sentences, 3), dtype=np.int32)
    rows[:, 0] = 1
    rows[:predicted, 1] = 1
    rows[:correct, 2] = 1
    return rows


def made_result(counts, *, name="small", seed=1, size=100, types=None, epochs=None, **more):
    """A result.json with no more in it than reports read."""
    total = Count(*counts.sum(axis=0).tolist())
    types = types or {"LOC": total}
    scores = {kind: count.to_dict() for kind, count in types.items()}
    part = {"sentences": len(counts), "tokens": 90, "entities": total.gold, "lost": 2}
    train = {**part, "sentences": size, "types": {"LOC": 80, "PER": 8}}
    return {
        "name": name,
        "kakehashi": "0.1.0",
        "test": {**total.to_dict(), "types": scores, "signature": "s"},
        "selection": {"by": "dev", "epoch": 2},
        "epochs": [{"number": 1, "dev": 1.0, "test": score} for score in epochs or [None]],
        "transfer": None,
        "corpus": {"train": train, "dev": part, "test": part},
        **more,
    }


@pytest.fixture
def make_results():
    """Results of a grid: per run, by its labels, what it got right (or a whole result)."""

    def make(grid: Grid, given: Mapping[tuple[str, ...], int | None], **more) -> Results:
        cells = []
        for labels, correct in given.items():
            axes = dict(zip(grid.labels, labels, strict=True))
            system = "crfsuite" if "CRFsuite" in labels else "kakehashi"
            key = "/".join(labels[:-1] if system == "crfsuite" else labels)
            counts, result = counts_of(0, sentences=0), {}
            if correct is not None:
                counts = counts_of(correct)
                size = int(axes.get("size", "100").replace(",", ""))
                result = made_result(counts, seed=axes["seed"], size=size, **more)
            settings = {"system": system, "text": {"segmenter": "words"}}
            cells.append(RunResult(key, axes, settings, result, counts))
        return Results(grid, tuple(cells))

    return make


def grid_of(name, seeds, axes, title="", **report) -> Grid:
    """A grid of labels that change nothing."""
    axes = {axis: {label: {} for label in labels.split()} for axis, labels in axes.items()}
    tree = {"name": name, "title": title, "seeds": seeds, "config": "demo-ja", "axes": axes}
    return Grid.model_validate(tree | {"report": report})


@pytest.fixture
def layers() -> Grid:
    """No transfer and char, four seeds, against CRFsuite."""
    sides = {"baseline": {"recognizer": "none"}, "reference": {"recognizer": "CRFsuite"}}
    axes = {"recognizer": "none char CRFsuite"}
    return grid_of("layers", (1, 2, 3, 4), axes, title="Which layers", rows="recognizer", **sides)


@pytest.fixture
def layer_results(layers, make_results) -> Results:
    """Char gains 20 points; CRFsuite is best; one run is missing."""
    right = {"none": (8, 9, 10, 9), "char": (12, 13, 14, None), "CRFsuite": (15, 15, 15, 15)}
    cells = {
        (label, str(seed)): correct
        for label, found in right.items()
        for seed, correct in enumerate(found, 1)
    }
    return make_results(layers, cells)


@pytest.fixture
def size_results(make_results) -> Results:
    """Transfer with 100 sentences equals 200 from scratch, with 400 more than 400."""
    axes = {"recognizer": "scratch transfer", "size": "100 200 400"}
    report = {"rows": "size", "columns": "recognizer", "figures": ("size",), "x": "size"}
    grid = grid_of("size", (1, 2), axes, baseline={"recognizer": "scratch"}, **report)
    right = {"scratch": (8, 10, 12), "transfer": (10, 11, 14)}
    cells = {
        (name, size, seed): correct
        for name, found in right.items()
        for size, correct in zip(("100", "200", "400"), found, strict=True)
        for seed in ("1", "2")
    }
    return make_results(grid, cells)


@pytest.fixture
def type_results(make_results) -> Results:
    """LOC gains, PER loses, and ART, which training knows too, stays at nothing."""
    report = {"rows": "recognizer", "baseline": {"recognizer": "none"}, "figures": ("types",)}
    grid = grid_of("types", (1,), {"recognizer": "none char"}, **report)
    types = {
        "none": {"LOC": Count(10, 10, 4), "PER": Count(8, 8, 4), "ART": Count(2, 2, 0)},
        "char": {"LOC": Count(10, 10, 8), "PER": Count(8, 8, 2), "ART": Count(2, 2, 0)},
    }
    cells = []
    for name, found in types.items():
        total = sum(count.correct for count in found.values())
        cells += make_results(grid, {(name, "1"): total}, types=found).runs
    for cell in cells:
        cell.result["corpus"]["train"]["types"] = {"LOC": 80, "PER": 8, "ART": 8}
    return Results(grid, (*cells,))
