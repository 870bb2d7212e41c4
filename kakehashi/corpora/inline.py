"""Text with inline tags, ``<PERSON>太郎</PERSON>``: IREX, BCCWJ's named-entity corpus.

A line is a sentence; where there are ``<sentence>`` elements, each is one (line ends inside are no
text). Where the entity types are named, all other elements are markup and passed over; else those
of documents are: ``<HEADLINE>``, ``<TEXT>``; ``<DOCNO>``, ``<SECTION>``, ``<AE>`` and ``<WORDS>``,
which hold no text; ``<DOC>`` and ``<article>``, which begin a group. Of nested entities the
outermost is read (IREX's rule); attributes are not. This is no XML parser: ``&lt; &gt; &amp; &quot;
&apos;`` and numbered characters are replaced, once, and any other ``&`` is itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn

from kakehashi.config.reading import data_path
from kakehashi.config.sources import InlineSource
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import check_size, read_lines
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

_TAG = re.compile(r"<(/?)([^\W\d][\w.:-]*)(?:[\s/][^<>]*)?>|<[!?][^<>]*>")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_SENTENCE = "sentence"
_ARTICLES = frozenset(("DOC", "article"))
_NO_TEXT = frozenset(("DOCNO", "SECTION", "AE", "WORDS"))
_MARKUP = frozenset((_SENTENCE, "HEADLINE", "TEXT")) | _ARTICLES | _NO_TEXT

_NAME = re.compile(r"[^\W\d][\w.:-]*")
# What reading would take for a tag, a reference or the end of the line, or strip.
_SPECIAL = re.compile("[<>&\0\r\n\ufeff]")
_EDGES = re.compile(r"\A\s+|\s+\Z")


def read(source: InlineSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; a tag not closed where it should be is a `CorpusError`."""
    reader = _Reader(source)
    for number, line in read_lines(source.path, source.encoding):
        reader.number, position = number, 0
        line = line.strip(" \t")
        for tag in _TAG.finditer(line):
            reader.take_text(line[position : tag.start()])
            position = tag.end()
            if tag[2]:
                yield from reader.take_tag(tag[2], is_end=bool(tag[1]))
            if tag[2] and tag[0].endswith("/>"):
                yield from reader.take_tag(tag[2], is_end=True)
        reader.take_text(line[position:])
        yield from reader.end_line()
    reader.end_file()


class _Reader:
    """What is open at some place of the file; ``number`` is the line's."""

    def __init__(self, source: InlineSource) -> None:
        self.number = 0
        self._path = data_path(source.path)
        self._types = frozenset(source.types)
        self._advice = "" if source.types else "; name the elements that are entities with --types"
        self._n_articles = self._depth = 0  # <sentence> elements open
        self._no_text = ""
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str] = []
        self._length = self._first = 0
        self._first_line = self.number
        self._is_blank = True
        self._open: list[str] = []
        self._ranges: list[tuple[int, int, str]] = []

    def take_text(self, raw: str) -> None:
        if self._no_text:
            return
        if "<" in raw:
            self._refuse(f"the '<' in {excerpt(raw)} begins no tag; write it as &lt;")
        self._texts.append(_REFERENCE.sub(self._character, raw))
        self._length += len(self._texts[-1])
        self._is_blank = self._is_blank and not raw.strip()

    def _character(self, reference: re.Match[str]) -> str:
        name, decimal, hexadecimal = reference.groups()
        if name:
            return _NAMED[name]
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if code > sys.maxunicode:
            self._refuse(f"there is no character {reference[0]!r}")
        return chr(code)

    def take_tag(self, name: str, *, is_end: bool) -> Iterator[Sentence]:
        if self._no_text:
            if is_end and name == self._no_text:
                self._no_text = ""
        elif name in self._types or (not self._types and name not in _MARKUP):
            self._take_entity(name, is_end)
        elif name == _SENTENCE:
            depth = max(0, self._depth + (-1 if is_end else 1))
            if 0 in (self._depth, depth):  # the outermost begins or ends
                yield from self._end_sentence()
            self._depth = depth
        elif not is_end and name in _NO_TEXT:
            self._no_text = name
        elif not is_end and name in _ARTICLES:
            yield from self._end_sentence()
            self._n_articles += 1

    def _take_entity(self, name: str, is_end: bool) -> None:
        shown = f"{name:.60}"  # in messages
        if not is_end:
            self._first = self._first if self._open else self._length
            self._open.append(name)
        elif not self._open or self._open.pop() != name:
            self._refuse(f"</{shown}> closes no <{shown}>")
        elif not self._open and self._first == self._length:
            self._refuse(f"<{shown}> holds no text{self._advice}")
        elif not self._open:
            self._ranges.append((self._first, self._length, name))

    def end_line(self) -> Iterator[Sentence]:
        if not self._depth:
            yield from self._end_sentence()
        first, n_lines = self._first_line, self.number - self._first_line + 1
        check_size(n_lines, self._length, str(self._path), first, "expected </sentence>")

    def _end_sentence(self) -> Iterator[Sentence]:
        if self._open:
            opened = f"<{self._open[-1]:.60}>"
            self._refuse(f"{opened} is still open at the end of the sentence{self._advice}")
        if not self._is_blank or self._ranges:
            text = "".join(self._texts)
            mentions = tuple(Mention(*each, text[each[0] : each[1]]) for each in self._ranges)
            group = self._path.name + (f"#{self._n_articles}" if self._n_articles else "")
            yield checked(Sentence(text, mentions, group=group), str(self._path), self.number)
        self._begin()

    def end_file(self) -> None:
        if self._depth or self._no_text:
            self._refuse(f"<{self._no_text or _SENTENCE}> is still open at the end of the file")

    def _refuse(self, problem: str) -> NoReturn:
        raise CorpusError(self._path, problem, self.number)


def lines(sentences: Iterable[Sentence], source: InlineSource) -> Iterator[str]:
    """Yield one line per sentence, which `read` gives back but for tokens, name and group.

    A type that is none of the source's, or no name of an element, is a `CorpusError`.
    """
    for sentence in sentences:
        pieces, position = [], 0
        for mention in sentence.mentions:
            name, text = mention.type, sentence.text[position : mention.start]
            known = name in source.types if source.types else name not in _MARKUP
            if not known or not _NAME.fullmatch(name):
                advice = "choose a name of letters, digits and . _ - that is no markup of documents"
                if source.types and not known:
                    advice = "name those that are entities, e.g. --types PER,LOC"
                problem = f"cannot write the entity type {excerpt(name)} as an element"
                raise CorpusError(source.path, f"{problem}; {advice}")
            pieces.append(f"{_escaped(text)}<{name}>{_escaped(mention.text)}</{name}>")
            position = mention.end
        pieces.append(_escaped(sentence.text[position:]))
        yield _EDGES.sub(_numbered, "".join(pieces)) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_numbered, text)


def _numbered(match: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in match[0])
