"""CRFsuite: a classic linear-chain CRF, which a user with little data would run instead of us."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kakehashi.baselines.features import token_features
from kakehashi.extras import require
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags, tags_from_spans
from kakehashi.text.views import view

# Chosen, with the features, by F1 on the development sets of CRF-KNBC and of MASSIVE ja with 2,000
# training utterances, among c1 from 0 to 0.2, c2 from 0.01 to 0.6, and 100 or 200 iterations.
_PARAMETERS = {"c1": 0, "c2": 0.1, "max_iterations": 100, "feature.possible_transitions": True}


class CRFsuite:
    """A CRF over `token_features` with BIO tags, trained with L-BFGS (Okazaki, CRFsuite, 2007)."""

    package = "python-crfsuite"
    deterministic = True

    def __init__(self, seed: int = 0) -> None:
        self._library = require("pycrfsuite", "crfsuite")
        self.model = b""  # in CRFsuite's format

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from the training sentences; nothing is chosen by the others."""
        trainer = self._library.Trainer(algorithm="lbfgs", params=_PARAMETERS, verbose=False)
        for sentence in train:
            if sentence.tokens:
                tags = tags_from_spans(sentence.project().spans, len(sentence.tokens))
                trainer.append(_items(sentence), tags)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model"
            trainer.train(str(file))
            self.model = file.read_bytes()

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Read spans off the most probable tags of each sentence."""
        tagger = self._library.Tagger()
        tagger.open_inmemory(self.model)
        return [tuple(spans_from_tags(tagger.tag(_items(each)))) for each in sentences]


def _items(sentence: Sentence) -> list[list[bytes]]:
    return token_features([view(token.text, "", "original") for token in sentence.tokens or ()])
