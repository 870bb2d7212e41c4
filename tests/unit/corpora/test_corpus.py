import json
from collections import Counter
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.config.settings import CorpusSettings, Split
from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.corpus import (
    DEV,
    TEST,
    TRAIN,
    Corpora,
    Corpus,
    assign_parts,
    load_corpora,
    load_mapping,
    nearest,
    segmented,
)
from kakehashi.errors import ConfigError, CorpusError, TagError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.tags import TypeMapping
from kakehashi.text.segment import load_segmenter


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


def test_sources_are_joined_in_order_read_anew_and_only_when_asked_for(source, tmp_path):
    corpus = Corpus.from_sources([source("a", 2), source("b", 1)])
    assert texts(corpus) == texts(corpus) == ["a 0", "a 1", "b 0"]
    corpus = Corpus.from_sources([JsonlSource(path=str(tmp_path / "none.jsonl"))])
    with pytest.raises(CorpusError, match="no such file"):
        next(iter(corpus))
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
    problem = rf"a\.jsonl: {where}: .*'m' .*'CITY'.*knows PERSON"
    with pytest.raises(TagError, match=problem) as caught:
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
    corpus = Corpus.from_sources([source("a", 5)])
    assert texts(corpus.sample(5)) == texts(corpus)
    with pytest.raises(ConfigError, match=r"corpus\.train_size: 6 is more than the 5"):
        corpus.sample(6)


def test_a_split_takes_every_sentence_once_and_keeps_articles_whole(source):
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


def test_an_unknown_mapping_is_an_error_before_anything_is_read():
    none = (JsonlSource(path="/none"),)
    with pytest.raises(ConfigError, match="did you mean 'irex-to-conll'"):
        load_corpora(CorpusSettings(train=none, dev=none, mapping="irex-to-conl"))


def test_irex_becomes_conll():
    mapping = load_mapping("irex-to-conll")

    assert mapping.name == "irex-to-conll"
    named = {"PERSON": "PER", "LOCATION": "LOC", "ORGANIZATION": "ORG", "OPTIONAL": None}
    others = dict.fromkeys(("ARTIFACT", "DATE", "TIME", "MONEY", "PERCENT"), "MISC")
    assert mapping.types == named | others


def test_every_shipped_mapping_and_a_file_of_ones_own_loads(write):
    assert load_mapping("irex-to-conll").name == "irex-to-conll"
    mapping = load_mapping(write("mine.toml", 'drop = ["a b"]\n[types]\n"人名" = "PER"\n'))
    assert mapping.name == "mine"
    assert mapping.types == {"人名": "PER", "a b": None}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("irex-to-conl", "there is no type mapping 'irex-to-conl'; did you mean 'irex-to-conll'"),
        ("IREX", "there is no type mapping 'IREX'; .*irex-to-conll"),
        ("", "there is no type mapping ''; shipped: .*irex-to-conll"),
        ("none.toml", r"there is no type mapping 'none\.toml'; .*shipped"),
    ],
)
def test_unknown_names_are_refused(name, problem):
    with pytest.raises(ConfigError, match=rf"^corpus\.mapping: {problem}"):
        load_mapping(name)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("types = ", "is not well-formed"),
        (b"\xff", "expected UTF-8"),
        ("", "types: Field required"),
        ("[types]\nA = 1", r"types\.A: Input should be a valid string"),
        ("dropped = []\n[types]", "dropped: unknown setting; did you mean 'drop'"),
    ],
)
def test_malformed_files_are_refused(write, content, problem):
    with pytest.raises(ConfigError, match=rf"mine\.toml: {problem}") as caught:
        load_mapping(write("mine.toml", content))
    assert "\n" not in str(caught.value)


class Counting:
    """Cut every character apart, and count."""

    signature = "characters"

    def __init__(self):
        self.seen = []

    def segment(self, text):
        self.seen.append(text)
        return tuple(Token(character, k, k + 1) for k, character in enumerate(text))

    def annotate(self, text, tokens):
        return tuple(token._replace(reading=token.reading or "?") for token in tokens)


READ = Sentence("ab", (Mention(0, 2, "A", "ab"),), (Token("ab", 0, 2, "r"),), "id", "group")


def test_tokens_are_replaced_or_kept_with_all_else():
    (sentence,) = segmented([READ], Counting())
    assert sentence == Sentence(
        "ab", READ.mentions, (Token("a", 0, 1), Token("b", 1, 2)), "id", "group"
    )
    bare = Sentence("cd", tokens=(Token("cd", 0, 2),))
    kept, read, cut = segmented([READ, bare, Sentence("e")], Counting(), keep_tokens=True)
    assert kept == READ
    assert read.tokens == (Token("cd", 0, 2, "?"),)
    assert cut.tokens == (Token("e", 0, 1),)


def test_the_same_text_is_cut_once_and_sentences_come_one_by_one():
    segmenter = Counting()
    found = list(segmented([Sentence("a"), Sentence("b"), Sentence("a")], segmenter))
    assert [sentence.text for sentence in found] == ["a", "b", "a"]
    assert segmenter.seen == ["a", "b"]

    def endless():
        while True:
            yield Sentence("a")

    assert next(segmented(endless(), Counting())).tokens == (Token("a", 0, 1),)


def test_tokens_are_kept_only_if_they_are_those_of_the_text():
    tokens = (Token("b", 0, 1),)
    segmenter = load_segmenter("words")
    assert next(segmented([Sentence("a", tokens=tokens)], segmenter)).tokens == (Token("a", 0, 1),)
    with pytest.raises(ValueError, match=r"the token 'b' at \[0, 1\) contradicts the text, 'a'"):
        next(segmented([Sentence("a", tokens=tokens)], segmenter, keep_tokens=True))


def sizes(parts):
    counts = Counter(parts)
    return counts[TRAIN], counts[DEV], counts[TEST]


def split(train, test, by="sentence", seed=0):
    return Split(by=by, train=train, test=test, seed=seed)


def test_by_sentence_sizes_are_exact_and_any_sentence_may_go_anywhere():
    assert sizes(assign_parts([""] * 100, split(60, 25))) == (60, 15, 25)
    assert sizes(assign_parts(["same"] * 100, split(75, 25))) == (75, 0, 25)
    cuts = [assign_parts([""] * 9, split(3, 3, seed=seed)) for seed in range(99)]
    assert all({cut[place] for cut in cuts} == {TRAIN, DEV, TEST} for place in range(9))


GROUPS = [f"article {n}" for n in range(40) for _ in range(1 + n * 7 % 11)]


@pytest.mark.parametrize("seed", range(5))
def test_by_group_no_article_is_cut(seed):
    parts = assign_parts(GROUPS, split(120, 50, "group", seed))
    assert len(set(zip(GROUPS, parts, strict=True))) == 40
    assert sizes(parts) == (120, len(GROUPS) - 170, 50)


@pytest.mark.parametrize("groups", [[""] * 172, GROUPS], ids=["sentence", "group"])
def test_the_seed_decides(groups):
    by = "group" if any(groups) else "sentence"
    cuts = [assign_parts(groups, split(120, 50, by, seed)) for seed in (0, 0, 1)]
    assert cuts[0] == cuts[1] != cuts[2]


def test_articles_may_be_scattered_or_missing():
    groups = ["a", "b", "a", "c", "b", "a"]
    parts = assign_parts(groups, split(3, 2, "group"))
    assert parts[0] == parts[2] == parts[5] == TRAIN
    assert parts[1] == parts[4] == TEST
    assert parts[3] == DEV
    assert sizes(assign_parts([""] * 15, split(7, 4, "group"))) == (7, 4, 4)


def test_too_few_sentences_or_articles_are_an_error():
    with pytest.raises(ConfigError, match=r"corpus\.split: 8 sentences .* 3 .* than the 10"):
        assign_parts([""] * 10, split(8, 3))
    with pytest.raises(ConfigError, match=r"corpus\.split\.by: 1 articles are too few"):
        assign_parts(["a"] * 10, split(8, 2, "group"))
    with pytest.raises(ConfigError, match=r"corpus\.split\.by: 2 articles are too few"):
        assign_parts(["a"] * 10 + ["b"], split(5, 5, "group"))


@given(st.lists(st.integers(1, 12), max_size=8), st.integers(0, 60))
def test_no_choice_of_articles_is_nearer(sizes, target):
    chosen = nearest(sizes, target)
    best = min(
        abs(sum(some) - target) for n in range(len(sizes) + 1) for some in combinations(sizes, n)
    )
    assert abs(sum(sizes[place] for place in chosen) - target) == best


def test_many_articles_are_filled_exactly_from_the_first():
    sizes = [1 + n % 30 for n in range(20_000)]
    chosen = nearest(sizes, 100_000)
    assert sum(sizes[place] for place in chosen) == 100_000
    assert max(chosen) < len(chosen) + 200
