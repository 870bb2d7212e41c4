from pathlib import Path

import pytest

from kakehashi.config.reading import read_settings

ROOT = Path(__file__).parents[3]
SHIPPED = sorted([*ROOT.glob("configs/*.toml"), *ROOT.glob("kakehashi/config/*.toml")])


def test_there_are_shipped_configs():
    names = {path.stem for path in SHIPPED}
    assert {"conll2003-en", "crf-knbc-ja", "kwdlc-ja", "massive-en", "demo-ja"} <= names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_are_valid_and_named_like_their_file(path):
    assert read_settings(path).name == path.stem
