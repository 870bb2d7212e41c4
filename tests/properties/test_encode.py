"""Chunks are encoded as a plain loop over their sentences would, whatever way they take."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.config.sources import JsonlSource, ParquetSource
from kakehashi.corpora import jsonl, parquet
from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.jsonl import line_from_sentence
from kakehashi.corpora.parquet import write_rows
from kakehashi.corpora.texts import Texts, rows
from kakehashi.data.cache import join_shards, write_shard
from kakehashi.data.encode import EncodedCorpus, encode, encode_chunk
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.tags import Tagset
from kakehashi.text.word_classes import word_classes
from kakehashi.text.words import WHITESPACE, WORDS

# Words, and all that parts them or holds them together; some of it only at some places.
PIECES = st.one_of(
    st.sampled_from("aZ9é東\u0301.,:'’-&@!?\u200b\ufeff\u3000\n\r\x1c\x85 "),
    st.sampled_from([" ", " ", "A. ", "B. Cd", "Mr.", "U.S.", "o'clock", "Ann's", "10:30", "..."]),
)
TEXTS = st.lists(PIECES, min_size=1, max_size=12).map("".join)
BLANKS = "\u200b\ufeff\u3000\n\r\x1c\x85 "  # of the pieces above
TYPES = st.sampled_from(["PER", "LOC", "A1", "city_name"])


@st.composite
def sentences(draw, texts=TEXTS):
    text = draw(texts)
    edges = st.lists(st.integers(0, len(text)), max_size=6, unique=True).map(sorted)
    places = draw(edges)
    mentions = [
        Mention(start, end, draw(TYPES), text[start:end])
        for start, end in zip(places[::2], places[1::2], strict=False)
        if text[start] not in BLANKS and text[end - 1] not in BLANKS
    ]
    return Sentence(text, tuple(mentions))


def reference(sentences):
    """Encode sentence by sentence, token by token."""
    forms, numbers, tags, offsets, missed = {}, [], [], [0], {}
    projections = [sentence.project() for sentence in sentences]
    types = sorted({span.type for spans, _ in projections for span in spans})
    for number, (sentence, (spans, lost)) in enumerate(zip(sentences, projections, strict=True)):
        keys = [(token.text, token.reading) for token in sentence.tokens]
        numbers += [forms.setdefault(key, len(forms)) for key in keys]
        tags += Tagset(types).ids_from_spans(spans, len(sentence.tokens))
        offsets.append(len(numbers))
        if lost:
            missed[number] = lost
    classes = [kind for sentence in sentences for kind in word_classes(sentence.tokens)]
    arrays = np.array(numbers, "i4"), np.array(offsets, "i8"), np.array(tags, "i2")
    arrays += (np.array(classes, "u1"),)
    return EncodedCorpus(*arrays, tuple(types), missed), list(forms)


def assert_encoded(found, expected):
    assert found.types == expected.types
    assert list(found.missed.items()) == list(expected.missed.items())
    for name in ("forms", "offsets", "tags", "classes"):
        assert getattr(found, name).dtype == getattr(expected, name).dtype
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


class Letters:
    """Every letter is a token; the first has a reading, as a dictionary would give."""

    signature = "letters"

    def segment(self, text):
        letters = [(place, letter) for place, letter in enumerate(text) if letter not in BLANKS]
        return tuple(
            Token(letter, place, place + 1, "" if number else "ア", "助詞" if number else "名詞")
            for number, (place, letter) in enumerate(letters)
        )

    def annotate(self, text, tokens):
        return tuple(token._replace(reading="イ") for token in tokens)


@pytest.mark.parametrize("segmenter", [WORDS, WHITESPACE, Letters()])
@given(
    corpus=st.lists(sentences(), max_size=6),
    with_tokens=st.sets(st.integers(0, 5)),
    keep_tokens=st.booleans(),
)
def test_a_chunk_is_encoded_as_its_sentences_are(segmenter, corpus, with_tokens, keep_tokens):
    for number in with_tokens:
        if number < len(corpus):
            tokens = WHITESPACE.segment(corpus[number].text)
            corpus[number] = replace(corpus[number], tokens=tokens)
    expected, expected_forms = reference(list(segmented(corpus, segmenter, keep_tokens)))
    ours, theirs = {}, {}
    assert_encoded(encode_chunk(corpus, segmenter, ours, keep_tokens), expected)
    assert_encoded(encode(segmented(corpus, segmenter, keep_tokens), theirs), expected)
    assert list(ours) == list(theirs) == expected_forms


@given(st.lists(st.lists(sentences(), max_size=4), max_size=4), st.booleans())
def test_shards_join_to_the_whole(tmp_path_factory, chunks, earlier):
    folder = tmp_path_factory.mktemp("shards")
    known = [Sentence("b é", tokens=WHITESPACE.segment("b é"))] * earlier
    forms, ours = {}, {}
    for table in (forms, ours):
        encode(known, table)
    whole = encode(segmented([each for chunk in chunks for each in chunk], WORDS), forms)
    paths = [folder / str(number) for number in range(len(chunks))]
    for job in zip(paths, chunks, strict=True):
        write_shard(WORDS, False, "this", job)
    facts = join_shards(paths, folder / "all", ours, "this")
    arrays = (
        np.load(folder / f"all-{name}.npy") for name in ("forms", "offsets", "tags", "classes")
    )
    found = EncodedCorpus(*arrays, facts["types"], facts["missed"])
    assert_encoded(found, whole)
    assert list(ours) == list(forms)


@given(st.lists(sentences(), max_size=5), st.sampled_from(["bio", "iobes"]))
def test_tag_ids_and_spans_are_those_of_the_sentences(corpus, scheme):
    corpus = list(segmented(corpus, WORDS))
    encoded = encode(corpus, {})
    tagset = Tagset(("A1", "LOC", "PER", "city_name"), scheme)
    spans = tuple(sentence.project().spans for sentence in corpus)
    expected = [
        tag
        for sentence, each in zip(corpus, spans, strict=True)
        for tag in tagset.ids_from_spans(each, len(sentence.tokens))
    ]
    assert encoded.tag_ids(tagset).tolist() == expected
    assert encoded.spans == spans


def assert_same(texts, others):
    assert list(texts.texts) == list(others.texts)
    assert list(texts.types) == list(others.types)
    for name in ("lengths", "sentences", "starts", "ends"):
        ours, theirs = getattr(texts, name), getattr(others, name)
        assert ours.dtype == theirs.dtype == np.int64
        assert ours.tolist() == theirs.tolist()


def chunk_of_lines(folder, lines):
    (folder / "a.jsonl").write_bytes(lines)
    (chunk,) = jsonl.chunks(JsonlSource(path=str(folder / "a.jsonl")))
    return chunk


def chunk_of_rows(folder, corpus):
    write_rows(folder / "a.parquet", [rows(corpus)])
    (chunk,) = parquet.chunks(ParquetSource(path=str(folder / "a.parquet")))
    return chunk


@given(st.lists(sentences(), min_size=1, max_size=5))
def test_files_of_ours_have_columns(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("files")
    lines = "".join(f"{line_from_sentence(sentence)}\n" for sentence in corpus).encode()
    for chunk in (chunk_of_lines(folder, lines), chunk_of_rows(folder, corpus)):
        assert_same(chunk.texts(), Texts.from_sentences(corpus))


# What a line may hold that is not as it should be, or only looks so.
STRANGE = st.one_of(
    st.sampled_from(["null", "true", "1.0", "-1", "99999999999", '"x"', "[]", "{}", "NaN", "0"]),
    st.sampled_from(
        ["}\n{", '{"text": "b"}', "\n", "\r", ", ", "\ufeff", "\0", "\\u0000", "\\ud800"]
    ),
    st.sampled_from(['"text": "b"', '"probability": 0.5', '"probability": 2', '"tokens": []']),
    st.just('"tokens": [{"text": "a", "start": 0, "end": 1}]'),
)


@settings(max_examples=300)
@given(st.data())
def test_lines_have_columns_only_if_their_sentences_are_the_same(tmp_path_factory, data):
    corpus = data.draw(st.lists(sentences(st.text("ab ", min_size=1, max_size=5)), max_size=3))
    lines = "".join(f"{line_from_sentence(sentence)}\n" for sentence in corpus) or "{}\n"
    for _ in range(data.draw(st.integers(1, 2))):
        start = data.draw(st.integers(0, len(lines)))
        end = data.draw(st.integers(start, min(len(lines), start + 5)))
        lines = lines[:start] + data.draw(STRANGE) + lines[end:]
    if lines.isspace():
        return
    chunk = chunk_of_lines(tmp_path_factory.mktemp("lines"), lines.encode())
    texts = chunk.texts()
    if texts is not None:
        found = list(chunk)  # raises no error
        assert all(sentence.tokens in (None, ()) for sentence in found)
        assert_same(texts, Texts.from_sentences(found))


@st.composite
def careless(draw):
    """A sentence whose mentions may lie anywhere and say anything."""
    text = draw(st.text("ab\0", max_size=4))
    places = st.integers(-1, 5)
    mentions = draw(
        st.lists(
            st.builds(
                Mention,
                places,
                places,
                st.sampled_from(["PER", "", "A B", "A\n"]),
                st.sampled_from(["a", "b", "ab", None]),
                st.sampled_from([None, 0.0, 1.0, 1.5, -0.1, float("nan")]),
            ),
            max_size=3,
        )
    )
    tokens = (Token("a", 0, 1),) if draw(st.integers(0, 5)) == 0 else None
    return Sentence(text, tuple(mentions), tokens)


@settings(max_examples=300)
@given(st.lists(careless(), min_size=1, max_size=2))
def test_rows_have_columns_if_they_are_sound_and_in_order(tmp_path_factory, corpus):
    chunk = chunk_of_rows(tmp_path_factory.mktemp("rows"), corpus)
    texts = chunk.texts()
    try:
        found = list(chunk)
    except CorpusError:
        assert texts is None
        return
    ordered = all(
        [mention[:2] for mention in written.mentions] == [mention[:2] for mention in read.mentions]
        for written, read in zip(corpus, found, strict=True)
    )
    if ordered and not any(sentence.tokens for sentence in found):
        assert_same(texts, Texts.from_sentences(found))
    else:
        assert texts is None
