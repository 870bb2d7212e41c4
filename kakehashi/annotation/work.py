"""What is done to a block, in whatever process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kakehashi.annotation.blocks import Block
from kakehashi.annotation.parts import WRITERS
from kakehashi.errors import ModelError
from kakehashi.inference.predicting import Kept
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.cell import load_machine_code
from kakehashi.model.products import Precision
from kakehashi.model.storage import MANIFEST, find_model
from kakehashi.model.threads import limited_threads
from kakehashi.sentence import Sentence

MOST_PROBLEMS = 100
"""Lines that are no sentences of which what is wrong is kept; others are counted."""


@dataclass(frozen=True)
class Part:
    """A block, and the file for its annotated sentences."""

    block: Block
    path: Path


@dataclass(frozen=True)
class Annotator:
    """Annotates blocks; can be sent to other processes, which load the model once.

    Attributes:
        model: Model folder, absolute.
        fingerprint: What `model_fingerprint` says it has; another model is refused.
        precision: See `Recognizer`.
        format: Of the parts.
        kept: What is written of each sentence.
    """

    model: Path
    fingerprint: str
    precision: Precision
    format: str
    kept: Kept = field(default_factory=Kept)

    def __call__(self, part: Part) -> int:
        """Write the part of a block, and count its sentences; what is none is passed over.

        Raises:
            CorpusError: If the file of the block cannot be read.
            ModelError: If the model is missing or has changed.
            OSError: If the part cannot be written.
        """
        n_sentences = 0

        def counted() -> Iterator[Sentence]:
            nonlocal n_sentences
            for sentence in recognizer.annotate(_sentences(part.block)):
                n_sentences += 1
                yield self.kept.of(sentence)

        with limited_threads(1):
            recognizer = _recognizer(self.model, self.fingerprint, self.precision)
            recognizer.forget()  # so that a part depends on the model and its block alone
            WRITERS[self.format](part.path, counted())
        return n_sentences


@dataclass(frozen=True)
class Count:
    """What there is in some blocks.

    Attributes:
        sentences: How many.
        refused: How many lines or rows that are no sentences.
        problems: What is wrong with the first of them, and where each stands.
    """

    sentences: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Count) -> Count:
        """Add up the counts of other blocks, which come after these."""
        return Count(
            self.sentences + other.sentences,
            self.refused + other.refused,
            (self.problems + other.problems)[:MOST_PROBLEMS],
        )


def count_sentences(block: Block) -> Count:
    """Read a block, and count its sentences, and what is none.

    Raises:
        CorpusError: If its file cannot be read.
    """
    n_sentences, n_refused, problems = 0, 0, []
    for record in block.records():
        if isinstance(record, Sentence):
            n_sentences += 1
            continue
        n_refused += 1
        if n_refused <= MOST_PROBLEMS:
            problems.append(str(record))
    return Count(n_sentences, n_refused, tuple(problems))


def _sentences(block: Block) -> Iterator[Sentence]:
    return (record for record in block.records() if isinstance(record, Sentence))


def model_fingerprint(path: str | Path) -> str:
    """Hash a model: the sums of its files, which loading checks.

    Raises:
        ModelError: If there is none.
    """
    return hashlib.sha256((find_model(path) / MANIFEST).read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def _recognizer(folder: Path, fingerprint: str, precision: Precision) -> Recognizer:
    load_machine_code()  # now, since what is tagged before and after differs in last digits
    recognizer = Recognizer.load(folder, precision=precision)
    if model_fingerprint(folder) != fingerprint:
        raise ModelError(folder, "was changed while it was at work; start again")
    return recognizer
