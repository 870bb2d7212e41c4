"""brat's standoff: a folder, or a tar archive, of texts ``NAME.txt`` with annotations ``NAME.ann``.

::

    T1	PER 0 3	Eva
    T2	ORG 4 8;13 17	Bank Bonn       in two pieces

Only these lines are read; relations, events, attributes and notes are counted. A mention in pieces
is one mention where only white space lies between, as brat cuts at line ends; others are left out.
Each line of a text is a sentence, but lines that a mention joins are one, or the whole text is one
(``sentences = "document"``), which also keeps names: of sentences those of files, of articles those
of folders.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby, islice, pairwise
from operator import attrgetter
from pathlib import Path

from kakehashi.config.reading import data_path
from kakehashi.config.sources import BratSource
from kakehashi.corpora.archives import Member, members
from kakehashi.corpora.checks import excerpt
from kakehashi.corpora.lines import check_size, decoded_as_it_is
from kakehashi.corpora.spans import sentences_from_records
from kakehashi.corpora.units import Given, Record
from kakehashi.errors import CorpusError
from kakehashi.files import replacing_folder
from kakehashi.sentence import Mention, Sentence

_MENTION = re.compile(r"(T\S*)\t(\S+) (\d{1,12} \d{1,12}(?:;\d{1,12} \d{1,12})*)(?:\t(.*))?")
_OTHERS = {
    "R": "relation", "E": "event", "A": "attribute", "M": "attribute", "N": "normalization",
    "#": "note of an annotator", "*": "equivalence",
}  # fmt: skip
_LINE_END = re.compile("\r?\n")
_PIECE = re.compile("[^\r\n]+")
_SAFE = re.compile(r"[\w-][\w.-]{0,59}")
_PER_DOCUMENT = 100  # sentences without an article; brat shows a document as a whole


def read(source: BratSource) -> Iterator[Sentence]:
    """Yield the sentences of all texts that have annotations; `CorpusError` where they differ."""
    documents = sentences_from_records(partial(_records, source), source.offsets)
    if source.sentences == "document":
        return documents
    return (sentence for document in documents for sentence in _lines(document, source))


def _records(source: BratSource) -> Iterator[Record]:
    # Names with a dot are copies that systems make of their own accord.
    annotations = {
        each.path.with_suffix(""): each
        for each in members(source.path, "*.ann")
        if each.path.name[0] != "."
    }
    for text in members(source.path, "*.txt"):
        if text.path.name[0] == ".":
            continue
        name = text.path.with_suffix("")
        annotation = annotations.pop(name, None)
        if annotation is None:
            yield Record("", (), text.where, notes=["text without an .ann file"])
            continue
        given, notes = _given(annotation)
        group = "" if name.parent.name == "" else str(name.parent)
        content = decoded_as_it_is(text.content, text.where)
        yield Record(content, given, annotation.where, id=name.name, group=group, notes=notes)
    for annotation in annotations.values():
        raise CorpusError(annotation.where, "expected the text beside it, in a file .txt")


def _given(annotation: Member) -> tuple[list[Given], list[str]]:
    given, notes, names = list[Given](), list[str](), set[str]()
    for number, line in annotation.lines("utf-8"):
        match = _MENTION.fullmatch(line)
        if match is not None:
            name, kind, places, text = match.groups()
            if name in names:
                raise CorpusError(annotation.where, f"there are two {excerpt(name)}", number)
            names.add(name)
            pairs = (place.split() for place in places.split(";"))
            fragments = sorted((int(start), int(end)) for start, end in pairs)
            if any(a[1] > b[0] for a, b in pairwise(fragments)):
                problem = f"the pieces of {excerpt(name)} overlap"
                raise CorpusError(annotation.where, problem, number)
            given.append(Given(fragments, kind, text, goes_on=True))
        elif line[:1] in _OTHERS:
            notes.append(_OTHERS[line[0]])
        elif line.strip():
            problem = f"expected an annotation such as 'T1\\tPER 0 3\\tEva', got {excerpt(line)}"
            raise CorpusError(annotation.where, problem, number)
    return given, notes


def _lines(document: Sentence, source: BratSource) -> Iterator[Sentence]:
    """Cut a text at the line ends that are in no mention, and leave blank lines out."""
    ends = [(match.start(), match.end()) for match in _LINE_END.finditer(document.text)]
    mentions, notes, start, first = list(document.mentions), document.notes, 0, 1
    name = f"{document.group}/{document.id}" if document.group else document.id
    for number, (end, after) in enumerate([*ends, (len(document.text),) * 2], 1):
        n_inside = 0
        for mention in mentions:
            if mention.start >= after:
                break
            n_inside += 1
        if n_inside and mentions[n_inside - 1].end > end:
            continue
        text = document.text[start:end]
        if text.strip():
            check_size(0, len(text), str(data_path(source.path)), first, "expected line ends")
            moved = (
                each._replace(start=each.start - start, end=each.end - start)
                for each in mentions[:n_inside]
            )
            yield Sentence(text, tuple(moved), None, f"{name}:{first}", name, notes)
            notes = ()
        del mentions[:n_inside]
        start, first = after, number + 1


def write(sentences: Iterable[Sentence], source: BratSource) -> Counter[str]:
    """Write a folder, whole or not at all, with a document per article, or one per sentence.

    Returns how many ids and groups `read` does not give back: names of files are none of them. A
    sentence that is no line of its own is a `CorpusError`, unless each has a document.
    """
    types, lost = dict[str, None](), Counter[str]()
    _check_replaceable(Path(source.path))
    with replacing_folder(Path(source.path)) as folder:
        for name, wanted, parts in _documents(sentences, source.sentences == "line"):
            text, rows = "", list[str]()
            for number, sentence in enumerate(parts, 1):
                if source.sentences == "line":
                    _check_line(sentence, source.path)
                    lost["id"] += sentence.id not in ("", f"{name}:{number}")
                    lost["group"] += sentence.group not in ("", name)
                for mention in sentence.mentions:
                    rows.append(_row(mention, len(text), len(rows) + 1))
                    types[mention.type] = None
                text += sentence.text + "\n" * (source.sentences == "line")
            if source.sentences == "document" and name != wanted:
                lost.update(id=bool(parts[0].id), group=bool(parts[0].group))
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.txt").write_bytes(text.encode())
            (folder / f"{name}.ann").write_bytes("".join(rows).encode())
        sections = ("relations", "events", "attributes")
        config = "\n".join(["[entities]", *types, *(f"[{name}]" for name in sections), ""])
        (folder / "annotation.conf").write_bytes(config.encode())
    return +lost


def _check_replaceable(folder: Path) -> None:
    """Raise `CorpusError` at a folder that holds something else than brat's files."""
    for path in folder.rglob("*") if folder.exists() else ():
        if not path.is_dir() and path.suffix not in (".txt", ".ann", ".conf"):
            problem = f"holds {path.name!r}, so that it cannot be replaced; choose another folder"
            raise CorpusError(folder, problem)


def _documents(
    sentences: Iterable[Sentence], by_article: bool
) -> Iterator[tuple[str, str, list[Sentence]]]:
    """Yield the name of each document, the name that its sentences have for it, and these."""
    used = set[str]()
    for group, parts in groupby(sentences, attrgetter("group")):
        size = 1 if not by_article else None if group else _PER_DOCUMENT
        while chunk := list(islice(parts, size)):
            wanted = group if by_article else f"{group}/{chunk[0].id}".removeprefix("/")
            name = wanted
            if not all(map(_SAFE.fullmatch, name.split("/"))) or name.casefold() in used:
                name = f"{len(used) + 1:06}"
            while name.casefold() in used:
                name += "-2"
            used.add(name.casefold())
            yield name, wanted, chunk


def _check_line(sentence: Sentence, path: str) -> None:
    text = sentence.text
    if not text.strip() or "\n" in text or text.endswith("\r"):
        problem = f"the sentence {excerpt(text)} is no line of a text; write each as a document:"
        raise CorpusError(path, f"{problem} --to-set sentences=document")


def _row(mention: Mention, before: int, number: int) -> str:
    pieces = list(_PIECE.finditer(mention.text))
    offset = before + mention.start
    places = ";".join(f"{offset + each.start()} {offset + each.end()}" for each in pieces)
    return f"T{number}\t{mention.type} {places}\t{' '.join(each[0] for each in pieces)}\n"
