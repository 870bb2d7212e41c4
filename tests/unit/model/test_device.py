import numpy as np
import pytest
import torch

from kakehashi.errors import ConfigError
from kakehashi.model.device import CPU, find_device, to_device


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", torch.backends.cudnn.allow_tf32)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1"])
def test_devices_that_are_there_are_found(name, two_gpus):
    assert find_device(name) == torch.device(name)


def test_float32_is_not_rounded_on_a_gpu(two_gpus):
    torch.backends.cudnn.allow_tf32 = True
    find_device("cuda")
    assert not torch.backends.cudnn.allow_tf32


def test_devices_that_are_not_there_are_refused(two_gpus):
    with pytest.raises(ConfigError, match=r"^device: cuda:2 is not there: torch .* sees 2 GPUs"):
        find_device("cuda:2")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda0", "cpu:0", "mps"])
def test_other_names_are_refused(name, two_gpus):
    with pytest.raises(ConfigError, match=f"^here: expected cpu, cuda or cuda:N; got '{name}'"):
        find_device(name, "here")


ARRAYS = [np.arange(6).reshape(2, 3).T, np.arange(0), np.array([7])]


def test_on_the_cpu_nothing_is_copied():
    tensors = to_device(ARRAYS, CPU)
    tensors[0][0, 1] = 99
    assert ARRAYS[0][0, 1] == 99
    ARRAYS[0][0, 1] = 3


def test_elsewhere_tensors_have_the_values_and_shapes_of_the_arrays(monkeypatch):
    class Elsewhere:
        """A device that is not the CPU, and has its memory there."""

        type = "elsewhere"

    def to(tensor, device, *, non_blocking):
        assert isinstance(device, Elsewhere)
        assert non_blocking
        return tensor.clone()

    monkeypatch.setattr(torch.Tensor, "to", to)
    for tensor, array in zip(to_device(ARRAYS, Elsewhere()), ARRAYS, strict=True):
        assert np.array_equal(tensor, array)
        assert tensor.shape == array.shape
        assert not np.shares_memory(tensor, array)
