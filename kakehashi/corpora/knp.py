"""Morphemes, phrases and entities as KNP prints them: KNBC, KWDLC, the Kyoto corpora.

A block ends with ``EOS`` and holds comments (``# S-ID:…``), phrase lines (``* …``, ``+ …``) and
morpheme lines: form, reading, base, then part of speech, subtype, conjugation and form, each with
a number. A line of another analysis has an ``@`` before all that. JUMAN++ writes some forms with a
backslash, for a blank as well as for ``*``.

Entities stand with their text on the phrase line of the phrase they end in, ``<NE:TYPE:text>``, or
on morpheme lines, ``<NE:TYPE:head|middle|tail|single>``. Where both are given (KNBC) their union is
read: all of the phrase lines, and those of the morpheme lines that overlap none of them.

An article, a sentence's group, is a file, or a folder where every sentence has a file of its own.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from kakehashi.config.reading import data_path
from kakehashi.config.sources import KnpSource
from kakehashi.corpora.archive import Member, members
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import LONGEST_LINE, MOST_LINES, numbered_lines, oversized
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token, mentions_from_spans
from kakehashi.tags import OUTSIDE, spans_from_tags

Lines = list[tuple[int, str]]

_PHRASE = re.compile(r"[*+] -?\d+[A-Z]")
_EXCERPT = 60  # of a type, in a message
_PAIRS = 4  # of a name and a number, in a morpheme line
_ESCAPED = re.compile(r"\\([^\w\s]| )")
_S_ID = b"# S-ID:"
_SENTENCE_ID = re.compile(r"# S-ID:(\S+)")
_ENTITY = re.compile(r"<NE:([^:<>]+):([^<>]+)>")
_PREFIXES = {"head": "B", "middle": "I", "tail": "E", "single": "S"}


class _Phrase(NamedTuple):
    """A phrase line: its number, where in the text its phrase starts, and what it says."""

    number: int
    start: int
    line: str


def read(source: KnpSource) -> Iterator[Sentence]:
    """Yield the sentences of an archive or folder, of all articles or of those listed.

    Raises:
        CorpusError: If a file is not KNP's, an entity is not in its sentence, or a listed article
            is missing.
    """
    wanted = _listed(source)
    found: set[str] = set()
    for member in members(source.path, source.files or "*"):
        if not source.files and not member.content.removeprefix(BOM_UTF8).startswith(_S_ID):
            continue
        for block in _blocks(member, source.encoding):
            name, group = _names(block, member)
            if wanted is None or group in wanted:
                found.add(group)
                yield _sentence(block, member.where, name, group)
    if wanted is not None and found != wanted:
        missing = sorted(wanted - found)
        raise CorpusError(
            data_path(source.path),
            f"{len(missing)} of the {len(wanted)} articles in {source.ids!r} are missing,"
            f" {excerpt(missing[0])} for one",
        )


def _listed(source: KnpSource) -> set[str] | None:
    if not source.ids:
        return None
    return {
        line.strip()
        for member in members(source.path, source.ids)
        for _, line in numbered_lines(BytesIO(member.content), member.where, source.encoding)
        if line.strip()
    }


def _blocks(member: Member, encoding: str) -> Iterator[Lines]:
    """Yield the lines of each sentence; comments alone, such as a report of failure, are none."""
    block: Lines = []
    size = 0
    for number, line in numbered_lines(BytesIO(member.content), member.where, encoding):
        if line != "EOS":
            block.append((number, line))
            size += len(line)
            if len(block) > MOST_LINES or size > LONGEST_LINE:
                raise oversized(member.where, block[0][0], "expected EOS")
            continue
        if not _says_nothing(block):
            yield block
        block, size = [], 0
    if not _says_nothing(block):
        raise CorpusError(member.where, "the sentence that begins here has no EOS", block[0][0])


def _says_nothing(block: Lines) -> bool:
    return all(not line or _is_comment(line) for _, line in block)


def _is_comment(line: str) -> bool:
    """Whether a line is a comment or another analysis, and not a morpheme ``#`` or ``@``.

    Before its part of speech a morpheme has form, reading and base, and another analysis has one
    field more.
    """
    if not line.startswith(("# ", "@ ")):
        return False
    fields = line.split(" ")
    place = _part_of_speech(fields)
    pairs = fields[place : place + 2 * _PAIRS]
    is_morpheme = place and place % 3 == 0 and len(pairs) == 2 * _PAIRS and _numbered(pairs)
    return not is_morpheme


def _names(block: Lines, member: Member) -> tuple[str, str]:
    """Find the names of sentence and article: the file's, or its folder's if it has just one."""
    match = next(filter(None, (_SENTENCE_ID.match(line) for _, line in block)), None)
    name = match[1] if match else ""
    return name, member.folder if name == member.stem else member.stem


def _sentence(block: Lines, where: str, name: str, group: str) -> Sentence:
    text = ""
    tokens: list[Token] = []
    tags: list[str] = []
    phrases: list[_Phrase] = []
    for number, line in block:
        if _PHRASE.match(line):
            phrases.append(_Phrase(number, len(text), line))
        elif line and not _is_comment(line):
            token, tag = _morpheme(line, where, number, len(text))
            text += token.text
            tokens.append(token)
            tags.append(tag)
    mentions = _on_phrases(text, phrases, where)
    taken = {place for mention in mentions for place in range(mention.start, mention.end)}
    for mention in mentions_from_spans(text, tokens, spans_from_tags(tags)):
        if taken.isdisjoint(range(mention.start, mention.end)):
            mentions.add(mention)
    sentence = Sentence(text, tuple(mentions), tuple(tokens), name, group)
    return checked(sentence, where, block[0][0])


def _on_phrases(text: str, phrases: Sequence[_Phrase], where: str) -> set[Mention]:
    """Find the entities of the phrase lines: the last such text that ends inside the phrase."""
    mentions = set()
    ends = [*(phrase.start for phrase in phrases), len(text)][1:]
    for phrase, end in zip(phrases, ends, strict=True):
        for kind, form in _ENTITY.findall(phrase.line):
            first = text.rfind(form, max(0, phrase.start - len(form) + 1), end)
            if first < 0:
                raise CorpusError(
                    where,
                    f"the entity {excerpt(form)} does not end in this phrase",
                    phrase.number,
                )
            mentions.add(Mention(first, first + len(form), kind, form))
    return mentions


def _morpheme(line: str, where: str, number: int, start: int) -> tuple[Token, str]:
    fields = line.split(" ")
    place = _part_of_speech(fields)
    head = [field for field in fields[:place] if field]
    third, rest = divmod(len(head), 3)
    if not head or rest:
        raise CorpusError(where, f"expected a line of KNP's, got {excerpt(line)}", number)
    form, reading = " ".join(head[:third]), " ".join(head[third : 2 * third])
    if form.startswith("\\"):
        form, reading = (_unescaped(part, fields) for part in (form, reading))
    token = Token(form, start, start + len(form), reading, fields[place])
    return token, _tag(line, where, number)


def _part_of_speech(fields: Sequence[str]) -> int:
    """Find where it stands; a form with a blank in it makes what precedes longer. 0 if nowhere."""
    return next((i for i in range(3, len(fields) - 3) if _numbered(fields[i : i + 4])), 0)


def _unescaped(form: str, fields: Sequence[str]) -> str:
    # A blank parts fields as well, so what is left of "\ " is the backslash and an empty field.
    if form == "\\":
        return " " if fields[1] == "" else form
    match = _ESCAPED.fullmatch(form)
    return match[1] if match else form


def _numbered(fields: Sequence[str]) -> bool:
    return all(field.isdecimal() for field in fields[1::2])


def _tag(line: str, where: str, number: int) -> str:
    entities = _ENTITY.findall(line)
    if not entities:
        return OUTSIDE
    kind, part = entities[-1]  # KNBC repeats some, and the last one goes with the phrase line
    if part not in _PREFIXES:
        problem = f"expected head, middle, tail or single in <NE:{kind[:_EXCERPT]}:…>"
        raise CorpusError(where, f"{problem}, got {excerpt(part)}", number)
    return f"{_PREFIXES[part]}-{kind}"
