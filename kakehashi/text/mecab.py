"""MeCab, through fugashi."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

from kakehashi.errors import MissingExtraError
from kakehashi.extras import require
from kakehashi.text.dictionary import Word
from kakehashi.text.passages import LONGEST_PASSAGE


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


class _Tagger(Protocol):
    """What we use of a fugashi tagger."""

    def parse(self, text: str) -> str:
        """Print the words of a text in the tagger's output format."""


class _Thread(threading.local):
    """The taggers of one thread, by their options."""

    def __init__(self) -> None:
        self.taggers: dict[tuple[str, ...], _Tagger] = {}


class MeCab:
    """Find words with MeCab.

    MeCab's nodes must not outlive the next call (their features then belong to another sentence),
    so we let it print its answer and copy that, which is faster besides. A tagger shared by threads
    gives wrong words without an error, so each thread makes its own. None can be pickled; the
    copies sent to a process share one, since MeCab gives no memory back.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._dictionary = _DICTIONARIES[name]
        self._fugashi = require("fugashi", "")
        self._folder = Path(require(self._dictionary.module, self._dictionary.extra).DICDIR)
        self._thread = _Thread()
        self._tagger()  # A damaged dictionary shows now, not at the first sentence.

    def __reduce__(self) -> tuple[Callable[[str], MeCab], tuple[str]]:
        return _received, (self._name,)

    @property
    def signature(self) -> str:
        """Name the dictionary and its version."""
        return f"mecab({self._name} {version(self._name)})"

    def analyze(self, text: str) -> Iterable[Word]:
        """Find the words of a passage."""
        return _words(self._tagger().parse(text))

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage already cut into forms, by MeCab's partial parsing.

        Inside a form MeCab may cut: so 流して, one token in JUMAN's corpora and two words here, has
        a reading. On KWDLC, 94.9 % of the tokens with kanji are read as JUMAN does; 94.6 % if
        MeCab must take each form whole where it knows it, and 89.4 % out of context.
        """
        # In partial parsing, a blank before a boundary makes MeCab cut through a character, and
        # nothing at all is a segmentation fault.
        lines = [_line(part) for form in forms for part in form.split()]
        return _words(self._tagger("-p").parse("".join(lines))) if lines else ()

    def _tagger(self, *options: str) -> _Tagger:
        """Return this thread's tagger with the given options."""
        taggers = self._thread.taggers
        if options not in taggers:
            taggers[options] = self._load(options)
        return taggers[options]

    def _load(self, options: Sequence[str]) -> _Tagger:
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
            tagger: _Tagger = self._fugashi.GenericTagger(shlex.join(arguments), quiet=True)
        except RuntimeError as error:
            what = f"the dictionary {self._name}"
            raise MissingExtraError(what, self._dictionary.extra) from error
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
