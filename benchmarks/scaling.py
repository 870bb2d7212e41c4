"""What corpora of ten thousand to a million utterances cost: ``python -m benchmarks.scaling``.

For every size, one process generates and encodes a corpus into a store, and another trains from it
for a fixed time. Training is linear if a million tokens take as long whatever the size, and memory
is flat if the memory of the training process does not grow but by the file pages it has mapped,
which the system shares between processes and may take back at any time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
from rich.console import Console

from benchmarks.measuring import peak_memory, private_memory, timed
from benchmarks.place import folder_size, generated_settings
from benchmarks.report import Table, insert, table_lines
from benchmarks.workers import environment
from kakehashi.config.settings import RunSettings
from kakehashi.corpora.assistant import generate
from kakehashi.data.encoded import EncodedCorpus
from kakehashi.data.store import Store
from kakehashi.files import write_json
from kakehashi.progress import Progress

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
_HELD_OUT = 500
_GENERATED = 20_000
_MARK = "scaling"
_Item = TypeVar("_Item")


class Deadline(Progress):
    """Ends an epoch when its time is over, and counts the tokens it came to.

    Args:
        corpus: What is trained on.
        seconds: From the first batch on.
    """

    def __init__(self, corpus: EncodedCorpus, seconds: float) -> None:
        self._lengths, self._seconds = corpus.lengths, seconds
        self.tokens = 0
        self.spent = 0.0

    def track(
        self, items: Iterable[_Item], label: str, total: int | None = None
    ) -> Iterator[_Item]:
        """Pass batches on while there is time."""
        began = time.perf_counter()
        for item in items:
            yield item
            self.tokens += int(self._lengths[np.asarray(item)].sum())
            self.spent = time.perf_counter() - began
            if self.spent > self._seconds:
                return


def measure_store(settings: RunSettings, cache: Path) -> dict[str, float]:
    """Generate and encode a corpus."""
    utterances = sum(source.utterances for source in _sources(settings))
    count = min(utterances, _GENERATED)
    _, generation = timed(lambda: sum(1 for _ in generate("ja", count)))
    store, encoding = timed(lambda: Store(cache, settings, Progress()))
    return {
        "generation": count / generation.wall,
        "encoding": utterances / encoding.wall,
        "bytes": folder_size(store.corpus) + folder_size(store.features),
    }


def measure_training(settings: RunSettings, cache: Path, seconds: float) -> dict[str, float]:
    """Train from a store for some seconds."""
    import torch

    from kakehashi.training.job import new_tagger
    from kakehashi.training.trainer import Trainer

    data = Store(cache, settings, Progress()).prepared()
    torch.manual_seed(settings.training.seed)
    training = settings.training.model_copy(update={"epochs": 1})
    tagger = new_tagger(data, settings.model)
    for limit in (0.0, seconds):  # one batch to warm up
        deadline = Deadline(data.train, limit)
        trainer = Trainer(tagger, data, training, "", deadline)
        trainer.train(lambda: None)
    planning = trainer.history[-1].seconds - deadline.spent
    per_token = deadline.spent / deadline.tokens + planning / len(data.train.forms)
    return {
        "tokens": len(data.train.forms),
        "words": len(data.words),
        "trained": deadline.tokens,
        "per_million": 1e6 * per_token,
        "peak": peak_memory(),
        "private": private_memory(),
    }


def table(rows: Sequence[dict[str, float]]) -> Table:
    """Lay the measurements out."""
    heads = ["utterances", "tokens", "words", "generated utt/s", "encoded utt/s", "store MB"]
    heads += ["s per million tokens", "peak MB", "of it private MB"]
    cells = [
        [
            *(f"{row[name]:,.0f}" for name in ("utterances", "tokens", "words")),
            *(f"{row[name]:,.0f}" for name in ("generation", "encoding")),
            f"{row['bytes'] / 1e6:,.1f}",
            f"{row['per_million']:.1f}",
            *(f"{row[name] / 1e6:,.0f}" for name in ("peak", "private")),
        ]
        for row in rows
    ]
    return Table("Training cost against corpus size", heads, cells)


def draw(rows: Sequence[dict[str, float]], stem: Path) -> None:
    """Draw cost and memory against size, as SVG and PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    cost, memory = figure.subplots(1, 2)
    sizes = [row["utterances"] for row in rows]
    cost.plot(sizes, [row["per_million"] for row in rows], marker="o", color="#0072b2")
    cost.set_ylabel("seconds per million tokens")
    for name, color in (("peak", "#d55e00"), ("private", "#009e73")):
        values = [row[name] / 1e6 for row in rows]
        memory.plot(sizes, values, marker="o", color=color, label=name)
    memory.set_ylabel("memory of the process, MB")
    memory.legend(frameon=False)
    for axes in (cost, memory):
        axes.set_xscale("log")
        axes.set_ylim(0, 1.1 * axes.dataLim.ymax)
        axes.set_xlabel("training utterances")
    for suffix in (".svg", ".png"):
        figure.savefig(stem.with_suffix(suffix), dpi=150)


def measure(size: int, folder: Path, seconds: float) -> dict[str, float]:
    """Measure one size, each part in a process of its own."""
    facts: dict[str, float] = {"utterances": size}
    for what in ("store", "training"):
        arguments = ["--part", what, "--sizes", str(size), "--seconds", str(seconds)]
        output = subprocess.run(
            [sys.executable, "-m", "benchmarks.scaling", *arguments, "--folder", str(folder)],
            check=True,
            stdout=subprocess.PIPE,
            env=environment(1),
        ).stdout
        facts |= json.loads(output)
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all sizes, print a table, draw a figure."""
    options = _parser().parse_args(arguments)
    if options.part is not None:
        sys.stdout.write(json.dumps(_measure_part(options)))
        return 0
    news, rows = Console(stderr=True, highlight=False), []
    with TemporaryDirectory(prefix="scaling-") as folder:
        for size in options.sizes:
            news.print(f"{size:,} utterances", style="dim")
            rows.append(measure(size, Path(folder) / str(size), options.seconds))
    found = table(rows)
    Console().print("\n".join(table_lines(found)), markup=False, soft_wrap=True)
    if options.json is not None:
        write_json(options.json, rows)
    if options.figure is not None:
        draw(rows, options.figure)
    if options.document is not None:
        insert(options.document, _MARK, "\n".join(table_lines(found)))
    return 0


def _measure_part(options: argparse.Namespace) -> dict[str, float]:
    settings = generated_settings(options.sizes[0], _HELD_OUT)
    if options.part == "store":
        return measure_store(settings, options.folder)
    return measure_training(settings, options.folder, options.seconds)


def _sources(settings: RunSettings) -> Iterator[Any]:
    corpus = settings.corpus
    yield from (*corpus.train, *corpus.dev, *corpus.test)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    parser.add_argument("--seconds", type=float, default=60.0, help="of training at each size")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    parser.add_argument("--figure", type=Path, metavar="STEM", help="write STEM.svg and STEM.png")
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="put the table into this Markdown file"
    )
    parser.add_argument("--part", choices=("store", "training"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
