"""CRFsuite: a classic linear-chain CRF, which a user with little data would run instead of us."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.baselines.features import Features
from kakehashi.extras import require
from kakehashi.progress import Progress
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags, tags_from_spans
from kakehashi.text.views import view

# In this order, and the values of each from weak to strong. Where the optimum lies depends on the
# training size: at 100 utterances of MASSIVE a c2 of 0.1 loses 2 to 4 points of F1 on dev.
_LADDERS: Mapping[str, Sequence[float]] = {
    "c2": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "c1": (0, 0.05, 0.2),
    "feature.minfreq": (0, 2),
}
_DEFAULTS: Mapping[str, float] = {"c2": 0.1, "c1": 0, "feature.minfreq": 0}
_FIXED = {"max_iterations": 100, "feature.possible_transitions": True}

# A training costs time in proportion to tokens × tags²: at 1e9 some minutes.
_COST_OF_ALL = 1e9  # up to this all ladders are climbed
_COST_OF_C2 = 5e9  # up to this only that of c2; with more, the defaults stand


class CRFsuite:
    """A CRF over `Features` with BIO tags, trained with L-BFGS (Okazaki, CRFsuite, 2007).

    Its penalties, c1 and c2, and how often a feature must occur are chosen by F1 on the development
    set, one after another: from its default each moves up or down its ladder as long as F1 rises.
    Where a training is costly, fewer are chosen; without entities in dev, none.
    """

    package = "python-crfsuite"
    deterministic = True
    revision = "tuned"

    def __init__(self, seed: int = 0) -> None:
        self._library = require("pycrfsuite", "crfsuite")
        self._features = Features()
        self.model = b""  # in CRFsuite's format
        self.chosen: dict[str, float] = dict(_DEFAULTS)
        self.tried: list[dict[str, float]] = []

    def fit(
        self, train: Sequence[Sentence], dev: Sequence[Sentence], progress: Progress | None = None
    ) -> None:
        """Learn from the training sentences, with the parameters that are best on the others."""
        trainer = self._library.Trainer(algorithm="lbfgs", verbose=False)
        n_tokens, tagset = 0, set()
        for sentence in train:
            if sentence.tokens:
                tags = tags_from_spans(sentence.project().spans, len(sentence.tokens))
                trainer.append(self._items(sentence), tags)
                n_tokens, tagset = n_tokens + len(tags), tagset.union(tags)
        cost = n_tokens * len(tagset) ** 2
        names = list(_LADDERS) if cost <= _COST_OF_ALL else ["c2"] if cost <= _COST_OF_C2 else []
        if not any(sentence.mentions for sentence in dev):
            names = []
        self.chosen, self.tried = dict(_DEFAULTS), []
        self.model = _trained(trainer, self.chosen)
        if names:
            self._tune(trainer, names, dev, progress or Progress())

    def _tune(
        self,
        trainer: Any,  # noqa: ANN401 has no types
        names: Sequence[str],
        dev: Sequence[Sentence],
        progress: Progress,
    ) -> None:
        """Replace model and parameters by better ones."""
        gold = [sentence.project() for sentence in dev]
        spans, lost = [each.spans for each in gold], [each.lost for each in gold]
        items = [self._library.ItemSequence(self._items(sentence)) for sentence in dev]

        def f1_of(parameters: Mapping[str, float], model: bytes) -> float:
            f1 = score_spans(spans, self._tag(model, items), lost).f1
            self.tried.append({**parameters, "dev": f1})
            values = ", ".join(f"{name} {value}" for name, value in parameters.items())
            progress.say(f"{values}: F1 on dev {f1:.2f}")
            return f1

        best = f1_of(self.chosen, self.model)
        for name in names:
            ladder = _LADDERS[name]
            start = ladder.index(self.chosen[name])
            for values in (ladder[:start][::-1], ladder[start + 1 :]):
                if self.chosen[name] != ladder[start]:
                    break  # F1 has risen the other way
                for value in values:
                    parameters = {**self.chosen, name: value}
                    model = _trained(trainer, parameters)
                    f1 = f1_of(parameters, model)
                    if f1 <= best:
                        break
                    best, self.chosen, self.model = f1, parameters, model

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Read spans off the most probable tags of each sentence."""
        return self._tag(self.model, [self._items(sentence) for sentence in sentences])

    def _tag(self, model: bytes, items: Sequence[Any]) -> list[tuple[Span, ...]]:
        tagger = self._library.Tagger()
        tagger.open_inmemory(model)
        return [tuple(spans_from_tags(tagger.tag(each))) for each in items]

    def _items(self, sentence: Sentence) -> list[list[bytes]]:
        return self._features([view(token.text, "", "original") for token in sentence.tokens or ()])


def _trained(trainer: Any, parameters: Mapping[str, float]) -> bytes:  # noqa: ANN401 has no types
    trainer.set_params({**_FIXED, **parameters})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        trainer.train(str(file))
        return file.read_bytes()
