import numpy as np
import pytest
import torch

from kakehashi.config.settings import ModelSettings, TrainingSettings
from kakehashi.data.batches import Batch
from kakehashi.data.dataset import prepare
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.model.tagger import Tagger
from kakehashi.sentence import Span, sentence_from_forms
from kakehashi.training.checkpoint import Checkpoint
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


def make_trainer():
    torch.manual_seed(3)
    forms = ["sato", "to", "kyo", "ito", "sen", "dai", "oka"]
    sentences = [
        sentence_from_forms([*forms[n % 5 :][: n % 3 + 1], f"rare{n}"], [Span(0, 1, "PER")])
        for n in range(30)
    ]
    widths = {"word_width": 6, "word_lstm_width": 5, "char_width": 4, "char_lstm_width": 3}
    model = ModelSettings(**widths, decoder="crf")
    data = prepare(sentences, sentences[:9], sentences, model)
    tagger = Tagger(model, data.words, data.ngrams, data.tagset)
    settings = TrainingSettings(epochs=3, learning_rate=0.02, batch_tokens=12, threads=1)
    return Trainer(tagger, data, settings)


def train_all(trainer):
    while not trainer.stopped_by:
        for _ in trainer.train_epoch():
            pass
        trainer.end_epoch()
    trainer.load_best()
    return trainer


@pytest.fixture(scope="module")
def whole():
    return train_all(make_trainer())


@pytest.mark.parametrize("stops", [(0,), (7, 8), (3, 3, 12)])
def test_stopped_after_some_batches_it_continues_to_the_bit(whole, stops, tmp_path):
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
    same = [(e["number"], e["loss"], e["dev"]) for e in trainer.history]
    assert same == [(e["number"], e["loss"], e["dev"]) for e in whole.history]
    for name, value in whole.tagger.state_dict().items():
        assert torch.equal(trainer.tagger.state_dict()[name], value), name


def test_it_knows_how_far_it_is():
    trainer = make_trainer()
    assert trainer.position == "after epoch 0"
    places = [trainer.position for _ in trainer.train_epoch()]
    assert places == [f"after {n + 1} batches of epoch 1" for n in range(len(places))]
    assert len(places) > 5
    trainer.end_epoch()
    assert trainer.position == "after epoch 1"


def test_the_best_epoch_is_the_first_of_the_highest_f1_it_is_selected_by():
    trainer = make_trainer()
    scores = [(1, 70.0, 60.0), (2, 75.0, 50.0), (3, 75.0, None)]
    trainer.history = [{"number": n, "dev": dev, "test": test} for n, dev, test in scores]
    for select, best in (("dev", 2), ("best-test", 1), ("last", 3)):
        trainer.settings = trainer.settings.model_copy(update={"select": select})
        assert trainer.best["number"] == best
