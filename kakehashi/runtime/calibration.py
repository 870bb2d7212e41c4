"""Calibration: one temperature that makes the probabilities of mentions true.

A trained tagger is too sure. Emissions and transitions divided by one number T > 0 give the same
tags with other probabilities (Guo et al. 2017). T is chosen by how likely it makes what is right
and what is wrong of the mentions that the model finds in development data; chosen by the
likelihood of the whole gold tag sequence it stays too near 1 (docs/decisions/031). It holds for
text like that data, and for this model: one that is trained from it needs its own.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kakehashi.data.batches import Ids
from kakehashi.errors import ConfigError
from kakehashi.progress import Progress
from kakehashi.runtime.checked_folder import Calibration, write_calibration
from kakehashi.runtime.decoder import Decoder
from kakehashi.runtime.prediction import spans_of
from kakehashi.runtime.steps import FloatArray
from kakehashi.scoring.reliability import Bools, Floats, Reliability, measure_reliability
from kakehashi.sentence import Sentence

if TYPE_CHECKING:
    from kakehashi.runtime.recognizer import Recognizer

MIN_MENTIONS = 200
"""Fewest predicted mentions that a temperature is chosen by."""

_RANGE = (0.1, 10.0)  # of temperatures
_GRID = 9  # temperatures that are tried before the best of them is refined
_STEPS = 16  # of that
_OF_A_TYPE = 100  # fewest mentions of a type that is looked at alone
_MOST_TOKENS = 200_000  # whose emissions are kept in memory
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class _Batch:
    """What a model finds in some sentences."""

    emissions: FloatArray
    offsets: Ids
    tags: Ids
    edges: Ids  # of the spans found (spans, 2)


class Observed:
    """What a model finds in a corpus, which of it is gold, and how probable at any temperature.

    The corpus is segmented as in training. Some 200,000 tokens of it are enough.

    Attributes:
        correct: Whether each predicted mention is gold (mentions,).
        types: Their types.
        gold_types: Those of the gold mentions.
    """

    def __init__(self, recognizer: Recognizer, corpus: Iterable[Sentence]) -> None:
        self._decoder = recognizer.decoder
        self._batches: list[_Batch] = []
        self.types: list[str] = []
        self.gold_types = set[str]()
        correct: list[bool] = []
        self.n_gold, n_tokens = 0, 0
        read: list[bytes] = []  # sorted in the end, since their order depends on the precision
        segmented = recognizer.as_trained(corpus)
        for sentences, offsets, emissions, tags in recognizer.emissions(segmented):
            if n_tokens > _MOST_TOKENS:
                break
            n_tokens += len(emissions)
            edges = []
            spans = spans_of(recognizer.decoder.tagset, tags, offsets[:-1])
            for sentence, begin, found in zip(sentences, offsets.tolist(), spans, strict=False):
                gold = sentence.project().spans
                self.n_gold += len(sentence.mentions)
                self.gold_types.update(mention.type for mention in sentence.mentions)
                facts = repr((sentence.text, sentence.mentions)).encode()
                read.append(hashlib.sha256(facts).digest())
                kept = recognizer.trim(found, sentence.tokens or ())
                edges += [(begin + span.start, begin + span.end) for span in kept]
                correct += [span in gold for span in kept]
                self.types += [span.type for span in kept]
            if edges:
                self._batches.append(_Batch(emissions, offsets, tags, np.array(edges)))
        self.correct: Bools = np.array(correct, np.bool_)
        self.corpus = hashlib.sha256(b"".join(sorted(read))).hexdigest()

    def probabilities(self, temperature: float) -> Floats:
        """Compute the probability of each predicted mention (mentions,)."""
        decoder: Decoder = self._decoder.scaled(temperature)
        found = [
            decoder.probabilities(each.emissions, each.offsets, each.tags, each.edges)
            for each in self._batches
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def reliability(self, temperature: float) -> Reliability:
        """Measure how true the probabilities are."""
        return measure_reliability(self.probabilities(temperature), self.correct, self.n_gold)

    def reliability_by_type(self, temperature: float) -> dict[str, Reliability]:
        """Measure types with enough mentions, the most frequent first; without their recall."""
        probabilities, types = self.probabilities(temperature), np.array(self.types)
        return {
            name: measure_reliability(probabilities[types == name], self.correct[types == name], 0)
            for name, count in Counter(self.types).most_common()
            if count >= _OF_A_TYPE
        }

    def loss(self, temperature: float) -> float:
        """Compute the mean negative log-likelihood of what is right and what is wrong."""
        p = np.clip(self.probabilities(temperature), 1e-12, 1 - 1e-12)
        return float(-np.log(np.where(self.correct, p, 1 - p)).mean())


def calibrate(observed: Observed, name: str = "the corpus") -> Calibration:
    """Choose the temperature; `ConfigError` if there are fewer mentions than `MIN_MENTIONS`."""
    n = len(observed.correct)
    if n < MIN_MENTIONS:
        problem = f"the model finds {n:,} mentions, and {MIN_MENTIONS} are needed to calibrate it"
        raise ConfigError(name, f"{problem}; give more sentences")
    lowest, highest = map(math.log, _RANGE)
    grid = np.linspace(lowest, highest, _GRID)

    def loss(log: float) -> float:
        return observed.loss(math.exp(log))

    best = float(min(grid, key=loss))
    width = (highest - lowest) / (_GRID - 1)
    found = _golden_section(loss, max(lowest, best - width), min(highest, best + width))
    temperature = round(math.exp(found), 4)
    return Calibration(
        temperature=temperature,
        mentions=n,
        corpus=observed.corpus,
        error_before=round(observed.reliability(1.0).error, 4),
        error_after=round(observed.reliability(temperature).error, 4),
    )


def calibrate_model(
    folder: Path, recognizer: Recognizer, dev: Iterable[Sentence], progress: Progress
) -> Calibration | None:
    """Calibrate a model that was trained, and its recognizer, by the corpus that selected it.

    Returns None, and leaves it as it is, if there are too few mentions in that.
    """
    observed = Observed(recognizer, dev)
    if len(observed.correct) < MIN_MENTIONS:
        return None
    calibration = calibrate(observed)
    write_calibration(folder, calibration)
    recognizer.decoder = recognizer.decoder.scaled(calibration.temperature)
    progress.say(str(calibration))
    return calibration


def _golden_section(function: Callable[[float], float], low: float, high: float) -> float:
    """Find where a function with one valley is least, to 0.05 % of the range."""
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = list(map(function, inner))
    for _ in range(_STEPS):
        if values[0] < values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - _GOLDEN * (high - low)
            values[0] = function(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + _GOLDEN * (high - low)
            values[1] = function(inner[1])
    return (low + high) / 2
