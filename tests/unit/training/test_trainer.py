import numpy as np
import pytest
import torch

from kakehashi.data.batches import Batch
from kakehashi.data.vocabulary import UNKNOWN
from kakehashi.errors import RunError
from kakehashi.training.checkpoint import Checkpoint
from kakehashi.training.trainer import Epoch, hide_rare_words

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
    return Checkpoint("f", history, tensors("a", "b"), tensors("a"), moments, random)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    before = a_checkpoint()
    before.save(tmp_path / "c")
    after = Checkpoint.load(tmp_path / "c")
    assert (after.fingerprint, after.history) == ("f", [{"number": 1}])
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
