"""Damaged corpora of every format, read in processes: ``python -m benchmarks.attacks.corpora``.

Small valid files are changed by flipped bits, cuts, and pieces put in: NUL, BOM, line ends, halves
of characters, huge numbers, deep nesting, lines twice. What is packed is damaged before and after
it is packed. Each is read to its end, or refused with an error of ours, in little time and memory;
anything else breaks a promise, is printed with its file, and ends the script with 1.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import pyarrow.parquet as pq

from kakehashi.corpora.formats import guess_source, read_chunks
from kakehashi.corpora.texts import rows_from_lines
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import KakehashiError
from kakehashi.parallel import map_in_order
from kakehashi.sentence import Span, sentence_from_forms

MOST_MEMORY = 1 << 30
_SECONDS = 20
_AT_ONCE = 250
_LARGEST = 1 << 21  # piece that is put in
_ADDRESS_SPACE = 8 << 30  # of a worker, so that no machine is brought down

_JSONL = """\
{"text": "昨日東京へ", "mentions": [{"start": 2, "end": 4, "type": "LOC", "text": "東京"}]}
{"text": "a b", "tokens": [{"text": "a", "start": 0, "end": 1, "reading": "x"}], "id": "1"}
{"text": "to Bonn", "mentions": [{"start": 3, "end": 7, "type": "LOC", "probability": 0.5}]}
"""
_KNP = """\
# S-ID:d-1 KNP:4
* 1D
+ 1D <NE:OPTIONAL:英>
英語 えいご 英語 名詞 6 普通名詞 1 * 0 * 0 "x" <漢字>
@ 英語 えいご 英語 名詞 6 地名 4 * 0 * 0
+ -1D <NE:LOCATION:新京都>
新 しん 新 接頭辞 13 名詞接頭辞 1 * 0 * 0 NIL <NE:LOCATION:head>
京都 きょうと 京都 名詞 6 地名 4 * 0 * 0 NIL <NE:LOCATION:tail>
EOS
"""
_TEXTS: Mapping[str, str] = {
    "a.massive": """\
{"id": "0", "partition": "dev", "utt": "明日の朝", "annot_utt": "[date : 明日] の [time : 朝]"}
{"id": "1", "partition": "test", "utt": "to oslo", "annot_utt": "to [place_name : oslo]"}
""",
    "a.conll": "-DOCSTART- O\n\nMr O\nOlsen B-PER\n\nOslo S-LOC\n\u3000 O\n# a comment\n# O\n",
    "a.conllu": "# id = 1\n1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tzu\t_\t_\t_\t_\t_\t_\t_\tname=B-LOC\n2\tdem\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "3\tSee\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|name=I-LOC\n",
    "a.xml": '<DOC><DOCNO>1</DOCNO>\n<PERSON>花子</PERSON>は<OPTIONAL POSSIBLE="DATE"><DATE>朝'
    "</DATE>方</OPTIONAL> &lt;&#12354;\n<sentence>雨\nです</sentence></DOC>\n",
    "a.jsonl": _JSONL,
    "doccano.jsonl": '{"id": 1, "text": "to Bonn", "label": [[3, 7, "LOC"]]}\n'
    '{"id": 2, "text": "a", "entities": [{"label": "X", "start_offset": 0, "end_offset": 1}]}\n',
    "tags.jsonl": '{"tokens": ["to", "Bonn"], "ner_tags": ["O", "B-LOC"]}\n' * 2,
    "prodigy.jsonl": '{"text": "to Bonn", "spans": [{"start": 3, "end": 7, "label": "LOC"}]}\n' * 2,
    "tasks.json": '[{"id": 1, "data": {"text": "😀 Bonn"}, "annotations": [{"result": [{"type":'
    ' "labels", "value": {"start": 3, "end": 7, "text": "Bonn", "labels": ["LOC"]}}]}]}]\n',
    "a.csv": "Sentence #,Word,Tag\n1,to,O\n,Bonn,B-LOC\n2,\"['a', 'b']\",\"['O', 'B-X']\"\n",
    "a.knp": _KNP,
    "a.json": '[{"curid": "1", "text": "花子は京都へ", "entities": [\n'
    ' {"name": "京都", "span": [3, 5], "type": "地名"},\n'
    ' {"name": "花子", "span": [0, 2], "type": "人名"}]}, {"text": "雨", "entities": []}]\n',
}
_SETTINGS: Mapping[str, dict[str, Any]] = {
    "a.massive": {"format": "annotated"},
    "a.conllu": {"format": "columns", "columns": ("_", "token", *"_______", "tag")},
    "doccano.jsonl": {"format": "doccano"},
    "prodigy.jsonl": {"format": "prodigy"},
    "tags.jsonl": {"format": "huggingface"},
    "tasks.json": {"format": "labelstudio"},
}
_PIECES = (
    *(b"\0", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n", b" ", b"\t", b"\xe3\x80\x80"),
    *(b"\xed\xa0\x80", b"\xff", b"\x80", b"<", b">", b"</", b"&#", b"[", b"]", b"{", b"}", b'"'),
    *(b"\\", b"\\ud800", b"\\u0000", b"-1", b"9" * 30, b"9" * 5000, b"1e999", b"NaN", b"null"),
    *(b"[" * 5000, b'{"a":' * 5000, b"<a>" * 5000, b"true", b"1.0", b"EOS\n", b"* 1D\n", b"O"),
    *(b"# S-ID:", b"B-", b"-DOCSTART-", b"<NE:LOCATION:x>", b"<sentence>", b"</PERSON>", b"#"),
    *(b"&#0;", b"&#xdfff;", b"&#9999999;", b"2-9\t", b"1.1\t", b"\\ \\ ", b"@ ", b"x" * (1 << 20)),
)


class Attack(NamedTuple):
    """A corpus to damage.

    Attributes:
        name: Of the file; how it ends says the format.
        content: What is valid.
        pack: Writes what may be damaged already, so that the damage is inside.
    """

    name: str
    content: bytes
    pack: Callable[[bytes], bytes] | None = None


@dataclass
class Report:
    """What became of damaged corpora.

    Attributes:
        counts: Of each format, how many were read, how many refused.
        broken: What broke a promise, in words.
        peak: Most resident memory of a process, in bytes.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    peak: int = 0


class _HangError(BaseException):
    """The time is up; not an `Exception`, so that nothing takes it for its own."""


def attacks() -> list[Attack]:
    """List what is damaged: each format, and the packed ones from inside as well."""
    plain = [Attack(name, text.encode()) for name, text in _TEXTS.items()]
    lines = _JSONL.splitlines()[0] + "\n"
    table = io.BytesIO()
    pq.write_table(rows_from_lines((lines * 40).encode()), table, row_group_size=16)
    small = io.BytesIO()
    pq.write_table(rows_from_lines(lines.encode()), small, compression="none")
    archive = _archived(_KNP.encode())
    documents = _documents()
    packed = {"a.jsonl.gz": _JSONL, "a.json.gz": _TEXTS["a.json"]}
    return [
        *plain,
        Attack("a.parquet", table.getvalue()),
        Attack("small.parquet", small.getvalue()),
        *(Attack(name, _gzipped(text.encode())) for name, text in packed.items()),
        *(Attack(name, text.encode(), _gzipped) for name, text in packed.items()),
        Attack("a.spacy", documents),
        Attack("a.spacy", zlib.decompress(documents), zlib.compress),
        Attack("a.tar", archive),
        Attack("a.tar.gz", archive, _gzipped),
        Attack("a.tar.gz", _gzipped(archive)),
        Attack("b.tar.gz", _KNP.encode(), lambda content: _gzipped(_archived(content))),
    ]


def _documents() -> bytes:
    with TemporaryDirectory() as folder:
        source = guess_source(Path(folder) / "a.spacy", to_write=True)
        sentence = sentence_from_forms(["to", "Bonn"], [Span(1, 2, "LOC")], id="1")
        write_corpus([sentence] * 2, source)
        return (Path(folder) / "a.spacy").read_bytes()


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _archived(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("a/d.knp", "a/e.knp"):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue().rstrip(b"\0") + bytes(1024)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage a file in one to four ways."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(_WAYS)(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _take_out(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.choice((1, 1, 2, 5, 40)) :]


def _put_in(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    piece = rng.choice(_PIECES)
    piece *= min(rng.choice((1, 1, 1, 2, 50)), _LARGEST // len(piece))
    return content[:start] + piece + content[start + rng.choice((0, 0, 1, 9)) :]


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    new = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", rng.randbytes(3)))
    return content[:start] + new + content[start + len(new) :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    place = rng.randrange(len(lines))
    lines[place] *= min(rng.choice((0, 2, 2, 300, 12_000)), _LARGEST // (len(lines[place]) + 1))
    return b"".join(lines)


def _end_lines_otherwise(content: bytes, rng: random.Random) -> bytes:
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b" \n", b"")))


_WAYS = (
    _flip, _flip, _cut, _take_out, _put_in, _put_in, _overwrite, _repeat, _end_lines_otherwise,
)  # fmt: skip


def read_damaged(numbers: Sequence[int], seed: int, keep: Path | None = None) -> Report:
    """Damage and read the corpora of some numbers; which they are depends on the seed alone.

    Args:
        numbers: Of the corpora.
        seed: The same gives the same corpora.
        keep: Folder for those that broke a promise.
    """
    report = Report()
    known = attacks()
    with TemporaryDirectory() as folder:
        for number in numbers:
            attack = known[number % len(known)]
            content = damaged(attack.content, random.Random(f"{seed} {number}"))
            path = Path(folder) / attack.name
            path.write_bytes(attack.pack(content) if attack.pack else content)
            outcome = _outcome(path)
            if outcome not in ("read", "refused"):
                report.broken.append(f"{number} ({attack.name}): {outcome}")
                if keep is not None:
                    shutil.copy(path, keep / f"{number}-{attack.name}")
                outcome = "broken"
            report.counts[attack.name, outcome] += 1
            path.unlink()
    report.peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return report


def _outcome(path: Path) -> str:
    previous = signal.signal(signal.SIGALRM, _hang)
    signal.alarm(_SECONDS)
    try:
        _read(path)
    except KakehashiError as error:
        message = str(error)
        return "refused" if "\n" not in message and len(message) < 1000 else f"says {message!r}"
    except _HangError:
        return f"took longer than {_SECONDS} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:500]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    return "read"


def _hang(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _HangError


def _read(path: Path) -> None:
    """Read a corpus as the program does: as columns where there are some, then its sentences."""
    place = path.parent if path.suffix == ".knp" else path
    for chunk in read_chunks(guess_source(place, **_SETTINGS.get(path.name, {}))):
        if hasattr(chunk, "texts"):
            chunk.texts()
        for _ in chunk:
            pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack, print what happened, and say whether every promise was kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="how many damaged corpora")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--keep", type=Path, help="folder for those that broke a promise")
    options = parser.parse_args(arguments)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    total = Report()
    work = partial(_in_bounds, seed=options.seed, keep=options.keep)
    for report in map_in_order(work, _batches(options.count)):
        total.counts.update(report.counts)
        total.broken += report.broken
        total.peak = max(total.peak, report.peak)
    return _print(total)


def _in_bounds(numbers: Sequence[int], seed: int, keep: Path | None) -> Report:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, most))
    return read_damaged(numbers, seed, keep)


def _batches(count: int) -> Iterator[Sequence[int]]:
    for start in range(0, count, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, count))


def _print(report: Report) -> int:
    names = sorted({name for name, _ in report.counts})
    outcomes = ("read", "refused", "broken")
    for name in names:
        counts = ", ".join(f"{report.counts[name, each]:,} {each}" for each in outcomes)
        sys.stdout.write(f"{name}: {counts}\n")
    for line in report.broken:
        sys.stdout.write(f"BROKEN {line}\n")
    totals = {
        each: sum(n for (_, outcome), n in report.counts.items() if outcome == each)
        for each in outcomes
    }
    kept = not report.broken and report.peak < MOST_MEMORY
    facts = {**totals, "peak MiB": report.peak >> 20, "kept": kept}
    sys.stdout.write(f"{json.dumps(facts)}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    os.environ.pop("KAKEHASHI_DATA", None)
    sys.exit(main())
