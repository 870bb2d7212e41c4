"""Whatever holds for every system that stands beside ours."""

import importlib
import unicodedata

import pytest

from kakehashi.baselines.catalogue import load_system
from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy
from kakehashi.corpora.assistant.sampler import generate
from kakehashi.corpora.corpus import segmented
from kakehashi.errors import MissingExtraError
from kakehashi.sentence import Sentence, Span, sentence_from_forms
from kakehashi.text.segment import load_segmenter

NAMES = pytest.mark.parametrize("name", ["crfsuite", "spacy"])


def make(name, seed=1):
    if name == "crfsuite":
        return CRFsuite()
    return SpaCy(seed, {"max_steps": 60, "eval_frequency": 20})


def found_by(system, parts):
    train, dev, test = parts
    system.fit(train, dev)
    return system.tag(test)


@pytest.fixture(scope="module")
def few():
    utterances = list(segmented(generate("en", 120), load_segmenter("words")))
    return utterances[:60], utterances[60:80], utterances[80:]


@NAMES
def test_same_seed_same_predictions(name, few):
    found = found_by(make(name), few)
    assert any(found)
    assert found_by(make(name), few) == found
    if name == "spacy":
        assert found_by(make(name, seed=2), few) != found


@NAMES
def test_sentences_without_tokens_are_borne(name):
    empty = Sentence("", tokens=())
    named = sentence_from_forms(["see", "Tokyo"], [Span(1, 2, "LOC")])
    parts = [empty, named] * 20, [empty, named], [empty, named, empty]
    assert found_by(make(name), parts) == [(), (Span(1, 2, "LOC"),), ()]


@NAMES
def test_a_missing_library_is_named_with_its_extra(name, monkeypatch):
    def missing(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=rf"pip install '.*\[{name}\]'"):
        load_system(name, 1)


def test_decomposed_text_has_the_features_of_composed_text():
    composed, decomposed = (
        sentence_from_forms(unicodedata.normalize(form, "Zürich ist schön").split(" "))
        for form in ("NFC", "NFD")
    )
    assert CRFsuite()._items(decomposed) == CRFsuite()._items(composed)
