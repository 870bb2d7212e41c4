"""Tagging by torch, on a GPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kakehashi.data.batches import Ids
from kakehashi.data.vocabulary import FormFeatures
from kakehashi.model.device import find_device, to_device
from kakehashi.model.folder import build_model
from kakehashi.model.sequence_tagger import SequenceTagger
from kakehashi.model.tagger import Tagger
from kakehashi.runtime.decoder import Decoder
from kakehashi.runtime.model_folder import TrainedModel
from kakehashi.runtime.network import Network, NumpyNetwork
from kakehashi.runtime.steps import FloatArray


def network_of(tagger: SequenceTagger) -> Network:
    """Return the network of a tagger: in numpy if there is one, and the tagger is on the CPU."""
    if tagger.device.type != "cpu" or not isinstance(tagger, Tagger):
        return TorchNetwork(tagger)
    return NumpyNetwork({name: value.numpy() for name, value in tagger.state_dict().items()})


def decoder_of(tagger: SequenceTagger) -> Decoder:
    """Return the decoder of a tagger, by its weights as they are now."""
    crf = tagger.crf
    return Decoder(tagger.tagset, None if crf is None else crf.transitions.detach().cpu().numpy())


def open_network(model: TrainedModel, device: str) -> Network:
    """Load a model into torch; `ConfigError` if there is no such device."""
    return TorchNetwork(build_model(model).tagger.to(find_device(device)))


class TorchNetwork:
    """A `Network` on the device of a tagger in evaluation mode; what is cached stays with numpy."""

    exact = None

    def __init__(self, tagger: SequenceTagger) -> None:
        self._tagger = tagger

    @torch.inference_mode()
    def project(self, forms: npt.NDArray[np.integer], features: FormFeatures) -> FloatArray:
        """Compute of forms what does not depend on context."""
        items = self._tagger.items(forms, features)
        return np.asarray(self._tagger.word.lstm.project(items).cpu())

    @torch.inference_mode()
    def emit(self, projected: FloatArray, rows: Ids, offsets: Ids) -> FloatArray:
        """Compute the emissions of sentences (tokens, tags)."""
        tagger, (forms, places) = self._tagger, np.unique(rows, return_inverse=True)
        (inverse,) = to_device([places], tagger.device)
        items = torch.from_numpy(projected[forms]).to(tagger.device)
        states = tagger.word.lstm.states_of(items, inverse, np.diff(offsets))
        return np.asarray(tagger.dense(states).cpu())
