"""A recognizer in numpy or machine code finds what torch finds, in generated and real sentences."""

import os
from itertools import islice

import pytest
import torch

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.config.sources import AnnotatedSource, ColumnsSource, KnpSource, StockmarkSource
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.formats import read_source
from kakehashi.data.dataset import prepare
from kakehashi.data.vectors import Vectors
from kakehashi.model.folder import Model
from kakehashi.model.tagger import Tagger
from kakehashi.model.torch_network import TorchNetwork
from kakehashi.runtime import decoder, steps
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.text.segment import load_segmenter

CORPORA = {
    "MASSIVE": AnnotatedSource(path="massive/ja-JP.jsonl.gz"),
    "Stockmark": StockmarkSource(path="stockmark-ja/ner.json.gz"),
    "KNBC": KnpSource(path="knbc-ja/KNBC_v1.0.tar.gz", encoding="euc-jp"),
    "KWDLC": KnpSource(path="kwdlc-ja/kwdlc.tar.gz"),
    "CoNLL-2003": ColumnsSource(
        path="conll2003-en/eng.testa", columns=("token", "pos", "_", "tag"), scheme="iob1"
    ),
}
KINDS = [("softmax", "bio", True), ("crf", "iobes", False), ("crf", "bio", True)]
NUMPY = [pytest.param(False, id="numpy"), pytest.param(True, id="machine code")]


def recognizers(sentences, segmenter, decoder, scheme, compact):
    """One in numpy, and one by torch; of random weights, which find something."""
    torch.manual_seed(0)
    widths = {"word_width": 8, "word_lstm_width": 20, "char_width": 6, "char_lstm_width": 8}
    settings = ModelSettings(**widths, decoder=decoder, scheme=scheme)
    data = prepare(sentences, (), (), settings)
    n_compact = len(data.words.strings) // 2 if compact else 0
    data.words.n_seen -= n_compact
    tagger = Tagger(settings, data.words, data.ngrams, data.tagset, n_compact).eval()
    rows = {word: row for row, word in enumerate(data.words.strings)}
    matrix = torch.randn(len(rows), 8).numpy()
    tagger.take_vectors(Vectors(rows, matrix))
    with torch.no_grad():
        tagger.dense.weight.mul_(8)
        if tagger.crf is not None:
            torch.nn.init.normal_(tagger.crf.transitions)
    model = Model("random", tagger, TextSettings(segmenter=segmenter)).trained()
    ours, theirs = (Recognizer(model, precision="float32") for _ in range(2))
    theirs.network = TorchNetwork(tagger)
    return ours, theirs


def assert_alike(sentences, segmenter, kind):
    sentences = list(segmented(sentences, load_segmenter(segmenter), keep_tokens=False))
    ours, theirs = recognizers(sentences, segmenter, *kind)
    n_found = 0
    for one, other in zip(ours.annotate(sentences), theirs.annotate(sentences), strict=True):
        assert [m[:3] for m in one.mentions] == [m[:3] for m in other.mentions]
        for mine, its in zip(one.mentions, other.mentions, strict=True):
            assert mine.probability == pytest.approx(its.probability, abs=1e-4)
        n_found += len(one.mentions)
    assert n_found > len(sentences) / 2


@pytest.fixture(params=NUMPY)
def kernel(request, monkeypatch):
    kernels = None
    if request.param:
        pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
        from kakehashi.runtime import kernels
    for module in (steps, decoder):
        monkeypatch.setattr(module, "machine_code", lambda n: kernels)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_generated_sentences(kernel, kind):
    assert_alike(generate("ja", 120, seed=3), "unidic-lite", kind)


@pytest.mark.slow
@pytest.mark.corpora
@pytest.mark.skipif(
    not os.environ.get("KAKEHASHI_DATA"), reason="KAKEHASHI_DATA names no folder of corpora"
)
@pytest.mark.parametrize("kind", KINDS[:2], ids=str)
@pytest.mark.parametrize("corpus", CORPORA)
def test_a_thousand_sentences_of_real_corpora(corpus, kind):
    segmenter = "words" if corpus == "CoNLL-2003" else "unidic-lite"
    assert_alike(islice(read_source(CORPORA[corpus]), 1000), segmenter, kind)
