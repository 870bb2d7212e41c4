"""Words as libraries find them: Chinese by jieba, Thai by PyThaiNLP, Korean by Kiwi; plug-ins."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from importlib.metadata import version
from typing import NamedTuple

from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.plugins import Plugin, load_plugin, unknown_name
from kakehashi.text.composition import Word


class Library(NamedTuple):
    """What cuts a passage, whose white space is blanks, into words in their order.

    It may be called by several threads at a time. What is between two words, and no blank, becomes
    a word too.
    """

    signature: str  # its name and version
    analyze: Callable[[str], Iterable[Word]]


@cache
def load_library(name: str) -> Library:
    """Load one once per process; `MissingExtraError` if it is not installed.

    `ConfigError` if there is none of that name, among plug-ins either.
    """
    if name in _LIBRARIES:
        return _LIBRARIES[name]()
    plugin = load_plugin("segmenter", name)
    if plugin is None:
        from kakehashi.config.segmenting import SEGMENTERS  # pydantic, which is slow

        raise ConfigError("text.segmenter", unknown_name("segmenter", name, SEGMENTERS))
    return Library(plugin.signature, lambda passage: _of_plugin(plugin, passage))


def _jieba() -> Library:
    """Load jieba with its dictionary alone.

    Its hidden Markov model joins unknown characters to words: of the mentions of MASSIVE zh, that
    loses 7.5 %, instead of 4.8 % (docs/languages.md).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its sources have unknown escapes
        library = require("jieba", "chinese")
    tokenizer = library.Tokenizer()
    # As its `initialize` does, but without a cache among temporary files, where all may write.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True

    def analyze(passage: str) -> Iterator[Word]:
        return ((word, "", "") for word in tokenizer.cut(passage, HMM=False))

    return Library(f"jieba({version('jieba')})", analyze)


def _newmm(name: str = "newmm") -> Library:
    """Load PyThaiNLP's maximal matching, with its own dictionary or, as ``newmm-icu``, ICU's.

    ICU's has fewer compounds: on text as it is written, it keeps 99.0 % of the mentions of MASSIVE
    th, instead of 94.9 % (docs/languages.md).
    """
    if "PYTHAINLP_READ_MODE" not in os.environ:  # its older name; both are an error
        os.environ.setdefault("PYTHAINLP_READ_ONLY", "1")  # or it makes a folder in the user's home
    cut = require("pythainlp.tokenize.newmm", "thai").segment
    words = None
    if name == "newmm-icu":
        listed = require("pythainlp.corpus.icu", "thai").thai_icu_words()
        words = require("pythainlp.util", "thai").dict_trie(listed)

    def analyze(passage: str) -> Iterator[Word]:
        return ((word, "", "") for word in cut(passage, custom_dict=words, safe_mode=True))

    return Library(f"{name}(pythainlp {version('pythainlp')})", analyze)


def _kiwi() -> Library:
    """Load Kiwi; morphemes that share a syllable (했: 하, 었) are one word."""
    kiwi = require("kiwipiepy", "korean").Kiwi(num_workers=1)

    def analyze(passage: str) -> Iterator[Word]:
        words: list[tuple[int, int, str]] = []
        for morpheme in kiwi.tokenize(passage):
            start, end, pos = morpheme.start, morpheme.end, morpheme.tag
            if words and start < words[-1][1]:
                start, other, pos = words.pop()
                end = max(end, other)
            if start < end:
                words.append((start, end, pos))
        return ((passage[start:end], pos, "") for start, end, pos in words)

    models = f"kiwipiepy {version('kiwipiepy')}, kiwipiepy-model {version('kiwipiepy-model')}"
    return Library(f"kiwi({models})", analyze)


def _of_plugin(plugin: Plugin, passage: str) -> Iterator[Word]:
    end = 0
    for word in plugin.iterate(passage):
        parts = (word,) if isinstance(word, str) else word
        if not (isinstance(parts, tuple) and 0 < len(parts) < 4 and all(map(_is_text, parts))):
            expected = "expected words, or (word, part of speech, reading)"
            raise plugin.problem(TypeError(f"{expected}, got {word!r:.60}"))
        start = passage.find(parts[0], end)
        if start < 0:
            where = "after the words before it" if parts[0] in passage else "in the text"
            raise plugin.problem(ValueError(f"{parts[0]!r:.60} is not {where}"))
        end = start + len(parts[0])
        yield parts + ("",) * (3 - len(parts))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_LIBRARIES: dict[str, Callable[[], Library]] = {
    "jieba": _jieba,
    "kiwi": _kiwi,
    "newmm": _newmm,
    "newmm-icu": partial(_newmm, "newmm-icu"),
}
