"""What holds for every baseline."""

import importlib
import unicodedata
from typing import get_args

import pytest

from kakehashi.baselines import BASELINES
from kakehashi.baselines.crfsuite import CRFsuite, _items
from kakehashi.baselines.spacy import SpaCy
from kakehashi.config.settings import SystemName
from kakehashi.errors import MissingExtraError
from kakehashi.sentence import Sentence, Span, sentence_from_forms

NAMES = pytest.mark.parametrize("name", BASELINES)
QUICK = {"crfsuite": CRFsuite(), "spacy": SpaCy(1, {"max_steps": 60, "eval_frequency": 20})}


def test_settings_and_table_know_the_same_baselines():
    assert set(get_args(SystemName)) == {"kakehashi", "encoder", *BASELINES}


@NAMES
def test_sentences_without_tokens_are_tagged(name):
    empty = Sentence("", tokens=())
    named = sentence_from_forms(["see", "Tokyo"], [Span(1, 2, "LOC")])
    baseline = QUICK[name]
    baseline.fit([empty, named] * 20, [empty, named])
    assert baseline.tag([empty, named, empty]) == [(), (Span(1, 2, "LOC"),), ()]


@NAMES
def test_a_missing_library_is_named_with_its_extra(name, monkeypatch):
    def missing(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=rf"pip install '.*\[{name}\]'"):
        BASELINES[name](1)


def test_decomposed_text_has_the_features_of_composed_text():
    composed, decomposed = (
        sentence_from_forms(unicodedata.normalize(form, "Zürich ist schön").split(" "))
        for form in ("NFC", "NFD")
    )
    assert _items(decomposed) == _items(composed)
