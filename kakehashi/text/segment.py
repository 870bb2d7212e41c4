"""Segmenters: from raw text to tokens."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

from kakehashi.errors import ConfigError
from kakehashi.sentence import Token
from kakehashi.text.dictionary import DictionarySegmenter
from kakehashi.text.mecab import MeCab
from kakehashi.text.sudachi import Sudachi
from kakehashi.text.words import HYPHENS_CUT, WHITESPACE, WORDS

if TYPE_CHECKING:  # The settings load pydantic, which is slow.
    from kakehashi.config.settings import TextSettings


class Segmenter(Protocol):
    """Cut raw text into tokens; safe to share between threads and to send to processes."""

    @property
    def signature(self) -> str:
        """How text is cut, for the signatures of scores."""

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens.

        Every character that is not white space is in exactly one token; no token is empty or holds
        white space, or begins with a combining mark that stands on something;
        ``token.text == text[token.start:token.end]``.
        """

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; add the readings and parts of speech they lack."""


_SEGMENTERS: Mapping[str, Callable[[bool, bool], Segmenter]] = {
    "unidic-lite": lambda scripts, _: DictionarySegmenter(MeCab("unidic-lite"), scripts),
    "ipadic": lambda scripts, _: DictionarySegmenter(MeCab("ipadic"), scripts),
    "sudachi": lambda scripts, _: DictionarySegmenter(Sudachi(), scripts),
    "whitespace": lambda *_: WHITESPACE,
    "words": lambda _, hyphens: HYPHENS_CUT if hyphens else WORDS,
}


def load_segmenter(name: str, *, cut_scripts: bool = True, cut_hyphens: bool = False) -> Segmenter:
    """Load a segmenter by its name, once per process.

    Args:
        name: A Japanese dictionary (``unidic-lite``, ``ipadic``, ``sudachi``), or for text with
            spaces ``words`` (punctuation apart) or ``whitespace`` (cut at white space only).
        cut_scripts: Also cut the words of a dictionary where the script changes, though not between
            kanji and hiragana. Of 13,185 mentions in Wikipedia sentences (Stockmark's corpus),
            0.42 % then start or end inside a token instead of 0.52 % (unidic-lite), 0.76 % instead
            of 1.11 % (ipadic), 0.43 % instead of 0.44 % (sudachi). A word whose reading cannot be
            divided stays whole.
        cut_hyphens: Of ``words``: also cut at hyphens (``Berlin-Reise``).

    Raises:
        ConfigError: If the name is unknown.
        MissingExtraError: If the dictionary, or the program that reads it, is not installed.

    Example:
        >>> [token.text for token in load_segmenter("words").segment("Tokyo's mayor said no.")]
        ['Tokyo', "'s", 'mayor', 'said', 'no', '.']
        >>> [(t.text, t.reading) for t in load_segmenter("unidic-lite").segment("東京に着いた")]
        [('東京', 'トウキョウ'), ('に', 'ニ'), ('着い', 'ツイ'), ('た', 'タ')]
    """
    if name not in _SEGMENTERS:
        near = difflib.get_close_matches(name, _SEGMENTERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_SEGMENTERS)}"
        raise ConfigError("text.segmenter", f"there is no segmenter {name!r}; {hint}")
    return _loaded(name, cut_scripts, cut_hyphens)


def segmenter_of(text: TextSettings) -> Segmenter:
    """Load the segmenter that the settings of a run or a model name."""
    return load_segmenter(
        text.segmenter, cut_scripts=text.cut_scripts, cut_hyphens=text.cut_hyphens
    )


@cache
def _loaded(name: str, cut_scripts: bool, cut_hyphens: bool) -> Segmenter:
    """Load each once: MeCab does not give back the memory of a dictionary, 115 MB."""
    return _SEGMENTERS[name](cut_scripts, cut_hyphens)
