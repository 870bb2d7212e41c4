"""Learning from text that teachers label."""

import json
import shutil

import numpy as np
import pytest

from benchmarks.votes import measure
from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError
from kakehashi.training.run import load_result
from kakehashi.training.soft_labels import SoftLabels
from kakehashi.training.train import train


@pytest.fixture(scope="module")
def teacher(settings, tmp_path_factory):
    return train(settings("ja"), tmp_path_factory.mktemp("runs") / "teacher")


@pytest.fixture(scope="module")
def unlabeled(world, tmp_path_factory):
    """Text that is not in the corpus, with a label that nobody should learn."""
    texts = [f"昨日、{each.text}" for each in read_jsonl(world / "ja-train.jsonl")]
    path = tmp_path_factory.mktemp("text") / "unlabeled.jsonl"
    wrong = [{"start": 0, "end": 2, "type": "LOC"}]
    path.write_text("".join(json.dumps({"text": t, "mentions": wrong}) + "\n" for t in texts))
    return path


@pytest.fixture
def student(tree, teacher, unlabeled):
    """Settings of a run with few labels or none, and a teacher."""

    def make(n_gold, **training):
        settings = tree("ja", **training)
        settings["corpus"]["train_size"] = n_gold
        sources = [{"format": "jsonl", "path": str(unlabeled)}]
        settings["teach"] = {"teachers": [str(teacher)], "unlabeled": sources, "weight": 0.5}
        return settings_from_tree(settings)

    return make


def test_a_student_learns_from_gold_and_from_what_a_teacher_labels(student, tmp_path):
    folder = train(student(4), tmp_path / "student", cache=tmp_path / "cache")
    result = load_result(folder)
    labeled = list(read_jsonl(folder / "labeled.jsonl"))
    assert result["labeled"]["sentences"] == len(labeled) == 120
    assert result["corpus"]["train"]["sentences"] == 4
    assert result["corpus"]["labeled"]["sentences"] == 120
    assert result["corpus"]["labeled"]["entities"] == result["labeled"]["mentions"]
    alone = student(4).model_copy(update={"teach": None})
    untaught = load_result(train(alone, tmp_path / "alone"))
    assert result["test"]["f1"] > 80 > untaught["test"]["f1"]
    other = train(student(4), tmp_path / "again")  # without a cache
    assert (other / "labeled.jsonl").read_bytes() == (folder / "labeled.jsonl").read_bytes()
    assert load_result(other)["test"] == result["test"]


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_a_student_learns_how_sure_its_teachers_are(
    student, teacher, tree, world, tmp_path, decoder
):
    other = tree("ja", epochs=4, seed=2)
    other["model"] = other.get("model", {}) | {"decoder": "crf", "scheme": "iobes"}
    other = train(settings_from_tree(other), tmp_path / "other")
    settings = student(4)
    silver = tmp_path / "silver.jsonl"
    sentences = [f"昨日、{each.text}" for each in read_jsonl(world / "ja-train.jsonl")]
    silver.write_text("".join(json.dumps({"text": text}) + "\n" for text in sentences))
    names = (str(teacher), str(other), str(silver))
    teach = settings.teach.model_copy(update={"labels": "soft", "teachers": names})
    model = settings.model.model_copy(update={"decoder": decoder})
    settings = settings.model_copy(update={"teach": teach, "model": model})
    folder = train(settings, tmp_path / "student", cache=tmp_path / "cache")
    labels = SoftLabels.open(folder / "labeled-tags")
    assert labels.names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert len(labels.ids) == load_result(folder)["corpus"]["labeled"]["tokens"]
    outside = np.where(labels.ids == 0, labels.shares, 0).sum(axis=1)
    assert outside.min() >= 0.33  # one of three finds nothing
    assert outside.min() < 0.5
    assert load_result(folder)["test"]["f1"] > 60


@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_crfsuite_may_teach(student, tree, tmp_path, labels):
    pytest.importorskip("pycrfsuite", reason="needs the extra 'crfsuite'")
    teacher = train(settings_from_tree(tree("ja") | {"system": "crfsuite"}), tmp_path / "crfsuite")
    settings = student(4)
    teach = settings.teach.model_copy(update={"labels": labels, "teachers": (str(teacher),)})
    folder = train(settings.model_copy(update={"teach": teach}), tmp_path / "student")
    result = load_result(folder)
    assert result["labeled"]["mentions"] > 100
    assert result["test"]["f1"] > 60


def test_another_corpus_is_learned_beside_gold(tree, world, tmp_path):
    settings = tree("ja")
    settings["corpus"]["train_size"] = 4
    alone = load_result(train(settings_from_tree(settings), tmp_path / "alone"))
    source = {"format": "jsonl", "path": str(world / "en-train.jsonl")}
    settings["joint"] = {"train": [source], "size": 80, "weight": 0.5}
    for cache in (None, tmp_path / "cache"):
        folder = tmp_path / f"joint-{cache is None}"
        result = load_result(train(settings_from_tree(settings), folder, cache=cache))
        assert result["corpus"]["train"]["sentences"] == 4
        assert result["corpus"]["labeled"]["sentences"] == result["labeled"]["joint"] == 80
        assert result["labeled"]["teachers"] == 0
        assert result["test"]["f1"] > alone["test"]["f1"]


def test_names_in_contexts_are_learned_beside_gold(tree, tmp_path):
    settings = tree("ja", epochs=1) | {"contexts": {"weight": 0.7}}
    folder = train(settings, tmp_path / "run")
    result = load_result(folder)
    n_made = result["labeled"]["made"]
    assert n_made == len(list(read_jsonl(folder / "labeled.jsonl"))) > 20
    assert result["corpus"]["labeled"]["sentences"] == n_made
    assert result["labeled"]["joint"] == result["labeled"]["teachers"] == 0


def test_the_corpus_of_the_source_is_learned_beside_gold(tree, tmp_path):
    english = train(tree("en", epochs=1), tmp_path / "english")
    settings = tree("ja", epochs=1)
    settings["corpus"]["train_size"] = 4
    settings |= {"joint": {}, "transfer": {"source": str(english)}}
    result = load_result(train(settings, tmp_path / "joint"))
    assert result["labeled"]["joint"] == 120
    named = result["settings"]["joint"]["train"][0]["path"]
    assert named == tree("en")["corpus"]["train"][0]["path"]
    # A model folder alone has no corpus, and without a source there is none to take.
    alone = shutil.copytree(english / "model", tmp_path / "alone")
    settings["transfer"]["source"] = str(alone)
    with pytest.raises(ConfigError, match=r"joint\.train: is needed: .*alone is no run whose"):
        train(settings, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    del settings["transfer"]
    with pytest.raises(ConfigError, match=r"joint\.train is needed, or a \[transfer\]"):
        settings_from_tree(settings)


def test_without_gold_teachers_select_the_epoch(student, tmp_path, told):
    folder = train(student(0, select="teacher"), tmp_path / "student", told)
    result = load_result(folder)
    assert result["selection"]["by"] == "teacher"
    assert result["corpus"]["train"]["sentences"] == 0
    agreement = [epoch["agreement"] for epoch in result["epochs"]]
    assert result["selection"]["epoch"] == agreement.index(max(agreement)) + 1
    assert {epoch["dev"] for epoch in result["epochs"]} == {None}
    assert result["test"]["f1"] > 60
    assert any(line.startswith("labeled: ") for line in told.lines)


def test_labels_that_cut_tokens_are_left_out_and_said(student, world, told, tmp_path):
    settings, silver = student(4, epochs=1), tmp_path / "silver.jsonl"
    cut = [{"start": 0, "end": 1, "type": "LOC"}]
    texts = [f"昨日、{each.text}" for each in read_jsonl(world / "ja-train.jsonl")]
    silver.write_text("".join(json.dumps({"text": t, "mentions": cut}) + "\n" for t in texts))
    teach = settings.teach.model_copy(update={"teachers": (str(silver),)})
    folder = train(settings.model_copy(update={"teach": teach}), tmp_path / "student", told)
    assert load_result(folder)["corpus"]["labeled"]["lost"] == 120
    said = "warning: labeled.jsonl: sentences are left out, since 120 of 120 mentions (100.0 %)"
    assert any(line.startswith(said) for line in told.lines)


def test_votes_of_several_teachers_are_scored_on_dev_at_each_cut(teacher):
    votes = measure([teacher, teacher])
    assert list(votes) == sorted(votes, reverse=True)
    assert votes[0.25] == pytest.approx(load_result(teacher)["dev"]["f1"], abs=5)


def test_an_interrupted_student_continues(student, tmp_path, stop_at):
    settings, whole = student(4), tmp_path / "whole"
    train(settings, whole)
    for stop in ("labeled: ", "epoch 2"):
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "stopped", stop_at(stop))
    parts = list((tmp_path / "stopped").glob("found-*/part-*"))
    times = [part.stat().st_mtime_ns for part in parts]
    train(settings, tmp_path / "stopped")
    weights = (folder / "model/weights.safetensors" for folder in (whole, tmp_path / "stopped"))
    assert len({path.read_bytes() for path in weights}) == 1
    assert times == [part.stat().st_mtime_ns for part in parts]


def test_seeds_are_distilled_into_one_on_the_command_line(run, tree, teacher, unlabeled, tmp_path):
    student, silver = tmp_path / "student", tmp_path / "silver.jsonl"
    options = ("--unlabeled", unlabeled, "--out", student, "--set", "teach.weight=0.5")
    done = run("distill", teacher, teacher, *options, "--set", "corpus.train_size=4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(student)
    result = load_result(student)
    assert result["labeled"]["teachers"] == 2
    assert result["settings"]["teach"]["weight"] == 0.5
    assert run("label", teacher, teacher, unlabeled, "--out", silver).returncode == 0
    found = [each.mentions for each in read_jsonl(silver)]
    assert found == [each.mentions for each in read_jsonl(student / "labeled.jsonl")]
    assert run("label", teacher, unlabeled, "--out", silver).returncode == 2
    assert "exists already" in run("label", teacher, unlabeled, "--out", silver).stderr
    config = tmp_path / "other.json"
    config.write_text(json.dumps(tree("ja") | {"system": "crfsuite"}))
    refused = run("distill", teacher, "--config", config, *options)
    refused.refused("crfsuite", "--config")
    run("distill", silver, *options).refused(str(silver), "--config")


def test_an_onnx_file_is_a_teacher_like_its_folder(run, teacher, unlabeled, tmp_path):
    exported, other = tmp_path / "teacher.onnx", tmp_path / "labels.list"
    assert run("export", teacher, exported).returncode == 0
    found = []
    for number, each in enumerate((teacher, exported)):
        out = tmp_path / f"{number}.jsonl"
        done = run("label", each, unlabeled, "--out", out)
        assert done.returncode == 0, done.stderr
        found.append([[m[:3] for m in sentence.mentions] for sentence in read_jsonl(out)])
    assert found[0] == found[1]
    assert any(found[0])
    other.write_text("a")
    refused = run("label", other, unlabeled, "--out", tmp_path / "2.jsonl")
    refused.refused(str(other), "corpus convert")
    assert "--format" not in refused.stderr


def test_one_command_goes_from_english_and_few_labels_to_a_student(
    run, tree, world, unlabeled, tmp_path
):
    target = tree("ja")
    target["corpus"]["train_size"] = 60
    for name, settings in (("en", tree("en", epochs=4)), ("ja", target)):
        (tmp_path / f"{name}.json").write_text(json.dumps(settings))
    options = ("--english", tmp_path / "en.json", "--unlabeled", unlabeled, "--out", tmp_path / "o")
    options += ("--teacher", "kakehashi")
    planned = run("teach", tmp_path / "ja.json", *options, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines() == [
        "1. english: kakehashi on 120 labeled sentences; about 1 min",
        "2. teacher: kakehashi on 60 labeled sentences; about 1 min",
        "3. student: kakehashi on 60 labeled sentences and 120 unlabeled ones; about 1 min",
        "in all about 2 min on one thread",
    ]
    often = run("teach", tmp_path / "ja.json", *options, "--english-epochs", "1")
    often.refused("--english-epochs", "on an encoder")
    done = run("teach", tmp_path / "ja.json", *options)
    assert done.returncode == 0, done.stderr
    student = tmp_path / "o/student"
    assert done.stdout.splitlines()[-1] == str(student)
    result = load_result(student)
    assert result["settings"]["preset"] == "strong"
    assert result["transfer"]["source"] == str(tmp_path / "o/english")
    assert result["settings"]["teach"]["teachers"] == [str(tmp_path / "o/teacher")]
    for text, problem in (("en-train", "are of a script that"), ("ja-test", "no text is left")):
        bad = ("--unlabeled", world / f"{text}.jsonl", "--out", tmp_path / "none")
        refused = run("teach", tmp_path / "ja.json", *options[:2], *bad)
        assert refused.returncode == 2
        assert problem in refused.stderr
        assert not (tmp_path / "none").exists()  # which the first training would have made
    again = run("teach", tmp_path / "ja.json", *options)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "1. english: kakehashi on 120 labeled sentences; finished" in again.stderr


def test_the_teacher_may_stand_on_an_encoder(run, tree, unlabeled, tiny_encoder, tmp_path):
    encoder = {"name": str(tiny_encoder), "layers": [2, 3], "precision": "float32"}
    for name, size in (("en", None), ("ja", 60)):
        settings = tree(name, epochs=2) | {"encoder": encoder}
        settings["corpus"]["train_size"] = size
        (tmp_path / f"{name}.json").write_text(json.dumps(settings))
    out = tmp_path / "o"
    options = ("--english", tmp_path / "en.json", "--unlabeled", unlabeled, "--out", out)
    done = run("teach", tmp_path / "ja.json", *options)
    assert done.returncode == 0, done.stderr
    teacher, student = load_result(out / "teacher"), load_result(out / "student")
    assert teacher["settings"]["system"] == "encoder"
    assert teacher["transfer"]["source"] == str(out / "english-teacher")
    assert load_result(out / "english-teacher")["settings"]["training"]["max_epochs"] == 8
    assert student["settings"]["teach"]["teachers"] == [str(out / "teacher")]
    assert student["labeled"]["sentences"] == 120
