"""Segmenters, each loaded once."""

from functools import cache
from importlib.util import find_spec

import pytest

from kakehashi.text.segment import load_segmenter

_EXTRAS = {
    "ipadic": "ipadic",
    "sudachi": "sudachidict_core",
    "jieba": "jieba",
    "characters+jieba": "jieba",
    "kiwi": "kiwipiepy",
    "newmm": "pythainlp",
    "newmm-icu": "pythainlp",
    "zh": "pypinyin",
}


@pytest.fixture(scope="session")
def segmenter():
    """Return a function that loads a segmenter, or skips the test where its extra is missing."""

    @cache
    def load(name: str, cut_scripts: bool = True, language: str | None = None):
        for each in _EXTRAS.keys() & {name, language}:
            if find_spec(_EXTRAS[each]) is None:
                pytest.skip(f"the extra of {each} is not installed")
        return load_segmenter(name, language=language, cut_scripts=cut_scripts)

    return load
