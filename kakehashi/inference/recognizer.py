"""Text in, mentions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from kakehashi.data.encoded import encode
from kakehashi.data.forms import Channels, Forms, featurize
from kakehashi.model.prediction import Prediction, predict
from kakehashi.model.storage import Model, load_model
from kakehashi.sentence import Mention, Sentence, mentions_from_spans
from kakehashi.text.segment import load_segmenter

_CHUNK = 1024
"""Sentences that are segmented, encoded and tagged together."""


class Recognizer:
    """A trained model that finds the entities of any text.

    Attributes:
        model: The tagger and its text settings.
        segmenter: Cuts text as the training text was cut.

    Example:
        Recognizer.load("runs/demo")("昨日ジョンは東京に着いた")
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.segmenter = load_segmenter(model.text.segmenter, cut_scripts=model.text.cut_scripts)
        settings = model.tagger.settings
        self._channels = Channels(settings.word_view, settings.char_view, settings.ngram)

    @classmethod
    def load(cls, path: str | Path) -> Recognizer:
        """Load a model folder, or the model of a run folder; nothing in it can run code.

        Raises:
            ModelError: If it is missing, incomplete, damaged, or of a newer format.
            MissingExtraError: If the segmenter's dictionary is not installed.
        """
        return cls(load_model(path))

    def __call__(self, text: str) -> list[Mention]:
        """Find the mentions of one text, with character offsets and probabilities."""
        return list(next(self.recognize([text])).mentions)

    def recognize(self, texts: Iterable[str]) -> Iterator[Sentence]:
        """Find the mentions of many texts.

        Yields:
            One sentence per text, in order, with its tokens and mentions.
        """
        return self.annotate(Sentence(text) for text in texts)

    def annotate(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Give sentences the mentions that the model finds, instead of those they have.

        Sentences with tokens keep them, and are only given the readings they lack; others are
        segmented.
        """
        stream = iter(sentences)
        while chunk := list(islice(stream, _CHUNK)):
            yield from self._annotate_chunk([self._segmented(sentence) for sentence in chunk])

    def _segmented(self, sentence: Sentence) -> Sentence:
        if sentence.tokens is None:
            tokens = self.segmenter.segment(sentence.text)
        else:
            tokens = self.segmenter.annotate(sentence.text, sentence.tokens)
        return replace(sentence, tokens=tokens, mentions=())

    def _annotate_chunk(self, chunk: list[Sentence]) -> Iterator[Sentence]:
        forms = Forms()
        corpus = encode(chunk, forms)
        tagger = self.model.tagger
        features = featurize(list(forms.ids), self._channels, tagger.words, tagger.ngrams)
        found = dict(predict(tagger, corpus.offsets, corpus.forms, features))
        for number, sentence in enumerate(chunk):
            yield _with_mentions(sentence, found[number]) if number in found else sentence


def _with_mentions(sentence: Sentence, prediction: Prediction) -> Sentence:
    mentions = mentions_from_spans(sentence.text, sentence.tokens or (), prediction.spans)
    return replace(
        sentence,
        mentions=tuple(
            mention._replace(probability=probability)
            for mention, probability in zip(mentions, prediction.probabilities, strict=True)
        ),
    )
