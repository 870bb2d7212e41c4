"""Morphemes, phrases and entities as KNP prints them: KNBC, KWDLC, the Kyoto corpora.

A block ends with ``EOS`` and holds comments (``# S-ID:…``), phrase lines (``* …``, ``+ …``) and
morpheme lines: form, reading, base, then part of speech, subtype, conjugation and form, each with
a number. A line of another analysis has an ``@`` before all that. JUMAN++ writes some forms with a
backslash, for a blank as well as for ``*``.

Entities stand on the line of the phrase they end in, ``<NE:TYPE:text>``, or on morpheme lines,
``<NE:TYPE:head|middle|tail|single>``; where on both (KNBC), those of morphemes count that overlap
none of the others. A group is a file, or a folder where every sentence has a file of its own.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence

from kakehashi.config.reading import data_path
from kakehashi.config.sources import KnpSource
from kakehashi.corpora.archives import Member, members
from kakehashi.corpora.checks import checked, excerpt
from kakehashi.corpora.lines import check_size
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token, mentions_from_spans
from kakehashi.tags import OUTSIDE, spans_from_tags

_PHRASE = re.compile(r"[*+] -?\d+[A-Z]")
_PAIRS = 4  # of a name and a number, in a morpheme line
_ESCAPED = re.compile(r"\A\\([^\w\s]| )\Z")
_S_ID = b"# S-ID:"
_SENTENCE_ID = re.compile(r"# S-ID:(\S+)")
_ENTITY = re.compile(r"<NE:([^:<>]+):([^<>]+)>")
_PREFIXES = {"head": "B", "middle": "I", "tail": "E", "single": "S"}


def read(source: KnpSource) -> Iterator[Sentence]:
    """Yield the sentences of an archive or folder; `CorpusError` if a listed article is missing."""
    lists = members(source.path, source.ids) if source.ids else ()
    wanted = {line.strip() for each in lists for _, line in each.lines(source.encoding)} - {""}
    found: set[str] = set()
    for member in members(source.path, source.files or "*"):
        if not source.files and not member.content.removeprefix(BOM_UTF8).startswith(_S_ID):
            continue
        for block in _blocks(member, source.encoding):
            match = next(filter(None, (_SENTENCE_ID.match(line) for _, line in block)), None)
            name = match[1] if match else ""
            stem = member.path.stem
            group = member.path.parent.name if name == stem else stem
            if not source.ids or group in wanted:
                found.add(group)
                yield _sentence(block, member.where, name, group)
    if missing := sorted(wanted - found):
        problem = f"{len(missing)} of the {len(wanted)} articles in {source.ids!r} are missing"
        raise CorpusError(data_path(source.path), f"{problem}, {excerpt(missing[0])} for one")


def _blocks(member: Member, encoding: str) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines of each sentence; comments alone, such as a report of failure, are none."""
    block, size, is_sentence = list[tuple[int, str]](), 0, False
    for number, line in member.lines(encoding):
        if line == "EOS":
            if is_sentence:
                yield block
            block, size, is_sentence = [], 0, False
            continue
        block.append((number, line))
        size += len(line)
        is_sentence = is_sentence or bool(line and not _is_comment(line))
        check_size(len(block), size, member.where, block[0][0], "expected EOS")
    if is_sentence:
        raise CorpusError(member.where, "the sentence that begins here has no EOS", block[0][0])


def _is_comment(line: str) -> bool:
    """Whether a line is a comment or another analysis, and not a morpheme ``#`` or ``@``."""
    if not line.startswith(("# ", "@ ")):
        return False
    fields = line.split(" ")
    place = _part_of_speech(fields)  # another analysis has one field more before it
    pairs = fields[place : place + 2 * _PAIRS]
    return not (place and place % 3 == 0 and len(pairs) == 2 * _PAIRS and _numbered(pairs))


def _sentence(block: Sequence[tuple[int, str]], where: str, name: str, group: str) -> Sentence:
    text, tokens, tags = "", list[Token](), list[str]()
    phrases: list[tuple[int, str, int]] = []  # number of the line, line, first character
    for number, line in block:
        if _PHRASE.match(line):
            phrases.append((number, line, len(text)))
        elif line and not _is_comment(line):
            tokens.append(_token(line, where, number, len(text)))
            tags.append(_tag(line, where, number))
            text += tokens[-1].text
    mentions: set[Mention] = set()
    ends = [*(start for _, _, start in phrases), len(text)][1:]
    for (number, line, start), end in zip(phrases, ends, strict=True):
        for kind, form in _ENTITY.findall(line):
            # The last such text that ends inside the phrase.
            first = text.rfind(form, max(0, start - len(form) + 1), end)
            if first < 0:
                problem = f"the entity {excerpt(form)} does not end in this phrase"
                raise CorpusError(where, problem, number)
            mentions.add(Mention(first, first + len(form), kind, form))
    taken = {place for mention in mentions for place in range(mention.start, mention.end)}
    for mention in mentions_from_spans(text, tokens, spans_from_tags(tags)):
        if taken.isdisjoint(range(mention.start, mention.end)):
            mentions.add(mention)
    sentence = Sentence(text, tuple(mentions), tuple(tokens), name, group)
    return checked(sentence, where, block[0][0])


def _token(line: str, where: str, number: int, start: int) -> Token:
    fields = line.split(" ")
    place = _part_of_speech(fields)
    head = [field for field in fields[:place] if field]
    third, rest = divmod(len(head), 3)
    if not head or rest:
        raise CorpusError(where, f"expected a line of KNP's, got {excerpt(line)}", number)
    form, reading = " ".join(head[:third]), " ".join(head[third : 2 * third])
    if form.startswith("\\"):
        # A blank separates fields as well: of "\ " the backslash and an empty field are left.
        blank = r"\ " if fields[1] == "" else "\\"
        form, reading = (
            _ESCAPED.sub(r"\1", blank if part == "\\" else part) for part in (form, reading)
        )
    return Token(form, start, start + len(form), reading, fields[place])


def _part_of_speech(fields: Sequence[str]) -> int:
    """Find where it stands; a form with a blank in it makes what precedes longer. 0 if nowhere."""
    return next((i for i in range(3, len(fields) - 3) if _numbered(fields[i : i + 4])), 0)


def _numbered(fields: Sequence[str]) -> bool:
    return all(field.isdecimal() for field in fields[1::2])


def _tag(line: str, where: str, number: int) -> str:
    entities = _ENTITY.findall(line)
    if not entities:
        return OUTSIDE
    kind, part = entities[-1]  # KNBC repeats some, and the last one goes with the phrase line
    if part not in _PREFIXES:
        problem = f"expected head, middle, tail or single in <NE:{kind:.60}:…>"
        raise CorpusError(where, f"{problem}, got {excerpt(part)}", number)
    return f"{_PREFIXES[part]}-{kind}"
