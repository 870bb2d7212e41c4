"""What is written is read back; what is cut is whole."""

import re
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from kakehashi.config.settings import Split
from kakehashi.config.sources import (
    BratSource,
    ColumnsSource,
    DoccanoSource,
    HuggingFaceSource,
    InlineSource,
    JsonlSource,
    LabelStudioSource,
    ProdigySource,
    Source,
    SpacySource,
)
from kakehashi.corpora.corpus import Corpus
from kakehashi.corpora.formats import read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import ConfigError
from kakehashi.sentence import Mention, Sentence, Span, Token, sentence_from_forms
from kakehashi.text.composition import WHITE_SPACE

TYPES = ("PER", "LOC", "a.b-c_d", "人名")
BLANKS = "".join(re.findall(f"[{WHITE_SPACE}]", "".join(map(chr, range(1 << 16)))))
any_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
# What columns can hold: no blank but U+3000, no line end, and no marks of their own.
forms = st.text(
    st.characters(exclude_characters="\0\t\n\r \ufeff", exclude_categories=["Cs"]), min_size=1
).filter(lambda form: form not in ("_", "-DOCSTART-"))


@st.composite
def cuts(draw, length):
    """Draw ranges without overlap, neighbours allowed, as (start, end, type)."""
    edges = draw(st.lists(st.integers(0, length), unique=True, max_size=6).map(sorted))
    return [
        (start, end, draw(st.sampled_from(TYPES)))
        for start, end in pairwise(edges)
        if draw(st.booleans())
    ]


@st.composite
def raw_sentences(draw):
    text = draw(any_text)
    mentions = tuple(
        Mention(start, end, kind, text[start:end], draw(st.none() | st.floats(0, 1)))
        for start, end, kind in draw(cuts(len(text)))
        if text[start:end].strip(BLANKS) == text[start:end]
    )
    tokens = tuple(
        Token(text[start:end], start, end, draw(st.just("") | any_text), kind)
        for start, end, kind in draw(cuts(len(text)))
    )
    return Sentence(
        text, mentions, draw(st.sampled_from([None, tokens])), draw(any_text), draw(any_text)
    )


@st.composite
def segmented_sentences(draw):
    words = draw(st.lists(forms, min_size=1, max_size=8))
    spans = [
        Span(*cut)
        for cut in draw(cuts(len(words)))
        if words[cut[0]][0] not in BLANKS and words[cut[1] - 1][-1] not in BLANKS
    ]
    bare = sentence_from_forms(words, spans, group=draw(st.sampled_from(["", "a", "b"])))
    tokens = tuple(
        token._replace(reading=draw(st.just("") | forms), pos=draw(st.just("") | forms))
        for token in bare.tokens
    )
    return replace(bare, tokens=tokens)


TRAPS = (
    "\ufeff東京\r\n京都",
    "𠮷野家で😀東京",
    "👩‍👩‍👧\u2028Zoë in A\u030angstro\u0308m",
    "ﾄｳｷｮｳ\u3000ｶﾞ\u0085Bonn\r",
    "\n\nEva\r\nBerg\n",
)


def traps() -> list[Sentence]:
    """Texts in which offsets go wrong, each with a mention of what is not blank at its end."""
    found = []
    for number, text in enumerate(TRAPS):
        end = len(text.rstrip())
        mention = Mention(end - 2, end, "LOC", text[end - 2 : end])
        found.append(Sentence(text, (mention,), id=f"s{number}", group="g"))
    return found


def written_and_read(sentences: list[Sentence], source: Source) -> list[Sentence]:
    with tempfile.TemporaryDirectory() as folder:
        source = source.model_copy(update={"path": str(Path(folder) / (source.path or "corpus"))})
        written = write_corpus(sentences, source)
        assert written.sentences == len(sentences)
        assert written.mentions == sum(len(s.mentions) for s in sentences)
        return list(read_source(source))


@given(st.lists(raw_sentences(), min_size=1, max_size=4))
@example(traps())
def test_json_lines_give_everything_back(sentences):
    assert written_and_read(sentences, JsonlSource(path="")) == sentences


@given(st.lists(raw_sentences(), min_size=1, max_size=4))
@example(traps())
def test_inline_tags_give_text_and_mentions_back(sentences):
    found = written_and_read(sentences, InlineSource(path="", types=TYPES))
    assert [(s.text, s.mentions) for s in found] == [
        (s.text, tuple(mention._replace(probability=None) for mention in s.mentions))
        for s in sentences
    ]


TOOLS = (
    DoccanoSource(path=""),
    LabelStudioSource(path=""),
    ProdigySource(path=""),
    BratSource(path="", sentences="document"),
)


@pytest.mark.parametrize("source", TOOLS, ids=lambda source: source.format)
@given(st.lists(raw_sentences(), min_size=1, max_size=4))
@example(traps())
def test_annotation_tools_give_text_mentions_and_names_back(source, sentences):
    found = written_and_read(sentences, source)
    if source.format == "brat":  # names of files hold few names, and files have an order
        found = sorted(found, key=lambda s: s.text)
        sentences = sorted(sentences, key=lambda s: s.text)
    keeps = source.format == "labelstudio"

    def content(sentence):
        mentions = sentence.mentions
        if not keeps:
            mentions = tuple(mention._replace(probability=None) for mention in mentions)
        names = (sentence.id, sentence.group) if source.format != "brat" else ()
        return sentence.text, mentions, names

    assert [content(s) for s in found] == [content(s) for s in sentences]


@given(st.lists(raw_sentences(), min_size=1, max_size=4))
@example(traps())
def test_lines_of_brat_give_texts_and_mentions_back(sentences):
    sentences = [
        s for s in sentences if s.text.strip() and "\n" not in s.text and s.text[-1] != "\r"
    ] or [Sentence("a")]
    found = written_and_read(sentences, BratSource(path=""))

    def content(sentence):
        return sentence.text, tuple(m._replace(probability=None) for m in sentence.mentions)

    assert sorted(map(content, found)) == sorted(map(content, sentences))


@given(
    st.lists(segmented_sentences(), min_size=1, max_size=5),
    st.permutations(["token", "reading", "pos", "tag", "_", "_"]),
    st.sampled_from(["space", "tab", "whitespace", " \t"]),
    st.sampled_from(["bio", "iob1", "iobes"]),
    st.booleans(),
)
def test_columns_give_tokens_spans_and_articles_back(sentences, columns, separator, scheme, spaces):
    source = ColumnsSource(
        path="", columns=tuple(columns), separator=separator, scheme=scheme, spaces=spaces
    )
    found = written_and_read(sentences, source)

    def content(sentence):
        tokens = [(token.text, token.reading, token.pos) for token in sentence.tokens]
        return tokens, sentence.project().spans

    assert [content(s) for s in found] == [content(s) for s in sentences]
    assert changes(found) == changes(sentences)


@settings(max_examples=40, deadline=None)
@given(st.lists(segmented_sentences(), min_size=1, max_size=5), st.booleans())
def test_hugging_face_gives_tokens_spans_and_names_back(sentences, spaces):
    sentences = [replace(s, id=s.group) for s in sentences]
    found = written_and_read(sentences, HuggingFaceSource(path="x.parquet", spaces=spaces))

    def content(sentence):
        forms = [token.text for token in sentence.tokens]
        return forms, sentence.project().spans, sentence.id

    assert [content(s) for s in found] == [content(s) for s in sentences]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(raw_sentences(), min_size=1, max_size=4))
@example(traps())
def test_spacy_gives_texts_mentions_tokens_and_names_back(sentences):
    whole = [
        replace(s, tokens=whole_tokens(s), mentions=tuple(m for m in s.mentions)) for s in sentences
    ]
    found = written_and_read(whole, SpacySource(path=""))

    def content(sentence):
        mentions = tuple(mention._replace(probability=None) for mention in sentence.mentions)
        tokens = [token[:3] for token in sentence.tokens]
        return sentence.text, mentions, tokens, sentence.id, sentence.group

    assert [content(s) for s in found] == [content(s) for s in whole]


def whole_tokens(sentence):
    """Cut a text at blanks and at the edges of its mentions."""
    edges = {edge for mention in sentence.mentions for edge in mention[:2]}
    tokens, start = [], None
    for place, character in enumerate(sentence.text + " "):
        if start is not None and (character in BLANKS or place in edges):
            tokens.append(Token(sentence.text[start:place], start, place))
            start = None
        if start is None and character not in BLANKS:
            start = place
    return tuple(tokens)


def changes(sentences):
    """Say after which sentences another article begins."""
    return [a.group != b.group for a, b in pairwise(sentences)]


@given(
    st.lists(st.sampled_from(["", *"abcdefgh"]), min_size=20, max_size=60),
    st.integers(4, 10),
    st.integers(4, 10),
    st.integers(0, 9),
)
def test_no_article_is_in_two_parts(groups, train, test, seed):
    sentences = [Sentence(str(number), group=group) for number, group in enumerate(groups)]
    corpus = Corpus("numbers", lambda: iter([sentences[:7], sentences[7:]]))
    try:
        parts = corpus.split(Split(by="group", train=train, test=test, seed=seed))
    except ConfigError:
        reject()
    found = [list(part) for part in (parts.train, parts.dev, parts.test)]
    assert Counter(sentence for part in found for sentence in part) == Counter(sentences)
    homes = {(s.group, number) for number, part in enumerate(found) for s in part if s.group}
    assert len(homes) == len(set(groups) - {""})
