"""The program as its users run it: its output, its exit status."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kakehashi.corpora.assistant import generate
from kakehashi.corpora.jsonl import read_jsonl

PROGRAM = Path(sys.executable).with_name("kakehashi")


@pytest.fixture
def predict(run, workplace):
    """Run `predict` with the model of the workplace."""
    return lambda *arguments, stdin="": run(
        *("predict", "runs/small-en-seed1", *arguments), stdin=stdin, cwd=workplace
    )


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
    options = ("--seed", 5, "--set", "training.epochs=1", "--json")
    done = run("train", "en.json", *options, cwd=workplace)
    report, folder = done.stdout.splitlines()
    assert json.loads(report)["settings"]["training"]["seed"] == 5
    assert folder == "runs/small-en-seed5"


def test_predict_reads_input_or_files_and_writes_any_format(predict, workplace):
    done = predict(stdin="Maria Berger lives in Kobe .\n\n")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    expected = [("Maria Berger", "PER"), ("Kobe", "LOC")]
    assert [(m["text"], m["type"]) for m in first["mentions"]] == expected
    assert second["text"] == ""
    (workplace / "text.txt").write_text("We met Tom Ogawa .\n\nTrains to Osaka are late .\n")
    done = predict("text.txt", "--format", "columns")
    assert done.stdout.splitlines()[:5] == ["We\tO", "met\tO", "Tom\tB-PER", "Ogawa\tI-PER", ".\tO"]
    done = predict("text.txt", "--format", "inline")
    assert "We met <PER>Tom Ogawa</PER> ." in done.stdout


def test_a_bad_line_costs_predict_itself_and_the_exit_status_says_so(predict, workplace):
    (workplace / "bad.txt").write_bytes(b"We met Tom Ogawa .\n\xff\nTrains to Osaka are late .\n")
    done = predict("bad.txt", "--no-tokens")
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


def test_predict_reads_json_lines_and_says_so(predict, workplace):
    (workplace / "a.jsonl").write_text('{"text": "We met Tom Ogawa .", "id": "7"}\n')
    done = predict("a.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{workplace}/a.jsonl: reading JSON lines\n"
    (record,) = map(json.loads, done.stdout.splitlines())
    assert (record["id"], record["mentions"][0]["text"]) == ("7", "Tom Ogawa")
    lines = (workplace / "a.jsonl").read_text()
    assert predict("-", "--input-format", "jsonl", stdin=lines).stdout == done.stdout
    predict("-", stdin=lines).refused("standard input:1: looks like JSON")
    predict("a.conll").refused("a.conll is named")


def test_predict_leaves_out_what_is_less_probable(predict):
    for least, n_mentions in ((0, 1), (1, 0)):
        done = predict("--min-probability", least, stdin="We met Tom Ogawa .\n")
        assert len(json.loads(done.stdout)["mentions"]) == n_mentions
    predict("--format", "columns", "--no-tokens").refused("--no-tok")


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


def test_score_of_a_run_equals_its_result(predict, run, workplace, world):
    predictions = workplace / "runs/small-en-seed1/predictions.jsonl"
    done = run("evaluate", world / "en-test.jsonl", predictions, "--json")
    result = json.loads((workplace / "runs/small-en-seed1/result.json").read_text())
    assert json.loads(done.stdout)["f1"] == pytest.approx(result["test"]["f1"])
    assert "precision: 100.00%" in run("evaluate", world / "en-test.jsonl", predictions).stdout
    text, gold = "We met Tom Ogawa .", "We PRP O\nmet VB O\nTom NNP I-PER\nOgawa NNP I-PER\n. . O\n"
    (workplace / "gold.conll").write_text(gold)
    done = predict("--format", "columns", stdin=text)
    (workplace / "predicted.conll").write_text(done.stdout)
    columns = ("--columns", "token,pos,tag", "--predicted-columns", "token,tag")
    report = run("evaluate", "gold.conll", "predicted.conll", *columns, cwd=workplace).stdout
    assert report.startswith("processed 5 tokens with 1 phrases; found: 1 phrases; correct: 1.")


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
    run("evaluate", test, "--train", train).refused("--train")


def test_predict_finds_the_same_with_two_workers(predict):
    text = "Maria Berger lives in Kobe .\nWe met Tom Ogawa .\n\n" * 2100
    alone = predict("--format", "inline", stdin=text)
    assert alone.stdout.count("<PER>") == 4200
    options = ("--format", "inline", "--workers", 2, "--precision", "float32")
    assert predict(*options, stdin=text).stdout == alone.stdout


def test_a_missing_gpu_is_said_before_anything_is_written(predict, run, workplace):
    options = ("--set", "training.device=cuda:99", "--out", "elsewhere", "--cache", "cache")
    problem = "training.device: cuda:99 is not there"
    run("train", "en.json", *options, cwd=workplace).refused(problem, "use cpu")
    assert not (workplace / "elsewhere").exists()
    assert not (workplace / "cache").exists()
    done = predict("--device", "cuda:99", stdin="a\n")
    done.refused("device: cuda:99 is not there")


def test_stats_counts_files_and_configs(run, world):
    report = json.loads(run("corpus", "stats", world / "en-train.jsonl", "--json").stdout)
    assert report["en-train.jsonl"]["sentences"] == 120
    done = run("corpus", "stats", world / "ja-train.jsonl", "--segmenter", "unidic-lite")
    assert "LOC" in done.stdout


def test_two_files_of_one_name_are_counted_apart(run, world, tmp_path):
    files = [world / "en-train.jsonl", tmp_path / "en-train.jsonl"]
    files[1].write_text('{"text": "Oslo"}\n')
    report = json.loads(run("corpus", "stats", *files, "--json").stdout)
    assert list(report) == [str(file) for file in files]
    assert report[str(files[1])]["sentences"] == 1


def test_convert_goes_there_and_back(run, world, tmp_path):
    columns, back = tmp_path / "a.conll", tmp_path / "b.jsonl"
    options = ("--segmenter", "words")
    assert run("corpus", "convert", world / "en-test.jsonl", columns, *options).returncode == 0
    assert run("corpus", "convert", columns, back).returncode == 0
    originals = [json.loads(line) for line in (world / "en-test.jsonl").read_text().splitlines()]
    again = [json.loads(line) for line in back.read_text().splitlines()]
    for old, new in zip(originals, again, strict=True):
        assert [m["type"] for m in old["mentions"]] == [m["type"] for m in new.get("mentions", [])]
    run("corpus", "convert", columns, back).refused("exists already", "--force")
    assert run("corpus", "convert", columns, back, "--force").returncode == 0


def test_utterances_are_those_of_the_seed_and_become_inline_tags(run, tmp_path):
    utterances, tagged = tmp_path / "a.jsonl", tmp_path / "a.xml"
    run("corpus", "generate", utterances, "--language", "de", "--utterances", 30, "--seed", 7)
    assert list(read_jsonl(utterances)) == list(generate("de", 30, seed=7))
    report = json.loads(run("corpus", "stats", utterances, "--json").stdout)["a.jsonl"]
    run("corpus", "convert", utterances, tagged, "--types", "PER").refused("--types")
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
            "holds a finished run with other",
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
        run(*arguments, cwd=workplace).refused(fragment)
    names = {path.name for path in (workplace / "runs").iterdir()}
    assert not (workplace / "x").exists()
    assert names <= {"small-en-seed1", "small-en-seed5", "small-ja-char+dense-seed1"}


def test_a_damaged_model(run, workplace, tmp_path):
    shutil.copytree(workplace / "runs/small-en-seed1/model", tmp_path / "m")
    content = bytearray((tmp_path / "m/weights.safetensors").read_bytes())
    content[-9] ^= 4
    (tmp_path / "m/weights.safetensors").write_bytes(content)
    run("predict", tmp_path / "m").refused("weights.safetensors is damaged")
    (tmp_path / "m/words.json").unlink()
    run("predict", tmp_path / "m").refused("words.json is missing")


def test_no_verb_runs_into_a_missing_file(run, tmp_path):
    for arguments in (
        ("predict", "none"),
        ("evaluate", "none.conll"),
        ("corpus", "stats", "none.conll"),
        ("corpus", "convert", "none.conll", "out.jsonl"),
    ):
        run(*arguments, cwd=tmp_path).refused("none")
    assert list(tmp_path.iterdir()) == []


def test_output_may_be_cut_off(workplace):
    lines = "yes 'We met Tom Ogawa .' | head -3000"
    command = ["bash", "-c", f"{lines} | {PROGRAM} predict runs/small-en-seed1 | head -1"]
    done = subprocess.run(command, capture_output=True, cwd=workplace, check=False)
    assert json.loads(done.stdout)["mentions"][0]["text"] == "Tom Ogawa"
    assert b"Traceback" not in done.stderr


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
    run("corpus", "homophones", corpus).refused("--segmenter: '橋の端。' has no tokens")


def test_implausible_mentions_of_a_file(run, corpus):
    done = run("corpus", "check", corpus, "--segmenter", "unidic-lite")
    assert "cuts a word" in done.stdout
    assert "東" in done.stdout
    line = run("corpus", "check", corpus, "--segmenter", "unidic-lite", "--json").stdout
    report = json.loads(line)["a.jsonl"]
    assert (report["mentions"], report["faults"]["cuts a word"]) == (2, 1)
    assert [each["text"] for each in report["implausible"]] == ["東"]
    run("corpus", "check", corpus).refused("--segmenter: '橋の端。' has no tokens")


def test_text_of_another_script_is_said_once(run, tmp_path):
    model = Path(__file__).parents[1] / "golden/models/en"
    (tmp_path / "ja.txt").write_text("昨日ジョンは東京に着いた\n明日の朝七時に起こして\n")
    done = run("predict", model, tmp_path / "ja.txt")
    assert done.stdout.count("\n") == 2
    said = "most characters are of a script the model demo-en never saw (Han)"
    assert done.stderr.count(said) == 1


def test_lost_mentions_are_warned_of(run, tmp_path):
    mention = '"mentions": [{"start": 0, "end": 2, "type": "LOC"}]'
    lines = "".join(f'{{"text": "{text}", {mention}}}\n' for text in ("北京", "北京市"))
    (tmp_path / "a.jsonl").write_text(lines)
    done = run("corpus", "stats", tmp_path / "a.jsonl", "--segmenter", "words")
    assert "warning: a.jsonl: 1 of 2 mentions (50.0 %) begin or end inside a" in done.stderr
    assert not run("corpus", "stats", tmp_path / "a.jsonl", "--segmenter", "characters").stderr
    (tmp_path / "lost.toml").write_text("""
        name = "lost"
        corpus.train = [{ format = "jsonl", path = "a.jsonl" }]
        training = { epochs = 1, select = "last" }
        """)
    for system in ("crfsuite", "kakehashi"):
        options = ("--set", f"system={system}", "--out", tmp_path / system)
        done = run("train", tmp_path / "lost.toml", *options)
        assert "warning: corpus.train: 1 of 2 mentions" in done.stderr


def test_languages_are_listed_with_what_they_need(run):
    assert "Chinese" in run("corpus", "languages").stdout
    found = json.loads(run("corpus", "languages", "--json").stdout)
    expected = {"name": "Japanese", "segmenter": "unidic-lite", "view": "romaji", "extra": ""}
    assert found["ja"] == expected | {"installed": True}
    assert run("languages").stdout == run("corpus", "languages").stdout


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


def test_inspect_names_the_best_f1_that_the_tokens_allow(run, corpus):
    report = json.loads(
        run("corpus", "stats", corpus, "--segmenter", "unidic-lite", "--json").stdout
    )
    assert report["a.jsonl"]["kept"] == 50.0
    assert report["a.jsonl"]["ceiling"] == pytest.approx(200 / 3)
    assert "66.67" in run("corpus", "stats", corpus, "--segmenter", "unidic-lite").stdout
    assert json.loads(run("corpus", "stats", corpus, "--json").stdout)["a.jsonl"]["ceiling"] is None
