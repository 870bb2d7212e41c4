import hashlib
import tracemalloc

import pytest
import torch

from kakehashi.errors import RunError
from kakehashi.training.checkpoint import Checkpoint


def tensors(*names):
    return {name: torch.arange(3.0) for name in names}


def make(**states):
    values = {"weights": tensors("a", "b"), "best": tensors("a"), "optimizer": {}, "random": {}}
    epoch = {"batches": 3, "loss": 0.1 + 0.2, "random": {"state": 2**127 + 1}}
    return Checkpoint("f", [{"number": 1, "test": None}], epoch, **values | states)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    optimizer = {"rest/0/exp_avg": torch.ones(2), "rows/0/step": torch.tensor(3)}
    before = make(optimizer=optimizer, random={"cpu": torch.get_rng_state()})
    before.save(tmp_path / "c")
    after = Checkpoint.load(tmp_path / "c")
    for name in ("fingerprint", "history", "epoch"):
        assert getattr(after, name) == getattr(before, name)
    for state in ("weights", "best", "optimizer", "random"):
        old, new = getattr(before, state), getattr(after, state)
        assert old.keys() == new.keys()
        assert all(torch.equal(old[name], new[name]) for name in old)


def test_every_damage_is_noticed(tmp_path):
    make().save(tmp_path / "c")
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


def test_one_of_another_run_or_version_is_refused_in_one_line(tmp_path):
    make().save(tmp_path / "c")
    with pytest.raises(RunError, match="was begun with another version, corpus, vectors or so"):
        Checkpoint.load(tmp_path / "c", "g")
    content = b"\x08\0\0\0\0\0\0\0{}      \xff"  # safetensors
    (tmp_path / "c").write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
    with pytest.raises(RunError, match="was begun with another version"):
        Checkpoint.load(tmp_path / "c")


def test_it_takes_little_memory_beside_the_state_while_it_is_written(tmp_path):
    weights = {f"w{n}": torch.full((1 << 18,), float(n)) for n in range(64)}  # 1 MiB each
    tracemalloc.start()
    make(weights=weights, best=weights).save(tmp_path / "c")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert torch.equal(Checkpoint.load(tmp_path / "c").best["w63"], weights["w63"])


def test_others_may_read_it_as_other_files_of_ours(tmp_path):
    (tmp_path / "file").touch()
    make().save(tmp_path / "c")
    assert (tmp_path / "c").stat().st_mode == (tmp_path / "file").stat().st_mode


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("shape", [(), (0, 3), (5, 3)])
def test_it_holds_tensors_of_every_kind(tmp_path, dtype, shape):
    tensor = torch.ones(shape, dtype=dtype)
    tensor = tensor.transpose(0, -1) if shape else tensor
    make(weights={"odd": torch.zeros(3, dtype=torch.uint8), "a": tensor}).save(tmp_path / "c")
    found = Checkpoint.load(tmp_path / "c").weights["a"]
    assert found.dtype == dtype
    assert torch.equal(found, tensor)
