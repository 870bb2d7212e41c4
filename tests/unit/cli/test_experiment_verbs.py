import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from kakehashi.cli.main import app
from kakehashi.errors import ConfigError, RunError


@pytest.fixture
def invoke(monkeypatch):
    """Run a verb of the group; a grid file has the results that a test gives it."""

    def invoke(results, *arguments):
        if results is not None:
            monkeypatch.setattr("kakehashi.experiments.grid.read_grid", lambda file: results.grid)
            monkeypatch.setattr(
                "kakehashi.experiments.store.load_results", lambda grid, root: results
            )
        return CliRunner().invoke(app, ["experiment", *map(str, arguments)], catch_exceptions=False)

    return invoke


def test_table_begins_with_the_summary_and_ends_in_the_signature(invoke, layer_results):
    lines = invoke(layer_results, "table", "grid.toml", "--trials", 50).stdout.splitlines()
    assert lines[0].startswith("Ours loses to CRFsuite")
    assert "│ char       │ 65.00 ±5.00 (3/4) │ +20.00* │" in lines
    assert "trials:50|sampling-seed:0" in lines[-1]
    done = invoke(layer_results, "table", "g", "--format", "csv", "--trials", 50)
    heading, first, *_ = done.stdout.splitlines()
    assert heading.startswith("recognizer,runs,seed 1,seed 2")
    assert first.startswith("none,4/4,40.00,45.00,50.00,45.00,45.00,4.08")


def test_table_writes_one_part_in_the_format_of_its_file(invoke, layer_results, tmp_path):
    out = tmp_path / "new" / "layers.tex"
    done = invoke(layer_results, "table", "g", "--part", "scores", "--out", out, "--trials", 50)
    assert done.stdout == ""
    assert out.read_text().count(r"\begin{tabular}") == 1
    with pytest.raises(ConfigError, match="scores, gains, comparisons, seeds, ceilings"):
        invoke(layer_results, "table", "g", "--part", "learning-curve", "--trials", 50)


def test_figure_writes_svg_and_png(invoke, size_results, tmp_path, layer_results):
    done = invoke(size_results, "figure", "g", "--out", tmp_path, "--trials", 10)
    svg, png = done.stdout.splitlines()
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert Path(png).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="known: size, types, gains, frequencies, distribution"):
        invoke(size_results, "figure", "g", "pie")
    with pytest.raises(ConfigError, match="name one here"):
        invoke(layer_results, "figure", "g", "--trials", 10)


def test_page_says_how_to_make_it_again(invoke, size_results, tmp_path):
    out = tmp_path / "size.html"
    done = invoke(size_results, "page", "g.toml", "--out", out, "--trials", 10, "--root", tmp_path)
    assert done.stdout == f"{out}\n"
    text = out.read_text()
    assert f"kakehashi experiment run g.toml --root {tmp_path}" in text
    assert f"--out {out} --trials 10 --seed 0" in text
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file"):
        invoke(size_results, "page", "g", "--out", tmp_path / "file" / "x.html", "--trials", 10)


def test_page_in_markdown_has_its_figures_beside_it(invoke, size_results, tmp_path):
    out = tmp_path / "report.md"
    done = invoke(size_results, "page", "g.toml", "--out", out, "--trials", 10)
    assert done.stdout == f"{out}\n"
    text = out.read_text()
    (name,) = re.findall(r"!\[.+\]\((report-size\.svg)\)", text)
    assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")
    assert text.startswith("# ")
    assert "| recognizer |" in text
    assert text.endswith(
        f"kakehashi experiment page g.toml --out {out} --trials 10 --seed 0\n```\n"
    )


def test_diff_takes_runs_of_a_grid_or_two_folders(invoke, layer_results, tmp_path):
    for cell in layer_results.runs:
        if cell.result:
            cell.result["test"] |= {"precision": 1.0, "recall": 1.0}
            cell.result["settings"] = {"vectors": None}
    done = invoke(layer_results, "diff", "g", "none, seed=1", "char", "--format", "markdown")
    assert "| A | none, 1 |" in done.stdout
    assert "B fixes 4 and breaks 0" in done.stdout
    with pytest.raises(RunError, match="no finished run"):
        invoke(None, "diff", tmp_path, tmp_path)
    with pytest.raises(ConfigError, match="two run folders"):
        invoke(None, "diff", tmp_path)


def test_types_ranks_and_draws_svg_or_png(tmp_path):
    corpus, out = tmp_path / "small.jsonl", tmp_path / "types.svg"
    mentions = [{"start": 0, "end": 4, "type": "LOC"}, {"start": 5, "end": 9, "type": "LOC"}]
    corpus.write_text(json.dumps({"text": "Rome Oslo", "mentions": mentions}) + "\n")
    arguments = ["corpus", "types", str(corpus), "--as", "csv", "--out", str(out)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.stdout == "rank,type,mentions,share,so far\n1,LOC,2,100.00 %,100.00 %\n"
    assert ElementTree.parse(out).getroot().tag.endswith("svg")
    arguments = ["corpus", "types", "x.jsonl", "--out", "types.gif"]
    with pytest.raises(ConfigError, match=r"\.svg or \.png"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_stats_counts_the_parts_of_a_config():
    arguments = ["corpus", "stats", "demo-en", "--as", "csv"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    heading, *rows = done.stdout.splitlines()
    assert heading == "corpus,part,sentences,tokens,mentions,of them lost,types"
    expected = [["demo-en", "train"], ["demo-en", "dev"], ["demo-en", "test"]]
    assert [row.split(",")[:2] for row in rows] == expected
