"""spaCy's CNN recognizer, from random weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.progress import Progress
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Sentence, Span
from kakehashi.text.views import view

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.training import Example

_LOOP_SETTINGS = (  # of spaCy's recipe, which its training loop takes by name
    "dropout", "accumulate_gradient", "patience", "max_steps", "eval_frequency",
    "annotating_components",
)  # fmt: skip


class SpaCy:
    """spaCy's transition-based recognizer over a CNN, trained as ``spacy train`` does.

    Architecture, optimizer, batches and early stopping are spaCy's defaults, but for ``changes`` to
    its settings. The tokens are ours, and so is the F1 on the development set by which the best
    weights are kept. Training seeds the random numbers of the whole process, as spaCy does.
    """

    package = "spacy"
    revision = ""
    deterministic = False
    model = b""  # is not kept
    chosen: Mapping[str, float] = {}
    tried: Sequence[Mapping[str, float]] = ()

    def __init__(self, seed: int, changes: Mapping[str, object] | None = None) -> None:
        self._spacy = require("spacy", "spacy")
        self._seed, self._changes = seed, dict(changes or {})
        self._nlp = self._spacy.blank("xx")
        self._recognizer = self._nlp.add_pipe("ner")

    def fit(
        self, train: Sequence[Sentence], dev: Sequence[Sentence], progress: Progress | None = None
    ) -> None:
        """Learn until F1 on the development sentences stops growing, and keep the best weights."""
        if not any(sentence.mentions for sentence in dev):
            raise ConfigError("corpus.dev", "has no sentence with an entity, which spaCy stops by")
        self._spacy.util.fix_random_seed(self._seed)
        examples = [self._example(sentence) for sentence in train if sentence.tokens]
        self._nlp.initialize(lambda: examples)
        best = b""
        for is_best in self._steps(examples, dev):
            if is_best:
                best = self._recognizer.model.to_bytes()
        self._recognizer.model.from_bytes(best)

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of each sentence."""
        docs = self._nlp.pipe(map(self._doc, sentences))
        return [tuple(Span(ent.start, ent.end, ent.label_) for ent in doc.ents) for doc in docs]

    def _steps(self, examples: Sequence[Example], dev: Sequence[Sentence]) -> Iterator[bool | None]:
        """Update the weights batch by batch; after some, yield whether they are the best so far."""
        loop = require("spacy.training.loop", "spacy")
        schema = require("spacy.schemas", "spacy").ConfigSchemaTraining
        settings = self._nlp.config.interpolate()["training"] | self._changes
        recipe = self._spacy.registry.resolve(settings, schema=schema)
        gold = [sentence.project() for sentence in dev]
        spans, lost = [each.spans for each in gold], [each.lost for each in gold]

        def evaluate() -> tuple[float, None]:
            return score_spans(spans, self.tag(dev), lost).f1, None

        batcher, max_epochs = recipe["batcher"], recipe["max_epochs"]
        batches = loop.create_train_batches(self._nlp, lambda _: examples, batcher, max_epochs)
        others = {name: recipe[name] for name in _LOOP_SETTINGS}
        others |= {"exclude": [], "before_update": None}
        optimizer = recipe["optimizer"]
        steps = loop.train_while_improving(self._nlp, optimizer, batches, evaluate, **others)
        return (is_best for _, _, is_best in steps)

    def _doc(self, sentence: Sentence) -> Doc:
        words = [view(token.text, "", "original") for token in sentence.tokens or ()]
        doc: Doc = self._spacy.tokens.Doc(self._nlp.vocab, words=words)
        return doc

    def _example(self, sentence: Sentence) -> Example:
        gold = self._doc(sentence)
        spans = sentence.project().spans
        gold.set_ents([self._spacy.tokens.Span(gold, *span) for span in spans], default="outside")
        example: Example = self._spacy.training.Example(self._doc(sentence), gold)
        return example
