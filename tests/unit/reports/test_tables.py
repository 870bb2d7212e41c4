import csv
from html.parser import HTMLParser

import pytest

from kakehashi.corpora.stats import describe
from kakehashi.reports.tables import (
    Table,
    comma_separated,
    corpora_table,
    distribution_table,
    latex,
    markdown,
    terminal,
    written,
)
from kakehashi.sentence import Span, sentence_from_forms

TABLE = Table(
    "Gains & losses",
    ("layer_group", "F1", "gain"),
    (("char|word", "65.00 ±5.00 (3/4)", "+20.00*"), ("<none> 50 %", "45.00", "-1.50")),
    ("p < 0.05",),
)


def test_terminal():
    assert terminal(TABLE, width=60) == (
        "Gains & losses\n"
        "┏━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┓\n"
        "┃ layer_group ┃                F1 ┃    gain ┃\n"
        "┡━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━┩\n"
        "│ char|word   │ 65.00 ±5.00 (3/4) │ +20.00* │\n"
        "│ <none> 50 % │             45.00 │   -1.50 │\n"
        "└─────────────┴───────────────────┴─────────┘\n"
        "p < 0.05\n"
    )


def test_markdown():
    assert markdown(TABLE) == (
        "**Gains & losses**\n"
        "\n"
        "| layer\\_group | F1 | gain |\n"
        "| --- | ---: | ---: |\n"
        "| char\\|word | 65.00 ±5.00 (3/4) | +20.00\\* |\n"
        "| \\<none\\> 50 % | 45.00 | -1.50 |\n"
        "\n"
        "p \\< 0.05\n"
    )


def test_latex():
    assert latex(TABLE) == (
        "\\begin{table}\n"
        "\\centering\n"
        "\\caption{Gains \\& losses}\n"
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "layer\\_group & F1 & gain \\\\\n"
        "\\midrule\n"
        "char\\textbar{}word & 65.00 $\\pm$5.00 (3/4) & +20.00* \\\\\n"
        "$<$none$>$ 50 \\% & 45.00 & $-$1.50 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\small p $<$ 0.05\n"
        "\\end{table}\n"
    )


def test_csv():
    assert comma_separated(TABLE) == (
        "layer_group,F1,gain\nchar|word,65.00 ±5.00 (3/4),+20.00*\n<none> 50 %,45.00,-1.50\n"
    )
    table = Table("", ("a", "b"), (('x, "y"', "1,000"),))
    rows = list(csv.reader(comma_separated(table).splitlines()))
    assert rows[1] == ['x, "y"', "1,000"]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd", "-x", "@a", "\tb", "\rc", "-1.5", "+20.00*", "a=b"]
)
def test_csv_holds_no_formulas(cell):
    expected = f"'{cell}" if cell in ("=1+1", "+cmd", "-x", "@a", "\tb", "\rc") else cell
    assert comma_separated(Table("t", ("x",), ((cell,),))) == f"x\n{expected}\n"


class Cells(HTMLParser):
    """Collects the elements of a table, with their attributes and text."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self.found and data.strip():
            self.found[-1][2] += data


def test_html_is_escaped_and_says_what_heads_what():
    parser = Cells()
    text = written([TABLE], "html")
    parser.feed(text)
    cells = [tuple(found) for found in parser.found if found[0] in ("caption", "th", "td", "p")]
    assert cells == [
        ("caption", {}, "Gains & losses"),
        ("th", {"scope": "col"}, "layer_group"),
        ("th", {"scope": "col", "class": "number"}, "F1"),
        ("th", {"scope": "col", "class": "number"}, "gain"),
        ("th", {"scope": "row"}, "char|word"),
        ("td", {"class": "number"}, "65.00 ±5.00 (3/4)"),
        ("td", {"class": "number"}, "+20.00*"),
        ("th", {"scope": "row"}, "<none> 50 %"),
        ("td", {"class": "number"}, "45.00"),
        ("td", {"class": "number"}, "-1.50"),
        ("p", {"class": "note"}, "p < 0.05"),
    ]
    assert "<none>" not in text


@pytest.mark.parametrize("cell", ["1,234", "+1.50*", "–", "", "52.10 (+1.20)", "– (0/5)", "16.0 %"])
def test_numbers_stand_right(cell):
    assert Table("", ("", "n"), (("x", cell), ("y", "2"))).right == (False, True)


@pytest.mark.parametrize("cell", ["char", "1 of 2", "no (3/4)"])
def test_words_stand_left(cell):
    assert Table("", ("", "n"), (("x", cell), ("y", "2"))).right == (False, False)


def test_paragraphs_stand_around_the_tables():
    text = written([TABLE, TABLE], "markdown", before="A * is good.", after="sig|nature")
    assert text.startswith("A \\* is good.\n\n**Gains")
    assert text.endswith("\n\nsig\\|nature\n")
    assert text.count("**Gains") == 2
    assert written([TABLE], "csv", before="no place", after="for this") == comma_separated(TABLE)
    assert written([], "html", before="<b>") == "<p>&lt;b&gt;</p>\n"


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
