import hashlib
import json
import tracemalloc

import numpy as np
import pytest
import torch

from kakehashi.config.settings import ModelSettings, TrainingSettings
from kakehashi.data.batches import Batch
from kakehashi.data.dataset import prepare
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.errors import ConfigError, RunError
from kakehashi.model.tagger import Tagger
from kakehashi.progress import Progress
from kakehashi.sentence import Span, sentence_from_forms
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.train import _weigh_crf
from kakehashi.training.trainer import Epoch, Trainer, hide_rare_words

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
    words = hide_rare_words(
        batch_of([1] * 50), np.array([False, True]), rate, np.random.default_rng(0)
    ).words
    assert (words == expected).all()


def test_selection_by_test_is_only_where_asked():
    epoch = Epoch(1, 0.5, 1.0, dev=70.0, test=60.0)
    assert epoch.selected_by("dev") == 70
    assert epoch.selected_by("best-test") == 60


def tensors(*names):
    return {name: torch.arange(3.0) for name in names}


def a_checkpoint():
    moments = {"rest/0/exp_avg": torch.ones(2), "rows/0/step": torch.tensor(3)}
    history = [{"number": 1}]
    random = {"cpu": torch.get_rng_state()}
    course = {"batches": 3, "loss": 0.1 + 0.2, "random": {"state": 2**127 + 1}}
    return Checkpoint("f", history, tensors("a", "b"), tensors("a"), moments, random, course)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    before = a_checkpoint()
    before.save(tmp_path / "c")
    after = Checkpoint.load(tmp_path / "c")
    assert (after.fingerprint, after.history) == ("f", [{"number": 1}])
    assert after.course == before.course
    for part in ("weights", "best", "moments", "random"):
        old, new = getattr(before, part), getattr(after, part)
        assert old.keys() == new.keys()
        assert all(torch.equal(old[name], new[name]) for name in old)


def test_every_damage_to_a_checkpoint_is_noticed(tmp_path):
    a_checkpoint().save(tmp_path / "c")
    content = (tmp_path / "c").read_bytes()
    for position in range(0, len(content), 37):
        flipped = bytearray(content)
        flipped[position] ^= 16
        (tmp_path / "c").write_bytes(flipped)
        with pytest.raises(RunError, match="is damaged"):
            Checkpoint.load(tmp_path / "c")
    for length in (0, 10, 64, 65, len(content) - 1):
        (tmp_path / "c").write_bytes(content[:length])
        with pytest.raises(RunError, match="is damaged"):
            Checkpoint.load(tmp_path / "c")


def test_a_checkpoint_of_the_time_when_there_were_none_inside_an_epoch_is_read(tmp_path):
    a_checkpoint().save(tmp_path / "c")
    payload = (tmp_path / "c").read_bytes()[64:]
    size = int.from_bytes(payload[:8], "little")
    header = json.loads(payload[8 : 8 + size])
    del header["__metadata__"]["course"]
    header = json.dumps(header).encode()
    old = len(header).to_bytes(8, "little") + header + payload[8 + size :]
    (tmp_path / "c").write_bytes(hashlib.sha256(old).hexdigest().encode() + old)
    found = Checkpoint.load(tmp_path / "c")
    assert (found.history, found.course) == ([{"number": 1}], None)


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
    return Trainer(tagger, data, settings, "f", Progress())


@pytest.fixture(scope="module")
def whole():
    trainer = make_trainer()
    trainer.train()
    return trainer


@pytest.mark.parametrize("stops", [(0,), (7, 8), (3, 3, 12)])
def test_stopped_after_some_batches_it_goes_on_to_the_bit(whole, stops, tmp_path):
    trainer = make_trainer()
    for stop in stops:
        left = iter(range(stop, -1, -1))

        def count(trainer=trainer, left=left):
            if not next(left):
                trainer.checkpoint().save(tmp_path / "c")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            trainer.train(after_batch=count)
        trainer = make_trainer()
        torch.manual_seed(99)  # the state of a new process
        trainer.resume(Checkpoint.load(tmp_path / "c"))
    assert "batches of epoch" in trainer.place
    trainer.train()
    same = [(e.number, e.loss, e.dev) for e in trainer.history]
    assert same == [(e.number, e.loss, e.dev) for e in whole.history]
    for name, value in whole.tagger.state_dict().items():
        assert torch.equal(trainer.tagger.state_dict()[name], value), name


def test_it_says_how_far_it_is():
    trainer, places = make_trainer(), []
    assert trainer.place == "after epoch 0"
    trainer.train(
        lambda: places.append(trainer.place), lambda: places.append(trainer.place.split()[1])
    )
    n_batches = places.index("after epoch 1")
    assert places[: n_batches + 2] == [str(n + 1) for n in range(n_batches)] + [
        "after epoch 1",
        "1",
    ]
    assert n_batches > 5


def test_a_checkpoint_takes_little_memory_beside_the_state_while_it_is_written(tmp_path):
    """Copies of all tensors would be three times the state."""
    megabyte = 1 << 18  # of float32
    weights = {f"w{n}": torch.full((megabyte,), float(n)) for n in range(64)}
    checkpoint = Checkpoint("f", [], weights, weights, {}, {}, None)
    tracemalloc.start()
    checkpoint.save(tmp_path / "c")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert torch.equal(Checkpoint.load(tmp_path / "c").best["w63"], weights["w63"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("shape", [(), (0, 3), (5, 3)])
def test_a_checkpoint_holds_tensors_of_every_kind(tmp_path, dtype, shape):
    tensor = (
        torch.ones(shape, dtype=dtype).transpose(0, -1) if shape else torch.ones((), dtype=dtype)
    )
    Checkpoint("f", [], {"a": tensor}, {}, {}, {}, None).save(tmp_path / "c")
    found = Checkpoint.load(tmp_path / "c").weights["a"]
    assert found.dtype == dtype
    assert torch.equal(found, tensor)


class Warned(Progress):
    def __init__(self):
        self.lines = []

    def warn(self, line):
        self.lines.append(line)


def test_a_crf_over_many_tags_says_what_it_costs():
    told = Warned()
    _weigh_crf(201, told)
    assert told.lines == []
    _weigh_crf(10_001, told)
    (line,) = told.lines
    assert line.startswith("a CRF over 10,001 tags scores 100,040,004 pairs of them: 6.4 GB")
    with pytest.raises(ConfigError, match=r"model.decoder: a CRF .* this machine has .*softmax"):
        _weigh_crf(10_000_001, told)
