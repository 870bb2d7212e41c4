"""The names by which a server knows its models."""

import shutil
from pathlib import Path

import pytest

from kakehashi.errors import ConfigError, ModelError
from kakehashi.serving.service import name_models

GOLDEN = Path(__file__).parents[2] / "golden/models/en"


def test_models_are_named_after_their_folder_file_or_as_is_said(tmp_path, monkeypatch):
    shutil.copytree(GOLDEN, tmp_path / "runs/alone")
    shutil.copytree(GOLDEN, tmp_path / "runs/trained/model")
    (tmp_path / "small.onnx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    given = ["runs/alone", "runs/trained", "runs/trained/model/../../alone", "small.onnx"]
    assert list(name_models([*given[:2], given[3]])) == ["alone", "trained", "small"]
    assert name_models(["en=small.onnx"]) == {"en": Path("small.onnx")}
    with pytest.raises(ConfigError, match="two models are called 'alone'; name them: NAME=runs"):
        name_models([given[0], given[2]])
    with pytest.raises(ModelError, match="there is no such model"):
        name_models(["runs/none"])
