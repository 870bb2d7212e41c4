"""What romanization and segmentation cost, as the program tells it."""

import json

import pytest


@pytest.fixture
def corpus(tmp_path):
    """Two sentences, one with a mention that ends inside a word."""
    lines = [
        {"text": "橋の端。", "mentions": [{"start": 0, "end": 1, "type": "PLACE"}]},
        {"text": "東京に着く。", "mentions": [{"start": 0, "end": 1, "type": "PLACE"}]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_homophones_of_a_file(run, corpus):
    done = run("corpus", "homophones", corpus, "--segmenter", "unidic-lite")
    assert done.returncode == 0, done.stderr
    assert "hashi" in done.stdout
    report = json.loads(
        run("corpus", "homophones", corpus, "--segmenter", "unidic-lite", "--json").stdout
    )
    assert report["a.jsonl"]["collapses"][0]["words"] == {"橋": 1, "端": 1}
    assert report["a.jsonl"]["mentions"] == {"total": 2, "touched": 1}


def test_homophones_of_a_config_are_those_of_all_its_parts(run, world, tmp_path):
    (tmp_path / "ja.toml").write_text(
        'name = "ja"\n[text]\nsegmenter = "unidic-lite"\n[corpus]\n'
        + "".join(
            f'{part} = [{{ format = "jsonl", path = "{world}/ja-{part}.jsonl" }}]\n'
            for part in ("train", "dev", "test")
        )
    )
    report = json.loads(run("corpus", "homophones", tmp_path / "ja.toml", "--json").stdout)["ja"]
    inspected = json.loads(run("corpus", "stats", tmp_path / "ja.toml", "--json").stdout)
    assert report["tokens"]["total"] == sum(stats["tokens"] for stats in inspected.values())
    assert report["mentions"]["total"] == sum(stats["mentions"] for stats in inspected.values())


def test_text_without_tokens_must_be_cut(run, corpus):
    done = run("corpus", "homophones", corpus)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: --segmenter: '橋の端。' has no tokens" in done.stderr


def test_inspect_names_the_best_f1_that_the_tokens_allow(run, corpus):
    report = json.loads(
        run("corpus", "stats", corpus, "--segmenter", "unidic-lite", "--json").stdout
    )
    assert report["a.jsonl"]["kept"] == 50.0
    assert report["a.jsonl"]["ceiling"] == pytest.approx(200 / 3)
    assert "66.67" in run("corpus", "stats", corpus, "--segmenter", "unidic-lite").stdout
    assert json.loads(run("corpus", "stats", corpus, "--json").stdout)["a.jsonl"]["ceiling"] is None
