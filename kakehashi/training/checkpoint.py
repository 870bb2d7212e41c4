"""Everything that an interrupted training needs to continue as if nothing had happened.

One file: the SHA-256 of the rest, a line of JSON, and the bytes of the tensors. safetensors would
write files that only their owner can read, leave a temporary one behind when it is killed, and hide
what the system says of a full disk. The order of the batches needs no state: it is a function of
(seed, epoch).
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kakehashi.errors import RunError
from kakehashi.files import replacing_file

Epoch = dict[str, Any]
"""A line of ``epochs.jsonl``: ``number``, from 1; ``updates`` of the weights so far; mean ``loss``
per token; ``seconds`` of training; F1 on ``dev`` and ``test`` in percent, None if not scored."""

_STATES = ("weights", "best", "optimizer", "random")


@dataclass
class Checkpoint:
    """The state between two batches, or between two epochs."""

    fingerprint: str  # of what the run was started from; no other run continues from here
    history: list[Epoch]  # the epochs that are finished
    epoch: dict[str, Any] | None  # state of the unfinished one; None between two epochs
    weights: dict[str, Tensor]
    best: dict[str, Tensor]  # weights after the best epoch
    optimizer: dict[str, Tensor]
    random: dict[str, Tensor]  # state of torch's random numbers, per kind of device

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically; on a CPU no tensor is copied."""
        tensors, described = [], []
        for state in _STATES:
            for name, tensor in getattr(self, state).items():
                kind = str(tensor.dtype).removeprefix("torch.")
                described.append((state, name, kind, list(tensor.shape)))
                tensors.append(tensor.detach().contiguous().view(-1).view(torch.uint8))
        header = {name: getattr(self, name) for name in ("fingerprint", "history", "epoch")}
        line = json.dumps({**header, "tensors": described}).encode() + b"\n"
        digest = hashlib.sha256()
        with replacing_file(path) as temporary, temporary.open("wb") as file:
            file.write(digest.hexdigest().encode())
            for content in chain([line], (tensor.cpu().numpy() for tensor in tensors)):
                digest.update(content)
                file.write(content)
            file.seek(0)
            file.write(digest.hexdigest().encode())

    @classmethod
    def load(cls, path: Path, fingerprint: str | None = None) -> Checkpoint:
        """Read a checkpoint; `RunError` if it is damaged, of another version, or of another run."""
        with path.open("rb") as file:
            found, line, data = file.read(64), file.readline(), np.fromfile(file, np.uint8)
        digest = hashlib.sha256(line)
        digest.update(data.data)
        if digest.hexdigest().encode() != found:
            raise RunError(path, "is damaged; remove it to train from the beginning")
        header = json.loads(line) if line.startswith(b"{") else {}
        if not header or fingerprint not in (None, header["fingerprint"]):
            problem = "was begun with another version, corpus, vectors or source model than now"
            remedy = "choose another folder with --out, or remove it"
            raise RunError(path.parent, f"{problem}; {remedy}")
        states: dict[str, dict[str, Tensor]] = {state: {} for state in _STATES}
        start = 0
        for state, name, kind, shape in header.pop("tensors"):
            dtype = getattr(torch, kind)
            end = start + math.prod(shape) * dtype.itemsize
            states[state][name] = torch.from_numpy(data)[start:end].clone().view(dtype).view(shape)
            start = end
        return cls(header["fingerprint"], header["history"], header["epoch"], **states)
