"""Corpora, forms and features as named arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kakehashi.data.arrays import Array, Arrays, Columns
from kakehashi.data.encoded import EncodedCorpus
from kakehashi.data.forms import Form, FormFeatures, Forms
from kakehashi.data.prepared import Features
from kakehashi.data.vectors import Coverage, Share, Vectors
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.sentence import Mention


def corpus_columns(corpus: EncodedCorpus) -> Columns:
    """Lay out a corpus as arrays; the mentions that are lost are so few that they lie apart."""
    lost = [(index, mention) for index, lost in corpus.missed.items() for mention in lost]
    return {
        "forms": corpus.forms,
        "offsets": corpus.offsets,
        "tags": corpus.tags,
        "types": corpus.types,
        "lost_sentences": np.array([index for index, _ in lost], dtype=np.int64),
        "lost_starts": np.array([mention.start for _, mention in lost], dtype=np.int32),
        "lost_types": [mention.type for _, mention in lost],
        "lost_texts": [mention.text for _, mention in lost],
    }


def read_corpus(file: Arrays) -> EncodedCorpus:
    """View a file as a corpus."""
    missed: dict[int, tuple[Mention, ...]] = {}
    for index, start, kind, text in zip(
        file.numbers("lost_sentences").tolist(),
        file.numbers("lost_starts").tolist(),
        file.strings("lost_types"),
        file.strings("lost_texts"),
        strict=True,
    ):
        mention = Mention(start, start + len(text), kind, text)
        missed[index] = (*missed.get(index, ()), mention)
    return EncodedCorpus(
        file.numbers("forms"),
        file.numbers("offsets"),
        file.numbers("tags"),
        tuple(file.strings("types")),
        missed,
    )


def form_columns(forms: Forms) -> Columns:
    """Lay out forms as arrays."""
    return {
        "surfaces": [surface for surface, _ in forms.ids],
        "readings": [reading for _, reading in forms.ids],
    }


def read_forms(file: Arrays) -> Iterator[Form]:
    """Give the forms of a file in the order of their numbers."""
    return zip(file.strings("surfaces"), file.strings("readings"), strict=True)


def feature_columns(features: Features) -> Columns:
    """Lay out features as arrays."""
    columns: dict[str, Array | Sequence[str]] = {
        "form_words": features.features.words,
        "form_ngrams": features.features.ngrams,
        "form_offsets": features.features.offsets,
        "words": features.words.strings,
        "seen_words": np.array([features.words.n_seen]),
        "ngrams": features.ngrams.strings,
        "once": features.once.view(np.uint8),
    }
    vectors, coverage = features.vectors, features.coverage
    if vectors is not None and coverage is not None and coverage.tokens is not None:
        columns |= {
            "vector_words": vectors.words,
            "vector_rows": np.array(list(vectors.rows.values()), dtype=np.int64),
            "vector_lowered": sorted(vectors.lowered),
            "vector_shape": np.array(vectors.matrix.shape),
            "vectors": vectors.matrix.ravel(),
            "coverage": np.array([*coverage.types, *coverage.tokens, coverage.n_skipped]),
        }
    return columns


def read_features(file: Arrays) -> Features:
    """View a file as features."""
    vectors = coverage = None
    if "vectors" in file:
        words, rows = file.strings("vector_words"), file.numbers("vector_rows").tolist()
        matrix = file.numbers("vectors").reshape(file.numbers("vector_shape"))
        lowered = frozenset(file.strings("vector_lowered"))
        vectors = Vectors(dict(zip(words, rows, strict=True)), matrix, lowered)
        counts = file.numbers("coverage").tolist()
        coverage = Coverage(Share(*counts[:3]), Share(*counts[3:6]), counts[6])
    return Features(
        FormFeatures(*(file.numbers(f"form_{name}") for name in ("words", "ngrams", "offsets"))),
        Vocabulary(file.strings("words"), int(file.numbers("seen_words")[0])),
        Vocabulary(file.strings("ngrams")),
        vectors,
        coverage,
        file.numbers("once").view(np.bool_),
    )
