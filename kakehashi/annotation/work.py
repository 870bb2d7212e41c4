"""What is done to a block, in whatever process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kakehashi.annotation.blocks import Block
from kakehashi.annotation.parts import WRITERS
from kakehashi.errors import ModelError, RunError
from kakehashi.inference.recognizer import Recognizer
from kakehashi.model.cell import load_machine_code
from kakehashi.model.products import Precision
from kakehashi.model.storage import MANIFEST, find_model
from kakehashi.model.threads import limited_threads
from kakehashi.sentence import Sentence


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
    """

    model: Path
    fingerprint: str
    precision: Precision
    format: str

    def __call__(self, part: Part) -> int:
        """Write the part of a block, and count its sentences.

        Raises:
            CorpusError: If the block is not what its format says.
            ModelError: If the model is missing or has changed.
            RunError: If the part cannot be written.
        """
        with limited_threads(1):
            recognizer = _recognizer(self.model, self.fingerprint, self.precision)
            recognizer.forget()  # so that a part depends on the model and its block alone
            counted = _Counted(recognizer.annotate(part.block.sentences()))
            try:
                WRITERS[self.format](part.path, counted)
            except OSError as error:
                problem = error.strerror or str(error)
                raise RunError(part.path, f"cannot be written ({problem})") from None
        return counted.count


class _Counted:
    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._sentences = sentences
        self.count = 0

    def __iter__(self) -> Iterator[Sentence]:
        for sentence in self._sentences:
            self.count += 1
            yield sentence


def count_sentences(block: Block) -> int:
    """Read a block, and count its sentences.

    Raises:
        CorpusError: If it is not what its format says.
    """
    return sum(1 for _ in block.sentences())


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
