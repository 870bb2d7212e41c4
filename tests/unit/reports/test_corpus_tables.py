from kakehashi.corpora.stats import describe
from kakehashi.reports.corpus_tables import corpora_table, distribution_table
from kakehashi.sentence import Span, sentence_from_forms

SENTENCES = [
    sentence_from_forms(["Rome", "and", "Oslo"], [Span(0, 1, "LOC"), Span(2, 3, "LOC")]),
    sentence_from_forms(["Maria"], [Span(0, 1, "PER")]),
]


CORPORA = {"small": {"train": describe(SENTENCES), "dev": describe([])}}


def test_each_part_has_a_row():
    table = corpora_table(CORPORA)
    assert table.headings[2:] == ("sentences", "tokens", "mentions", "of them lost", "types")
    assert table.rows == (
        ("small", "train", "2", "4", "3", "0", "2"),
        ("small", "dev", "0", "0", "0", "0", "0"),
    )


def test_counts_in_full():
    table = corpora_table(CORPORA, full=True)
    train, dev = (dict(zip(table.headings, row, strict=True)) for row in table.rows)
    assert (train["characters"], train["mean length"], train["best F1"]) == ("18", "4.33", "100.00")
    assert (dev["articles"], dev["mean length"], dev["best F1"]) == ("0", "0.00", "–")


def test_types_are_ranked():
    table = distribution_table("small", {"PER": 1, "LOC": 2, "ART": 1})
    assert table.rows == (
        ("1", "LOC", "2", "50.00 %", "50.00 %"),
        ("2", "ART", "1", "25.00 %", "75.00 %"),
        ("3", "PER", "1", "25.00 %", "100.00 %"),
    )
