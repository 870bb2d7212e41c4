import json
import shutil
from itertools import chain

import numpy as np
import pytest
import torch

from kakehashi.config.settings import EncoderSettings
from kakehashi.encoders.encoder import Encoder
from kakehashi.encoders.locate import encoder_fingerprint, find_encoder
from kakehashi.errors import ConfigError, ModelError

CPU = torch.device("cpu")
SENTENCES = [["Tom", "lives", "in", "Osaka", "."], [], ["東京", "へ"], ["Osaka"]]


def encoder(folder, **settings):
    settings = {"name": str(folder), "layers": (1, 3), "precision": "float32"} | settings
    return Encoder(EncoderSettings(**settings), CPU)


def test_a_token_is_the_mean_of_its_pieces_in_each_layer(tiny_encoder):
    import transformers

    states = encoder(tiny_encoder).encode(SENTENCES)
    assert states.shape == (8, 2 * 24)
    assert states.dtype == np.float16
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_encoder)
    model = transformers.AutoModel.from_pretrained(tiny_encoder, add_pooling_layer=False)
    pieces = [tokenizer(form, add_special_tokens=False)["input_ids"] for form in SENTENCES[0]]
    assert [len(each) for each in pieces] == [3, 5, 2, 5, 1]
    ids = torch.tensor([[tokenizer.cls_token_id, *chain(*pieces), tokenizer.sep_token_id]])
    with torch.no_grad():
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
    edges = [(1, 4), (4, 9), (9, 11), (11, 16), (16, 17)]
    layers = [[hidden[n][0, start:end].mean(0) for start, end in edges] for n in (1, 3)]
    expected = np.concatenate([torch.stack(each).numpy() for each in layers], axis=1)
    np.testing.assert_allclose(states[:5], expected, atol=2e-3)


def test_the_states_of_a_sentence_do_not_depend_on_the_others(tiny_encoder):
    tiny = encoder(tiny_encoder)
    together = tiny.encode(SENTENCES)
    alone = np.concatenate([tiny.encode([sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(together, alone, atol=2e-3)


def test_bfloat16_is_near(tiny_encoder):
    exact, rough = (
        encoder(tiny_encoder, precision=name).encode(SENTENCES).astype(np.float32)
        for name in ("float32", "bfloat16")
    )
    assert not np.array_equal(exact, rough)
    assert np.corrcoef(exact.ravel(), rough.ravel())[0, 1] > 0.999


def test_a_long_sentence_is_encoded_in_parts_and_a_long_token_by_its_beginning(tiny_encoder):
    tiny, most = encoder(tiny_encoder), 30  # 34 positions, less XLM-R's two and the edges
    long = ["a"] * (most + 5)
    expected = tiny.encode([long[:most], long[most:]])
    np.testing.assert_allclose(tiny.encode([long]), expected, atol=2e-3)
    longer, cut = (tiny.encode([["b", "a" * n, "c"]]) for n in (most + 60, most))
    np.testing.assert_allclose(longer, cut, atol=2e-3)


def test_what_the_tokenizer_does_not_know_has_a_state_too(tiny_encoder):
    states = encoder(tiny_encoder).encode([["☃", "\u200b"]])
    assert np.isfinite(states).all()
    assert states.any(axis=1).all()


def test_an_encoder_that_is_not_there_is_one_line(tiny_encoder, tmp_path):
    with pytest.raises(ConfigError, match=r"encoder\.layers: .*tiny has 3 layers, and no layer 4"):
        encoder(tiny_encoder, layers=(2, 4))
    with pytest.raises(ConfigError, match=r"encoder\.name: .* has no config\.json"):
        encoder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded as a Hugging Face encoder"):
        encoder(tmp_path)
    with pytest.raises(ConfigError, match=r"encoder\.name: 'no/such/one' is no folder here") as e:
        find_encoder("no/such/one")
    assert "\n" not in str(e.value)


def copied(tiny_encoder, tmp_path, **changes):
    folder = shutil.copytree(tiny_encoder, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hidden_size": 32}, "cannot be loaded|config.json is of another encoder"),
        ({"num_hidden_layers": 4}, "weights lack encoder.layer.3"),
        ({"vocab_size": 30}, "cannot be loaded|config.json is of another encoder|embedding"),
    ],
)
def test_an_encoder_of_another_size_than_it_says_is_refused(
    tiny_encoder, tmp_path, changes, problem
):
    with pytest.raises(ModelError, match=problem):
        encoder(copied(tiny_encoder, tmp_path, **changes), layers=(1,))


def test_the_fingerprint_is_of_the_files(tiny_encoder, tmp_path):
    first = encoder_fingerprint(str(tiny_encoder))
    folder = copied(tiny_encoder, tmp_path, hidden_act="relu")
    assert encoder_fingerprint(str(folder)) != first
    shutil.copy(tiny_encoder / "config.json", folder)
    assert encoder_fingerprint(str(folder)) == first
