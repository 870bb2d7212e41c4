"""The learning curve of what is annotated so far, and what more of it would be worth.

::

    FOLDER/
      dev-77d1e0c2.jsonl        what every run is selected and scored by; a hash of it
      100-1f0c9a2b.jsonl        the first so many sentences; a hash of them
      100-1f0c9a2b-3be8/        the run trained on them; a hash of its settings
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice, product, takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kakehashi.config.settings import CorpusSettings, RunSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import keep_jsonl
from kakehashi.errors import ConfigError
from kakehashi.experiments.store import read_counts
from kakehashi.progress import Progress
from kakehashi.scoring.score import CORRECT, GOLD, PREDICTED
from kakehashi.selection.near_duplicates import text_key
from kakehashi.sentence import Sentence
from kakehashi.training.run import load_result
from kakehashi.training.train import train

_FEWEST = 100  # sentences: three sizes, the fewest that say how a curve bends
_HELD_OUT = 5  # without development data every fifth sentence
_TRIALS = 1000
_POWERS = np.linspace(0.02, 0.5, 25)  # steeper ones level off too early; see docs/selection.md
_CHANCE = 1.0  # points of F1 that trainings of one size differ by, about
_FARTHEST = 100  # times what is annotated; beyond it nobody knows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AnnotationCurve:
    """F1 on development data by the number of sentences trained on, and the curve through it."""

    sizes: tuple[int, ...]  # sentences, rising; the last is all there are
    mentions: tuple[int, ...]  # in them
    counts: npt.NDArray[np.int32]  # (sizes, seeds, dev sentences, 3), see `Count`
    held_out: int  # annotated sentences that stand in for development data

    @property
    def f1(self) -> Floats:
        """F1 in percent, shape (sizes, seeds)."""
        return _f1(self.counts.sum(axis=2))

    @property
    def means(self) -> Floats:
        """F1 of each size, mean of the seeds."""
        return np.asarray(self.f1.mean(axis=1))

    def fitted(self, sizes: Sequence[int]) -> Floats:
        """F1 that is expected of other sizes, shape (sizes,)."""
        return np.asarray(extrapolate(self.sizes, self.means[None], sizes)[0])

    def gain(self, more: int) -> tuple[float, float, float]:
        """Points of F1 that so many more sentences are worth, and the ends of a 90 % interval."""
        sizes = [self.sizes[-1], self.sizes[-1] + more]
        fits = np.vstack([self.fitted(sizes), extrapolate(self.sizes, self._resampled(), sizes)])
        expected, *gains = np.diff(fits, axis=1)[:, 0]
        low, high = np.quantile(gains, (0.05, 0.95))
        return float(expected), float(low), float(high)

    def worth_until(self, more: int, least: float) -> int | None:
        """Sentences from which on so many more are worth less than ``least`` points of F1.

        None: even a hundred times of what is annotated is fewer.
        """
        start = self.sizes[-1]
        sizes = np.unique(np.geomspace(start, _FARTHEST * start, 1000).astype(int))
        gains = self.fitted([*(sizes + more)]) - self.fitted([*sizes])
        less = np.flatnonzero(gains < least)
        return int(sizes[less[0]]) if len(less) else None

    def _resampled(self) -> Floats:
        """Draw mean F1 again: other development sentences, seeds, distances from the curve."""
        rng, (n_sizes, n_seeds, n_sentences, _) = np.random.default_rng(0), self.counts.shape
        apart = self.means - self.fitted(self.sizes)
        deviation = np.sqrt((apart**2).sum() / max(1, n_sizes - 3))
        drawn = np.empty((_TRIALS, n_sizes))
        for trial in drawn:
            weights = np.bincount(
                rng.integers(n_sentences, size=n_sentences), minlength=n_sentences
            )
            seeds = rng.integers(n_seeds, size=n_seeds)
            totals = np.einsum("n,abnc->abc", weights, self.counts[:, seeds])
            trial[:] = _f1(totals).mean(axis=1)
        return drawn + rng.normal(0, deviation, drawn.shape)


def _f1(totals: npt.NDArray[np.int_]) -> Floats:
    answers = totals[..., GOLD] + totals[..., PREDICTED]
    return np.asarray(200 * totals[..., CORRECT] / np.maximum(answers, 1))


def extrapolate(sizes: Sequence[int], scores: Floats, wanted: Sequence[int]) -> Floats:
    """Continue learning curves by the power laws that fit them.

    ``scores`` has the shape (curves, sizes), what is returned (curves, wanted). A law is c − a·n to
    the power of −b with a ≥ 0, c ≤ 100 and b ≤ ½, by least squares for each b; see Figueroa et al.
    2012, "Predicting sample size required for classification performance". What is returned is the
    mean over b, each as likely as it makes scores that are off by one point of F1. A curve that
    falls is continued by its mean.

    Example:
        >>> sizes = [100, 200, 400, 800]
        >>> scores = np.array([[80 - 200 * n**-0.5 for n in sizes]])
        >>> extrapolate(sizes, scores, [1600]).round(1)
        array([[75.7]])
    """
    fits, errors = [], []
    for power in _POWERS:
        known, asked = (
            np.stack([np.ones(len(n)), -(np.asarray(n, float) ** -power)]) for n in (sizes, wanted)
        )
        weights = scores @ np.linalg.pinv(known)
        possible = (weights[:, 0] <= 100) & (weights[:, 1] >= 0)
        error = ((weights @ known - scores) ** 2).sum(axis=1)
        errors.append(np.where(possible, error, np.inf))
        fits.append(weights @ asked)
    least = np.min(errors, axis=0)
    falls = np.isinf(least)
    chances = np.exp((np.where(falls, 0, least) - errors) / (2 * _CHANCE**2))  # (powers, curves)
    means = np.einsum("pc,pcw->cw", chances, fits) / np.maximum(chances.sum(axis=0), 1)[:, None]
    return np.asarray(np.where(falls[:, None], scores.mean(axis=1, keepdims=True), means))


def measure_curve(
    settings: RunSettings,
    folder: Path,
    progress: Progress,
    *,
    n_sizes: int = 5,
    n_seeds: int = 1,
    hold_out: bool = False,
) -> AnnotationCurve:
    """Train on growing parts of what is annotated, and score each run on development data.

    The sources of ``corpus.train`` come in the order in which they were annotated, and the last
    word on a sentence counts; inside one, sentences are ordered by a hash. Parts are of sizes that
    stay the same when more is annotated, so that only new ones are trained. The same call resumes.
    With ``hold_out`` a fifth of the sentences is in place of ``corpus.dev``. `ConfigError` if fewer
    than 100 sentences differ.
    """
    corpora = load_corpora(settings.corpus)
    files = [corpora.train]
    if settings.corpus.train_size is None:  # else a sample of all together
        alone = ({"train": (source,)} for source in settings.corpus.train)
        files = [
            load_corpora(settings.corpus.model_copy(update=each)).train for each in alone
        ] or files
    annotated: dict[int, Sentence] = {}
    for file in files:
        annotated |= sorted((text_key(sentence.text), sentence) for sentence in file)
    held_out = [key for key in annotated if hold_out and key % _HELD_OUT == 0]
    dev = [] if hold_out else list(corpora.dev)
    dev += [annotated.pop(key) for key in held_out]
    if len(annotated) < _FEWEST:
        problem = f"{len(annotated):,} sentences to train on are too few for a learning curve"
        raise ConfigError("annotated", f"{problem}; annotate {_FEWEST} at least")
    sizes = part_sizes(len(annotated), n_sizes)
    judge = keep_jsonl(dev, folder, "dev")
    parts = [keep_jsonl(islice(annotated.values(), size), folder, str(size)) for size in sizes]
    seeds = range(settings.training.seed, settings.training.seed + n_seeds)
    runs = []
    for part, seed in progress.track([*product(parts, seeds)], "training", len(parts) * n_seeds):
        corpus = CorpusSettings(train=part, dev=judge, test=judge)
        training = settings.training.model_copy(update={"seed": seed})
        changes = {"corpus": corpus, "training": training, "selection": None}
        own = settings.model_copy(update=changes)
        digest = hashlib.sha256(own.model_dump_json().encode()).hexdigest()[:4]
        name = f"{Path(part[0].path).stem}-{digest}"
        runs.append(train(own, folder / name, _Warnings(progress)))
        progress.say(f"{runs[-1]}: F1 {load_result(runs[-1])['test']['f1']:.2f}")
    counts = np.stack([read_counts(run) for run in runs])
    mentions = tuple(
        sum(len(sentence.mentions) for sentence in islice(annotated.values(), size))
        for size in sizes
    )
    return AnnotationCurve(
        tuple(sizes), mentions, counts.reshape(len(sizes), n_seeds, -1, 3), len(held_out)
    )


def part_sizes(total: int, most: int) -> list[int]:
    """Choose the sizes of parts: all, and before it those of a fixed series that are well below.

    Example:
        >>> part_sizes(300, 5), part_sizes(330, 5)
        ([71, 100, 141, 200, 300], [100, 141, 200, 283, 330])
    """
    series = (round(25 * 2 ** (step / 2)) for step in count())
    smaller = [*takewhile(lambda size: size < 0.87 * total, series)]
    return [*smaller[1 - most :], total]


class _Warnings(Progress):
    """Passes on what trainings warn of, and not their epochs."""

    def __init__(self, outer: Progress) -> None:
        self.warn = outer.warn  # type: ignore[method-assign]
