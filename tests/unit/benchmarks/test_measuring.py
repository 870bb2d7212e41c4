import subprocess
import sys

import pytest

from benchmarks.growth import draw, fits, table
from benchmarks.limits import forward_needs
from benchmarks.measuring import Spread, peak_memory, percentile, private_memory, timed
from benchmarks.report import Table, insert, table_lines
from benchmarks.watching import Watched
from kakehashi.config.architecture import ModelSettings
from kakehashi.errors import KakehashiError

MEGABYTE = 1 << 20


def test_medians_times_and_memory():
    assert Spread.of([5.0, 1.0, 2.0]) == (2.0, 1.0, 5.0)
    result, taken = timed(lambda: sum(range(100_000)))
    assert result == 4_999_950_000
    assert taken.wall > 0
    assert taken.cpu > 0
    before = private_memory()
    kept = bytearray(b"x" * (64 * MEGABYTE))
    assert private_memory() > before + 50 * MEGABYTE
    assert peak_memory() > len(kept)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (100, 100), (0, 1)])
def test_percentiles_are_values_that_occurred(percent, expected):
    assert percentile(range(100, 0, -1), percent) == expected


def test_a_token_needs_what_the_paper_s_widths_say():
    """By hand: two directions, two operations a weight, four gates."""
    needs = forward_needs(ModelSettings(word_width=50), 9)
    assert needs.char_input == 2 * 2 * 50 * 400
    assert needs.char_recurrence == 2 * 2 * 100 * 400
    assert needs.word_input == 2 * 2 * (50 + 200) * 1200
    assert needs.context == 2 * 2 * 300 * 1200 + 2 * 600 * 9


def test_a_table_goes_between_its_marks_or_nowhere(tmp_path):
    document = tmp_path / "d.md"
    document.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n")
    lines = table_lines(Table("t", ["name", "value"], [["one", "1"]]))
    insert(document, "x", "\n".join(lines))
    expected = "| name | value |\n| --- | ---: |\n| one | 1 |"
    whole = f"a\n<!-- x: begin -->\n\n{expected}\n\n<!-- x: end -->\nb\n"
    assert document.read_text() == whole
    insert(document, "x", expected)
    assert document.read_text() == whole
    document = tmp_path / "d.md"
    document.write_text("<!-- x: begin -->\n")
    with pytest.raises(KakehashiError, match="expected the lines '<!-- x: begin -->' and"):
        insert(document, "x", "new")
    assert document.read_text() == "<!-- x: begin -->\n"


# Starts a process like itself, as deep as it is told; each holds some memory until all do.
NEST = """
import subprocess, sys
kept = b"x" * (64 << 20)
depth = int(sys.argv[2])
if depth:
    subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[1], str(depth - 1)], check=True)
else:
    import time
    time.sleep(0.5)
"""


def most(depth):
    process = subprocess.Popen([sys.executable, "-c", NEST, NEST, str(depth)])
    with Watched(process.pid) as watched:
        assert process.wait() == 0
    return watched.most


def test_memory_of_all_that_a_process_starts_is_counted():
    one, three = most(0), most(2)
    assert 64 * MEGABYTE < one.private < one.resident
    assert three.private > one.private + 2 * 64 * MEGABYTE
    assert three.resident > one.resident + 2 * 64 * MEGABYTE


MB = 1e6


def row(language, utterances, **facts):
    return {
        "language": language,
        "utterances": utterances,
        "tokens": 10 * utterances,
        "generation": 50_000.4,
        "encoding": 200_000.6,
        "bytes": 2 * MB,
        "per_million": 100.04,
        "encoding_resident": 300 * MB + 50 * utterances,
        "encoding_private": 200 * MB + 2 * utterances,
        "training_resident": 500 * MB + 100 * utterances,
        "training_private": 400 * MB - utterances,
        **facts,
    }


ROWS = [row("en", size) for size in (10_000, 100_000, 1_000_000, 3_000_000)] + [row("ja", 100_000)]


def test_a_row_is_a_size_and_what_was_not_measured_is_left_open():
    assert table(ROWS).rows[1] == [
        *("en", "100,000", "1,000,000", "50,000", "200,001", "2.0", "100.0"),
        *("305", "200", "510", "400"),
    ]
    less = row("en", 10_000)
    del less["generation"]
    assert table([less]).rows[0][3:5] == ["–", "200,001"]


def test_lines_are_fitted_per_language_through_sizes_that_several_processes_encode():
    odd = row("en", 20_000, encoding_private=0)  # would tilt the line
    assert fits([*ROWS, odd]).rows == [
        ["en", "50.0 + 300 MB", "2.0 + 200 MB", "100.0 + 500 MB", "-1.0 + 400 MB"]
    ]


def test_a_figure_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    draw(ROWS, tmp_path / "figure")
    assert (tmp_path / "figure.svg").read_text().startswith("<?xml")
    assert (tmp_path / "figure.png").stat().st_size > 5000
