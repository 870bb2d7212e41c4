"""Training on sentences that a program has, and what it shows of results."""

import json

import pytest

from kakehashi import Mention, Recognizer, Sentence, read_settings, score_mentions, train
from kakehashi.corpora.jsonl import read_jsonl
from kakehashi.errors import ConfigError, RunError


@pytest.fixture(scope="module")
def sentences(world):
    return {part: list(read_jsonl(world / f"en-{part}.jsonl")) for part in ("train", "dev", "test")}


def test_sentences_train_what_their_files_would(tree, sentences, tmp_path):
    settings = tree("en")
    from_files = train(settings, tmp_path / "files")
    del settings["corpus"]
    given = train(settings, tmp_path / "given", **sentences)
    results = [json.loads((run / "result.json").read_text()) for run in (from_files, given)]
    assert results[0]["test"]["f1"] == results[1]["test"]["f1"] > 0
    losses = [[epoch["loss"] for epoch in result["epochs"]] for result in results]
    assert losses[0] == losses[1]
    assert len([*(given / "corpus").iterdir()]) == 3
    # The same call takes the finished run; the config in it names what it was given.
    assert train(settings, given, **{part: iter(each) for part, each in sentences.items()}) == given
    assert train(read_settings(given / "config.json"), given) == given
    assert Recognizer.load(given).recognize(["Jon Kato lives in Osaka ."])


def test_other_sentences_need_another_folder_and_lose_nothing(tree, sentences, tmp_path):
    settings = tree("en", epochs=1)
    run = train(settings, tmp_path / "run", train=sentences["train"][:30])
    with pytest.raises(RunError, match="other settings; choose another folder"):
        train(settings, run, train=sentences["train"][:20])
    assert json.loads((run / "result.json").read_text())["corpus"]["train"]["sentences"] == 30
    assert train(settings, run, train=sentences["train"][:30]) == run


def test_keywords_change_settings(tree, sentences, tmp_path):
    settings = read_settings(tree("en"), preset="strong", training={"seed": 7}, name="other")
    assert (settings.name, settings.training.seed, settings.training.epochs) == ("other", 7, 6)
    assert settings.model.decoder == "crf"
    with pytest.raises(ConfigError, match=r"settings: training\.sead: unknown setting; did you"):
        read_settings(tree("en"), training={"sead": 7})
    with pytest.raises(ConfigError, match="tset: expected sentences as train=, dev= or test="):
        train(tree("en"), tset=sentences["test"])
    with pytest.raises(TypeError, match=r"^dev= takes sentences, and got str$"):
        train("demo-en", tmp_path / "texts", dev=["Ada saw Oslo"])


def test_results_read_well():
    text = "Ito <b> Osaka"
    sentence = Sentence(text, (Mention(0, 3, "PER", "Ito", 0.5), Mention(8, 13, "LOC", "Osaka")))
    assert repr(sentence) == "Sentence('[Ito] <b> [Osaka]', PER 0.50, LOC)"
    shown = sentence._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown.replace("<b>PER</b>", "").replace("<b>LOC</b>", "")
    assert shown.count("<mark") == shown.count("</mark>") == 2
    assert sentence.mentions[0].to_dict()["probability"] == 0.5
    score = score_mentions([sentence.mentions], [sentence.mentions[:1]])
    assert repr(score) == (
        "Score(F1 66.67, precision 100.00, recall 50.00: 1 of 2 found, 1 predicted)"
    )
    assert "<th>LOC</th><td>0.00</td>" in score._repr_html_()
