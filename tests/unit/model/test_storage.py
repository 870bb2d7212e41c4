import hashlib
import json
import shutil

import pytest
import torch

from kakehashi.config.settings import TextSettings
from kakehashi.errors import ModelError
from kakehashi.model.storage import Model, load_model, save_model


@pytest.fixture
def folder(tmp_path, make_tagger):
    tagger = make_tagger(["東京", "a"], ["to", "ou"], ["LOC"], n_seen=1, scheme="iobes")
    text = TextSettings(segmenter="unidic-lite", cut_scripts=False)
    save_model(tmp_path / "run" / "model", Model("test", tagger, text))
    return tmp_path / "run" / "model"


def reseal(folder):
    """Write a manifest that vouches for whatever the files hold now."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_a_model_comes_back_as_it_was(folder, make_tagger):
    again = make_tagger(["東京", "a"], ["to", "ou"], ["LOC"], n_seen=1, scheme="iobes")
    model = load_model(folder)
    assert model.name == "test"
    assert model.text == TextSettings(segmenter="unidic-lite", cut_scripts=False)
    assert model.tagger.tagset == again.tagset
    assert model.tagger.words.strings == ("東京", "a")
    assert model.tagger.words.n_seen == 1
    assert model.tagger.settings == again.settings
    assert not model.tagger.training
    for name, value in again.state_dict().items():
        assert torch.equal(model.tagger.state_dict()[name], value)


def test_the_run_folder_will_do(folder):
    assert load_model(folder.parent).name == "test"


def test_there_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="there is no such model or run folder"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is no model folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "words.json", "ngrams.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_model(folder)


def test_no_bit_flips_silently(folder, tmp_path):
    """Flip one bit of every 41st byte of every file, the manifest included."""
    n_flips = 0
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for position in range(0, len(content), 41):
            flipped = bytearray(content)
            flipped[position] ^= 1 << position % 8
            path.write_bytes(flipped)
            with pytest.raises(ModelError, match="damaged") as caught:
                load_model(folder)
            assert "\n" not in str(caught.value)
            n_flips += 1
        path.write_bytes(content)
    assert n_flips > 50
    load_model(folder)


def test_no_truncation_is_silent(folder):
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for length in range(0, len(content), max(1, len(content) // 7)):
            path.write_bytes(content[:length])
            with pytest.raises(ModelError):
                load_model(folder)
        path.write_bytes(content)


def test_a_newer_format_is_refused(folder):
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(description | {"format_version": 2}))
    reseal(folder)
    with pytest.raises(ModelError, match="has model format 2; this kakehashi reads 1"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.json", '["only one"]'),
        ("words.json", "{}"),
        ("words.json", "not JSON"),
        ("model.json", "[]"),
        ("model.json", '{"format_version": 1}'),
        ("weights.safetensors", "x" * 100),
    ],
)
def test_a_forged_model_is_one_line(folder, name, content):
    (folder / name).write_text(content)
    reseal(folder)
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_saving_again_replaces_the_folder(folder, make_tagger):
    tagger = make_tagger(["b"], ["x"], ["PER"])
    save_model(folder, Model("second", tagger, TextSettings()))
    assert load_model(folder).name == "second"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_sha256sum_can_check_the_manifest(folder):
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    shutil.rmtree(folder)
