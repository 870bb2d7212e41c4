"""A small recognizer, and texts in which it finds something."""

import random

import pytest
import torch

from kakehashi.config.segmenting import TextSettings
from kakehashi.model.folder import Model
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.runtime.steps import machine_code

WORDS = [f"{a}{b}" for a in "bdgk" for b in ("a", "en", "il", "o", "u")]


@pytest.fixture
def make_recognizer(make_tagger):
    machine_code()  # now, since the last digits change when it is loaded

    def make(edges=None, **options):
        widths = {"word_lstm_width": 8, "word_view": "original"}
        tagger = make_tagger(WORDS[:12], ["ba", "en", "ko"], ("LOC", "PER"), **widths)
        with torch.no_grad():  # so that it finds something
            tagger.dense.weight.mul_(20)
        return Recognizer(Model("small", tagger, TextSettings(), edges).trained(), **options)

    return make


@pytest.fixture
def texts():
    random_ = random.Random(0)
    lengths = [random_.randint(1, 12) for _ in range(60)]
    return [" ".join(random_.choices(WORDS, k=n)) for n in lengths] + ["", "new words"]
