"""Text in, mentions out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.corpora.corpus import segmented
from kakehashi.data.batches import Ids
from kakehashi.data.vocabulary import Channels, Form, featurize
from kakehashi.errors import ConfigError, ModelError
from kakehashi.extras import require
from kakehashi.runtime.checked_folder import (
    ENCODER,
    Calibration,
    find_model,
    model_fingerprint,
    temperature_of,
)
from kakehashi.runtime.decoder import Decoder
from kakehashi.runtime.form_cache import CACHE_BYTES, FormCache
from kakehashi.runtime.model_folder import TrainedModel, read_model
from kakehashi.runtime.network import Network, default_precision, open_network
from kakehashi.runtime.onnx_file import read_onnx
from kakehashi.runtime.prediction import emit, marginals, predict
from kakehashi.runtime.steps import (
    PRECISIONS,
    FloatArray,
    Precision,
    Projected,
    machine_code,
)
from kakehashi.sentence import Mention, Sentence, Span, Token, check_tokens, mentions_from_spans
from kakehashi.tags import Tagset
from kakehashi.text.edges import EdgeRules
from kakehashi.text.scripts import ForeignText
from kakehashi.text.segment import Segmenter, segmenter_of
from kakehashi.text.views import view
from kakehashi.text.word_classes import word_classes

_CHUNK_TOKENS = 4096  # that are looked up and tagged together


class DescribedModel(Protocol):
    """What all models say of themselves."""

    @property
    def name(self) -> str:
        """The name of its run."""

    @property
    def text(self) -> TextSettings:
        """How it has its text cut."""

    @property
    def tagset(self) -> Tagset:
        """What it chooses from."""

    @property
    def segmenter(self) -> str:
        """The segmenter and its version in training; empty if unknown."""

    @property
    def edges(self) -> EdgeRules | None:
        """What mentions may begin and end with."""

    @property
    def calibration(self) -> Calibration | None:
        """What its probabilities are true by."""


def open_segmenter(model: DescribedModel) -> Segmenter:
    """Open the segmenter of a model, and warn if it is another version than in training."""
    segmenter = segmenter_of(model.text)
    if model.segmenter not in ("", segmenter.signature):
        warnings.warn(
            f"the model {model.name} was trained on tokens of {model.segmenter}, and"
            f" {segmenter.signature} is installed, which may cut and read words otherwise;"
            " install that version, or train again",
            stacklevel=3,
        )
    return segmenter


class Recognizer:
    """A trained model that finds the entities of any text.

    Threads may share one, and tag at the same time. It can be pickled, and used on both sides of a
    fork. Its segmenter cuts text as the training text was cut.

    Args:
        model: What `read_model` or `read_onnx` returns, or `Model.trained`.
        precision: Of the products with the last states: ``float32`` is as the model was scored;
            ``int8`` (see `kakehashi.runtime.quantized`) is twice as fast where the extra ``fast``
            is installed and the processor multiplies bytes. What rounding might change is computed
            again in ``float32``, so that tags are the same, but for one or two sentences in ten
            thousand. Default: ``int8``; on a GPU ``float32``, since it has no other. An ONNX file
            has its own. `ConfigError` if it is neither.
        cache_bytes: What may be cached of forms, some 5 KB each, or 10 in ``float32``. Default:
            24 MB, or 48, so that some 5,000 have room.
        device: ``cpu``, ``cuda`` or ``cuda:N``; a GPU pays for many sentences at once, and needs
            the extra ``train``. `ConfigError` if it is not there.

    Example:
        Recognizer.load("runs/demo")("昨日ジョンは東京に着いた")
    """

    def __init__(
        self,
        model: TrainedModel,
        *,
        precision: Precision | None = None,
        cache_bytes: int | None = None,
        device: str = "cpu",
    ) -> None:
        precision = precision or default_precision(model, device)
        if precision not in PRECISIONS:
            raise ConfigError("precision", f"expected {', '.join(PRECISIONS)}; got {precision!r}")
        if precision != "float32" and device != "cpu":
            raise ConfigError("precision", f"{precision} is for the cpu; on a GPU use float32")
        self.model: DescribedModel = model
        self.segmenter = open_segmenter(model)
        self.precision: Precision = precision
        self.network = open_network(model, precision, device)
        temperature = temperature_of(model.calibration)
        self.decoder = Decoder(model.tagset, model.weights.get("crf.transitions"), temperature)
        settings = model.settings
        channels = Channels(settings.word_view, settings.char_view, settings.ngram)
        seen = partial(chain, model.words.strings[: model.words.n_seen], model.ngrams.strings)
        foreign = ForeignText(model.name, seen, lambda form: view(*form, channels.char))
        self._cache = FormCache(
            partial(_project, model, self.network, channels, foreign),
            CACHE_BYTES[precision] if cache_bytes is None else cache_bytes,
        )
        self._made = partial(
            type(self), precision=precision, cache_bytes=cache_bytes, device=device
        )

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        precision: Precision | None = None,
        cache_bytes: int | None = None,
        device: str = "cpu",
    ) -> Recognizer:
        """Load the model of a model or run folder, or an ONNX file; nothing in it can run code.

        Raises as `read_model`, `read_onnx` and this class do; `MissingExtraError` if the
        dictionary of the segmenter is not installed.
        """
        options: dict[str, Any] = {"precision": precision, "cache_bytes": cache_bytes}
        options["device"] = device
        if Path(path).is_file():
            return cls(read_onnx(path), **options)
        if (find_model(path) / ENCODER).is_file():
            require("torch", "train")
            # By its name, since nothing here may depend on torch.
            module = import_module("kakehashi.encoders.encoder_recognizer")
            loaded: Recognizer = module.EncoderRecognizer.load(
                path, precision=precision, device=device
            )
            return loaded
        return cls(read_model(path), **options)

    def __reduce__(self) -> tuple[Callable[..., Recognizer], tuple[DescribedModel]]:
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
        for chunk, arguments in self._chunks(sentences):
            yield from self._tagged(chunk, *arguments)

    def marginals(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, FloatArray]]:
        """Yield what `annotate` does, each with the probability of each tag at each of its tokens.

        These are arrays (tokens, tags), the tags in the order of ``model.tagset``. Rows add up to
        1: of softmax, or of a CRF over all legal sequences. Nothing is trimmed of them.
        """
        for chunk, arguments in self._chunks(sentences):
            shares = dict(marginals(self.network, self.decoder, *arguments))
            none = np.zeros((0, len(self.model.tagset)), np.float32)
            for number, sentence in enumerate(self._tagged(chunk, *arguments)):
                yield sentence, shares.get(number, none)

    def _chunks(
        self, sentences: Iterable[Sentence]
    ) -> Iterator[tuple[list[Sentence], tuple[Projected, Ids, Ids]]]:
        """Yield segmented sentences, with what `predict` gets of them."""
        parts = map(self._segmented, sentences)
        while chunk := list(_until(parts, _CHUNK_TOKENS)):
            tokens = [sentence.tokens or () for sentence in chunk]
            offsets = np.zeros(len(chunk) + 1, dtype=np.int64)
            np.cumsum([len(part) for part in tokens], out=offsets[1:])
            yield chunk, (*self._look_up(tokens), offsets)

    def as_trained(self, corpus: Iterable[Sentence]) -> Iterator[Sentence]:
        """Segment a corpus as in training, where its own tokens were kept or not."""
        return segmented(corpus, self.segmenter, self.model.text.keep_tokens)

    def for_text(self, text: TextSettings, of_views: ModelSettings) -> Recognizer:
        """Return one of the same weights that reads text as settings of another language have it.

        That is with their segmenter and views; nothing is trimmed of what is found.
        """
        make, (model,) = self.__reduce__()
        changes: dict[str, Any] = {"text": text, "segmenter": "", "edges": None}
        if isinstance(model, TrainedModel):
            views = {name: getattr(of_views, name) for name in ("word_view", "char_view")}
            changes["settings"] = model.settings.model_copy(update=views)
        return make(replace(cast("TrainedModel", model), **changes))

    def trim(self, spans: tuple[Span, ...], tokens: Sequence[Token]) -> tuple[Span, ...]:
        """Cut off what mentions may not begin or end with, and drop spans with nothing left."""
        if not spans or self.model.edges is None:
            return spans
        return tuple(filter(None, self.model.edges.trim(spans, word_classes(tokens))))

    @property
    def types(self) -> tuple[str, ...]:
        """The entity types that it knows."""
        return self.model.tagset.types

    def warm_up(self) -> None:
        """Load now what the first texts would wait for: the dictionary, and machine code."""
        machine_code()
        self("a")
        list(self.recognize(["a a", "a"]))
        rows, edges = self._look_up([[Token("a", 0, 1)]]), np.array([0, 1])
        for network in filter(None, (self.network, self.network.exact)):
            emissions = network.emit(*rows, edges)
            self.decoder.probabilities(emissions, edges, edges[:1], edges[None])

    def clear(self) -> None:
        """Drop all cached forms, which can change the last digits of probabilities."""
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
        return sentence if tokens is sentence.tokens else replace(sentence, tokens=tokens)

    def emissions(
        self, sentences: Iterable[Sentence]
    ) -> Iterator[tuple[list[Sentence], Ids, FloatArray, Ids]]:
        """Yield batches: sentences and the rest of an `Emitted`.

        Sentences come in another order, those without tokens not at all.
        """
        for chunk, arguments in self._chunks(sentences):
            for numbers, offsets, emissions, tags in emit(self.network, self.decoder, *arguments):
                yield [chunk[number] for number in numbers.tolist()], offsets, emissions, tags

    def _look_up(self, tokens: Sequence[Sequence[Token]]) -> tuple[Projected, Ids]:
        """Return what `Network.emit` gets of tokens: rows, and which of them each token has."""
        return self._cache.look_up([(t.text, t.reading) for part in tokens for t in part])

    def _tagged(
        self, chunk: list[Sentence], projected: Projected, rows: Ids, offsets: Ids
    ) -> Iterator[Sentence]:
        def trim(number: int, spans: tuple[Span, ...]) -> tuple[Span, ...]:
            return self.trim(spans, chunk[number].tokens or ())

        found = dict(predict(self.network, self.decoder, projected, rows, offsets, trim=trim))
        for number, sentence in enumerate(chunk):
            spans, probabilities = found.get(number, ((), ()))
            mentions = mentions_from_spans(sentence.text, sentence.tokens or (), spans)
            pairs = zip(mentions, probabilities, strict=True)
            mentions = tuple(m._replace(probability=p) for m, p in pairs)
            yield (
                replace(sentence, mentions=mentions) if mentions or sentence.mentions else sentence
            )


@lru_cache(maxsize=1)
def load_once(
    model: Path, fingerprint: str, precision: Precision | None, device: str = "cpu"
) -> Recognizer:
    """Load the recognizer of a model, unless this process has it.

    Raises `ModelError` if the `model_fingerprint` is another by then.
    """
    recognizer = Recognizer.load(model, precision=precision, device=device)
    if model_fingerprint(model) != fingerprint:
        raise ModelError(model, "was changed while it was at work; start again")
    return recognizer


def _project(
    model: TrainedModel,
    network: Network,
    channels: Channels,
    foreign: ForeignText,
    forms: Sequence[Form],
) -> Projected:
    foreign.count(forms)
    features = featurize(forms, channels, model.words, model.ngrams)
    return network.project(np.arange(len(forms)), features)


def _until(sentences: Iterator[Sentence], n_tokens: int) -> Iterator[Sentence]:
    """Take sentences until they have so many tokens."""
    for sentence in sentences:
        yield sentence
        n_tokens -= len(sentence.tokens or ())
        if n_tokens <= 0:
            return


def _sentence(text: str) -> Sentence:
    if not isinstance(text, str):
        raise TypeError(f"expected a text, a str, got {type(text).__name__}")
    return Sentence(text)
