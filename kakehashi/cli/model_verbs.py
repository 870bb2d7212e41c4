"""The verbs that make and use models: train, predict, demo, settings."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from kakehashi.cli import console, options, show
from kakehashi.cli.options import ColumnOptions, arg, flag, opt, refuse
from kakehashi.errors import ConfigError, KakehashiError

if TYPE_CHECKING:
    from kakehashi.corpora.inputs import LineFormat
    from kakehashi.progress import Progress
    from kakehashi.runtime.stream import Answer
    from kakehashi.training.distributed import ProcessGroup

Layout = Literal["jsonl", "columns", "inline", "parquet"]
Precision = Literal["float32", "int8"]
Select = Literal["dev", "teacher", "last", "best-test"]
_DEMO = ("english", "scratch", "transfer")
_MOST_NAMED = 10  # bad lines that are named; others are counted


def train(
    config: Path = arg("TOML file, config.json of a run, or demo-en, demo-ja."),
    source: str | None = opt("Run or model folder to transfer from."),
    groups: str | None = opt("Layer groups to transfer: char,word,dense,crf. Default: char,dense."),
    seed: int | None = opt("Random seed, as --set training.seed=N."),
    select: Select | None = opt(
        "Epoch to keep: best on dev or by teachers, last, or (the paper) best on test."
    ),
    out: Path | None = opt("Run folder. Default: runs/NAME[-GROUPS]-seedN."),
    cache: Path | None = opt("Folder of encoded corpora for all runs.", envvar="KAKEHASHI_CACHE"),
    overrides: list[str] | None = opt("Change any setting.", "--set", metavar="KEY=VALUE"),
    save_every: float = opt("Minutes between checkpoints.", default=5.0, min=0, metavar="MINUTES"),
    finish: bool = flag("End an interrupted run with the epochs that it has.", "--finish"),
    executor: options.Executor = options.EXECUTOR,
    workers: int | None = opt("Processes with --executor ray. Default: one per CPU or GPU.", min=1),
    address: str | None = options.ADDRESS,
    track: list[options.Tracker] | None = options.TRACK,
    as_json: bool = options.JSON,
) -> None:
    """Train a recognizer, from scratch or from a source model.

    The same command resumes an unfinished run, and prints the result of a finished one. Ctrl-C and
    SIGTERM keep the best model so far. The last line printed is the run folder. Several processes
    share each batch, and train what one process would.

    Examples:
      kakehashi train configs/crf-knbc-ja.toml
      kakehashi train configs/crf-knbc-ja.toml --source runs/conll2003-en-seed1 --groups char,dense
      kakehashi train configs/massive-ja.toml --seed 2 --set corpus.train_size=2000
      torchrun --standalone --nproc-per-node 2 -m kakehashi train demo-en --cache cache
      kakehashi train demo-en --cache cache --executor ray --workers 2
    """
    from kakehashi.config.reading import check_files, read_settings
    from kakehashi.tracking import check_trackers
    from kakehashi.training.distributed import train_on_ray
    from kakehashi.training.run import load_result
    from kakehashi.training.train import run_folder
    from kakehashi.training.train import train as train_run

    if groups is not None and source is None:
        raise ConfigError("--groups", "needs --source, the model to transfer from")
    if executor != "ray":
        ray_only = {"--workers": workers, "--address": address}
        refuse(ray_only, "needs --executor ray; without Ray start processes with torchrun")
    given = {
        "transfer.source": source,
        "transfer.groups": groups and [group.strip() for group in groups.split(",")],
        "training.seed": seed,
        "training.select": select,
    }
    changes: list[str | tuple[str, object]] = [*(overrides or ())]
    changes += [(key, value) for key, value in given.items() if value is not None]
    with _joined_group() as group:
        with group.run_on_all():
            settings = read_settings(config, changes)
            check_files(settings, config)
        folder = out or run_folder(settings)
        if group.rank == 0:
            check_trackers(track or (), folder)
        work = partial(
            train_run,
            settings,
            folder,
            cache=cache,
            track=track or (),
            save_every=60 * save_every,
            finish=finish,
        )
        progress = console.ProgressBars()
        if executor == "ray":
            cuda = settings.training.device != "cpu"
            train_on_ray(work, workers, address, cuda=cuda, progress=progress)
        else:
            work(progress=progress, group=group)
        if group.rank == 0:
            result = load_result(folder)
            console.print_report(result, *show.run_tables(result), as_json=as_json)
            console.print_line(str(folder))


@contextmanager
def _joined_group() -> Iterator[ProcessGroup]:
    """Join the other processes, if there are any; only rank 0 reports an error."""
    from kakehashi.training.distributed import process_group

    with process_group() as group:
        try:
            yield group
        except KakehashiError:
            if group.rank:
                raise SystemExit(2) from None
            raise


def predict(
    cut: ColumnOptions,
    model: Path = arg("Run or model folder, or ONNX file."),
    files: list[Path] | None = arg(
        "Files with a sentence per line; - or nothing for standard input. With --out: one file"
        " or folder (.txt, .jsonl, .parquet, .conll, …).",
        default=None,
    ),
    out: Path | None = opt("Folder for parts; the same command resumes.", metavar="FOLDER"),
    layout: Layout = opt("Output format; with --out jsonl, parquet.", "--format", default="jsonl"),
    input_format: str | None = opt(
        "Format of the input: text, jsonl; with --out also parquet, … Default: by its name."
    ),
    min_probability: float = opt("Leave out mentions below this.", default=0.0, min=0, max=1),
    no_tokens: bool = flag("Leave out the tokens.", "--no-tokens"),
    precision: Precision | None = opt(
        "float32 is as models are scored. Default: int8; on a GPU float32."
    ),
    workers: int | None = opt("Processes, one thread each. Default: 1; --out: one per CPU.", min=1),
    device: str = opt("cpu, cuda or cuda:N; a GPU pays for many sentences.", default="cpu"),
    block: int | None = opt("With --out: sentences per part. Default: 20000.", min=1),
    executor: options.Executor = options.EXECUTOR,
    address: str | None = options.ADDRESS,
    annotate: bool = flag("", "--annotate", hidden=True),
) -> None:
    """Find the entities of text: lines, or a large corpus.

    Without --out each line, a sentence or JSON, is answered on standard output as it comes. A line
    that cannot be read (another encoding, NUL, longer than 1 MiB, not a JSON object) is named on
    stderr; its answer is {"error": …}, or an empty sentence in columns and inline tags.

    With --out a file or a folder of files is tagged in parts, in order. It may be killed at any
    time: the same command resumes. The last line printed is the folder. A line or row that cannot
    be read is left out and named on stderr.

    The exit status is 2 if a line could not be read; all others are answered.

    Examples:
      echo 昨日ジョンは東京に着いた | kakehashi predict runs/crf-knbc-ja-seed1
      kakehashi predict runs/conll2003-en-seed1 news.txt --format columns > news.conll
      kakehashi predict runs/massive-ja-seed1 log.jsonl --no-tokens --min-probability 0.9
      kakehashi predict runs/massive-ja-seed1 log.txt --workers 2 > log.jsonl
      kakehashi predict runs/massive-ja-seed1 utterances.jsonl --out tagged --precision float32
      kakehashi predict runs/massive-ja-seed1 logs --out tagged --executor ray --address auto
      zcat log.gz | kakehashi predict runs/massive-ja-seed1 --out tagged --no-tokens
    """
    from kakehashi.corpora.inputs import LineInput
    from kakehashi.runtime.stream import Kept, Predictor, predict_lines

    files = files or [Path("-")]
    if annotate:
        if len(files) != 2:
            raise ConfigError("annotate", "expected MODEL IN OUT")
        out = files.pop()
    kept = Kept(min_probability, not no_tokens)
    for_folders = {
        "--columns": cut.columns,
        "--separator": cut.separator,
        "--no-spaces": cut.no_spaces,
        "--block": block,
        "--executor ray": executor == "ray",
        "--address": address,
        "--format parquet": layout == "parquet",
        f"--input-format {input_format}": input_format not in (None, "text", "jsonl"),
    }
    for_lines = {
        "--device": device != "cpu",
        f"--format {layout}": layout in ("columns", "inline"),
        f"{len(files)} inputs": len(files) > 1,
    }
    encoding = cut.encoding or "utf-8"
    progress = console.ProgressBars()
    if out is None:
        refuse(for_folders, "needs --out FOLDER")
        predictor = Predictor(model, layout, precision, device, kept)
        line_format = cast("LineFormat | None", input_format)
        inputs = [LineInput(file, line_format, encoding) for file in files]
        for each in inputs:
            if each.read_as == "jsonl":
                progress.say(f"{each.name}: reading JSON lines")
        _answer(predict_lines(predictor, inputs, processes=workers or 1), progress)
        return
    from kakehashi.parallel import open_map
    from kakehashi.runtime.blocks import Reading
    from kakehashi.runtime.bulk import BLOCK, annotate_corpus

    refuse(for_lines, "cannot be combined with --out")
    with open_map(workers, ray=executor == "ray", address=address) as map_jobs:
        count = annotate_corpus(
            model,
            files[0],
            out,
            reading=Reading(input_format, encoding, cut.of_columns()),
            kept=kept,
            format=layout,
            precision=precision,
            block=block or BLOCK,
            map_jobs=map_jobs,
            progress=progress,
        )
    console.print_line(str(out))
    if count.refused:
        for problem in count.problems[:_MOST_NAMED]:
            progress.warn(problem)
        raise KakehashiError(
            f"{count.refused:,} lines or rows could not be read and are left out;"
            f" {out}/annotation.json names the first of them"
        )


def _answer(answers: Iterable[Sequence[Answer]], progress: Progress) -> None:
    """Print answers as they come; warn of lines that could not be read, and raise at the end."""
    n_lines = n_bad = 0
    for batch in answers:
        n_lines += len(batch)
        sys.stdout.writelines(answer.output for answer in batch)
        sys.stdout.flush()
        for problem in (answer.problem for answer in batch if answer.problem):
            n_bad += 1
            if n_bad <= _MOST_NAMED:
                progress.warn(problem)
    if n_bad:
        raise KakehashiError(f"{n_bad:,} of {n_lines:,} lines could not be read; see above")


def demo(
    out: Path = opt("Folder for the three runs.", default=Path("runs/demo")),
    seed: int = opt("Random seed of the three trainings.", default=1),
    as_json: bool = options.JSON,
) -> None:
    """Show transfer on generated data: English lifts Japanese.

    Trains an English recognizer, then a Japanese one from scratch and one with the character and
    dense layers of the English one. Takes a few minutes, and needs neither data nor network.

    Example:
      kakehashi demo
    """
    from kakehashi.training.demo import train_demo
    from kakehashi.training.run import load_result

    folders = train_demo(out, seed, console.ProgressBars())
    results = [load_result(folder) for folder in folders]
    report: dict[str, object] = {
        name: {"folder": str(folder), "f1": result["test"]["f1"]}
        for name, folder, result in zip(_DEMO, folders, results, strict=True)
    }
    gain = results[2]["test"]["f1"] - results[1]["test"]["f1"]
    report |= {"gain": gain, "transferred": results[2]["transfer"]}
    console.print_report(report, *show.demo_tables(folders, results, gain), as_json=as_json)


def settings() -> None:
    """Print every setting of a config, its meaning and default.

    Example:
      kakehashi settings > my-corpus.toml
    """
    from kakehashi.config.reference import reference

    sys.stdout.write(reference())
