"""Tagging takes the same memory however many different words it has met."""

import numpy as np
import pytest

from benchmarks.memory import measure
from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.runtime.model_folder import TrainedModel, weight_shapes, write_model
from kakehashi.tags import Tagset

MEGABYTE = 1 << 20


@pytest.mark.slow
def test_memory_does_not_grow_with_words(tmp_path):
    """A row of a form takes 10 KB here, those of all forms 120 MB; 16 MB of them are kept."""
    settings, tagset = ModelSettings(word_lstm_width=300), Tagset(("LOC",))
    words, ngrams = Vocabulary(["the"]), Vocabulary(["ba", "de"])
    shapes = weight_shapes(settings, len(words), len(ngrams), 0, len(tagset))
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.1, size).astype("f4") for name, size in shapes.items()}
    model = TrainedModel("wide", settings, TextSettings(), words, ngrams, tagset, weights)
    write_model(tmp_path / "model", model)
    first, *later = measure(tmp_path / "model", "en", [300, *range(1000, 5000, 500)])
    most = max(look.private for look in later)
    assert most - first.private < 40 * MEGABYTE
    assert 20 * MEGABYTE < most < max(look.resident for look in later)
