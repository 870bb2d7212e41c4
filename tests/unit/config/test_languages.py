"""The table of languages, and what a language chooses."""

import re
import zlib
from importlib.util import find_spec
from pathlib import Path

import pytest

from kakehashi.config.architecture import VIEWS
from kakehashi.config.languages import languages
from kakehashi.config.reading import read_settings
from kakehashi.config.segmenting import SEGMENTERS
from kakehashi.errors import ConfigError
from kakehashi.experiments.runs import FileHashes, fingerprint_of
from kakehashi.text.segment import segmenter_of

CORPUS = {"corpus": {"train": [{"format": "text", "path": "a.txt"}]}, "training": {"epochs": 1}}

SUMS = {"fr": 0x646B1740, "it": 0x72FE90D7, "hy": 0x5B9CBD18, "he": 0x98E6ED7B}


def settings(**text):
    tree = {"name": "a", **CORPUS, "text": text}
    return read_settings(tree, ["training.select=last"])


@pytest.mark.parametrize("code", languages())
def test_rows_are_right(code):
    row = languages()[code]
    assert row.segmenter in SEGMENTERS
    assert row.view in VIEWS
    assert bool(row.extra) == bool(row.modules)
    re.compile(f"(?:{row.prefixes})[{re.escape(row.joiners)}a]")
    chosen = settings(language=code)
    assert (chosen.text.segmenter, chosen.model.char_view) == (row.segmenter, row.view)
    if all(map(find_spec, row.modules)):
        [*_] = segmenter_of(chosen.text).segment("a")


def test_rules_that_tokens_depend_on_are_those_they_were():
    """Whoever changes one raises `SCORES`, as for all that changes tokens."""
    rules = {c: f"{r.prefixes} {r.joiners}".strip() for c, r in languages().items()}
    sums = {c: zlib.crc32(each.encode()) for c, each in rules.items() if each}
    assert sums == SUMS


def test_the_docs_have_every_row():
    page = (Path(__file__).parents[3] / "docs/languages.md").read_text(encoding="utf-8")
    for code, row in languages().items():
        assert f"| `{code}` | {row.name} | `{row.segmenter}` | `{row.view}` |" in page


def test_what_the_user_says_wins():
    chosen = read_settings(
        {"name": "a", **CORPUS, "text": {"language": "zh", "segmenter": "jieba"}},
        ["training.select=last", "model.char_view=original"],
    )
    assert (chosen.text.segmenter, chosen.model.char_view) == ("jieba", "original")


def test_it_is_the_run_that_spells_the_same_out(tmp_path):
    hashes = FileHashes(tmp_path / "sums.json")
    row = languages()["ja"]
    spelled = read_settings(
        {"name": "a", **CORPUS, "text": {"segmenter": row.segmenter}},
        ["training.select=last", f"model.char_view={row.view}"],
    )
    short = settings(language="ja")
    assert fingerprint_of(short, hashes) == fingerprint_of(spelled, hashes)
    assert fingerprint_of(settings(language="de"), hashes) == fingerprint_of(settings(), hashes)
    # What French parts is in the signature of the segmenter.
    assert fingerprint_of(settings(language="fr"), hashes) != fingerprint_of(settings(), hashes)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("zg", "known: en, de"),
        ("zh-CN", "did you mean 'zh'"),
        ("Chinese", "did you mean 'zh'"),
    ],
)
def test_unknown_languages(code, hint):
    with pytest.raises(ConfigError, match=rf"^settings: text.language: .*{hint}") as caught:
        settings(language=code)
    assert str(caught.value).count(repr(code)) == 1


def test_an_unknown_segmenter_names_all():
    with pytest.raises(ConfigError, match=r"did you mean 'words'\? known: .*jieba.*plug-ins: none"):
        settings(segmenter="word")
