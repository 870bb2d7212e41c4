"""Segmenters: from raw text to tokens with exact offsets, by dictionary, library or patterns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from kakehashi.sentence import Token
from kakehashi.text.chinese import pinyin
from kakehashi.text.composition import (
    LONGEST_PASSAGE,
    Word,
    cleaned,
    compose,
    in_raw_text,
    located,
    normalize,
    passages,
)
from kakehashi.text.dictionaries import MeCab, Sudachi
from kakehashi.text.japanese import is_kana, pieces
from kakehashi.text.libraries import Library, load_library
from kakehashi.text.marks import marked
from kakehashi.text.readings import read_in_context
from kakehashi.text.words import CHARACTERS, WHITESPACE, PatternSegmenter, words_of

if TYPE_CHECKING:  # The settings load pydantic, which is slow.
    from kakehashi.config.segmenting import TextSettings

_DICTIONARIES = ("unidic-lite", "ipadic", "sudachi")


@dataclass(frozen=True)
class DictionarySegmenter:
    """Cut text into words of a dictionary and, if asked, those where the script changes inside."""

    name: str  # of the dictionary, which is shared by all segmenters of a process
    cut_scripts: bool = True

    @property
    def signature(self) -> str:
        """Name and version of the dictionary, and how its words are cut further."""
        return _dictionary(self.name).signature + ("+script" if self.cut_scripts else "")

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens with readings and parts of speech."""
        composed, offsets = compose(text)
        clean, analyze = cleaned(composed), _dictionary(self.name).analyze
        tokens = []
        for begin, passage in passages(clean):
            for offset, (surface, pos, reading) in located(passage, analyze(passage)):
                base = begin + offset
                for start, end, kana in pieces(surface, reading, self.cut_scripts):
                    start, end = base + start, base + end
                    tokens.append(Token(composed[start:end], start, end, kana, pos))
        read_in_context(tokens)
        return tuple(tokens if composed is text else in_raw_text(tokens, text, offsets))

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; add the readings and parts of speech they lack, in context."""
        # If so, one without a reading has none.
        analyzed = all(token.pos for token in tokens) and any(token.reading for token in tokens)
        if analyzed or not tokens:
            return tuple(tokens)
        clean = cleaned(text)
        spans = ((token.start, token.end) for token in tokens)
        # A form too long to analyse goes without a reading.
        raw = (clean[a:b] if b - a <= LONGEST_PASSAGE else "" for a, b in spans)
        forms = compose("\n".join(raw))[0].split("\n")
        batches: list[list[str]] = [[]]
        size = 0
        for form in forms:
            size += len(form)
            if size > LONGEST_PASSAGE:
                batches.append([])
                size = len(form)
            batches[-1].append(form)
        entries = (entry for batch in batches for entry in self._look_up(batch))
        found = [
            Token(form, token.start, token.end, reading, pos)
            for form, token, (pos, reading) in zip(forms, tokens, entries, strict=True)
        ]
        read_in_context(found)
        return tuple(
            token._replace(pos=token.pos or read.pos, reading=token.reading or read.reading)
            for token, read in zip(tokens, found, strict=True)
        )

    def _look_up(self, forms: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield of each form the part of speech of its first word, the reading of all its words."""
        ends = list(accumulate(map(len, forms)))
        words_of: list[list[Word]] = [[] for _ in forms]
        for start, word in located("".join(forms), _dictionary(self.name).analyze_forms(forms)):
            words_of[bisect_right(ends, start)].append(word)
        for words in words_of:
            # A word without a reading stands for itself, unless no word of the form has one.
            readings = [kana if is_kana(kana) else "" for _, _, kana in words]
            spelled = (kana or word[0] for kana, word in zip(readings, words, strict=True))
            yield words[0][1] if words else "", "".join(spelled) if any(readings) else ""


@dataclass(frozen=True)
class LibrarySegmenter:
    """Cut text into the words of a library, or of a pattern; Chinese ones get their pinyin."""

    name: str  # of the library, which is shared by all segmenters of a process
    chinese: bool = False

    @property
    def signature(self) -> str:
        """Name and version of the library, and of what reads its words."""
        return self._library.signature + (
            f"+pypinyin {version('pypinyin')}" if self.chinese else ""
        )

    @property
    def _library(self) -> Library:
        return _CHARACTERS if self.name == "characters" else load_library(self.name)

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into tokens, with what the library knows of them."""
        normal, offsets = normalize(text)
        tokens: list[Token] = []
        for begin, passage in passages(cleaned(normal)):
            for start, end, pos, reading in self._words(passage):
                start, end = begin + start, begin + end
                if offsets[start] < 0:  # A letter stays with its mark.
                    start, pos, reading = tokens.pop().start, "", ""
                tokens.append(Token(normal[start:end], start, end, reading, pos))
        tokens = self._read(tokens, [token.text for token in tokens])
        return tuple(tokens if normal is text else in_raw_text(tokens, text, offsets))

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; add the pinyin they lack, in context."""
        return tuple(self._read(tokens, [normalize(token.text)[0] for token in tokens]))

    def _words(self, passage: str) -> Iterator[tuple[int, int, str, str]]:
        """Yield the words of the library that are not blank, and what is between them."""
        end = 0
        for start, (word, pos, reading) in located(passage, self._library.analyze(passage)):
            for span in _between_blanks(passage, end, start):
                yield *span, "", ""
            end = start + len(word)
            for span in _between_blanks(passage, start, end):
                yield *span, pos, reading if span == (start, end) else ""
        for span in _between_blanks(passage, end, len(passage)):
            yield *span, "", ""

    def _read(self, tokens: Sequence[Token], forms: Sequence[str]) -> list[Token]:
        if not self.chinese or not tokens or all(token.reading for token in tokens):
            return list(tokens)
        read = zip(tokens, pinyin(forms), strict=True)
        return [token._replace(reading=token.reading or reading) for token, reading in read]


def _between_blanks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for word in text[start:end].split():
        start = text.index(word, start)
        yield start, start + len(word)
        start += len(word)


@dataclass(frozen=True)
class MarkedCharacters:
    """Cut text into characters whose readings say where in a word of a dictionary they stand."""

    characters: Segmenter
    words: Segmenter

    @property
    def signature(self) -> str:
        """Those of what finds the characters and the words."""
        return f"{self.characters.signature}+{self.words.signature}"

    def segment(self, text: str) -> tuple[Token, ...]:
        """Cut a text into characters, their readings with the marks of `marked`."""
        return self._marked(text, self.characters.segment(text))

    def annotate(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Keep the given tokens; add the pinyin and the marks they lack, in context."""
        return self._marked(text, self.characters.annotate(text, tokens))

    def _marked(self, text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
        words = self.words.segment(text)
        begins, ends = {word.start for word in words}, {word.end for word in words}
        return tuple(
            marked(token, begins=token.start in begins, ends=token.end in ends) for token in tokens
        )


Segmenter: TypeAlias = DictionarySegmenter | LibrarySegmenter | PatternSegmenter | MarkedCharacters
"""Cuts raw text into tokens; may be shared between threads and sent to processes.

Every character but white space is in exactly one token, which is never empty and begins with no
combining mark that stands on something; ``token.text == text[token.start:token.end]``.
"""


def load_segmenter(
    name: str,
    *,
    language: str | None = None,
    cut_scripts: bool = True,
    cut_hyphens: bool = False,
) -> Segmenter:
    """Load a segmenter by its name; a dictionary is loaded once per process.

    Japanese dictionaries are ``unidic-lite``, ``ipadic`` and ``sudachi``; ``characters`` makes each
    kanji and kana a token, ``characters+jieba`` one that says where in a word of jieba it stands;
    ``jieba`` finds Chinese words, ``newmm`` and ``newmm-icu`` Thai, ``kiwi``
    Korean ones. For text with spaces there are ``words`` (punctuation apart; with ``cut_hyphens``,
    hyphens too) and ``whitespace``. Other packages add more. Chinese tokens have their pinyin, with
    ``characters`` where the ``language`` is ``zh``; it tells ``words`` what is parted and joined,
    as in l'hôtel.
    Raises `ConfigError` if the name is unknown, ValueError if the language is, `MissingExtraError`
    if its program is missing.

    With ``cut_scripts``, words of a dictionary are also cut where the script changes, if their
    reading can be divided. Of 13,185 mentions in Wikipedia sentences (Stockmark's corpus), 0.42 %
    then start or end inside a token instead of 0.52 % (unidic-lite), 0.76 % instead of 1.11 %
    (ipadic), 0.43 % instead of 0.44 % (sudachi).

    Example:
        >>> [token.text for token in load_segmenter("words").segment("Tokyo's mayor said no.")]
        ['Tokyo', "'s", 'mayor', 'said', 'no', '.']
        >>> [(t.text, t.reading) for t in load_segmenter("unidic-lite").segment("東京に着いた")]
        [('東京', 'トウキョウ'), ('に', 'ニ'), ('着い', 'ツイ'), ('た', 'タ')]
    """
    if name == "whitespace":
        return WHITESPACE
    if name == "words":
        return words_of(language, cut_hyphens)
    if name == "characters" and language != "zh":
        return CHARACTERS
    if name in _DICTIONARIES:
        _dictionary(name)  # One that is missing or damaged shows now, not at the first sentence.
        return DictionarySegmenter(name, cut_scripts)
    segmenter: Segmenter
    if name == "characters+jieba":
        characters = LibrarySegmenter("characters", chinese=True)
        segmenter = MarkedCharacters(characters, LibrarySegmenter("jieba"))
    else:
        segmenter = LibrarySegmenter(name, chinese=name in ("characters", "jieba"))
    segmenter.segment("中")  # So does a library.
    return segmenter


def segmenter_of(text: TextSettings) -> Segmenter:
    """Load the segmenter that the settings of a run or a model name."""
    return load_segmenter(
        text.segmenter,
        language=text.language,
        cut_scripts=text.cut_scripts,
        cut_hyphens=text.cut_hyphens,
    )


def _character_words(passage: str) -> Iterator[Word]:
    return ((match[0], "", "") for match in CHARACTERS.pattern.finditer(passage))


_CHARACTERS = Library(CHARACTERS.signature, _character_words)


@cache
def _dictionary(name: str) -> MeCab | Sudachi:
    """Load each once: MeCab does not give back the memory of a dictionary, 115 MB."""
    return Sudachi() if name == "sudachi" else MeCab(name)
