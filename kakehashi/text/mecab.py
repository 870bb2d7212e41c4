"""MeCab, through fugashi."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.text.composition import LONGEST_PASSAGE
from kakehashi.text.dictionary import Tagger, TaggerPool, Word


class _Dictionary(NamedTuple):
    """Where a dictionary is installed from, and which of its fields holds the reading in kana."""

    module: str
    extra: str
    reading: int


# UniDic's `pron` (カメー, ワ) and `lForm` (ナガス) are no readings of what is written; `kana` is.
_DICTIONARIES: Mapping[str, _Dictionary] = {
    "unidic-lite": _Dictionary("unidic_lite", "", 17),
    "ipadic": _Dictionary("ipadic", "ipadic", 7),
}


# Of fugashi's report, the line by MeCab itself.
_CAUSE = re.compile(r"^arguments: .*\n(.*)\n-+$", re.MULTILINE)


class MeCab:
    """Find words with MeCab.

    MeCab's nodes must not outlive the next call (their features then belong to another sentence),
    so we let it print its answer and copy that, which is faster besides. No tagger can be pickled;
    the copies sent to a process share theirs, since MeCab gives no memory back.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._dictionary = _DICTIONARIES[name]
        self._fugashi = require("fugashi", "")
        self._folder = Path(require(self._dictionary.module, self._dictionary.extra).DICDIR)
        self._taggers = TaggerPool(self._load)
        self._partial = TaggerPool(partial(self._load, "-p"))
        self._taggers.parse("")  # A damaged dictionary shows now, not at the first sentence.

    def __reduce__(self) -> tuple[Callable[[str], MeCab], tuple[str]]:
        return _received, (self._name,)

    @property
    def signature(self) -> str:
        """Name the dictionary and its version."""
        return f"mecab({self._name} {version(self._name)})"

    def analyze(self, text: str) -> Iterable[Word]:
        """Find the words of a passage."""
        return _words(self._taggers.parse(text))

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage already cut into forms, by MeCab's partial parsing.

        Inside a form MeCab may cut: so 流して, one token in JUMAN's corpora and two words here, has
        a reading. On KWDLC, 94.9 % of the tokens with kanji are read as JUMAN does; 94.6 % if
        MeCab must take each form whole where it knows it, and 89.4 % out of context.
        """
        # In partial parsing, a blank before a boundary makes MeCab cut through a character, and
        # nothing at all is a segmentation fault.
        lines = [_line(part) for form in forms for part in form.split()]
        return _words(self._partial.parse("".join(lines))) if lines else ()

    def _load(self, *options: str) -> Tagger:
        """Load the dictionary.

        The folder is always named, or fugashi would prefer a `unidic` installed without its data;
        `-M` keeps long runs of unknown characters in one piece. An empty
        `-O` lets our output format win over UniDic's own.
        """
        arguments = ["-r", str(self._folder / "mecabrc"), "-d", str(self._folder)]
        arguments += ["-M", str(LONGEST_PASSAGE), *options]
        arguments += ["-O", "", "-F", rf"%m\n%f[0]\n%f[{self._dictionary.reading}]\n"]
        arguments += ["-U", r"%m\n%f[0]\n\n", "-E", "EOS"]
        try:
            tagger: Tagger = self._fugashi.GenericTagger(shlex.join(arguments))
        except RuntimeError as error:
            cause = _CAUSE.search(str(error))
            raise ConfigError(
                "text.segmenter",
                f"MeCab cannot load the dictionary {self._name}"
                f" ({cause[1] if cause else str(error).strip()[:200]!r}); if it is damaged, run:"
                f" pip install --force-reinstall {self._name}",
            ) from error
        return tagger


@cache
def _received(name: str) -> MeCab:
    return MeCab(name)


def _line(form: str) -> str:
    """Write a form for partial parsing; ``EOS`` without a feature would end it."""
    return "EOS\t*\n" if form == "EOS" else form + "\n"


def _words(answer: str) -> Iterable[Word]:
    """Take MeCab's answer apart: three lines per word, and a last line for the end."""
    lines = answer.split("\n")
    return zip(lines[0::3], lines[1::3], lines[2::3], strict=False)
