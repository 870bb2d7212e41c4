"""Lines in, answers out: each as soon as it can be, and a bad line costs itself alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from json import dumps
from pathlib import Path
from typing import Any, NamedTuple

from kakehashi.config.sources import Source
from kakehashi.corpora.formats import FORMATS, guess_source
from kakehashi.corpora.inputs import Chunk, LineInput
from kakehashi.corpora.writing import only_read
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.parallel import map_in_order
from kakehashi.runtime.checked_folder import model_fingerprint
from kakehashi.runtime.recognizer import Recognizer, load_once
from kakehashi.runtime.steps import Precision
from kakehashi.sentence import Sentence


class Answer(NamedTuple):
    """What is written for a line of input, and what is wrong with it, ``""`` if nothing is.

    The output of a bad line is ``{"error": …}``, and in other formats that of an empty sentence.
    """

    output: str
    problem: str = ""


@dataclass(frozen=True)
class Kept:
    """What is kept of a tagged sentence: mentions at least so probable, and tokens or not."""

    min_probability: float = 0.0
    tokens: bool = True

    def of(self, sentence: Sentence) -> Sentence:
        """Leave out the rest."""
        if self.min_probability:
            least = self.min_probability
            mentions = tuple(m for m in sentence.mentions if (m.probability or 0) >= least)
            sentence = replace(sentence, mentions=mentions)
        return sentence if self.tokens else replace(sentence, tokens=None)


@dataclass(frozen=True)
class Predictor:
    """Answers lines in ``jsonl``, ``columns`` or ``inline``; each process loads the model once."""

    model: Path
    format: str = "jsonl"
    precision: Precision | None = None
    device: str = "cpu"
    kept: Kept = Kept()

    def __call__(self, chunk: Chunk) -> list[Answer]:
        """Answer the lines of a chunk."""
        recognizer = self.load()
        settings: dict[str, Any] = {}
        if self.format == "columns":
            # An article has no line of its own, so that each line of input has one sentence.
            settings = {"separator": "\t", "docstart": "keep"}
        elif self.format == "inline":
            settings = {"types": recognizer.model.tagset.types}
        output = guess_source("standard output", self.format, **settings)
        records = [record for _, record in chunk.sentences()]
        found = recognizer.annotate(r for r in records if isinstance(r, Sentence))
        kept = map(self.kept.of, found)
        return [_answer(next(kept) if isinstance(r, Sentence) else r, output) for r in records]

    def load(self) -> Recognizer:
        """Load the recognizer, unless this process has it and its folder holds no other one now."""
        fingerprint = model_fingerprint(self.model)
        return load_once(self.model, fingerprint, self.precision, self.device)


def predict_lines(
    predictor: Predictor, inputs: Iterable[LineInput], *, processes: int = 1
) -> Iterator[list[Answer]]:
    """Find the entities of the lines of inputs, and answer each line once, in order.

    What has come in is answered before more is waited for. What is found does not depend on the
    number of processes, one thread each, but for the last digits of probabilities. `ConfigError`
    if columns shall have no tokens, or an input has no known format or encoding; `CorpusError` if
    an input cannot be read at all.
    """
    if predictor.format == "columns" and not predictor.kept.tokens:
        raise ConfigError("--no-tokens", "columns hold tokens; choose --format jsonl or inline")
    predictor.load()
    chunks = chain.from_iterable(each.chunks() for each in inputs)
    return map_in_order(predictor, chunks, processes)


def _answer(record: Sentence | CorpusError, output: Source) -> Answer:
    if isinstance(record, Sentence):
        lines = FORMATS[output.format].lines
        if lines is None:
            raise only_read(output)
        try:
            return Answer("".join(lines([record], output)))
        except CorpusError as error:
            record = error
    problem = str(record)
    refusal = dumps({"error": problem}, ensure_ascii=False) if output.format == "jsonl" else ""
    return Answer(refusal + "\n", problem)
