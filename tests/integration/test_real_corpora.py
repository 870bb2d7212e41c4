"""The counts of the real corpora, made by an independent reader, come out exactly."""

import os
import tarfile
from collections import Counter
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from kakehashi.config.languages import languages
from kakehashi.config.settings import CorpusSettings, Split
from kakehashi.config.sources import (
    AnnotatedSource,
    ColumnsSource,
    KnpSource,
    Source,
    StockmarkSource,
)
from kakehashi.corpora.corpus import Corpus, load_corpora, segmented
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.stats import CorpusStats, describe
from kakehashi.text.segment import load_segmenter

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(
        not os.environ.get("KAKEHASHI_DATA"), reason="KAKEHASHI_DATA names no folder of corpora"
    ),
]

KNBC = KnpSource(path="knbc-ja/KNBC_v1.0.tar.gz", encoding="euc-jp")


def count(source: Source) -> CorpusStats:
    return describe(read_source(source))


def conll(name: str, **settings: str) -> ColumnsSource:
    columns = ("token", "pos", "_", "tag")
    return ColumnsSource(path=f"conll2003-en/{name}", columns=columns, scheme="iob1", **settings)


def crfpp(name: str) -> ColumnsSource:
    return ColumnsSource(
        path=f"crfpp-ja/{name}.data.eucjp",
        columns=("token", "_", "pos", "tag"),
        encoding="euc-jp",
        spaces=False,
    )


@pytest.mark.parametrize(
    ("name", "sentences", "with_docstart", "entities"),
    [
        ("eng.train", 14_041, 14_987, 23_499),
        ("eng.testa", 3_250, 3_466, 5_942),
        ("eng.testb", 3_453, 3_684, 5_648),
    ],
)
def test_conll_2003(name, sentences, with_docstart, entities):
    skipped, kept = count(conll(name)), count(conll(name, docstart="keep"))
    assert (skipped.sentences, skipped.mentions, skipped.lost) == (sentences, entities, ())
    assert (kept.sentences, kept.mentions) == (with_docstart, entities)
    assert skipped.articles == with_docstart - sentences


def test_conll_2003_types():
    types = count(conll("eng.train")).types
    assert types == {"LOC": 7140, "PER": 6600, "ORG": 6321, "MISC": 3438}


@pytest.mark.parametrize(
    ("name", "sentences", "entities"), [("train", 216, 364), ("test", 500, 712)]
)
def test_crfpp_sample(name, sentences, entities):
    stats = count(crfpp(name))
    assert (stats.sentences, stats.mentions, stats.lost) == (sentences, entities, ())


def test_knbc():
    stats = count(KNBC)
    assert (stats.sentences, stats.mentions, stats.lost) == (4_186, 2_075, ())
    assert stats.articles == 249
    tokens = [token for sentence in read_source(KNBC) for token in sentence.tokens]
    assert len(tokens) == 66_952
    assert all(token.reading and token.pos for token in tokens)


def test_knbc_is_the_same_from_its_folder(tmp_path):
    with tarfile.open(Path(os.environ["KAKEHASHI_DATA"]) / KNBC.path) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = KNBC.model_copy(update={"path": str(tmp_path / "knbc")})
    assert list(read_source(unpacked)) == list(read_source(KNBC))


@pytest.mark.parametrize(
    ("part", "sentences", "placed"),
    [("train", 12_271, 6_274), ("dev", 1_585, 975), ("test", 2_195, 1_123)],
)
def test_kwdlc(part, sentences, placed):
    ids = f"id/split_for_pas/{part}.id"
    stats = count(KnpSource(path="kwdlc-ja/kwdlc.tar.gz", ids=ids))
    assert (stats.sentences, stats.mentions - len(stats.lost)) == (sentences, placed)


def test_kwdlc_and_stockmark_as_a_whole():
    stats = count(KnpSource(path="kwdlc-ja/kwdlc.tar.gz"))
    assert (stats.mentions, len(stats.lost)) == (8_379, 7)
    stats = count(StockmarkSource(path="stockmark-ja/ner.json.gz"))
    assert (stats.sentences, stats.mentions, len(stats.types)) == (5_343, 13_185, 8)


@pytest.mark.parametrize(
    ("locale", "slots"),
    [("en-US", 11_344), ("ja-JP", 11_263), ("de-DE", 11_373), ("zh-CN", 11_299)],
)
def test_massive(locale, slots):
    path = f"massive/{locale}.jsonl.gz"
    train, dev, test = (
        count(AnnotatedSource(path=path, partition=part)) for part in ("train", "dev", "test")
    )
    assert (train.sentences, dev.sentences, test.sentences) == (11_514, 2_033, 2_974)
    assert (train.mentions, len(train.types)) == (slots, 55)
    assert guess_source(path).format == "annotated"


@pytest.mark.parametrize("by", ["sentence", "group"])
def test_crf_knbc(by):
    settings = CorpusSettings(
        all=(crfpp("train"), crfpp("test"), KNBC),
        split=Split(by=by, train=2_940, test=980, seed=1),
        mapping="irex-to-conll",
    )
    corpora = load_corpora(settings)
    parts = [list(part) for part in (corpora.train, corpora.dev, corpora.test)]

    assert [len(part) for part in parts] == [2_940, 982, 980]
    types = Counter(m.type for part in parts for sentence in part for m in sentence.mentions)
    assert set(types) == {"PER", "LOC", "ORG", "MISC"}
    whole = describe(Corpus.from_sources(settings.all))
    assert types.total() == 364 + 712 + 2_075 - whole.types["OPTIONAL"]
    if by == "group":
        assert sum(len({sentence.group for sentence in part}) for part in parts) == 251


LOCALES = (
    *("ar-SA", "de-DE", "el-GR", "en-US", "fr-FR", "hi-IN", "ja-JP", "ko-KR", "ru-RU", "th-TH"),
    "zh-CN",
)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_a_language_chooses_keeps_its_mentions(locale):
    code = locale[:2]
    row = languages()[code]
    if not all(map(find_spec, row.modules)):
        pytest.skip(f"the extra {row.extra} is not installed")
    source = AnnotatedSource(path=f"massive/{locale}.jsonl.gz", partition="dev")
    segmenter = load_segmenter(row.segmenter, language=code)
    found = describe(segmented(islice(read_source(source), 300), segmenter))
    assert found.kept is not None
    assert found.kept >= 98
