import pytest

from benchmarks.growth import draw, fits, table

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


def test_a_row_is_a_size():
    assert table(ROWS).rows[1] == [
        *("en", "100,000", "1,000,000", "50,000", "200,001", "2.0", "100.0"),
        *("305", "200", "510", "400"),
    ]


def test_what_was_not_measured_is_left_open():
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
