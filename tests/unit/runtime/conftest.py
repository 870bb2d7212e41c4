"""A small recognizer, and texts in which it finds something."""

import random

import pytest
import torch

from kakehashi.config.settings import ModelSettings, TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.model.folder import Model
from kakehashi.model.tagger import Tagger
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.tags import Tagset

WORDS = [f"{a}{b}" for a in "bdgk" for b in ("a", "en", "il", "o", "u")]


@pytest.fixture
def make_recognizer():
    def make(**options):
        torch.manual_seed(0)
        settings = ModelSettings(
            word_width=6, word_lstm_width=8, char_width=4, char_lstm_width=3, word_view="original"
        )
        vocabularies = Vocabulary(WORDS[:12]), Vocabulary(["ba", "en", "ko"])
        tagger = Tagger(settings, *vocabularies, Tagset(("LOC", "PER")))
        with torch.no_grad():  # so that it finds something
            tagger.dense.weight.mul_(20)
        return Recognizer(Model("small", tagger, TextSettings()), **options)

    return make


@pytest.fixture
def texts():
    random_ = random.Random(0)
    lengths = [random_.randint(1, 12) for _ in range(60)]
    return [" ".join(random_.choices(WORDS, k=n)) for n in lengths] + ["", "new words"]
