"""Text in, mentions out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.data.vocabulary import Channels, Form, featurize
from kakehashi.errors import ConfigError, ModelError
from kakehashi.model.device import find_device
from kakehashi.model.folder import Model, load_model, model_fingerprint
from kakehashi.model.lstm_steps import PRECISIONS, Precision
from kakehashi.model.prediction import predict_projected
from kakehashi.model.tagger import Tagger
from kakehashi.sentence import Mention, Sentence, check_tokens, mentions_from_spans
from kakehashi.text.segment import segmenter_of
from kakehashi.text.word_classes import word_classes

_CHUNK_TOKENS = 8192  # that are looked up and tagged together


class FormCache:
    """Rows of forms as `Tagger.project` computes them, each computed once.

    When more than ``capacity`` forms are cached, all are dropped before the next look-up. The
    tagger's weights must not change. ``projected`` has a row per form, of any width, and more.
    """

    def __init__(self, tagger: Tagger, channels: Channels, capacity: int) -> None:
        self._tagger, self._channels, self._capacity = tagger, channels, capacity
        self._rows: dict[Form, int] = {}
        self.projected = torch.empty(0, 0)

    def look_up(self, forms: Iterable[Form]) -> npt.NDArray[np.int64]:
        """Return the row in ``projected`` of every form.

        A look-up may be interrupted at any place: a form is known only once its row is there.
        """
        if len(self._rows) > self._capacity:
            self.clear()
        rows, new = self._rows, dict[Form, int]()
        begin, known = len(rows), rows.get
        found = [
            row if (row := known(form)) is not None else new.setdefault(form, begin + len(new))
            for form in forms
        ]
        if new:
            tagger = self._tagger
            features = featurize(list(new), self._channels, tagger.words, tagger.ngrams)
            self._write(tagger.project(np.arange(len(new)), features), begin)
            rows.update(new)
        return np.array(found, dtype=np.int64)

    def clear(self) -> None:
        """Drop all forms; the memory for them is used again."""
        self._rows.clear()

    def _write(self, projected: Tensor, begin: int) -> None:
        end = begin + len(projected)
        if end > len(self.projected):
            grown = projected.new_empty(max(end, 2 * begin), projected.shape[1])
            if begin:
                grown[:begin] = self.projected[:begin]
            self.projected = grown
        self.projected[begin:end] = projected


class Recognizer:
    """A trained model that finds the entities of any text.

    Threads may share one; they tag one after the other. It can be pickled, and used on both sides
    of a fork. It tags on the device that its model is on; its segmenter cuts text as the training
    text was cut.

    Args:
        model: Is put in evaluation mode.
        precision: Of the products with the last states: ``float32`` is exact; ``bfloat16`` and
            ``int8`` are faster on many sentences at once and on processors that have such products,
            and may change a tag in a thousand. A sentence alone is always exact. `ConfigError` if
            it is none of the three, or the device does not have it.
        cached_forms: Distinct forms of which what does not depend on context is cached, some 10 KB
            each.

    Example:
        Recognizer.load("runs/demo")("昨日ジョンは東京に着いた")
    """

    def __init__(
        self, model: Model, *, precision: Precision = "float32", cached_forms: int = 8192
    ) -> None:
        if precision not in PRECISIONS:
            raise ConfigError("precision", f"expected {', '.join(PRECISIONS)}; got {precision!r}")
        if precision != "float32" and model.tagger.device.type != "cpu":
            raise ConfigError("precision", f"{precision} is for the cpu; on a GPU use float32")
        self.model = model
        self.segmenter = segmenter_of(model.text)
        tagger, settings = model.tagger.eval(), model.tagger.settings
        tagger.word.lstm.precision = precision
        channels = Channels(settings.word_view, settings.char_view, settings.ngram)
        self._cache = FormCache(tagger, channels, cached_forms)
        self._made = partial(type(self), precision=precision, cached_forms=cached_forms)
        self._lock = Lock()
        _recognizers.add(self)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        precision: Precision = "float32",
        cached_forms: int = 8192,
        device: str = "cpu",
    ) -> Recognizer:
        """Load the model of a model or run folder; nothing in it can run code.

        The device is ``cpu``, ``cuda`` or ``cuda:N``; a GPU pays for many sentences at once.
        `ModelError` as of `load_model`; `ConfigError` if there is no such device, or precision on
        it; `MissingExtraError` if the segmenter's dictionary is not installed.
        """
        place, model = find_device(device), load_model(path)
        model.tagger.to(place)
        return cls(model, precision=precision, cached_forms=cached_forms)

    def __reduce__(self) -> tuple[Callable[[Model], Recognizer], tuple[Model]]:
        """Send the model and the options, without cached forms."""
        return self._made, (self.model,)

    def __call__(self, text: str) -> list[Mention]:
        """Find the mentions of one text, with character offsets and probabilities."""
        return list(next(self.recognize([text])).mentions)

    def recognize(self, texts: Iterable[str]) -> Iterator[Sentence]:
        """Yield one sentence per text, in order, with its tokens and mentions.

        `TypeError` if there is one text instead of many, or something that is no text.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("recognize() takes many texts, and got one; call recognizer(text)")
        return self.annotate(map(_sentence, texts))

    def annotate(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Yield sentences with the mentions that the model finds, instead of those they have.

        Sentences with tokens keep them, and only get the readings they lack; others are segmented.
        `TypeError` if one is no sentence, since texts are for `recognize`; `ValueError` if tokens
        are not in the text of their sentence, or not in its order.
        """
        chunk: list[Sentence] = []
        n_tokens = 0
        for sentence in sentences:
            chunk.append(self._segmented(sentence))
            n_tokens += len(chunk[-1].tokens or ())
            if n_tokens >= _CHUNK_TOKENS:
                yield from self._tagged(chunk)
                chunk, n_tokens = [], 0
        if chunk:
            yield from self._tagged(chunk)

    def clear(self) -> None:
        """Drop all cached forms, which can change the last digits of probabilities."""
        with self._lock:
            self._cache.clear()

    def _segmented(self, sentence: Sentence) -> Sentence:
        if not isinstance(sentence, Sentence):
            came = type(sentence).__name__
            raise TypeError(f"annotate() takes sentences, and got {came}; recognize() takes texts")
        if sentence.tokens is None:
            tokens = self.segmenter.segment(sentence.text)
        else:
            check_tokens(sentence.text, sentence.tokens)
            tokens = self.segmenter.annotate(sentence.text, sentence.tokens)
        return replace(sentence, tokens=tokens, mentions=())

    def _tagged(self, chunk: list[Sentence]) -> Iterator[Sentence]:
        tokens = [sentence.tokens or () for sentence in chunk]
        offsets = np.zeros(len(chunk) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in tokens], out=offsets[1:])
        with self._lock:
            rows = self._cache.look_up((t.text, t.reading) for part in tokens for t in part)
            found = dict(predict_projected(self.model.tagger, self._cache.projected, rows, offsets))
        for number, sentence in enumerate(chunk):
            spans, probabilities = found.get(number, ((), ()))
            if spans and self.model.edges is not None:
                trimmed = self.model.edges.trim(spans, word_classes(tokens[number]))
                kept = [each for each in zip(trimmed, probabilities, strict=True) if each[0]]
                spans = tuple(span for span, _ in kept if span)
                probabilities = tuple(probability for _, probability in kept)
            mentions = mentions_from_spans(sentence.text, tokens[number], spans)
            pairs = zip(mentions, probabilities, strict=True)
            mentions = tuple(m._replace(probability=p) for m, p in pairs)
            yield replace(sentence, mentions=mentions) if mentions else sentence


@lru_cache(maxsize=1)
def load_once(
    model: Path, fingerprint: str, precision: Precision, device: str = "cpu"
) -> Recognizer:
    """Load the recognizer of a model, unless this process has it.

    Raises `ModelError` if the `model_fingerprint` is another by then.
    """
    recognizer = Recognizer.load(model, precision=precision, device=device)
    if model_fingerprint(model) != fingerprint:
        raise ModelError(model, "was changed while it was at work; start again")
    return recognizer


_recognizers: WeakSet[Recognizer] = WeakSet()


def _free_locks() -> None:
    """Free locks that a thread of the parent may hold; a cache is sound at every moment."""
    for recognizer in _recognizers:
        recognizer._lock = Lock()


os.register_at_fork(after_in_child=_free_locks)


def _sentence(text: str) -> Sentence:
    if not isinstance(text, str):
        raise TypeError(f"expected a text, a str, got {type(text).__name__}")
    return Sentence(text)
