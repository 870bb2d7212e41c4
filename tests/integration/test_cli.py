"""The program as its users run it: a process, its output, its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("kakehashi")


@pytest.fixture(scope="session")
def workplace(tree, run, tmp_path_factory):
    """A folder with two configs, in which English was trained."""
    folder = tmp_path_factory.mktemp("cli")
    for language in ("en", "ja"):
        (folder / f"{language}.json").write_text(json.dumps(tree(language)))
    done = run("train", "en.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def assert_refused(done, *fragments):
    """One line that says it, exit status 2, nothing on stdout, no traceback."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    for fragment in fragments:
        assert fragment in lines[-1]


def test_version(run):
    assert run("--version").stdout.startswith("kakehashi ")


def test_train_transfers_and_ends_with_the_run_folder(run, workplace):
    done = run(
        "train", "ja.json", "--source", "runs/small-en-seed1", "--groups", "char,dense",
        "--set", "training.epochs=2", cwd=workplace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = done.stdout.splitlines()[-1]
    assert folder == "runs/small-ja-char+dense-seed1"
    assert "char.embedding" in done.stdout
    assert "epoch 2/2" in done.stderr
    result = json.loads((workplace / folder / "result.json").read_text())
    assert result["transfer"]["groups"] == ["char", "dense"]


def test_train_as_json(run, workplace):
    done = run(
        "train", "en.json", "--seed", 5, "--set", "training.epochs=1", "--json", cwd=workplace
    )
    report, folder = done.stdout.splitlines()
    assert json.loads(report)["settings"]["training"]["seed"] == 5
    assert folder == "runs/small-en-seed5"


def test_predict_reads_standard_input_and_writes_json_lines(run, workplace):
    done = run(
        "predict", "runs/small-en-seed1", stdin="Maria Berger lives in Kobe .\n\n", cwd=workplace
    )
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert [(m["text"], m["type"]) for m in first["mentions"]] == [
        ("Maria Berger", "PER"),
        ("Kobe", "LOC"),
    ]
    assert second["text"] == ""


def test_a_bad_line_costs_predict_itself_and_the_exit_status_says_so(run, workplace):
    (workplace / "bad.txt").write_bytes(b"We met Tom Ogawa .\n\xff\nTrains to Osaka are late .\n")
    done = run("predict", "runs/small-en-seed1", "bad.txt", "--no-tokens", cwd=workplace)
    assert done.returncode == 2
    first, bad, last = map(json.loads, done.stdout.splitlines())
    assert first["mentions"][0]["text"] == "Tom Ogawa"
    assert last["mentions"][0]["text"] == "Osaka"
    assert list(bad) == ["error"]
    assert "tokens" not in first
    warning, error = done.stderr.splitlines()
    assert warning == f"warning: {bad['error']}"
    assert "bad.txt:2: expected text in utf-8" in warning
    assert error == "error: 1 of 3 lines could not be read; see above"


def test_predict_reads_json_lines_and_says_so(run, workplace):
    (workplace / "a.jsonl").write_text('{"text": "We met Tom Ogawa .", "id": "7"}\n')
    done = run("predict", "runs/small-en-seed1", "a.jsonl", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{workplace}/a.jsonl: reading JSON lines\n"
    (record,) = map(json.loads, done.stdout.splitlines())
    assert (record["id"], record["mentions"][0]["text"]) == ("7", "Tom Ogawa")
    lines = (workplace / "a.jsonl").read_text()
    predict = ("predict", "runs/small-en-seed1", "-")
    assert (
        run(*predict, "--input-format", "jsonl", stdin=lines, cwd=workplace).stdout == done.stdout
    )
    assert_refused(run(*predict, stdin=lines, cwd=workplace), "standard input:1: looks like JSON")
    assert_refused(
        run("predict", "runs/small-en-seed1", "a.conll", cwd=workplace), "a.conll is named"
    )


def test_predict_leaves_out_what_is_less_probable(run, workplace):
    predict = ("predict", "runs/small-en-seed1", "--min-probability")
    found = [
        json.loads(run(*predict, least, stdin="We met Tom Ogawa .\n", cwd=workplace).stdout)
        for least in (0, 1)
    ]
    assert [len(record["mentions"]) for record in found] == [1, 0]
    assert_refused(
        run(*predict, 0, "--format", "columns", "--no-tokens", cwd=workplace), "--no-tok"
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_predict_answers_a_pipe_line_by_line(workplace, workers):
    with subprocess.Popen(
        [PROGRAM, "predict", "runs/small-en-seed1", "--workers", str(workers)],
        cwd=workplace,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        for name in ("Tom Ogawa", "Maria Berger"):
            process.stdin.write(f"We met {name} .\n".encode())
            process.stdin.flush()
            record = json.loads(process.stdout.readline())
            assert [mention["text"] for mention in record["mentions"]] == [name]
        process.stdin.close()
    assert process.returncode == 0


def test_predict_reads_files_and_writes_columns_and_inline_tags(run, workplace):
    (workplace / "text.txt").write_text("We met Tom Ogawa .\n\nTrains to Osaka are late .\n")
    done = run("predict", "runs/small-en-seed1", "text.txt", "--format", "columns", cwd=workplace)
    assert done.stdout.splitlines()[:5] == ["We\tO", "met\tO", "Tom\tB-PER", "Ogawa\tI-PER", ".\tO"]
    done = run("predict", "runs/small-en-seed1", "text.txt", "--format", "inline", cwd=workplace)
    assert "We met <PER>Tom Ogawa</PER> ." in done.stdout


def test_score_of_a_run_equals_its_result(run, workplace, world):
    predictions = workplace / "runs/small-en-seed1/predictions.jsonl"
    done = run("evaluate", world / "en-test.jsonl", predictions, "--json")
    result = json.loads((workplace / "runs/small-en-seed1/result.json").read_text())
    assert json.loads(done.stdout)["f1"] == pytest.approx(result["test"]["f1"])
    assert "precision: 100.00%" in run("evaluate", world / "en-test.jsonl", predictions).stdout


def test_score_tells_values_in_training_from_others(run, tmp_path):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    mention = {"start": 3, "end": 7, "type": "LOC"}
    lines = [json.dumps({"text": f"to {city}", "mentions": [mention]}) for city in ("Oslo", "Rome")]
    train.write_text(lines[0] + "\n")
    test.write_text("\n".join(lines) + "\n")
    blind = tmp_path / "blind.jsonl"
    blind.write_text(lines[0] + "\n" + json.dumps({"text": "to Rome", "mentions": []}) + "\n")
    values = json.loads(run("evaluate", test, blind, "--train", train, "--json").stdout)["values"]
    assert (values["seen"]["f1"], values["unseen"]["f1"]) == (100.0, 0.0)
    assert "unseen" in run("evaluate", test, blind, "--train", train).stdout
    assert_refused(run("evaluate", test, "--train", train), "--train")


def test_predict_finds_the_same_with_two_workers(run, workplace):
    text = "Maria Berger lives in Kobe .\nWe met Tom Ogawa .\n\n" * 2100
    options = ("predict", "runs/small-en-seed1", "--format", "inline")
    alone = run(*options, stdin=text, cwd=workplace)
    assert alone.stdout.count("<PER>") == 4200
    together = run(*options, "--workers", "2", "--precision", "int8", stdin=text, cwd=workplace)
    assert together.stdout == alone.stdout


def test_a_missing_gpu_is_said_before_anything_is_written(run, workplace):
    options = ("--set", "training.device=cuda:99", "--out", "elsewhere", "--cache", "cache")
    done = run("train", "en.json", *options, cwd=workplace)
    assert_refused(done, "training.device: cuda:99 is not there", "use cpu")
    assert not (workplace / "elsewhere").exists()
    assert not (workplace / "cache").exists()
    done = run("predict", "runs/small-en-seed1", "--device", "cuda:99", stdin="a\n", cwd=workplace)
    assert_refused(done, "device: cuda:99 is not there")
    done = run("train", "en.json", "--set", "training.device=gpu", cwd=workplace)
    assert_refused(done, "training.device", "got 'gpu'")


def test_predicted_columns_are_scored_against_gold_in_other_columns(run, workplace):
    text, gold = "We met Tom Ogawa .", "We PRP O\nmet VB O\nTom NNP I-PER\nOgawa NNP I-PER\n. . O\n"
    (workplace / "gold.conll").write_text(gold)
    done = run("predict", "runs/small-en-seed1", "--format", "columns", stdin=text, cwd=workplace)
    (workplace / "predicted.conll").write_text(done.stdout)
    columns = ("--columns", "token,pos,tag", "--predicted-columns", "token,tag")
    report = run("evaluate", "gold.conll", "predicted.conll", *columns, cwd=workplace).stdout
    assert report.startswith("processed 5 tokens with 1 phrases; found: 1 phrases; correct: 1.")


def test_score_of_one_file_is_conllevals(run, tmp_path):
    (tmp_path / "a.conll").write_text("a B-X B-X\nb O B-X\n\n")
    report = run("evaluate", tmp_path / "a.conll").stdout
    assert report.startswith("processed 2 tokens with 1 phrases; found: 2 phrases; correct: 1.\n")
    strict = run("evaluate", tmp_path / "a.conll", "--variant", "strict", "--json")
    assert "|strict|" in json.loads(strict.stdout)["signature"]


def test_stats_counts_files_and_configs(run, workplace, world):
    report = json.loads(run("corpus", "stats", world / "en-train.jsonl", "--json").stdout)
    assert report["en-train.jsonl"]["sentences"] == 120
    done = run("corpus", "stats", world / "ja-train.jsonl", "--segmenter", "unidic-lite")
    assert "LOC" in done.stdout


def test_convert_goes_there_and_back(run, world, tmp_path):
    columns, back = tmp_path / "a.conll", tmp_path / "b.jsonl"
    options = ("--segmenter", "words")
    assert run("corpus", "convert", world / "en-test.jsonl", columns, *options).returncode == 0
    assert run("corpus", "convert", columns, back).returncode == 0
    originals = [json.loads(line) for line in (world / "en-test.jsonl").read_text().splitlines()]
    again = [json.loads(line) for line in back.read_text().splitlines()]
    for old, new in zip(originals, again, strict=True):
        assert [m["type"] for m in old["mentions"]] == [m["type"] for m in new.get("mentions", [])]
    assert_refused(run("corpus", "convert", columns, back), "exists already", "--force")
    assert run("corpus", "convert", columns, back, "--force").returncode == 0


def test_generate_is_seeded(run, tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        done = run(
            "corpus",
            "generate",
            tmp_path / name,
            "--language",
            "ja",
            "--utterances",
            50,
            "--seed",
            7,
        )
        assert done.returncode == 0, done.stderr
    content = (tmp_path / "a.jsonl").read_bytes()
    assert content == (tmp_path / "b.jsonl").read_bytes()
    assert len(content.splitlines()) == 50


def test_utterances_become_inline_tags(run, tmp_path):
    utterances, tagged = tmp_path / "a.jsonl", tmp_path / "a.xml"
    run("corpus", "generate", utterances, "--language", "de", "--utterances", 30)
    report = json.loads(run("corpus", "stats", utterances, "--json").stdout)["a.jsonl"]
    assert_refused(run("corpus", "convert", utterances, tagged, "--types", "PER"), "--types")
    assert not tagged.exists()
    assert run("corpus", "convert", utterances, tagged).returncode == 0
    again = json.loads(run("corpus", "stats", tagged, "--json").stdout)["a.xml"]
    assert again["types"] == report["types"]
    one = next(iter(report["types"]))
    again = json.loads(run("corpus", "stats", tagged, "--types", one, "--json").stdout)["a.xml"]
    assert again["types"] == {one: report["types"][one]}


def test_config_mistakes(run, workplace):
    refuse = [
        (("train", "nowhere.toml"), "nowhere.toml: there is no such config file"),
        (("train", "en.json", "--set", "training.epoch=3"), "did you mean 'epochs'?"),
        (("train", "en.json", "--set", "epochs"), "expected --set KEY=VALUE"),
        (("train", "en.json", "--groups", "char"), "needs --source"),
        (("train", "en.json", "--source", "runs/none"), "there is no such model or run folder"),
        (
            ("train", "en.json", "--out", "runs/small-en-seed1", "--seed", "7"),
            "holds a finished run with other settings",
        ),
        (
            ("train", "ja.json", "--source", "runs/small-en-seed1", "--groups", "chars"),
            "transfer.groups.0",
        ),
        (
            ("train", "ja.json", "--source", "runs/small-en-seed1", "--out", "x", "--set",
             "model.char_lstm_width=9"),
            "widths differ in char.lstm",
        ),
        (("train", "ja.json", "--set", "corpus.mapping=irex-to-connl"), "irex-to-conll"),
        (("train", "ja.json", "--set", "corpus.mapping=irex-to-conll"), "entity type 'PER'"),
    ]  # fmt: skip
    for arguments, fragment in refuse:
        assert_refused(run(*arguments, cwd=workplace), fragment)
    names = {path.name for path in (workplace / "runs").iterdir()}
    assert not (workplace / "x").exists()
    assert names <= {"small-en-seed1", "small-en-seed5", "small-ja-char+dense-seed1"}


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "holds no sentence"),
        (b"a B-X extra\n", "a.conll:1: expected 2 columns"),
        (b"a Q-X\n", "a.conll:1: expected 'O' or"),
        ("東京 B-LOC\n".encode("euc-jp"), "a.conll:1: expected text in utf-8"),
        (b"a\0 O\n", "a.conll:1: holds a NUL"),
    ],
)
def test_bad_columns(run, tmp_path, content, fragment):
    (tmp_path / "a.conll").write_bytes(content)
    assert_refused(run("corpus", "stats", "a.conll", cwd=tmp_path), fragment)


@pytest.mark.parametrize(
    "content", [b"a B-X\r\nb O\r\n", b"\xef\xbb\xbfa B-X\nb O\n", b"\n\na B-X\nb O"]
)
def test_windows_line_ends_and_marks_do_no_harm(run, tmp_path, content):
    (tmp_path / "a.conll").write_bytes(content)
    report = json.loads(run("corpus", "stats", tmp_path / "a.conll", "--json").stdout)["a.conll"]
    assert (report["tokens"], report["types"]) == (2, {"X": 1})


@pytest.mark.parametrize(
    ("mentions", "fragment"),
    [
        ([[0, 2, "A"], [1, 3, "B"]], "overlap"),
        ([[0, 99, "A"]], "a.jsonl:1"),
        ([[2, 1, "A"]], "a.jsonl:1"),
        ([[-1, 1, "A"]], "a.jsonl:1"),
    ],
)
def test_bad_mentions(run, tmp_path, mentions, fragment):
    listed = [{"start": s, "end": e, "type": t} for s, e, t in mentions]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "abcdef", "mentions": listed}))
    assert_refused(run("corpus", "stats", "a.jsonl", cwd=tmp_path), fragment)


def test_a_damaged_model(run, workplace, tmp_path):
    import shutil

    shutil.copytree(workplace / "runs/small-en-seed1/model", tmp_path / "m")
    content = bytearray((tmp_path / "m/weights.safetensors").read_bytes())
    content[-9] ^= 4
    (tmp_path / "m/weights.safetensors").write_bytes(content)
    assert_refused(run("predict", tmp_path / "m"), "weights.safetensors is damaged")
    (tmp_path / "m/words.json").unlink()
    assert_refused(run("predict", tmp_path / "m"), "words.json is missing")


def test_files_that_differ_are_not_scored(run, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a b"}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "a c"}\n')
    assert_refused(
        run("evaluate", tmp_path / "a.jsonl", tmp_path / "b.jsonl"), "a.jsonl", "b.jsonl"
    )


def test_no_verb_runs_into_a_missing_file(run, tmp_path):
    for arguments in (
        ("predict", "none"),
        ("evaluate", "none.conll"),
        ("corpus", "stats", "none.conll"),
        ("corpus", "convert", "none.conll", "out.jsonl"),
    ):
        assert_refused(run(*arguments, cwd=tmp_path), "none")
    assert list(tmp_path.iterdir()) == []


def test_output_may_be_cut_off(run, workplace):
    command = (
        f"yes 'We met Tom Ogawa .' | head -3000 | {PROGRAM} predict runs/small-en-seed1 | head -1"
    )
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, encoding="utf-8", cwd=workplace, check=False
    )
    assert json.loads(done.stdout)["mentions"][0]["text"] == "Tom Ogawa"
    assert "Traceback" not in done.stderr
