"""Everything that an interrupted training needs to go on as if nothing had happened.

One file: the SHA-256 of what follows, then safetensors, written tensor by tensor: the library's own
writer would hold a copy of all of them. Weights of now and of the best epoch, the moments of Adam,
the state of torch's random numbers, the scores so far, and how far the epoch is. The order of the
data needs no state: it is a function of (seed, epoch).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from kakehashi.errors import RunError
from kakehashi.files import fill_atomically

_DIGEST = 64
_TYPES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
}


@dataclass
class Checkpoint:
    """The state between two batches, or between two epochs.

    Attributes:
        fingerprint: Hash of what the run was started from; another run must not go on from here.
        history: What each finished epoch gave, as JSON takes it.
        weights: State of the tagger.
        best: State of the tagger after the best epoch.
        moments: Adam's state, as `Optimization.moments` lays it out.
        random: State of torch's random numbers, per kind of device.
        course: How far the epoch is, as `Course.state` says; None between two epochs.
    """

    fingerprint: str
    history: list[dict[str, Any]]
    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    moments: dict[str, Tensor]
    random: dict[str, Tensor]
    course: Mapping[str, Any] | None = None

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically, with no more memory than its largest tensor has."""
        tensors = {
            f"{part}/{name}": value
            for part, state in self._parts()
            for name, value in state.items()
        }
        header = self._header(tensors)

        def fill(temporary: Path) -> None:
            digest = hashlib.sha256()
            with temporary.open("wb") as file:
                file.write(bytes(_DIGEST))
                for piece in chain([header], map(_bytes_of, tensors.values())):
                    digest.update(piece)
                    file.write(piece)
                file.seek(0)
                file.write(digest.hexdigest().encode())

        fill_atomically(path, fill)

    def _header(self, tensors: Mapping[str, Tensor]) -> bytes:
        """Describe tensors as safetensors does: where each lies, and the rest as metadata."""
        header: dict[str, object] = {
            "__metadata__": {
                "fingerprint": self.fingerprint,
                "history": json.dumps(self.history),
                "course": json.dumps(self.course),
            }
        }
        end = 0
        for name, tensor in tensors.items():
            start, end = end, end + tensor.nbytes
            header[name] = {
                "dtype": _TYPES[tensor.dtype],
                "shape": list(tensor.shape),
                "data_offsets": [start, end],
            }
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint, also one of the time when there were none inside an epoch.

        Raises:
            RunError: If the file is damaged.
        """
        data = path.read_bytes()
        payload = data[_DIGEST:]
        if hashlib.sha256(payload).hexdigest().encode() != data[:_DIGEST]:
            raise RunError(path, "is damaged; remove it to train from the beginning")
        tensors = load(payload)
        header = json.loads(payload[8 : 8 + int.from_bytes(payload[:8], "little")])["__metadata__"]
        course = json.loads(header.get("course", "null"))
        checkpoint = cls(
            header["fingerprint"], json.loads(header["history"]), {}, {}, {}, {}, course
        )
        for part, state in checkpoint._parts():
            prefix = f"{part}/"
            state |= {
                name.removeprefix(prefix): value
                for name, value in tensors.items()
                if name.startswith(prefix)
            }
        return checkpoint

    def _parts(self) -> list[tuple[str, dict[str, Tensor]]]:
        return [
            ("weights", self.weights),
            ("best", self.best),
            ("moments", self.moments),
            ("random", self.random),
        ]


def _bytes_of(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()
