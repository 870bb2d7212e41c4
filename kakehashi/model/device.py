"""Where a tagger computes, on the CPU or on a GPU, and with how many threads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.errors import ConfigError

CPU = torch.device("cpu")


def find_device(name: str, key: str = "device") -> torch.device:
    """Return the device of a name: ``cpu``, ``cuda``, or ``cuda:1`` and so on.

    ConfigError, which names the setting ``key``, if it is not there.
    """
    kind, _, number = name.partition(":")
    if name == "cpu":
        return CPU
    if kind != "cuda" or not (number.isdecimal() or name == "cuda"):
        raise ConfigError(key, f"expected cpu, cuda or cuda:N; got {name!r}")
    n_devices = torch.cuda.device_count()
    if int(number or 0) >= n_devices:
        seen = f"torch {torch.__version__} sees {n_devices} GPUs"
        raise ConfigError(key, f"{name} is not there: {seen}; use cpu")
    # float32 means float32 there too: by default cuDNN rounds what an LSTM multiplies to 11 bits.
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)


def to_device(arrays: Sequence[npt.NDArray[np.int64]], device: torch.device) -> tuple[Tensor, ...]:
    """Turn arrays into tensors of a device; on a CPU they share memory.

    To a GPU all go in one copy from pinned memory, for which nobody waits: the next batch is made
    while the GPU works on the last ones.
    """
    if device.type == "cpu":
        return tuple(torch.from_numpy(array) for array in arrays)
    flat = torch.from_numpy(np.concatenate([array.reshape(-1) for array in arrays]))
    if device.type == "cuda":
        flat = flat.pin_memory()
    parts = flat.to(device, non_blocking=True).split([array.size for array in arrays])
    return tuple(part.view(array.shape) for part, array in zip(parts, arrays, strict=True))


# A fork copies one thread alone, and OpenMP would wait for the others for ever.
os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Let torch compute with this many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
