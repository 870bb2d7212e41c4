"""From the tokens of sentences to their states in some layers of a frozen encoder.

Each token is cut into pieces by itself, and its state is the mean of theirs, so that one form has
the same pieces in every sentence, and no piece crosses the edge of a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kakehashi.config.settings import EncoderSettings
from kakehashi.data.batches import plan_batches
from kakehashi.encoders.e5 import E5Network
from kakehashi.encoders.hub import HubNetwork
from kakehashi.encoders.locate import E5, encoder_fingerprint, find_encoder
from kakehashi.errors import ConfigError

_BATCH_PIECES = 4096
_LARGEST = float(np.finfo(np.float16).max)


class Network(Protocol):
    """What differs between encoders: pieces, and states of pieces."""

    n_layers: int
    width: int  # of the state of a piece in a layer
    longest: int  # most pieces in a sequence, with the two at its edges
    edges: tuple[list[int], list[int]]  # pieces before and after those of a sentence

    def pieces(self, form: str) -> Sequence[int]:
        """Cut a form, which is not empty, into pieces; at least one."""

    def states(self, ids: Tensor, lengths: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Compute the states of some layers (sequences, pieces, width), the first layer being 1.

        Ids are (sequences, pieces), padded with 0; ``lengths`` has the pieces of each.
        """


class Encoder:
    """States of tokens in some layers; without gradients, and the same for a text at all times.

    Args:
        settings: Name, layers and precision. `ConfigError` if there is no such encoder or layer,
            or its files do not fit together; `MissingExtraError` without the extra ``teacher``.
        device: Where the encoder computes.
    """

    def __init__(self, settings: EncoderSettings, device: torch.device) -> None:
        path = find_encoder(settings.name)
        dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
        kind: type[E5Network | HubNetwork] = E5Network if settings.name == E5 else HubNetwork
        self.fingerprint = encoder_fingerprint(settings.name)
        self._network: Network = kind(path, dtype, device)
        self._layers, self._device = settings.layers, device
        if settings.layers[-1] > self._network.n_layers:
            problem = f"{settings.name} has {self._network.n_layers} layers, and no layer"
            raise ConfigError("encoder.layers", f"{problem} {settings.layers[-1]}")
        self.width = len(settings.layers) * self._network.width
        self._pieces: dict[str, Sequence[int]] = {}
        self._last: tuple[list[list[str]], npt.NDArray[np.float16]] | None = None

    def encode(self, sentences: Sequence[Sequence[str]]) -> npt.NDArray[np.float16]:
        """Compute the states of all tokens, sentence after sentence (tokens, layers · width).

        Those of the last call are kept, for the next recognizer that is to read these sentences;
        they are not to be changed.
        """
        wanted, last = [list(sentence) for sentence in sentences], self._last
        if last is None or last[0] != wanted:
            last = self._last = wanted, self._compute(wanted)
        return last[1]

    def _compute(self, sentences: Sequence[Sequence[str]]) -> npt.NDArray[np.float16]:
        forms = list(chain.from_iterable(sentences))
        pieces = [self._pieces_of(form) for form in forms]
        sizes = np.array([len(each) for each in pieces], dtype=np.int64)
        windows = np.array(list(self._windows(sentences, sizes)), dtype=np.int64).reshape(-1, 2)
        totals = np.append(0, np.cumsum(sizes))
        lengths = totals[windows[:, 1]] - totals[windows[:, 0]]
        states = np.zeros((len(forms), self.width), dtype=np.float16)
        for numbers in plan_batches(lengths, _BATCH_PIECES):
            batch = windows[numbers]
            flat = [list(chain.from_iterable(pieces[start:end])) for start, end in batch]
            rows = np.concatenate([np.arange(start, end) for start, end in batch])
            states[rows] = self._means(flat, sizes[rows])
        return states

    def _pieces_of(self, form: str) -> Sequence[int]:
        if form not in self._pieces:
            self._pieces[form] = self._network.pieces(form)[: self._most]
        return self._pieces[form]

    @property
    def _most(self) -> int:
        return self._network.longest - sum(map(len, self._network.edges))

    def _windows(
        self, sentences: Sequence[Sequence[str]], sizes: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, int]]:
        """Yield token ranges: sentences, or parts of one that is too long for the encoder."""
        start = 0
        for sentence in sentences:
            end, n_pieces = start, 0
            for token in range(start, start + len(sentence)):
                if n_pieces + sizes[token] > self._most:
                    yield end, token
                    end, n_pieces = token, 0
                n_pieces += sizes[token]
            start += len(sentence)
            if end < start:
                yield end, start

    @torch.inference_mode()
    def _means(
        self, pieces: Sequence[Sequence[int]], sizes: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float16]:
        """Encode sequences; average the states of the pieces of each token, ``sizes`` of them."""
        before, after = self._network.edges
        rows = [torch.tensor([*before, *each, *after]) for each in pieces]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self._device)
        lengths = torch.tensor([len(row) for row in rows], device=self._device)
        place = torch.arange(ids.shape[1], device=self._device)
        inside = (place >= len(before)) & (place < (lengths - len(after))[:, None])
        counts = torch.from_numpy(sizes).to(self._device)
        tokens = torch.repeat_interleave(counts)
        means = []
        for layer in self._network.states(ids, lengths, self._layers):
            sums = torch.zeros(len(sizes), layer.shape[2], device=self._device)
            sums.index_add_(0, tokens, layer[inside].float())
            means.append(sums / counts[:, None])
        half = torch.cat(means, 1).clamp(-_LARGEST, _LARGEST).half()
        return np.asarray(half.cpu())


_in_use = WeakValueDictionary[tuple[object, ...], Encoder]()


def open_encoder(settings: EncoderSettings, device: torch.device) -> Encoder:
    """Return the `Encoder` that is in use with these settings, or else load it."""
    key = settings.name, settings.layers, settings.precision, str(device)
    if (encoder := _in_use.get(key)) is None:
        encoder = _in_use[key] = Encoder(settings, device)
    return encoder
