"""Morphemes, phrases and entities as KNP prints them: KNBC, KWDLC, the Kyoto corpora.

A block ends with ``EOS`` and holds comments (``# S-ID:…``), phrase lines (``* …``, ``+ …``) and
morpheme lines: form, reading, base, then part of speech, subtype, conjugation and form, each with
a number. Entities stand with their text on the phrase line of the phrase they end in,
``<NE:TYPE:text>``, or on morpheme lines, ``<NE:TYPE:head|middle|tail|single>``. Where both are
given (KNBC) their union is read: all of the phrase lines, and those of the morpheme lines that
overlap none of them.

An article, a sentence's group, is a file, or a folder where every sentence has a file of its own.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from kakehashi.config.paths import data_path
from kakehashi.config.sources import KnpSource
from kakehashi.corpora.archive import Member, members
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import numbered_lines
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token, mentions_from_spans
from kakehashi.tags import OUTSIDE, spans_from_tags

Lines = list[tuple[int, str]]

_PHRASE = re.compile(r"[*+] -?\d+[A-Z]")
# With the other analyses JUMAN gives, which begin with @. A # or @ of the text stands three times.
_COMMENT = re.compile(r"([#@]) (?!\1 \1 )")
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
    for number, line in numbered_lines(BytesIO(member.content), member.where, encoding):
        if line != "EOS":
            block.append((number, line))
            continue
        if not _is_comment(block):
            yield block
        block = []
    if not _is_comment(block):
        raise CorpusError(member.where, "the sentence that begins here has no EOS", block[0][0])


def _is_comment(block: Lines) -> bool:
    return all(not line or _COMMENT.match(line) for _, line in block)


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
        elif line and not _COMMENT.match(line):
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
    # From the part of speech on; a form with a blank in it makes what precedes longer.
    place = next((i for i in range(3, len(fields) - 3) if _numbered(fields[i : i + 4])), 0)
    head = [field for field in fields[:place] if field]
    third, rest = divmod(len(head), 3)
    if not head or rest:
        raise CorpusError(where, f"expected a line of KNP's, got {excerpt(line)}", number)
    form, reading = " ".join(head[:third]), " ".join(head[third : 2 * third])
    token = Token(form, start, start + len(form), reading, fields[place])
    return token, _tag(line, where, number)


def _numbered(fields: Sequence[str]) -> bool:
    return all(field.isdecimal() for field in fields[1::2])


def _tag(line: str, where: str, number: int) -> str:
    entities = _ENTITY.findall(line)
    if not entities:
        return OUTSIDE
    kind, part = entities[-1]  # KNBC repeats some, and the last one goes with the phrase line
    if part not in _PREFIXES:
        raise CorpusError(
            where, f"expected head, middle, tail or single in <NE:{kind}:…>, got {part!r}", number
        )
    return f"{_PREFIXES[part]}-{kind}"
