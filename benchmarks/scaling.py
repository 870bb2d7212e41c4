"""What corpora of ten thousand to five million utterances cost: ``python -m benchmarks.scaling``.

At every size a process writes a corpus into a file, another encodes the file into a cache folder,
and a third trains from that for a fixed time. Cost is linear if a second encodes as many
utterances, and a million tokens take as long to train on, whatever the size. Memory is flat if it
hardly grows but by the file pages that are mapped, which the system may take back at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
from rich.console import Console

from benchmarks.growth import Row, draw, fits, table
from benchmarks.place import folder_size, generated_settings
from benchmarks.report import insert, table_lines
from benchmarks.watching import Watched
from benchmarks.workers import environment
from kakehashi.config.settings import RunSettings
from kakehashi.config.sources import AssistantSource
from kakehashi.corpora.formats import guess_source
from kakehashi.corpora.writing import write_generated
from kakehashi.data.cache import load_dataset
from kakehashi.data.encode import EncodedCorpus
from kakehashi.files import write_json
from kakehashi.progress import Progress

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 5_000_000)
_HELD_OUT = 500
_MARK = "scaling"
_CORES = len(os.sched_getaffinity(0))
_GENERATED = "generated"
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


def measure_generation(source: AssistantSource, file: Path, processes: int) -> dict[str, float]:
    """Generate a corpus into a file."""
    began = time.perf_counter()
    write_generated(file, source, processes)
    return {"generation": source.utterances / (time.perf_counter() - began)}


def measure_encoding(settings: RunSettings, cache: Path, processes: int) -> dict[str, float]:
    """Encode a corpus."""
    began = time.perf_counter()
    data, _ = load_dataset(cache, settings, Progress(), processes)
    seconds = time.perf_counter() - began
    return {"encoding": len(data.train) / seconds, "bytes": folder_size(cache)}


def measure_training(settings: RunSettings, cache: Path, seconds: float) -> dict[str, float]:
    """Train from a cache folder for some seconds."""
    import torch

    from benchmarks.engine import train_all
    from kakehashi.training.initial import new_tagger
    from kakehashi.training.trainer import Trainer

    data, _ = load_dataset(cache, settings, Progress())
    torch.manual_seed(settings.training.seed)
    training = settings.training.model_copy(update={"epochs": 1})
    tagger = new_tagger(data, settings.model)
    for limit in (0.0, seconds):  # one batch to warm up
        deadline = Deadline(data.train, limit)
        trainer = Trainer(tagger, data, training, deadline)
        train_all(trainer)
    planning = trainer.history[-1]["seconds"] - deadline.spent
    per_token = deadline.spent / deadline.tokens + planning / len(data.train.forms)
    return {
        "tokens": len(data.train.forms),
        "trained": deadline.tokens,
        "per_million": 1e6 * per_token,
    }


def measure(options: argparse.Namespace, language: str, size: int, folder: Path) -> Row:
    """Measure one size, each part in a process of its own, whose memory we watch."""
    facts: dict[str, Any] = {"language": language, "utterances": size, "source": options.source}
    parts = ["generation", "encoding", "training"]
    for part in parts[options.source == _GENERATED :]:
        arguments = ["--part", part, "--language", language, "--sizes", str(size)]
        arguments += ["--seconds", str(options.seconds), "--processes", str(options.processes)]
        arguments += ["--source", options.source, "--folder", str(folder)]
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling", *arguments],
            stdout=subprocess.PIPE,
            env=environment(1),
        )
        with Watched(process.pid) as watched:
            output, _ = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        facts |= json.loads(output)
        facts |= {f"{part}_{name}": size for name, size in watched.most._asdict().items()}
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all sizes, print a table, draw a figure."""
    options = _parser().parse_args(arguments)
    if options.part is not None:
        sys.stdout.write(json.dumps(_measure_part(options)))
        return 0
    news = Console(stderr=True, highlight=False)
    rows: list[Row] = [row for file in options.earlier for row in json.loads(file.read_bytes())]
    for language in options.language:
        for size in options.sizes:
            news.print(f"{language}: {size:,} utterances", style="dim")
            with TemporaryDirectory(prefix="scaling-") as folder:
                rows.append(measure(options, language, size, Path(folder)))
            if options.json is not None:
                write_json(options.json, rows)
    rows.sort(key=lambda row: (row["language"], row["utterances"]))
    text = "\n\n".join("\n".join(table_lines(made(rows))) for made in (table, fits))
    Console().print(text, markup=False, soft_wrap=True)
    if options.figure is not None:
        draw(rows, options.figure)
    if options.document is not None:
        insert(options.document, _MARK, text)
    return 0


def _measure_part(options: argparse.Namespace) -> dict[str, float]:
    size, folder, [language] = options.sizes[0], options.folder, options.language
    settings = generated_settings(size, _HELD_OUT, language)
    if options.source != _GENERATED:
        file = folder / f"train.{options.source}"
        if options.part == "generation":
            source = AssistantSource(language=language, utterances=size)
            return measure_generation(source, file, options.processes)
        corpus = settings.corpus.model_copy(update={"train": (guess_source(file),)})
        settings = settings.model_copy(update={"corpus": corpus})
    if options.part == "encoding":
        return measure_encoding(settings, folder / "cache", options.processes)
    return measure_training(settings, folder / "cache", options.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=main.__doc__)
    add = parser.add_argument
    add("--sizes", type=int, nargs="*", default=SIZES, metavar="N", help="none: only earlier ones")
    add("--language", nargs="+", default=["en", "ja"], choices=("en", "ja", "de"))
    add("--source", default="parquet", choices=("parquet", "jsonl", _GENERATED))
    add("--processes", type=int, default=_CORES, help="generate and encode; default: the cores")
    add("--seconds", type=float, default=60.0, help="of training at each size")
    add("--json", type=Path, metavar="FILE", help="write all measurements")
    add("--earlier", type=Path, nargs="+", default=[], metavar="FILE", help="show these, too")
    add("--figure", type=Path, metavar="STEM", help="write STEM.svg and STEM.png")
    add("--document", type=Path, metavar="FILE", help="put the tables into this Markdown file")
    add("--part", choices=("generation", "encoding", "training"), help=argparse.SUPPRESS)
    add("--folder", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
