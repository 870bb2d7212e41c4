"""The package's face: every name it lists is there, and looking costs nothing."""

import subprocess
import sys

import pytest

import kakehashi


def test_every_public_name_is_there_and_in_order():
    names = [name for name in kakehashi.__all__ if name != "__version__"]
    assert names == sorted(names)
    for name in names:
        assert getattr(kakehashi, name) is not None
    assert set(names) <= set(dir(kakehashi))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kakehashi.nothing  # noqa: B018


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )


def test_importing_loads_nothing():
    code = (
        "import sys, kakehashi; print({'torch', 'numpy', 'pydantic', 'fugashi'} & set(sys.modules))"
    )
    assert run(code).stdout == "set()\n"


def test_texts_corpora_and_scores_never_load_torch():
    code = """
import importlib, pkgutil, sys, kakehashi
for room in "config corpora scoring sentence tags text".split():
    module = importlib.import_module(f"kakehashi.{room}")
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"kakehashi.{room}."):
        importlib.import_module(found.name)
print("torch" in sys.modules)
"""
    done = run(code)
    assert done.stdout == "False\n", done.stderr
