import numpy as np
import pytest
import torch

from kakehashi.config.settings import EncoderSettings
from kakehashi.encoders.encoder import Encoder
from kakehashi.encoders.states import StateStore
from kakehashi.errors import CorpusError

SENTENCES = [["Tom", "lives", "in", "Osaka", "."], [], ["東京", "へ"], ["Osaka"], ["東京", "へ"]]


@pytest.fixture
def settings(tiny_encoder):
    return EncoderSettings(name=str(tiny_encoder), layers=(2, 3), precision="float32")


@pytest.fixture
def store(settings, tmp_path):
    return lambda cache=tmp_path: StateStore(cache, settings, torch.device("cpu"))


@pytest.fixture
def unused(monkeypatch):
    """From now on nothing may be encoded."""
    return lambda: monkeypatch.setattr(Encoder, "encode", None)


def test_states_are_those_of_the_encoder_and_computed_once(settings, store, unused):
    expected = Encoder(settings, torch.device("cpu")).encode(SENTENCES)
    first = store()
    np.testing.assert_allclose(first.encode(SENTENCES), expected, atol=2e-3)
    assert len(first.states) == 5 + 2 + 1  # each sentence once
    kept = first.encode(SENTENCES)
    unused()
    assert np.array_equal(store().encode(SENTENCES), kept)
    assert np.array_equal(store().encode([SENTENCES[3], SENTENCES[2]]), kept[[7, 5, 6]])
    assert store().encode([]).shape == (0, 48)


def test_what_is_new_is_added_and_each_encoder_has_its_own(settings, store, tmp_path):
    kept = store().encode(SENTENCES[:1])
    both = store().encode([["Kobe", "."], *SENTENCES[:1]])
    assert np.array_equal(both[2:], kept)
    other = settings.model_copy(update={"layers": (2,)})
    assert StateStore(tmp_path, other, torch.device("cpu")).encode(SENTENCES).shape == (10, 24)


def test_after_a_kill_it_goes_on_with_what_is_there(store, tmp_path, unused):
    first = store()
    whole = first.encode(SENTENCES[:1])
    first.encode(SENTENCES)
    (folder,) = tmp_path.glob("states-*")
    index = folder / "index"
    index.write_bytes(index.read_bytes()[: 32 + 7])  # a whole entry and a torn one
    again = store()
    assert np.array_equal(again.encode(SENTENCES[:1]), whole)
    found = again.encode(SENTENCES)
    unused()
    assert np.array_equal(store().encode(SENTENCES), found)
    assert len(index.read_bytes()) == 4 * 32


def test_an_index_of_rows_that_are_not_there_is_refused(store, tmp_path):
    store().encode(SENTENCES)
    (rows,) = tmp_path.glob("states-*/rows")
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(CorpusError, match=r"is damaged.*remove the folder to encode again"):
        store()


def test_without_a_cache_the_folder_goes_with_the_store(store):
    kept = store(None)
    kept.encode(SENTENCES)
    folder = kept._folder
    assert folder.exists()
    del kept
    assert not folder.exists()
