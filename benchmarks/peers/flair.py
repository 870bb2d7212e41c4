"""Flair's SequenceTagger, its embeddings trained from scratch.

Nothing is downloaded: words have one-hot embeddings, characters an LSTM of Flair's with a
dictionary of the training set. Training is that of Flair's tutorial: SGD that starts at 0.1 and is
annealed, 32 sentences a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flair
import flair.data
import flair.datasets
import flair.embeddings
import flair.models
import flair.trainers

from benchmarks.peers.peer import TOKENS, Way
from benchmarks.place import Place
from kakehashi.sentence import Sentence, Span

_BATCH_SENTENCES = 32
_EPOCHS = 20
_WORD_WIDTH = 50
_TYPE = "ner"
_FILE = "model.pt"


class Flair:
    """An LSTM tagger with our widths, and a CRF where we have one.

    Args:
        place: The corpora and settings.
    """

    version = f"Flair {flair.__version__}"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._model: Any = None

    def learner(self) -> Callable[[], int]:
        """Prepare epochs on the slice; the vocabulary is that of the whole."""
        flair.set_seed(1)
        model = self._new_model()
        sentences = self._place.sentences("train", self._place.slice_sentences)
        part = _corpus(sentences, self._place.sentences("dev", 1))

        def run() -> int:
            _train(model, part, 1, use_final_model_for_eval=True)
            return sum(len(sentence.tokens or ()) for sentence in sentences)

        return run

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train from start to end."""
        flair.set_seed(seed)
        model = self._new_model()
        corpus = _corpus(self._place.sentences("train"), self._place.sentences("dev"))
        _train(model, corpus, epochs or _EPOCHS)
        folder.mkdir(parents=True)
        model.save(folder / _FILE)

    def load(self, folder: Path) -> None:
        """Load a saved tagger."""
        self._model = flair.models.SequenceTagger.load(folder / _FILE)

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities."""
        made = [_plain(sentence) for sentence in sentences]
        self._model.predict(made, mini_batch_size=_BATCH_SENTENCES)
        return [
            tuple(
                Span(span[0].idx - 1, span[-1].idx, span.get_label(_TYPE).value)
                for span in sentence.get_spans(_TYPE)
            )
            for sentence in made
        ]

    def ways(self) -> Mapping[str, Way]:
        """Give the only way."""
        return {TOKENS: lambda sentences: partial(self.tag, sentences)}

    def _new_model(self) -> Any:
        settings = self._place.settings.model
        train = self._place.sentences("train")
        characters = flair.data.Dictionary()
        for sentence in train:
            for character in sentence.text:
                characters.add_item(character)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "characters"
            characters.save(file)
            embeddings = [
                flair.embeddings.OneHotEmbeddings.from_corpus(
                    _corpus(train, train[:1]),
                    min_freq=1,
                    embedding_length=settings.word_width or _WORD_WIDTH,
                ),
                flair.embeddings.CharacterEmbeddings(
                    file,
                    char_embedding_dim=settings.char_width,
                    hidden_size_char=settings.char_lstm_width,
                ),
            ]
        return flair.models.SequenceTagger(
            hidden_size=settings.word_lstm_width,
            embeddings=flair.embeddings.StackedEmbeddings(embeddings),
            tag_dictionary=self._types(),
            tag_type=_TYPE,
            use_crf=settings.decoder == "crf",
        )

    def _types(self) -> Any:
        """List the types of training and development set, since Flair must know them all."""
        types = flair.data.Dictionary()
        types.span_labels = True
        for part in ("train", "dev"):
            for sentence in self._place.sentences(part):
                for mention in sentence.mentions:
                    types.add_item(mention.type)
        return types


def _train(model: Any, corpus: Any, epochs: int, **settings: object) -> None:
    with TemporaryDirectory() as folder:
        flair.trainers.ModelTrainer(model, corpus).train(
            folder,
            learning_rate=0.1,
            mini_batch_size=_BATCH_SENTENCES,
            max_epochs=epochs,
            save_final_model=False,
            **settings,
        )


def _corpus(train: Sequence[Sentence], dev: Sequence[Sentence]) -> Any:
    def dataset(sentences: Sequence[Sentence]) -> Any:
        return flair.datasets.FlairDatapointDataset([_labelled(each) for each in sentences])

    return flair.data.Corpus(dataset(train), dataset(dev), sample_missing_splits=False)


def _plain(sentence: Sentence) -> Any:
    return flair.data.Sentence([token.text for token in sentence.tokens or ()])


def _labelled(sentence: Sentence) -> Any:
    made = _plain(sentence)
    for start, end, kind in sentence.project().spans:
        made[start:end].add_label(_TYPE, kind)
    return made
