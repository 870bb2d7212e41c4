import re

import pytest

from kakehashi.errors import ConfigError, CorpusError, TagError
from kakehashi.scoring.conlleval import (
    count_chunks,
    count_strict,
    report,
    score_columns,
    score_tags,
    strict_spans,
)
from kakehashi.scoring.score import Count, score_spans
from kakehashi.sentence import Span
from kakehashi.tags import spans_from_tags


def sentence(gold: str, predicted: str) -> tuple[list[str], list[str]]:
    return gold.split(), predicted.split()


# The numbers of design/scoring.md, measured with the script itself.
@pytest.mark.parametrize(
    ("gold", "predicted", "count"),
    [
        ("O B-PER I-PER", "O I-PER I-PER", (1, 1, 1)),
        ("B-PER I-PER I-LOC", "B-PER I-LOC I-LOC", (2, 2, 0)),
        ("B-PER E-PER B-PER E-PER", "B-PER E-PER B-PER E-PER", (1, 1, 1)),
        ("S-LOC S-LOC S-LOC", "S-LOC S-LOC S-LOC", (1, 1, 1)),
    ],
)
def test_chunks(gold, predicted, count):
    assert count_chunks([sentence(gold, predicted)]).total == count


def test_counts_per_sentence():
    first, second = ("B-PER O B-LOC", "B-PER O B-PER"), ("I-LOC O", "I-LOC B-ORG")
    counts = count_chunks([sentence(*first), ([], []), sentence(*second)])
    assert counts.sentences.tolist() == [[2, 2, 1], [0, 0, 0], [1, 2, 1]]
    assert counts.types == {"LOC": (2, 1, 1), "ORG": (0, 1, 0), "PER": (1, 2, 1)}
    assert counts.tokens == (5, 3)
    score = score_tags([[], ["B-A"], []], [[], ["B-A"], []])
    assert score.counts.sentences.tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert count_chunks([sentence("-X BB-X", "O O")]).total == Count(1, 0, 0)


def test_report_without_tokens():
    score = score_spans([[Span(0, 1, "PER")]], [[Span(0, 1, "PER"), Span(1, 2, "人名")]])
    assert report(score) == (
        "processed 1 sentences with 1 phrases; found: 2 phrases; correct: 1.\n"
        "precision:  50.00%; recall: 100.00%; FB1:  66.67\n"
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1\n"
        "           人名: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
    )


# Expected spans follow seqeval 1.2.2's strict mode (scheme.IOB2 and scheme.IOBES).
@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("bio", "", []),
        ("bio", "O I-A I-A", []),
        ("bio", "B-A I-A I-B B-B", [(0, 2, "A"), (3, 4, "B")]),
        ("bio", "B-A I-B I-A", [(0, 1, "A")]),
        ("bio", "B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("iobes", "B-A O S-A", [(2, 3, "A")]),
        ("iobes", "B-A I-A", []),
        ("iobes", "B-A E-A E-A", [(0, 2, "A")]),
        ("iobes", "B-A B-A I-A E-A", [(1, 4, "A")]),
        ("iobes", "B-A I-A E-B", []),
        ("iobes", "S-A I-A E-A", [(0, 1, "A")]),
        ("iobes", "B-A S-B", [(1, 2, "B")]),
    ],
)
def test_strict_spans(scheme, tags, expected):
    assert strict_spans(tags.split(), scheme) == expected


@pytest.mark.parametrize(("scheme", "tag"), [("bio", "E-A"), ("iobes", "L-A"), ("bio", "PER")])
def test_a_foreign_tag_is_refused(scheme, tag):
    with pytest.raises(TagError, match=tag):
        strict_spans(["O", tag], scheme)


def test_strict_counts_per_sentence():
    counts = count_strict([sentence("B-A I-A", "B-A O"), ([], []), sentence("B-A", "B-A")])
    assert counts.sentences.tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]
    assert counts.types == {"A": (2, 2, 1)}
    assert counts.tokens == (3, 2)
    tags = ["I-A", "O", "B-A"]
    assert len(strict_spans(tags)) < len(spans_from_tags(tags))
    with pytest.raises(TagError, match="'S-A'"):
        score_tags([["S-A"]], [["O"]], variant="strict")
    assert score_tags([["S-A"]], [["O"]], variant="strict", scheme="iobes").counts.total.gold == 1


# design/scoring.md: IOB1 and BIO of the same spans are 3/3/3 to conlleval and 1/3/1 to strict BIO.
IOB1 = [["I-A", "O", "I-B", "I-B", "O", "I-A", "B-A"]]
BIO = [["B-A", "O", "B-B", "I-B", "O", "B-A", "B-A"]]


def test_the_variants_of_tags():
    repaired, strict = score_tags(IOB1, BIO), score_tags(IOB1, BIO, variant="strict")
    assert repaired.counts.total == Count(4, 4, 4)
    assert strict.counts.total == Count(1, 4, 1)
    assert "|conlleval|" in str(repaired.signature)
    assert "|strict|unit:tokens|scheme:bio|sentences:1" in str(strict.signature)


@pytest.fixture
def write(tmp_path):
    def write(data: bytes):
        path = tmp_path / "tags.txt"
        path.write_bytes(data)
        return path

    return write


def test_columns_have_blank_lines_any_types_and_variants(write):
    score = score_columns(write(b"\n\na B-A B-A\n\n \n-X- O O\nb O O\n\n\n"))
    assert score.counts.sentences.tolist() == [[1, 1, 1], [0, 0, 0]]
    score = score_columns(write("太郎 B-人名 B-人名\n".encode()))
    assert score.types == {"人名": Count(1, 1, 1)}
    score = score_columns(write(b"a B-A I-A\n\nb S-A S-A\n"), variant="strict", scheme="iobes")
    assert score.counts.sentences.tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(ConfigError, match="delimiter"):
        score_columns(write(b"a O O\n"), delimiter="")


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"a O O\nb x O O\n", 2, "expected 3 columns as in the lines before, parted by ' ' (-d)"),
        (b"a\tO\tO\n", 1, "expected 2 or more columns, gold and predicted tag last, parted by ' '"),
        (b"a O O\n\xff O O\n", 2, "expected utf-8, got the byte 0xff; name another with --enc"),
    ],
)
def test_a_bad_line_is_named(write, data, line, problem):
    path = write(data)
    with pytest.raises(CorpusError, match=re.escape(f"{path}:{line}: {problem}")) as caught:
        score_columns(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_bad_tag_is_named_with_its_own_line_and_a_missing_file(write, tmp_path):
    path = write(b"a O O\nb O S-A\nc O O\n\n")
    with pytest.raises(CorpusError, match="tag 'S-A' is none of the scheme bio") as caught:
        score_columns(path, variant="strict")
    assert caught.value.line == 2
    with pytest.raises(CorpusError, match=r"nothing\.txt: cannot be read: No such file"):
        score_columns(tmp_path / "nothing.txt")
