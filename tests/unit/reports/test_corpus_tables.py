from kakehashi.corpora.stats import describe
from kakehashi.reports.corpus_tables import corpora_table, distribution_table
from kakehashi.sentence import Span, sentence_from_forms

SENTENCES = [
    sentence_from_forms(["Rome", "and", "Oslo"], [Span(0, 1, "LOC"), Span(2, 3, "LOC")]),
    sentence_from_forms(["Maria"], [Span(0, 1, "PER")]),
]


def test_each_part_has_a_row():
    table = corpora_table({"small": {"train": describe(SENTENCES), "dev": describe([])}})
    assert table.headings == (
        *("corpus", "part", "sentences", "with a mention", "articles", "characters", "tokens"),
        *("mentions", "of them lost", "best recall", "best F1", "mean length", "types"),
    )
    assert table.rows == (
        *(("small", "train", "2", "2", "0", "18", "4", "3", "0", "100.00", "100.00", "4.33", "2"),),
        *(("small", "dev", "0", "0", "0", "0", "0", "0", "0", "–", "–", "0.00", "0"),),
    )


def test_types_are_ranked():
    table = distribution_table("small", {"PER": 1, "LOC": 2, "ART": 1})
    assert table.rows == (
        ("1", "LOC", "2", "50.00 %", "50.00 %"),
        ("2", "ART", "1", "25.00 %", "75.00 %"),
        ("3", "PER", "1", "25.00 %", "100.00 %"),
    )
