"""CRFsuite, with the features of `kakehashi.baselines.crfsuite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.peers.peer import ENCODED, TOKENS, Way
from benchmarks.place import Place
from kakehashi.baselines.crfsuite import CRFsuite, token_features
from kakehashi.extras import require
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags


class CRFsuitePeer:
    """A linear-chain CRF; its optimizer goes through all sentences at once, some 200 times.

    Args:
        place: The corpora.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._library = require("pycrfsuite", "crfsuite")
        self.version = f"CRFsuite {self._library.CRFSUITE_VERSION}"
        self._tagger = self._library.Tagger()

    def learner(self) -> None:
        """Give nothing: a training is not made of passes that could be compared."""

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train once, with the default penalties; no seed changes anything."""
        system = CRFsuite()
        system.fit(self._place.sentences("train"), ())
        folder.mkdir(parents=True)
        (folder / "model").write_bytes(system.model)

    def load(self, folder: Path) -> None:
        """Open the model."""
        self._tagger.open(str(folder / "model"))

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Compute the features and tag."""
        return [
            tuple(spans_from_tags(self._tagger.tag(token_features(_forms(sentence)))))
            for sentence in sentences
        ]

    def ways(self) -> Mapping[str, Way]:
        """Give the ways: with the features computed, or given."""
        return {TOKENS: lambda sentences: partial(self.tag, sentences), ENCODED: self._encoded}

    def _encoded(self, sentences: Sequence[Sentence]) -> Callable[[], object]:
        items = [self._library.ItemSequence(token_features(_forms(each))) for each in sentences]
        return lambda: [self._tagger.tag(each) for each in items]


def _forms(sentence: Sentence) -> list[str]:
    return [token.text for token in sentence.tokens or ()]
