"""spaCy's recognizer, as `kakehashi.baselines.spacy` trains it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import TOKENS, Way
from benchmarks.place import Place
from kakehashi.baselines.spacy import SpaCy
from kakehashi.extras import require
from kakehashi.sentence import Sentence, Span

_BATCH_SENTENCES = 32


class SpaCyPeer:
    """spaCy's transition-based recognizer over a CNN.

    Args:
        place: The corpora.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._spacy: Any = require("spacy", "spacy")
        self.version = f"spaCy {self._spacy.__version__}"
        self._nlp: Any = None

    def learner(self) -> Callable[[], int]:
        """Prepare updates on the slice."""
        return self._passes(self._place.sentences("train", self._place.slice_sentences), 1)

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train by spaCy's own recipe, or for some passes only."""
        train = self._place.sentences("train")
        if epochs is None:
            system = SpaCy(seed)
            system.fit(train, self._place.sentences("dev"))
            self._nlp = system._nlp  # nothing else needs it saved
        else:
            run = self._passes(train, seed)
            for _ in range(epochs):
                run()
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._nlp.to_disk(folder)

    def load(self, folder: Path) -> None:
        """Load a saved pipeline."""
        self._nlp = self._spacy.load(folder)

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities."""
        docs = self._nlp.pipe(map(self._doc, sentences))
        return [tuple(Span(ent.start, ent.end, ent.label_) for ent in doc.ents) for doc in docs]

    def ways(self) -> Mapping[str, Way]:
        """Give the only way."""
        return {TOKENS: lambda sentences: partial(self.tag, sentences)}

    def _passes(self, train: Sequence[Sentence], seed: int) -> Callable[[], int]:
        self._spacy.util.fix_random_seed(seed)
        self._nlp = self._spacy.blank("xx")
        self._nlp.add_pipe("ner")
        examples = list(map(self._example, train))
        optimizer = self._nlp.initialize(lambda: examples)

        def run() -> int:
            random.shuffle(examples)
            for batch in self._spacy.util.minibatch(examples, _BATCH_SENTENCES):
                self._nlp.update(batch, drop=0.1, sgd=optimizer)
            return sum(len(example.reference) for example in examples)

        return run

    def _doc(self, sentence: Sentence) -> Any:
        words = [token.text for token in sentence.tokens or ()]
        return self._spacy.tokens.Doc(self._nlp.vocab, words=words)

    def _example(self, sentence: Sentence) -> Any:
        gold = self._doc(sentence)
        spans = sentence.project().spans
        gold.set_ents([self._spacy.tokens.Span(gold, *span) for span in spans], default="outside")
        return self._spacy.training.Example(self._doc(sentence), gold)
