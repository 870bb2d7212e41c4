"""Small taggers to test with."""

import pytest
import torch

from kakehashi.config.settings import ModelSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.model.tagger import Tagger
from kakehashi.tags import Tagset


@pytest.fixture
def make_tagger():
    def make(words, ngrams, types, *, seed=0, n_seen=None, **settings):
        torch.manual_seed(seed)
        widths = {"word_width": 6, "word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}
        model = ModelSettings(**{**widths, **settings})
        tagset = Tagset(tuple(types), model.scheme)
        return Tagger(model, Vocabulary(words, n_seen), Vocabulary(ngrams), tagset).eval()

    return make
