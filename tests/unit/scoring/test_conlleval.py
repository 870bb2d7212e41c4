import pytest

from kakehashi.scoring.comparison import score_spans
from kakehashi.scoring.conlleval import count_chunks, report
from kakehashi.scoring.score import Count
from kakehashi.sentence import Span


def rows(gold: str, predicted: str) -> list[tuple[str, str]]:
    return list(zip(gold.split(), predicted.split(), strict=True))


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
    assert count_chunks(rows(gold, predicted)).total == count


def test_a_letter_is_what_stands_before_the_hyphen_not_the_pair():
    # "" and "BB" are no B after B.
    assert count_chunks([("-X", "O"), ("BB-X", "O")]).total == Count(1, 0, 0)


def test_counts_per_sentence():
    first, second = rows("B-PER O B-LOC", "B-PER O B-PER"), rows("I-LOC O", "I-LOC B-ORG")
    counts = count_chunks([*first, None, None, *second, None])
    assert counts.sentences.tolist() == [[2, 2, 1], [0, 0, 0], [1, 2, 1]]
    assert counts.types == {"LOC": (2, 1, 1), "ORG": (0, 1, 0), "PER": (1, 2, 1)}
    assert counts.tokens == (5, 3)


def test_report_without_tokens():
    score = score_spans([[Span(0, 1, "PER")]], [[Span(0, 1, "PER"), Span(1, 2, "人名")]])
    assert report(score) == (
        "processed 1 sentences with 1 phrases; found: 2 phrases; correct: 1.\n"
        "precision:  50.00%; recall: 100.00%; FB1:  66.67\n"
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1\n"
        "           人名: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
    )
