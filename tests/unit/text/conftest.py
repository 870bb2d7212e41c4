"""Segmenters, each loaded once."""

from functools import cache
from importlib.util import find_spec

import pytest

from kakehashi.text.segment import load_segmenter

_EXTRAS = {"ipadic": "ipadic", "sudachi": "sudachidict_core"}


@pytest.fixture(scope="session")
def segmenter():
    """Return a function that loads a segmenter, or skips the test where its extra is missing."""

    @cache
    def load(name: str, cut_scripts: bool = True):
        if name in _EXTRAS and find_spec(_EXTRAS[name]) is None:
            pytest.skip(f"the extra {name} is not installed")
        return load_segmenter(name, cut_scripts=cut_scripts)

    return load
