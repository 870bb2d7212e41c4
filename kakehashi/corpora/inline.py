"""Text with inline tags, ``<PERSON>太郎</PERSON>``: IREX, BCCWJ's named-entity corpus.

A line is a sentence; where ``<sentence>`` elements are used, each is one, however many lines it
takes (their ends are no part of the text). Where the entity types are named, all other elements are
markup and passed over; else only those of documents are: ``<HEADLINE>``, ``<TEXT>``, and those that
follow. What IREX puts in ``<DOCNO>``, ``<SECTION>``, ``<AE>`` and ``<WORDS>`` is no text. ``<DOC>``
and ``<article>`` begin an article, a sentence's group. Of nested entities the outermost is read, by
IREX's rule of the longest. Attributes, as in ``<OPTIONAL POSSIBLE="PERSON">``, say nothing here.

This is no XML parser: ``&lt; &gt; &amp; &quot; &apos;`` and numbered characters are replaced, once,
and any other ``&`` is itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

from kakehashi.config.reading import data_path
from kakehashi.config.sources import InlineSource
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import LONGEST_LINE, MOST_LINES, oversized, read_lines
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

_TAG = re.compile(r"<(/?)([^\W\d][\w.:-]*)(?:[\s/][^<>]*)?>|<[!?][^<>]*>")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_LAST_CHARACTER = 0x10FFFF
_EXCERPT = 60  # of a name, in a message
_SENTENCE = "sentence"
_ARTICLES = frozenset(("DOC", "article"))
_NO_TEXT = frozenset(("DOCNO", "SECTION", "AE", "WORDS"))
_MARKUP = frozenset((_SENTENCE, "HEADLINE", "TEXT")) | _ARTICLES | _NO_TEXT

_NAME = re.compile(r"[^\W\d][\w.:-]*")
# What reading would take for a tag, a reference or the end of the line, or strip.
_SPECIAL = re.compile("[<>&\0\r\n\ufeff]")
_EDGES = re.compile(r"\A\s+|\s+\Z")


def read(source: InlineSource) -> Iterator[Sentence]:
    """Yield the sentences of a file.

    Raises:
        CorpusError: If a tag is not closed where it should be, or a ``<`` begins none.
    """
    reader = _Reader(source)
    for number, line in read_lines(source.path, source.encoding):
        reader.number = number
        for kind, value in _pieces(line.strip(" \t")):
            yield from reader.take(kind, value)
        yield from reader.end_line()
    reader.end_file()


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Cut a line into texts and into names of elements that begin (``<``) or end (``</``)."""
    position = 0
    for tag in _TAG.finditer(line):
        yield "text", line[position : tag.start()]
        position = tag.end()
        if tag[2]:
            yield f"<{tag[1]}", tag[2]
            if tag[0].endswith("/>"):
                yield "</", tag[2]
    yield "text", line[position:]


class _Reader:
    """What is open at some place of the file; ``number`` is the line's."""

    def __init__(self, source: InlineSource) -> None:
        self.number = 0
        self._path = data_path(source.path)
        self._types = frozenset(source.types)
        self._advice = "" if source.types else "; name the elements that are entities with --types"
        self._n_articles = 0
        self._depth = 0  # <sentence> elements open
        self._no_text = ""
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._first_line = self.number
        self._blank = True
        self._open: list[str] = []
        self._first = 0
        self._ranges: list[tuple[int, int, str]] = []

    def take(self, kind: str, value: str) -> Iterator[Sentence]:
        """Take the next piece, and yield the sentence that it ends."""
        if self._no_text:
            if kind == "</" and value == self._no_text:
                self._no_text = ""
        elif kind == "text":
            self._take_text(value)
        elif value in self._types or (not self._types and value not in _MARKUP):
            self._take_entity(kind, value)
        elif value == _SENTENCE:
            depth = max(0, self._depth + (1 if kind == "<" else -1))
            if 0 in (self._depth, depth):  # the outermost begins or ends
                yield from self._end_sentence()
            self._depth = depth
        elif kind == "<" and value in _NO_TEXT:
            self._no_text = value
        elif kind == "<" and value in _ARTICLES:
            yield from self._end_sentence()
            self._n_articles += 1

    def end_line(self) -> Iterator[Sentence]:
        """End the sentence where lines are sentences."""
        if not self._depth:
            return self._end_sentence()
        if self.number - self._first_line >= MOST_LINES or self._length > LONGEST_LINE:
            raise oversized(str(self._path), self._first_line, "expected </sentence>")
        return iter(())

    def end_file(self) -> None:
        """Refuse a file that ends inside an element."""
        if self._depth or self._no_text:
            self._refuse(f"<{self._no_text or _SENTENCE}> is still open at the end of the file")

    def _take_text(self, raw: str) -> None:
        if "<" in raw:
            self._refuse(f"the '<' in {excerpt(raw)} begins no tag; write it as &lt;")
        text = _REFERENCE.sub(self._character, raw)
        self._texts.append(text)
        self._length += len(text)
        self._blank = self._blank and not raw.strip()

    def _character(self, reference: re.Match[str]) -> str:
        name, decimal, hexadecimal = reference.groups()
        if name:
            return _NAMED[name]
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if code > _LAST_CHARACTER:
            self._refuse(f"there is no character {reference[0]!r}")
        return chr(code)

    def _take_entity(self, kind: str, name: str) -> None:
        if kind == "<":
            self._first = self._first if self._open else self._length
            self._open.append(name)
        elif not self._open or self._open.pop() != name:
            self._refuse(f"</{name[:_EXCERPT]}> closes no <{name[:_EXCERPT]}>")
        elif not self._open and self._first == self._length:
            self._refuse(f"<{name[:_EXCERPT]}> holds no text{self._advice}")
        elif not self._open:
            self._ranges.append((self._first, self._length, name))

    def _end_sentence(self) -> Iterator[Sentence]:
        if self._open:
            name = self._open[-1][:_EXCERPT]
            self._refuse(f"<{name}> is still open at the end of the sentence{self._advice}")
        if not self._blank or self._ranges:
            text = "".join(self._texts)
            mentions = (Mention(*found, text[found[0] : found[1]]) for found in self._ranges)
            name = self._path.name
            group = f"{name}#{self._n_articles}" if self._n_articles else name
            yield checked(
                Sentence(text, tuple(mentions), group=group), str(self._path), self.number
            )
        self._begin()

    def _refuse(self, problem: str) -> NoReturn:
        raise CorpusError(self._path, problem, self.number)


def lines(sentences: Iterable[Sentence], source: InlineSource) -> Iterator[str]:
    """Yield one line per sentence, which `read` gives back but for tokens, name and group.

    Raises:
        CorpusError: If an entity type is none of the source's ``types``, or no name of an element.
    """
    types = frozenset(source.types)
    for sentence in sentences:
        pieces = []
        position = 0
        for mention in sentence.mentions:
            known = mention.type in types if types else mention.type not in _MARKUP
            if not known or not _NAME.fullmatch(mention.type):
                advice = (
                    "expected a name of letters, digits and . _ - that is no markup of documents"
                    if known or not types
                    else "name those that are entities, e.g. --types PER,LOC"
                )
                problem = f"cannot write the entity type {excerpt(mention.type)} as an element"
                raise CorpusError(source.path, f"{problem}; {advice}")
            before, inside = sentence.text[position : mention.start], mention.text
            pieces += [
                _escaped(before),
                f"<{mention.type}>",
                _escaped(inside),
                f"</{mention.type}>",
            ]
            position = mention.end
        line = "".join(pieces) + _escaped(sentence.text[position:])
        yield _EDGES.sub(_numbered, line) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_numbered, text)


def _numbered(match: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in match[0])
