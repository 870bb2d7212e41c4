"""Shards, however a corpus is cut, hold every sentence once and join to the whole."""

from hypothesis import given
from hypothesis import strategies as st

from kakehashi.data.cache import Arrays, join_shards, read_corpus, write_shard
from kakehashi.data.encode import Forms, encode
from kakehashi.sentence import Span, sentence_from_forms
from kakehashi.tags import Tagset
from kakehashi.text.words import WHITESPACE


@st.composite
def sentences(draw):
    forms = draw(st.lists(st.text("ab東", min_size=1, max_size=2), min_size=1, max_size=6))
    spans, end = [], 0
    for start in range(len(forms)):
        if start >= end and draw(st.booleans()):
            end = draw(st.integers(start + 1, len(forms)))
            spans.append(Span(start, end, draw(st.sampled_from(["LOC", "ORG", "PER"]))))
    return sentence_from_forms(forms, spans)


@given(st.lists(st.lists(sentences(), max_size=4), max_size=4), st.booleans())
def test_shards_join_to_the_whole(tmp_path_factory, chunks, earlier):
    folder = tmp_path_factory.mktemp("shards")
    corpus = [sentence for chunk in chunks for sentence in chunk]
    known = [sentence_from_forms(["b", "a"])] if earlier else []
    forms, ours = Forms(), Forms()
    for table in (forms, ours):
        encode(known, table)
    whole = encode(corpus, forms)
    paths = [folder / f"{number}.arrow" for number in range(len(chunks))]
    for job in zip(paths, chunks, strict=True):
        write_shard(WHITESPACE, False, "this", job)
    join_shards(paths, folder / "all.arrow", ours, "this")
    found = read_corpus(Arrays(folder / "all.arrow", "this"))

    assert list(ours.ids) == list(forms.ids)
    assert found.forms.tolist() == whole.forms.tolist()
    assert found.offsets.tolist() == whole.offsets.tolist()
    assert found.types == whole.types
    assert found.spans == whole.spans == tuple(each.project().spans for each in corpus)


@given(st.lists(sentences(), max_size=5), st.sampled_from(["bio", "iobes"]))
def test_tag_ids_are_those_of_the_spans(corpus, scheme):
    encoded = encode(corpus, Forms())
    tagset = Tagset(("LOC", "ORG", "PER"), scheme)
    expected = [
        tag
        for sentence in corpus
        for tag in tagset.ids_from_spans(sentence.project().spans, len(sentence.tokens))
    ]
    assert encoded.tag_ids(tagset).tolist() == expected
