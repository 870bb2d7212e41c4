"""Runs of baselines look like runs of ours."""

import pytest

from kakehashi.baselines import BASELINES
from kakehashi.baselines.spacy import SpaCy
from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.corpus import segmented
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError, RunError
from kakehashi.scoring.score import score_sentences
from kakehashi.text.segment import load_segmenter
from kakehashi.training.run import load_result
from kakehashi.training.train import run_folder, train


class QuickSpaCy(SpaCy):
    def __init__(self, seed):
        super().__init__(seed, {"max_steps": 80, "eval_frequency": 20})


@pytest.fixture(scope="module", params=["crfsuite", "spacy"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def run(name, tree, tmp_path_factory):
    settings = settings_from_tree(tree("ja", test_epochs=True) | {"system": name})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BASELINES, "spacy", QuickSpaCy)
        return train(settings, tmp_path_factory.mktemp("runs") / name)


@pytest.fixture(scope="module")
def ours(settings, tmp_path_factory):
    return train(settings("ja", epochs=1), tmp_path_factory.mktemp("runs") / "ours")


def test_the_folder_and_result_have_the_shape_of_ours(run, ours, name):
    names, our_names = ({path.name for path in folder.iterdir()} for folder in (run, ours))
    assert names - {"model.crfsuite"} == our_names - {"model"}
    result, our_result = load_result(run), load_result(ours)
    assert list(result) == list(our_result)
    assert list(result["test"]) == list(our_result["test"])
    assert list(result["epochs"][0]) == list(our_result["epochs"][0])
    assert result["corpus"] == our_result["corpus"]
    assert result["system"]["name"] == name
    assert f"|system:{name} {result['system']['version']}" in result["test"]["signature"]
    assert ("seed:1" in result["test"]["signature"]) == (name == "spacy")


def test_it_learns_and_is_scored_as_ours_is(run, world):
    score = load_result(run)["test"]
    assert score["f1"] > 90
    gold = read_jsonl(world / "ja-test.jsonl")
    predicted = read_jsonl(run / "predictions.jsonl")
    assert score_sentences(gold, predicted).f1 == pytest.approx(score["f1"])
    assert load_result(run)["epochs"][0]["test"] == score["f1"]
    parts = [load_result(run)[part] for part in ("dev", "test")]
    for part in parts:
        seen, unseen = (part["values"][name] for name in ("seen", "unseen"))
        assert seen["gold"] + unseen["gold"] == part["gold"]
        assert seen["correct"] + unseen["correct"] == part["correct"]


def test_what_it_chose_on_dev_is_in_the_result(run, name):
    result = load_result(run)
    selection = result["selection"]
    if name == "spacy":
        assert set(selection) == {"by", "epoch"}
    else:
        best = max(selection["tried"], key=lambda each: each["dev"])
        assert selection["chosen"] | {"dev": result["dev"]["f1"]} == best


def test_a_run_of_another_revision_is_refused(tree, tmp_path, monkeypatch):
    settings = settings_from_tree(tree("ja") | {"system": "crfsuite"})
    train(settings, tmp_path / "run")
    before = load_result(tmp_path / "run")
    train(settings, tmp_path / "run")
    assert load_result(tmp_path / "run") == before
    monkeypatch.setattr(BASELINES["crfsuite"], "revision", "other")
    with pytest.raises(RunError, match="another version"):
        train(settings, tmp_path / "run")


def test_same_seed_same_predictions(name):
    utterances = list(segmented(generate("en", 120), load_segmenter("words")))

    def found(seed):
        baseline = (BASELINES | {"spacy": QuickSpaCy})[name](seed)
        baseline.fit(utterances[:60], utterances[60:80])
        return baseline.tag(utterances[80:])

    first = found(1)
    assert any(first)
    assert found(1) == first
    if name == "spacy":
        assert found(2) != first


def test_folders_are_named_after_the_baseline_and_nothing_is_transferred(tree):
    settings = settings_from_tree(tree("ja") | {"system": "crfsuite"})
    assert str(run_folder(settings)) == "runs/small-ja-crfsuite-seed1"
    with pytest.raises(ConfigError, match="spacy cannot use a source"):
        settings_from_tree(tree("ja") | {"system": "spacy", "transfer": {"source": "runs/en"}})
