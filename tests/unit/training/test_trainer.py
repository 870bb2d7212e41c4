from dataclasses import replace

import numpy as np
import pytest
import torch

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.reading import settings_from_tree
from kakehashi.config.settings import TrainingSettings, VectorsSettings
from kakehashi.data.batches import Batch, cut_batch, make_batch
from kakehashi.data.dataset import prepare
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.model.torch_network import decoder_of
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Span, sentence_from_forms
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.initial import new_tagger
from kakehashi.training.labeling import Labeled
from kakehashi.training.lessons import lessons_of
from kakehashi.training.soft_labels import most_probable
from kakehashi.training.trainer import Trainer, hide_rare_words

NONE = np.zeros(0, dtype=np.int64)


def batch_of(words):
    return Batch(NONE, NONE, np.array(words), NONE, NONE, NONE, NONE)


def test_only_words_seen_once_are_hidden_and_only_sometimes():
    once = np.array([False, True, False])
    batch = batch_of([1, 2] * 1000)
    hidden = hide_rare_words(batch, once, 0.5, np.random.default_rng(0)).words
    assert (hidden[1::2] == 2).all()
    assert 400 < (hidden[::2] == UNKNOWN).sum() < 600
    assert (batch.words == np.array([1, 2] * 1000)).all()


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 1), (1.0, UNKNOWN)])
def test_the_rate_may_be_never_or_always(rate, expected):
    once, random = np.array([False, True]), np.random.default_rng(0)
    words = hide_rare_words(batch_of([1] * 50), once, rate, random).words
    assert (words == expected).all()


@pytest.fixture(scope="module")
def make_trainer(tmp_path_factory):
    """Of a tagger that knows words of dev, and others, from vectors only."""
    path = tmp_path_factory.mktemp("vectors") / "words.vec"
    path.write_text("sato 1 2 3\nmori -1 0 2\nabe 4 -4 1\n")
    vectors = VectorsSettings(path=str(path))
    forms = ["sato", "to", "kyo", "ito", "sen", "dai", "oka"]
    sentences = [
        sentence_from_forms([*forms[n % 5 :][: n % 3 + 1], f"rare{n}"], [Span(0, 1, "PER")])
        for n in range(30)
    ]
    dev = [*sentences[:9], sentence_from_forms(["mori", "to"], [Span(0, 1, "PER")])]
    widths = {"word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}
    model = ModelSettings(**widths, decoder="crf")
    data = prepare(sentences, dev, sentences, model, vectors)

    def make(progress=None, **settings):
        torch.manual_seed(3)
        quick = {"epochs": 3, "learning_rate": 0.02, "batch_tokens": 12, "threads": 1}
        settings = TrainingSettings(**quick | settings)
        return Trainer(new_tagger(data, model, vectors), data, settings, progress)

    return make


def train_all(trainer):
    while not trainer.stopped_by:
        for _ in trainer.train_epoch():
            pass
        trainer.end_epoch()
    trainer.load_best()
    return trainer


@pytest.fixture(scope="module")
def whole(make_trainer):
    return train_all(make_trainer())


@pytest.mark.parametrize("stops", [(0,), (7, 8), (3, 3, 12)])
def test_stopped_after_some_batches_it_continues_to_the_bit(whole, make_trainer, stops, tmp_path):
    trainer = make_trainer()
    for stop in stops:
        n_left = stop + 1
        while n_left:
            for _ in trainer.train_epoch():
                n_left -= 1
                if not n_left:
                    break
            else:
                trainer.end_epoch()
        trainer.checkpoint("f").save(tmp_path / "c")
        trainer = make_trainer()
        torch.manual_seed(99)  # the state of a new process
        trainer.resume(Checkpoint.load(tmp_path / "c"))
    assert "batches of epoch" in trainer.position
    train_all(trainer)
    assert len(trainer.tagger.word.vectors.codes) == 2
    same = [(e["number"], e["loss"], e["dev"]) for e in trainer.history]
    assert same == [(e["number"], e["loss"], e["dev"]) for e in whole.history]
    for name, value in whole.tagger.state_dict().items():
        assert torch.equal(trainer.tagger.state_dict()[name], value), name


def test_a_checkpoint_holds_what_training_changes_and_no_more(make_trainer):
    """Else the vectors of a million words would be written after every epoch."""
    trainer = make_trainer()
    trained = [name for name, _ in trainer.tagger.named_parameters()]
    assert list(trainer.checkpoint("f").weights) == trained


def test_it_knows_how_far_it_is(make_trainer):
    trainer = make_trainer()
    assert trainer.position == "after epoch 0"
    places = [trainer.position for _ in trainer.train_epoch()]
    assert places == [f"after {n + 1} batches of epoch 1" for n in range(len(places))]
    assert len(places) > 5
    trainer.end_epoch()
    assert trainer.position == "after epoch 1"


def history(*scores):
    """Epochs of 10 updates with these scores on dev."""
    return [
        {"number": n, "updates": 10 * n, "dev": dev, "test": None}
        for n, dev in enumerate(scores, start=1)
    ]


def test_the_best_epoch_is_the_first_of_the_highest_f1_it_is_selected_by(make_trainer):
    scores = [(1, 70.0, 60.0), (2, None, None), (3, 75.0, 50.0), (4, 75.0, None), (5, None, None)]
    for select, best in (("dev", 3), ("best-test", 1), ("last", 5)):
        trainer = make_trainer(select=select)
        trainer.history = [{"number": n, "dev": dev, "test": test} for n, dev, test in scores]
        assert trainer.best["number"] == best


@pytest.mark.parametrize(
    ("settings", "scores", "stopped_by", "rising"),
    [
        ({}, [], None, True),
        ({}, [50, 60, 59], None, True),
        ({}, [50, 60, 59, 60], "patience", False),  # as good is no better
        ({}, [50, 60, 59, 61], None, True),
        ({}, [50, 60, None, None, 59, None], None, True),
        ({}, [50, 60, None, None, 59, None, 58], "patience", False),
        ({}, [None, None, None], None, True),
        ({"min_updates": 50}, [50, 40, 40, 40], None, True),
        ({"min_updates": 50}, [50, 40, 40, 40, 40], "patience", False),
        ({"max_epochs": 3}, [50, 60, 70], "max_epochs", True),
        ({"max_epochs": 3}, [50, 40, 40], "max_epochs", False),
        ({"patience": None, "max_epochs": 9}, [50, 1, 1, 1, 1, 1, 1, 1], None, True),
        ({"epochs": 5}, [50, 40, 40, 40], None, False),
        ({"epochs": 5}, [50, 40, 40, 40, 40], "epochs", False),
        ({"epochs": 2, "max_epochs": 1}, [50, 60], "epochs", True),
    ],
)
def test_training_ends_when_f1_has_stopped_rising(
    make_trainer, settings, scores, stopped_by, rising
):
    length = {"epochs": None, "patience": 2, "min_updates": 0} | settings
    trainer = make_trainer(**length)
    trainer.history = history(*scores)
    assert (trainer.stopped_by, trainer.rising) == (stopped_by, rising)
    assert trainer.updates == 10 * len(scores)


def test_epochs_that_follow_too_soon_are_not_scored_and_never_best(make_trainer, told):
    length = {"epochs": None, "max_epochs": 8, "min_updates": 10**6}
    trainer = train_all(make_trainer(told, score_every=25, **length))
    epochs, since, expected = trainer.history, 0, []
    for epoch in epochs:
        since += epochs[0]["updates"]
        expected.append(since >= 25 or epoch["number"] == 8)
        since = 0 if expected[-1] else since
    assert 1 < sum(expected) < 7
    assert [epoch["dev"] is not None for epoch in epochs] == expected
    assert trainer.stopped_by == "max_epochs"
    for epoch, line in zip(epochs, told.lines, strict=True):
        scored = epoch["dev"] is not None
        assert line.startswith(f"epoch {epoch['number']}/8  loss ")
        assert ("dev F1" in line) == scored
        assert scored or "best" not in line
    assert trainer.best["dev"] == max(epoch["dev"] for epoch in epochs if epoch["dev"] is not None)
    assert trainer.evaluate(trainer.data.dev).f1 == trainer.best["dev"]
    fixed = train_all(make_trainer(score_every=25))
    assert None not in [epoch["dev"] for epoch in fixed.history]


def test_before_any_score_the_last_epoch_is_kept(make_trainer):
    trainer = make_trainer(epochs=None, score_every=10**6, averaging=0)
    weights = []
    for _ in range(2):
        for _ in trainer.train_epoch():
            pass
        trainer.end_epoch()
        weights.append({name: value.clone() for name, value in trainer.tagger.state_dict().items()})
    assert (trainer.best["number"], trainer.best["dev"]) == (2, None)
    trainer.load_best()
    found = trainer.tagger.state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights[1].items())
    assert not all(torch.equal(found[name], value) for name, value in weights[0].items())


SMALL = {"word_width": 4, "word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}


@pytest.mark.parametrize("multiplies", [False, True])
def test_bfloat16_that_cannot_be_multiplied_is_said(taught, multiplies, monkeypatch):
    monkeypatch.setattr("kakehashi.training.trainer.multiplies_bfloat16", lambda: multiplies)
    lines: list[str] = []
    progress = Progress()
    monkeypatch.setattr(progress, "say", lines.append)
    settings = TrainingSettings(precision="bfloat16")
    Trainer(new_tagger(taught, ModelSettings(**SMALL)), taught, settings, progress)
    assert ["training.precision" in line for line in lines] == [True] * (not multiplies)


@pytest.fixture(scope="module")
def taught():
    """Two gold sentences, and thirty labeled ones, of which one has a mention inside a token."""
    gold = [sentence_from_forms(["to", "Oslo"], [Span(1, 2, "LOC")])] * 2
    labeled = [sentence_from_forms(["by", f"Mia{n}"], [Span(1, 2, "PER")]) for n in range(29)]
    inside = sentence_from_forms(["by", "Miami"])
    labeled.insert(3, replace(inside, mentions=(Mention(3, 6, "PER", "Mia"),)))
    return prepare(gold, gold, gold, ModelSettings(**SMALL), labeled=labeled)


def test_labeled_sentences_are_learned_beside_gold_and_some_kept_out(taught):
    lessons = lessons_of(taught)
    assert (len(lessons.corpus), lessons.weights, lessons.held_out) == (31, None, None)
    source = {"format": "jsonl", "path": "a.jsonl"}
    settings = {"name": "a", "corpus": {"train": [source]}, "joint": {"train": [source]}}
    settings["teach"] = {"teachers": ["a"], "weight": 0.5}
    settings["training"] = {"select": "teacher"}
    labeled = Labeled(1, sentences=20, joint=10)
    lessons = lessons_of(taught, settings_from_tree(settings), labeled)
    assert (len(lessons.corpus), len(lessons.held_out)) == (29, 2)
    assert lessons.weights.tolist() == pytest.approx([1, 1] + [0.5] * 17 + [0.3] * 10)
    assert lessons.corpus.types == taught.tagset.types == ("LOC", "PER")
    assert lessons.corpus.spans[0] == (Span(1, 2, "LOC"),)
    assert set(lessons.held_out.spans) == {(Span(1, 2, "PER"),)}
    assert not lessons.corpus.missed


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_sentences_weigh_in_the_loss(taught, decoder):
    tagger = new_tagger(taught, ModelSettings(**SMALL, decoder=decoder)).eval()
    corpus = lessons_of(taught).corpus
    tags = corpus.tag_ids(taught.tagset)

    def loss(sentences, weights=None):
        rows = np.array(sentences)
        batch = make_batch(rows, corpus.offsets, corpus.forms, taught.features, tags)
        if weights is not None:
            batch = replace(batch, weights=np.array(weights, np.float32))
        return tagger.loss(batch).item()

    first, second = loss([0]), loss([5])
    assert first != pytest.approx(second, rel=1e-3)
    assert loss([0, 5]) == pytest.approx((first + second) / 2, rel=1e-5)
    assert loss([0, 5], [1, 0.5]) == pytest.approx((first + second / 2) / 2, rel=1e-5)


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_soft_labels_take_the_place_of_the_mentions(taught, decoder):
    source = {"format": "jsonl", "path": "a.jsonl"}
    tree = {"name": "a", "corpus": {"train": [source]}, "training": {"epochs": 1, "select": "last"}}
    tree |= {"joint": {"train": [source]}, "teach": {"teachers": ["a"], "weight": 0.5}}
    marginals = np.full((40, 5), 0.1)  # of the tokens of twenty sentences
    marginals[:, 0] = 0.6
    soft = most_probable(("O", "B-PER", "I-PER", "B-LOC", "I-LOC"), marginals)
    labeled = Labeled(1, sentences=20, joint=10)
    lessons = lessons_of(taught, settings_from_tree(tree), labeled, soft)
    assert lessons.weights.tolist() == pytest.approx([1, 1] + [0] * 19 + [0.3] * 10)
    corpus, rows = lessons.corpus, np.array([0, 4, 25])  # gold, soft, of another corpus
    tags = corpus.tag_ids(taught.tagset)
    batch = lessons.weigh(make_batch(rows, corpus.offsets, corpus.forms, taught.features, tags))
    found = np.zeros((6, 5))
    np.add.at(found, (np.arange(6)[:, None], batch.soft_ids), batch.soft_weights)
    expected = np.zeros((6, 5))
    expected[2:4] = [0.3, 0.05, 0.05, 0.05, 0.05]
    assert found == pytest.approx(expected, abs=1e-3)
    cut = cut_batch(batch, 1, 2)
    assert cut.soft_weights.tolist() == batch.soft_weights[2:4].tolist()
    tagger = new_tagger(taught, ModelSettings(**SMALL, decoder=decoder)).eval()
    plain = replace(batch, soft_ids=None, soft_weights=None)
    shares = decoder_of(tagger).marginals(tagger(cut).detach().numpy(), np.array([0, 2]))
    entropy = -(expected[2:4] * np.log(np.maximum(shares, np.exp(-50)))).sum() / 6
    assert tagger.loss(batch).item() == pytest.approx(tagger.loss(plain).item() + entropy, abs=1e-3)
