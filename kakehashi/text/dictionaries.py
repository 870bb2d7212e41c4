"""Japanese dictionaries: MeCab's, through fugashi, and Sudachi's, through SudachiPy."""

from __future__ import annotations

import os
import re
import shlex
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Semaphore, local
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakSet

from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.text.composition import LONGEST_PASSAGE, Word, located

if TYPE_CHECKING:
    from sudachipy import Dictionary

# The module that holds a dictionary, the extra that installs it, and the number of its field with
# the reading. UniDic's `pron` (カメー, ワ) and `lForm` (ナガス) are not as written; `kana` is.
_DICTIONARIES = {"unidic-lite": ("unidic_lite", "", 17), "ipadic": ("ipadic", "ipadic", 7)}

# What Sudachi gives as the reading of signs it has none for; the noun 記号 is also read so.
_SIGN = "キゴウ"
# Of fugashi's report, the line by MeCab itself.
_CAUSE = re.compile(r"^arguments: .*\n(.*)\n-+$", re.MULTILINE)

LARGEST_POOL = (os.cpu_count() or 1) + 2  # taggers; more do not work at once
Parse: TypeAlias = Callable[[str], str]  # what a tagger does: print the words of a text
_POOLS: WeakSet[TaggerPool] = WeakSet()


class TaggerPool:
    """Taggers that threads borrow, and wait for where all ``size`` of them are borrowed.

    One shared by two threads at a time gives wrong words without an error; one made for each thread
    leaves its memory maps behind when the thread ends, until the process may have no more.
    """

    def __init__(self, make: Callable[[], Parse], size: int = LARGEST_POOL) -> None:
        self._make, self._size = make, size
        self._free: list[Parse] = []
        self.restart()
        _POOLS.add(self)

    def restart(self) -> None:
        """Keep only the free taggers: in a forked process, no thread is there that has others."""
        self._places = Semaphore(self._size)

    def parse(self, text: str) -> str:
        """Parse a text with a free tagger, made if there is none."""
        with self._places:
            try:
                parse = self._free.pop()
            except IndexError:
                parse = self._make()
            try:
                return parse(text)
            finally:
                self._free.append(parse)


os.register_at_fork(after_in_child=lambda: [*map(TaggerPool.restart, _POOLS)])


class MeCab:
    """Find words with MeCab.

    Its nodes must not outlive the next call (their features then belong to another sentence), so
    we let it print its answer, which is faster besides. ``fields`` are the numbers of two features
    to answer with each word, by default part of speech and reading.
    """

    def __init__(self, name: str, fields: tuple[int, int] | None = None) -> None:
        self._name = name
        module, extra, reading_field = _DICTIONARIES[name]
        self._fields = fields or (0, reading_field)
        self._fugashi = require("fugashi", "")
        self._folder = Path(require(module, extra).DICDIR)
        self.signature = f"mecab({name} {version(name)})"
        self._taggers = TaggerPool(self._load)
        self._partial = TaggerPool(partial(self._load, "-p"))
        self._taggers.parse("")  # A damaged dictionary shows now, not at the first sentence.

    def analyze(self, text: str) -> Iterable[Word]:
        """Find the words of a passage."""
        return _words(self._taggers.parse(text))

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage already cut into forms, by MeCab's partial parsing.

        Inside a form MeCab may cut: so 流して, one token in JUMAN's corpora and two words here, has
        a reading. On KWDLC, 94.9 % of the tokens with kanji are read as JUMAN does; 94.6 % if
        MeCab must take each form whole where it knows it, and 89.4 % out of context.
        """
        # In partial parsing, a blank before a boundary makes MeCab cut through a character, nothing
        # at all is a segmentation fault, and `EOS` without a feature would end the text.
        parts = [part for form in forms for part in form.split()]
        lines = ("EOS\t*\n" if part == "EOS" else f"{part}\n" for part in parts)
        return _words(self._partial.parse("".join(lines))) if parts else ()

    def _load(self, *options: str) -> Parse:
        # The folder is always named, or fugashi would prefer a `unidic` installed without its data;
        # `-M` keeps long runs of unknown characters in one piece; an empty `-O` lets our output
        # format win over UniDic's own.
        arguments = ["-r", str(self._folder / "mecabrc"), "-d", str(self._folder)]
        arguments += ["-M", str(LONGEST_PASSAGE), *options]
        first, second = self._fields
        arguments += ["-O", "", "-F", rf"%m\n%f[{first}]\n%f[{second}]\n"]
        arguments += ["-U", rf"%m\n%f[{first}]\n\n", "-E", "EOS"]
        try:
            parse: Parse = self._fugashi.GenericTagger(shlex.join(arguments)).parse
        except RuntimeError as error:
            cause = _CAUSE.search(str(error))
            reason = cause[1] if cause else str(error).strip()[:200]
            problem = f"MeCab cannot load the dictionary {self._name} ({reason!r})"
            remedy = f"if it is damaged, run: pip install --force-reinstall {self._name}"
            raise ConfigError("text.segmenter", f"{problem}; {remedy}") from error
        return parse


def _words(answer: str) -> Iterable[Word]:
    """Parse MeCab's answer: three lines per word, and a last line for the end."""
    lines = answer.split("\n")
    return zip(lines[0::3], lines[1::3], lines[2::3], strict=False)


class _Tokenizer(local):  # one serves one thread at a time
    def __init__(self, dictionary: Dictionary) -> None:
        self.tokenize = dictionary.tokenizer("A").tokenize


class Sudachi:
    """Find words with Sudachi, in its shortest units (mode A), which lose the fewest mentions."""

    def __init__(self) -> None:
        require("sudachidict_core", "sudachi")
        self.signature = f"sudachi-a(sudachidict-core {version('sudachidict-core')})"
        self._tokenizer = _Tokenizer(require("sudachipy", "sudachi").Dictionary(dict="core"))

    def analyze(self, text: str) -> list[Word]:
        """Find the words of a passage."""
        words: list[Word] = []
        for morpheme in self._tokenizer.tokenize(text):
            surface, pos = morpheme.surface(), morpheme.part_of_speech()[0]
            reading = morpheme.reading_form()
            if reading == _SIGN and pos != "名詞":
                reading = ""
            if surface.strip():
                words.append((surface, pos, reading))
            elif not surface and words:
                # ㍿ comes as カブシキ, all of it, and ガイシャ, nothing of it.
                words[-1] = (*words[-1][:2], words[-1][2] + reading)
        return words

    def analyze_forms(self, forms: Sequence[str]) -> Iterable[Word]:
        """Find the words of a passage already cut into forms; one whose edges it misses, alone."""
        text = "".join(forms)
        words = list(located(text, self.analyze(text)))
        starts = [start for start, _ in words]
        edges = {0, *starts, *(start + len(word[0]) for start, word in words)}
        end = 0
        for form in forms:
            start, end = end, end + len(form)
            if start in edges and end in edges:
                inside = words[bisect_left(starts, start) : bisect_left(starts, end)]
                yield from (word for _, word in inside)
            else:
                yield from self.analyze(form)
