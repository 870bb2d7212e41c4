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
from typing import Any

import numpy as np
import torch

from benchmarks.engine import new_tagger, prepare_whole
from benchmarks.place import Place
from kakehashi.config.settings import ModelSettings
from kakehashi.data.batches import make_batch, plan_batches
from kakehashi.data.encoded import EncodedCorpus
from kakehashi.data.forms import FormFeatures

_TAGGING_BATCH = 4096
_BACKWARD = 3
"""A training step multiplies three times as much: forward, and the gradients of both factors."""


def needs(place: Place) -> dict[str, float]:
    """Count the floating-point operations that the products for one token need.

    Returns:
        Operations per token: in tagging with the characters of every token, of the distinct forms
        of a batch, or with all that hangs on the form alone known already; in training with the
        first two.
    """
    data = prepare_whole(place)
    settings = new_tagger(data, place.settings.model).settings
    context = _context(settings, len(data.tagset))
    inputs = 2 * _product(_word_input(settings), 4 * settings.word_lstm_width)
    batch_tokens = place.settings.training.batch_tokens
    tagging = [_chars(settings, data.test, data.features, size) for size in (1, _TAGGING_BATCH)]
    training = [_chars(settings, data.train, data.features, size) for size in (1, batch_tokens)]
    return {
        "training, characters of every token": _BACKWARD * (training[0] + inputs + context),
        "training, distinct forms of a batch": _BACKWARD * (training[1] + inputs + context),
        "tagging, characters of every token": tagging[0] + inputs + context,
        "tagging, distinct forms of a batch": tagging[1] + inputs + context,
        "tagging, all forms known": context,
    }


def _context(settings: ModelSettings, n_tags: int) -> float:
    """Count what no memory of forms can save: the word LSTM's recurrence, and the output."""
    width = settings.word_lstm_width
    return 2 * _product(width, 4 * width) + _product(2 * width, n_tags)


def _chars(
    settings: ModelSettings, corpus: EncodedCorpus, features: FormFeatures, batch_tokens: int
) -> float:
    """Count what the character LSTM needs per token.

    Args:
        settings: Widths.
        corpus: Measured.
        features: N-grams per form.
        batch_tokens: Tokens that share their forms; 1: none do, and each n-gram counts.
    """
    width = settings.char_lstm_width
    projection = 2 * _product(settings.char_width, 4 * width)
    recurrence = 2 * _product(width, 4 * width)
    if batch_tokens == 1:
        lengths = np.diff(features.offsets)[corpus.forms]
        return float(lengths.mean()) * (projection + recurrence)
    distinct = ngrams = 0
    for sentences in plan_batches(corpus.lengths, batch_tokens):
        batch = make_batch(sentences, corpus.offsets, corpus.forms, features)
        distinct += len(batch.ngram_ids)
        ngrams += len(batch.ngrams)
    return (distinct * projection + ngrams * recurrence) / len(corpus.forms)


def _word_input(settings: ModelSettings) -> int:
    return (settings.word_width or 0) + 2 * settings.char_lstm_width


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
    facts = {"machine": machine(float(seconds)), "needs": needs(Place.open(Path(folder)))}
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
