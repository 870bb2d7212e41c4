"""Text in, mentions out, through an encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from kakehashi.data.batches import Ids
from kakehashi.encoders.encoder import open_encoder
from kakehashi.encoders.encoder_folder import EncoderModel, load_encoder_model
from kakehashi.errors import ModelError
from kakehashi.model.device import find_device
from kakehashi.model.torch_network import TorchNetwork, decoder_of
from kakehashi.runtime.checked_folder import temperature_of
from kakehashi.runtime.recognizer import DescribedModel, Recognizer, open_segmenter
from kakehashi.runtime.steps import FloatArray, Precision
from kakehashi.sentence import Token
from kakehashi.text.views import view


class Encodes(Protocol):
    """An `Encoder`, or what keeps the states of one."""

    fingerprint: str

    def encode(self, sentences: Sequence[Sequence[str]]) -> npt.NDArray[np.float16]:
        """Return the states of all tokens, sentence after sentence (tokens, layers · width)."""


def forms_of(tokens: Sequence[Token]) -> list[str]:
    """Return tokens as an encoder gets them."""
    return [view(token.text, "", "original") for token in tokens]


class EncoderRecognizer(Recognizer):
    """A `Recognizer` whose model reads the states of an encoder.

    Args:
        model: Computes where its tagger is.
        encoder: Default: the one that the model names. `ModelError` if its files are not those
            that the model was trained with.
    """

    def __init__(self, model: EncoderModel, encoder: Encodes | None = None) -> None:
        self._tagger = tagger = model.tagger.eval()
        self.model = model
        self.segmenter, self.precision = open_segmenter(model), "float32"
        self._encoder = encoder or open_encoder(tagger.settings, tagger.device)
        if self._encoder.fingerprint != model.fingerprint:
            problem = f"its encoder, {tagger.settings.name}, has other files than in training"
            raise ModelError(model.name, f"{problem}; install that one, or train the model again")
        self.network = TorchNetwork(tagger)
        self.decoder = decoder_of(tagger).scaled(temperature_of(model.calibration))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        precision: Precision | None = None,
        cache_bytes: int | None = None,
        device: str = "cpu",
    ) -> EncoderRecognizer:
        """Load the model of a model or run folder, and its encoder; raises as they do.

        The precision is that of training, and nothing is cached between calls, whatever is given.
        """
        place, model = find_device(device), load_encoder_model(path)
        model.tagger.to(place)
        return cls(model)

    def __reduce__(self) -> tuple[Callable[..., Recognizer], tuple[DescribedModel]]:
        """Send the model; the encoder is loaded again."""
        return type(self), (self.model,)

    def clear(self) -> None:
        """Do nothing: no states are kept."""

    @torch.inference_mode()
    def _look_up(self, tokens: Sequence[Sequence[Token]]) -> tuple[FloatArray, Ids]:
        word = self._tagger.word
        states = torch.from_numpy(self._encoder.encode(list(map(forms_of, tokens))))
        items = word.embed(states.to(self._tagger.device).float())
        return np.asarray(word.lstm.project(items).cpu()), np.arange(len(states))


def load_encoder_recognizer(path: str | Path, *, device: str = "cpu") -> EncoderRecognizer:
    """Load the recognizer of a run or model folder of system ``encoder``."""
    return EncoderRecognizer.load(path, device=device)
