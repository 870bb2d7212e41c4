"""The benchmarks run from start to report; what they measure is no matter here."""

import importlib.util
import json

import pytest

from benchmarks import __main__ as benchmark
from benchmarks import rounding, scaling
from benchmarks.peers.peer import ENCODED, FRESH, THREADS, TOKENS

pytestmark = pytest.mark.slow


def test_a_quick_benchmark_gives_a_whole_report(tmp_path, capsys):
    results, document = tmp_path / "r.json", tmp_path / "d.md"
    document.write_text("# Speed\n<!-- results: begin -->\n<!-- results: end -->\n")
    names = ("kakehashi", "trained without row-wise Adam", "baseline", "crfsuite", "flair")
    only = [f"--only={name}" for name in names]
    outputs = ["--json", str(results), "--document", str(document)]
    assert benchmark.main(["--quick", "--f1=1", *only, *outputs]) == 0
    report = json.loads(results.read_text())

    assert report["corpus"]["train"]["sentences"] == 60
    assert set(report["machine"]["peak"]) == {"float32", "bfloat16"}
    needs = list(report["needs"].values())
    assert all(need > 0 for need in needs)
    assert needs[0] > needs[1] > needs[2] > needs[4]
    subjects = report["subjects"]
    assert report["missing"].keys() | subjects.keys() == {*names}
    if importlib.util.find_spec("flair") is None:
        assert "pip install flair" in report["missing"]["flair"]
    ours, baseline, crfsuite = (subjects[name] for name in ("kakehashi", "baseline", "crfsuite"))
    assert {TOKENS, FRESH, THREADS, ENCODED, "raw text"} < set(ours["tagging"]["ways"])
    # Our weights, so our spans, but for what 8 bits round.
    assert (
        baseline["tagging"]["differing_sentences"] <= 0.02 * report["corpus"]["test"]["sentences"]
    )
    assert "training" not in crfsuite  # its passes are not ours
    assert {"training", "fits"} < subjects["trained without row-wise Adam"].keys()
    for subject in (ours, baseline, crfsuite):
        assert 0 <= subject["fits"][0]["f1"] <= 100
        assert subject["tagging"]["size"] > 10_000
        assert subject["tagging"]["memory"] > 10_000_000
        assert subject["start"][0]["cpu"] > 0
        bulk = subject["tagging"]["ways"][TOKENS]["bulk"][0]
        assert bulk["tokens"] == report["corpus"]["test"]["tokens"]
        assert set(subject["tagging"]["ways"][TOKENS]["latency"][0]) == {"p50", "p95", "p50_cpu"}

    text = document.read_text()
    for title in ("Training", "Tagging in bulk", "Latency of one sentence", "Limits"):
        assert f"### {title}" in text
    assert "crfsuite, tokens given" in text
    assert "kakehashi --help" in capsys.readouterr().out


def test_what_rounding_changes_is_counted_by_corpus(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    (run,) = workplace.glob("runs/*")
    name, found = rounding.measure(run)
    assert name == "small-en"
    assert found.sentences == 70
    assert 0 <= found.otherwise <= found.alone <= found.again <= 70
    assert 0 < found.change < 0.05
    assert found.otherwise or found.f1 == 0


def test_a_wrong_corpus_is_an_error_of_one_line(capsys):
    assert benchmark.main(["--corpus", "no-such.toml"]) == 2
    assert "there is no such config file" in capsys.readouterr().err


def test_scaling_measures_and_draws_sizes_and_keeps_earlier_ones(tmp_path, capsys):
    results, stem = tmp_path / "r.json", tmp_path / "figure"
    sizes = ["--sizes", "300", "600", "--seconds", "0.2", "--language", "de"]
    assert scaling.main([*sizes, "--json", str(results), "--figure", str(stem)]) == 0
    small, large = json.loads(results.read_text())
    assert (small["utterances"], large["utterances"]) == (300, 600)
    assert large["tokens"] > 1.5 * small["tokens"]
    for row in (small, large):
        assert row["language"] == "de"
        assert row["trained"] > 0
        assert row["per_million"] > 0
        assert min(row["generation"], row["encoding"]) > 0
        for part in ("encoding", "training"):
            assert row[f"{part}_resident"] > row[f"{part}_private"] > 10_000_000
        assert row["bytes"] > 1000
    assert stem.with_suffix(".svg").read_text().startswith("<?xml")
    assert stem.with_suffix(".png").stat().st_size > 5000
    capsys.readouterr()
    arguments = ["--sizes", "300", "--seconds", "0.1", "--language", "en", "--source", "generated"]
    again = tmp_path / "again.json"
    assert scaling.main([*arguments, "--earlier", str(results), "--json", str(again)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:5]] == ["de", "de", "en"]
    *earlier, new = json.loads(again.read_text())
    assert earlier == [small, large]
    assert "generation" not in new
