"""What the machine can multiply, and what a token needs: the bound that no engine can pass.

Run as a process of its own, since it loads torch: ``python -m benchmarks.limits FOLDER``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.engine import prepare_whole
from benchmarks.place import Place
from kakehashi.config.architecture import ModelSettings
from kakehashi.data.batches import make_batch, plan_batches
from kakehashi.data.encode import EncodedCorpus
from kakehashi.data.vocabulary import FormFeatures
from kakehashi.training.initial import new_tagger

_TAGGING_BATCH = 4096


class ForwardNeeds(NamedTuple):
    """Operations of the products of one forward pass, 2 for a multiplication with its addition.

    Attributes:
        char_input: Per n-gram, from its embedding to the gates.
        char_recurrence: Per n-gram, from the last state to the gates.
        word_input: Per token, from its embedding and its form to the gates.
        context: Per token, what no memory of forms can save: the recurrence, and the output.
    """

    char_input: float
    char_recurrence: float
    word_input: float
    context: float


def forward_needs(settings: ModelSettings, n_tags: int) -> ForwardNeeds:
    """Count the operations of an architecture whose word width is resolved."""
    char, word = settings.char_lstm_width, settings.word_lstm_width
    return ForwardNeeds(
        char_input=2 * _product(settings.char_width, 4 * char),
        char_recurrence=2 * _product(char, 4 * char),
        word_input=2 * _product((settings.word_width or 0) + 2 * char, 4 * word),
        context=2 * _product(word, 4 * word) + _product(2 * word, n_tags),
    )


def needs_per_token(place: Place) -> dict[str, float]:
    """Count the operations that a token needs, with more and more known of its form."""
    data = prepare_whole(place)
    settings = new_tagger(data, place.settings.model).settings
    forward = forward_needs(settings, len(data.tagset))
    token = forward.word_input + forward.context
    train, test, features = data.train, data.test, data.features
    batch_tokens = place.settings.training.batch_tokens
    distinct = token + _distinct_forms(forward, train, features, batch_tokens)
    return {
        "training, characters of every token": 3 * (token + _every_form(forward, train, features)),
        "training, distinct forms of a batch": 3 * distinct,  # forward, and both factors' gradients
        "tagging, characters of every token": token + _every_form(forward, test, features),
        "tagging, distinct forms of a batch": token
        + _distinct_forms(forward, test, features, _TAGGING_BATCH),
        "tagging, all forms known": forward.context,
    }


def _every_form(forward: ForwardNeeds, corpus: EncodedCorpus, features: FormFeatures) -> float:
    """Count what the character LSTM needs per token, if it runs for each."""
    lengths = np.diff(features.offsets)[corpus.forms]
    return float(lengths.mean()) * (forward.char_input + forward.char_recurrence)


def _distinct_forms(
    forward: ForwardNeeds, corpus: EncodedCorpus, features: FormFeatures, batch_tokens: int
) -> float:
    """Count what it needs per token, if it runs once for each form of a batch."""
    operations = 0.0
    for sentences in plan_batches(corpus.lengths, batch_tokens):
        batch = make_batch(sentences, corpus.offsets, corpus.forms, features)
        operations += len(batch.ngram_ids) * forward.char_input
        operations += len(batch.ngrams) * forward.char_recurrence
    return operations / len(corpus.forms)


def _product(rows: int, columns: int) -> int:
    """Count multiplications and additions of a vector times a matrix."""
    return 2 * rows * columns


def product_peak(dtype: torch.dtype, seconds: float) -> float:
    """Measure the best matrix product of several sizes, in operations per second."""
    best = 0.0
    for size in (256, 512, 1024, 2048):
        one = torch.randn(size, size).to(dtype)
        two, out = one.clone(), torch.empty_like(one)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            torch.mm(one, two, out=out)
            best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def machine(seconds: float) -> dict[str, Any]:
    """Describe the machine, and measure its peaks."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "peak": {
            name: product_peak(dtype, seconds)
            for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
        },
    }


def _processor() -> str:
    """Name the processor, as Linux does where it is Linux."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def main(arguments: Sequence[str]) -> None:
    """Write machine and needs as JSON."""
    folder, seconds = arguments
    facts = {"machine": machine(float(seconds)), "needs": needs_per_token(Place.open(Path(folder)))}
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
