"""The verb that says what more annotation is worth: `kakehashi progress`."""

from __future__ import annotations

from pathlib import Path

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, opt
from kakehashi.errors import ConfigError


def progress(
    config: Path = arg("Config of the trainings (TOML), or config.json of a run."),
    annotated: list[Path] | None = arg(
        "Files of annotated sentences, the oldest first. Default: corpus.train of the config.",
        default=None,
    ),
    count: int = opt("Sentences that would be annotated next.", default=200, min=1),
    worth: float = opt("Points of F1 that they should be worth, or stop.", default=1.0, min=0),
    sizes: int = opt("Sizes of the learning curve.", default=5, min=3),
    seeds: int = opt("Trainings of each size.", default=1, min=1),
    source: str | None = opt("Run or model folder to transfer from."),
    overrides: list[str] | None = opt("Change any setting.", "--set", metavar="KEY=VALUE"),
    input_format: str | None = opt("Format of the files. Default: by their names.", "--format"),
    out: Path | None = opt("Folder of the trainings. Default: runs/NAME-progress."),
    figure: Path | None = opt("File for a figure of the curve: .svg or .png."),
    as_json: bool = options.JSON,
) -> None:
    """Estimate what the next annotated sentences are worth.

    Trains on growing parts of what is annotated, scores each on dev, and continues the curve by a
    power law. The same command resumes, and trains only what is new when more is annotated. Without
    dev in the config a fifth of the sentences is held out.

    Examples:
      kakehashi progress ja.toml reviewed.jsonl
      kakehashi progress ja.toml reviewed.jsonl --source runs/massive-en-seed1
      kakehashi progress ja.toml round1.jsonl round2.jsonl --count 500 --seeds 3 --figure curve.svg
    """
    from kakehashi.config.reading import check_files, read_settings, read_tree
    from kakehashi.corpora.formats import guess_source
    from kakehashi.experiments.annotation_curve import measure_curve
    from kakehashi.reports.annotation_tables import advice, annotation_figure, annotation_tables

    if figure is not None and figure.suffix not in (".svg", ".png"):
        raise ConfigError("--figure", f"expected a name that ends in .svg or .png, got '{figure}'")
    changes: list[str | tuple[str, object]] = [*(overrides or ())]
    if source is not None:
        changes.append(("transfer.source", source))
    files = [guess_source(file, input_format).model_dump() for file in annotated or ()]
    if files:
        changes.append(("corpus.train", files))
    corpus = read_tree(config).get("corpus") or {}
    named = corpus.get("dev") or corpus.get("all") or "corpus.dev" in " ".join(overrides or ())
    if not named:  # what is held out of the sentences takes its place
        changes.append(("corpus.dev", files or corpus.get("train")))
    settings = read_settings(config, changes)
    check_files(settings, config)
    folder = out or Path("runs", f"{settings.name}-progress")
    told = console.ProgressBars()
    curve = measure_curve(settings, folder, told, n_sizes=sizes, n_seeds=seeds, hold_out=not named)
    gain, low, high = curve.gain(count)
    report = {
        "sentences": curve.sizes,
        "mentions": curve.mentions,
        "f1": curve.f1.round(2).tolist(),
        "held_out": curve.held_out,
        "next": {"sentences": count, "gain": gain, "interval": [low, high]},
        "worth_until": curve.worth_until(count, worth),
    }
    after = advice(curve, count, worth)
    console.print_report(report, annotation_tables(curve, count), after, as_json=as_json)
    if figure is not None:
        drawing = annotation_figure(curve, count)
        console.save(figure, drawing.render("svg" if figure.suffix == ".svg" else "png"))
