"""Encoded corpora in files: one shard per chunk, with forms of its own, then all of them as one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from kakehashi.corpora.segmentation import segmented
from kakehashi.corpora.texts import Columnar
from kakehashi.data.arrays import Array, Arrays, write_arrays
from kakehashi.data.encoded import EncodedCorpus, encode, tag_renumbering
from kakehashi.data.forms import Forms
from kakehashi.data.layout import corpus_columns, form_columns, read_corpus, read_forms
from kakehashi.data.texts import encode_texts
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import Segmenter
from kakehashi.text.words import PatternSegmenter


def write_shard(
    segmenter: Segmenter,
    keep_tokens: bool,
    fingerprint: str,
    job: tuple[Path, Iterable[Sentence]],
) -> None:
    """Read, segment and encode a chunk of a corpus."""
    path, chunk = job
    forms = Forms()
    corpus = _encoded_texts(segmenter, chunk, forms)
    if corpus is None:
        corpus = encode(segmented(chunk, segmenter, keep_tokens), forms)
    write_arrays(path, {**corpus_columns(corpus), **form_columns(forms)}, fingerprint)


def _encoded_texts(
    segmenter: Segmenter, chunk: Iterable[Sentence], forms: Forms
) -> EncodedCorpus | None:
    """Encode a chunk by its columns, if it has some and its words can be cut one by one."""
    if not (isinstance(chunk, Columnar) and isinstance(segmenter, PatternSegmenter)):
        return None
    texts = chunk.texts()
    return None if texts is None else encode_texts(texts, segmenter, forms)


def join_shards(shards: Sequence[Path], path: Path, forms: Forms, fingerprint: str) -> None:
    """Write shards as one corpus, as if it had been encoded in one go.

    Args:
        shards: Their files, in the order of the corpus.
        path: The file to write.
        forms: Those known from corpora before this one; those of the shards are added.
        fingerprint: What all is made of.

    Raises:
        CorpusError: If a shard is damaged.
    """
    files = [Arrays(shard, fingerprint) for shard in shards]
    parts = [read_corpus(file) for file in files]
    types = sorted({kind for part in parts for kind in part.types})
    n_tokens = sum(len(part.forms) for part in parts)
    numbers, tags = (_scratch(path.parent, kind, n_tokens) for kind in ("i4", "i2"))
    offsets = _scratch(path.parent, "i8", 1 + sum(map(len, parts)))
    missed: dict[int, tuple[Mention, ...]] = {}
    ids, sentence, token = forms.ids, 0, 0
    for file, part in zip(files, parts, strict=True):
        known = np.array([ids.setdefault(form, len(ids)) for form in read_forms(file)], np.int32)
        tokens = slice(token, token + len(part.forms))
        numbers[tokens] = known[part.forms]
        tags[tokens] = tag_renumbering(part.types, types)[part.tags]
        offsets[sentence : sentence + len(part) + 1] = part.offsets + token
        missed |= {sentence + index: lost for index, lost in part.missed.items()}
        sentence, token = sentence + len(part), tokens.stop
    corpus = EncodedCorpus(numbers, offsets, tags, tuple(types), missed)
    write_arrays(path, corpus_columns(corpus), fingerprint)


def _scratch(folder: Path, kind: str, size: int) -> Array:
    """Make an array whose memory is a file without a name, for one larger than we want to hold."""
    with TemporaryFile(dir=folder) as file:
        # A file of no bytes cannot be mapped; and without room for all of it a write would end us.
        os.posix_fallocate(file.fileno(), 0, np.dtype(kind).itemsize * max(1, size))
        array: Array = np.memmap(file, dtype=kind, mode="r+", shape=max(1, size))
    return array[:size]
