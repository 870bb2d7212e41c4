import json
from itertools import chain

import pytest

from kakehashi.config.settings import CorpusSettings, Split
from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.corpus import Corpora, Corpus, load_corpora
from kakehashi.errors import ConfigError, CorpusError, TagError
from kakehashi.tags import TypeMapping


@pytest.fixture
def source(write):
    """Make a source of numbered sentences with one mention each."""

    def source(name, n, type="PERSON", group="", id=True):
        records = (
            {
                "text": f"{name} {k}",
                "mentions": [{"start": 0, "end": len(name), "type": type}],
                "group": group and f"{group}{k // 4}",
                "id": f"{name}-{k}" if id else "",
            }
            for k in range(n)
        )
        path = write(f"{name}.jsonl", "\n".join(map(json.dumps, records)))
        return JsonlSource(path=path)

    return source


def texts(corpus):
    return [sentence.text for sentence in corpus]


def types(corpus):
    return {mention.type for sentence in corpus for mention in sentence.mentions}


def test_sources_are_joined_in_order_and_read_anew(source):
    corpus = Corpus.from_sources([source("a", 2), source("b", 1)])

    assert texts(corpus) == texts(corpus) == ["a 0", "a 1", "b 0"]


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    corpus = Corpus.from_sources([JsonlSource(path=str(tmp_path / "none.jsonl"))])

    with pytest.raises(CorpusError, match="no such file"):
        next(iter(corpus))


def test_no_sources_are_an_empty_corpus():
    assert texts(Corpus.from_sources([])) == []


def test_types_are_mapped_and_dropped(source):
    sources = [source("a", 1), source("b", 1, "OPTIONAL")]
    corpus = Corpus.from_sources(sources)

    mapped = Corpus.from_sources(sources, TypeMapping("m", {"PERSON": "PER", "OPTIONAL": None}))

    assert [[m.type for m in s.mentions] for s in mapped] == [["PER"], []]
    assert types(corpus) == {"PERSON", "OPTIONAL"}


@pytest.mark.parametrize(("named", "where"), [(True, "sentence a-0"), (False, "sentence 'a 0'")])
def test_an_unknown_type_is_named_with_its_file_and_sentence(source, named, where):
    mapping = TypeMapping("m", {"PERSON": "PER"})
    corpus = Corpus.from_sources([source("a", 1, "CITY", id=named)], mapping)

    with pytest.raises(
        TagError, match=rf"a\.jsonl: {where}: .*'m' .*'CITY'.*knows PERSON"
    ) as caught:
        list(corpus)
    assert caught.value.tag == "CITY"


def test_samples_are_nested_ordered_and_decided_by_their_seed(source):
    corpus = Corpus.from_sources([source("a", 60)])
    small, large, other = corpus.sample(10, 1), corpus.sample(40, 1), corpus.sample(10, 2)

    assert len(texts(small)) == 10
    assert set(texts(small)) < set(texts(large))
    assert texts(small) == texts(corpus.sample(10, 1)) != texts(other)
    order = texts(corpus)
    assert texts(small) == sorted(texts(small), key=order.index)


def test_a_sample_may_be_everything_but_not_more(source):
    corpus = Corpus.from_sources([source("a", 5)])

    assert texts(corpus.sample(5)) == texts(corpus)
    with pytest.raises(ConfigError, match=r"corpus\.train_size: 6 is more than the 5"):
        corpus.sample(6)


def test_a_split_takes_every_sentence_once(source):
    corpus = Corpus.from_sources([source("a", 10), source("b", 10)])

    parts = corpus.split(Split(train=12, test=5, seed=3))

    found = [texts(parts.train), texts(parts.dev), texts(parts.test)]
    assert [len(part) for part in found] == [12, 3, 5]
    assert sorted(chain(*found)) == sorted(texts(corpus))


def test_a_split_by_group_keeps_articles_whole(source):
    corpus = Corpus.from_sources([source("a", 40, group="x"), source("b", 40, group="y")])

    parts = corpus.split(Split(by="group", train=48, test=16))

    groups = [{s.group for s in part} for part in (parts.train, parts.dev, parts.test)]
    assert [len(group) for group in groups] == [12, 4, 4]
    assert len(set.union(*groups)) == 20


def test_three_corpora_are_loaded_with_mapping_and_sample(source):
    settings = CorpusSettings(
        train=(source("a", 10), source("b", 10, "TIME")),
        dev=(source("c", 2, "OPTIONAL"),),
        mapping="irex-to-conll",
        train_size=15,
        train_size_seed=4,
    )

    corpora = load_corpora(settings)

    assert len(texts(corpora.train)) == 15
    assert types(corpora.train) == {"PER", "MISC"}
    assert texts(corpora.dev) == ["c 0", "c 1"]
    assert types(corpora.dev) == set()
    assert texts(corpora.test) == []


def test_one_corpus_is_loaded_and_split(source):
    settings = CorpusSettings(all=(source("a", 20),), split=Split(train=10, test=6), train_size=5)

    corpora = load_corpora(settings)

    assert isinstance(corpora, Corpora)
    assert [len(texts(part)) for part in (corpora.train, corpora.dev, corpora.test)] == [5, 4, 6]


def test_an_unknown_mapping_is_an_error_before_anything_is_read(source):
    none = (JsonlSource(path="/none"),)
    settings = CorpusSettings(train=none, dev=none, mapping="irex-to-conl")

    with pytest.raises(ConfigError, match="did you mean 'irex-to-conll'"):
        load_corpora(settings)
