"""spaCy's ``.spacy`` files (`DocBin`): documents with tokens and entities, as spaCy trains on.

They are read as arrays, with spaCy's table of strings and none of its objects, so that a damaged
file is refused. A document is a sentence; its tokens but for blank ones are ours, its name and
article are ``id`` and ``group`` of the document's ``user_data``. Documents in which no token says
whether it is in an entity are left out. Written are the tokens, and as tokens of their own what is
between them unless it is one space; all of it is the text.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.config.reading import data_path
from kakehashi.config.sources import SpacySource
from kakehashi.corpora.checks import check_segmented, excerpt, is_blank
from kakehashi.corpora.lines import check_inflation, check_size, opened, read_bounded
from kakehashi.corpora.spans import sentences_from_records
from kakehashi.corpora.units import Given, Record
from kakehashi.errors import CorpusError
from kakehashi.extras import require
from kakehashi.files import write_atomically
from kakehashi.sentence import Sentence, Token
from kakehashi.tags import OUTSIDE

_TAGS = ("", "I", "O", "B")  # of ENT_IOB; of "" nothing is known
_READ = ("ORTH", "ENT_IOB", "ENT_TYPE")
_VERSION = "0.1"
_AT_ONCE = 1 << 20  # bytes
# What parts of a damaged file raise: msgpack, numpy, the table of strings.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


class _Documents(NamedTuple):
    lengths: list[int]  # tokens of each
    columns: npt.NDArray[np.uint64]  # `_READ` of each token (tokens, 3)
    spaces: npt.NDArray[np.bool_]  # whether a space follows (tokens,)
    strings: Mapping[int, str]  # of the hashes in the columns
    names: Sequence[Mapping[object, object]]  # user data of each
    groups: Sequence[bytes]  # of spans


def read(source: SpacySource) -> Iterator[Sentence]:
    """Yield the documents of a file; `CorpusError` if it is damaged or has no entities."""
    return sentences_from_records(partial(_records, source), "characters")


def _records(source: SpacySource) -> Iterator[Record]:
    path = str(data_path(source.path))
    data = b"".join(_inflated(source.path))
    try:
        documents = _parsed(data)
    except _DAMAGE as error:
        problem = " ".join(str(error).split())[:200]
        raise CorpusError(path, f"is no file of spaCy that can be read ({problem})") from None
    start = 0
    for number, length in enumerate(documents.lengths):
        check_size(length, 0, path, number + 1, "split it into sentences")
        yield _record(documents, number, slice(start, start + length), path)
        start += length


def _inflated(path: str) -> Iterator[bytes]:
    with opened(path) as file:
        packed, inflate, n_bytes = read_bounded(file, path), zlib.decompressobj(), 0
        while packed and not inflate.eof:
            try:
                piece = inflate.decompress(packed, _AT_ONCE)
            except zlib.error as error:
                problem = f"is no file of spaCy that can be read ({error})"
                raise CorpusError(data_path(path), problem) from None
            packed, n_bytes = inflate.unconsumed_tail, n_bytes + len(piece)
            check_inflation(n_bytes, data_path(path))
            yield piece


def _parsed(data: bytes) -> _Documents:
    attributes = require("spacy.attrs", "spacy").IDS
    unpack = partial(  # no objects but plain ones
        require("srsly.msgpack", "spacy").unpackb, raw=False, object_pairs_hook=dict
    )
    content = unpack(data)
    if content.get("version", _VERSION) != _VERSION:
        raise ValueError(f"expected version {_VERSION}, got {excerpt(str(content['version']))}")
    places = [content["attrs"].index(attributes[name]) for name in _READ]
    table = np.frombuffer(content["tokens"], "<u8").reshape(-1, len(content["attrs"]))
    columns = table[:, places]
    lengths = np.frombuffer(content["lengths"], "<i4").tolist()
    spaces = np.frombuffer(content["spaces"], np.bool_)
    if min(lengths, default=0) < 0 or not sum(lengths) == len(columns) == len(spaces):
        raise ValueError("documents and tokens are not as many as they should be")
    if (columns[:, 1] >= len(_TAGS)).any():
        raise ValueError("expected 0 to 3 as ENT_IOB")
    store = require("spacy.strings", "spacy").StringStore(content["strings"])
    strings = {number: store[number] for number in np.unique(columns[:, [0, 2]]).tolist()}
    packed = content.get("user_data") or [None] * len(lengths)
    names = [unpack(each) if each else {} for each in packed]
    groups = content.get("span_groups") or [b""] * len(lengths)
    if not len(names) == len(groups) == len(lengths):
        raise ValueError("documents and their data are not as many")
    return _Documents(lengths, columns, spaces, strings, names, groups)


def _record(documents: _Documents, number: int, rows: slice, path: str) -> Record:
    text, given, tokens = "", list[Given](), list[tuple[int, int]]()
    goes_on, n_unknown, columns = False, 0, documents.columns[rows].tolist()
    for (form, tag, kind), space in zip(columns, documents.spaces[rows].tolist(), strict=True):
        word, name = documents.strings[form], documents.strings[kind]
        start, end = len(text), len(text) + len(word)
        text += word + " " * space
        if not is_blank(word):
            tokens.append((start, end))
        n_unknown += not _TAGS[tag]
        if _TAGS[tag] == "I" and goes_on and given[-1].type == name:
            given[-1] = Given([(given[-1].fragments[0][0], end)], name)
        elif _TAGS[tag] in ("B", "I"):
            given.append(Given([(start, end)], name))
        goes_on = _TAGS[tag] in ("B", "I")
    if columns and n_unknown == len(columns):
        return Record("", (), path, number + 1, notes=["text without an annotation"])
    notes = ["token without an annotation"] * n_unknown
    notes += ["group of spans"] * (len(documents.groups[number]) > 1)
    names = documents.names[number]
    name, group = (str(names.get(key, "")) for key in ("id", "group"))
    return Record(text, given, path, number + 1, name, group, tokens, notes)


def write(sentences: Iterable[Sentence], source: SpacySource) -> Counter[str]:
    """Write a file, whole or not at all; `CorpusError` at a sentence without tokens."""
    require("spacy", "spacy")
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

    vocab, documents = Vocab(), DocBin(attrs=_READ, store_user_data=True)
    for sentence in sentences:
        check_segmented(sentence, source.path)
        words, places = _words(sentence)
        tags = [OUTSIDE] * len(words)
        for span in sentence.project().spans:
            first, last = places[span.start], places[span.end - 1]
            tags[first : last + 1] = [f"I-{span.type}"] * (last + 1 - first)
            tags[first] = f"B-{span.type}"
        document = Doc(vocab, [word for word, _ in words], [space for _, space in words], ents=tags)
        names = {"id": sentence.id, "group": sentence.group}
        document.user_data.update({key: name for key, name in names.items() if name})
        documents.add(document)
    write_atomically(Path(source.path), documents.to_bytes())
    return Counter()


def _words(sentence: Sentence) -> tuple[list[tuple[str, bool]], list[int]]:
    """Return words that make the text, whether a space follows, and where the tokens are."""
    words, places, end = list[tuple[str, bool]](), list[int](), 0
    tokens = sentence.tokens or ()
    for token in (*tokens, Token("", len(sentence.text), len(sentence.text))):
        between = sentence.text[end : token.start]
        if between == " " and words:
            words[-1] = (words[-1][0], True)
        elif between:
            words.append((between, False))
        places.append(len(words))
        words.append((token.text, False))
        end = token.end
    return words[:-1], places
