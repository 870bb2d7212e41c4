import pytest

from benchmarks.limits import forward_needs
from benchmarks.measuring import Spread, peak_memory, percentile, private_memory, timed
from benchmarks.report import Table, insert, table_lines
from kakehashi.config.settings import ModelSettings
from kakehashi.errors import KakehashiError

MEGABYTE = 1 << 20


def test_the_median_stands_between_the_least_and_the_most():
    assert Spread.of([5.0, 1.0, 2.0]) == (2.0, 1.0, 5.0)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (100, 100), (0, 1)])
def test_percentiles_are_values_that_occurred(percent, expected):
    assert percentile(range(100, 0, -1), percent) == expected


def test_what_is_timed_gives_its_result():
    result, taken = timed(lambda: sum(range(100_000)))
    assert result == 4_999_950_000
    assert taken.wall > 0
    assert taken.cpu > 0


def test_memory_grows_with_what_is_kept():
    before = private_memory()
    kept = bytearray(b"x" * (64 * MEGABYTE))
    assert private_memory() > before + 50 * MEGABYTE
    assert peak_memory() > len(kept)


def test_a_token_needs_what_the_paper_s_widths_say():
    """By hand: two directions, two operations a weight, four gates."""
    needs = forward_needs(ModelSettings(word_width=50), 9)
    assert needs.char_input == 2 * 2 * 50 * 400
    assert needs.char_recurrence == 2 * 2 * 100 * 400
    assert needs.word_input == 2 * 2 * (50 + 200) * 1200
    assert needs.context == 2 * 2 * 300 * 1200 + 2 * 600 * 9


def test_a_table_goes_between_its_marks_and_replaces_what_was_there(tmp_path):
    document = tmp_path / "d.md"
    document.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n")
    lines = table_lines(Table("t", ["name", "value"], [["one", "1"]]))
    insert(document, "x", "\n".join(lines))
    expected = "| name | value |\n| --- | ---: |\n| one | 1 |"
    whole = f"a\n<!-- x: begin -->\n\n{expected}\n\n<!-- x: end -->\nb\n"
    assert document.read_text() == whole
    insert(document, "x", expected)
    assert document.read_text() == whole


def test_a_document_without_marks_is_left_alone(tmp_path):
    document = tmp_path / "d.md"
    document.write_text("<!-- x: begin -->\n")
    with pytest.raises(KakehashiError, match="expected the lines '<!-- x: begin -->' and"):
        insert(document, "x", "new")
    assert document.read_text() == "<!-- x: begin -->\n"
