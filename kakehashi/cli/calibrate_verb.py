"""The verb that makes probabilities true: `kakehashi calibrate`."""

from __future__ import annotations

from pathlib import Path

from kakehashi.cli import console, options
from kakehashi.cli.options import Reading, arg, flag, opt
from kakehashi.cli.sides import (
    Judging,
    check_types,
    load_recognizer,
    read_part,
    run_config,
)
from kakehashi.errors import ConfigError


def calibrate(
    reading: Reading,
    model: Path = arg("Run or model folder, which gets the temperature."),
    dev: Path | None = arg(
        "Development data: a corpus file, or a config (.toml). Default: dev of the model's run.",
        default=None,
    ),
    test: Path | None = opt("Other data to measure on: a file, or a config. Default: dev itself."),
    mapping: str | None = options.MAPPING,
    check: bool = flag("Only measure on DEV; leave the model as it is.", "--check"),
    device: str | None = opt("cpu, cuda or cuda:N. Default: cpu."),
    out: Path | None = opt("File for a figure of the reliability: .svg or .png."),
    as_json: bool = options.JSON,
) -> None:
    """Make probabilities true, and tell what cut-offs give.

    Of the mentions that are found with 0.8, 80 % should be right. A temperature is chosen for that
    by development data; tags stay as they are. Trainings do it at their end by themselves: do it
    again for text of another kind, with at least 200 mentions, and measure it on a test set.

    Examples:
      kakehashi calibrate runs/massive-ja-seed1 reviewed.jsonl
      kakehashi calibrate runs/massive-ja-seed1 reviewed.jsonl --test test.jsonl --out r.svg
      kakehashi calibrate runs/massive-ja-seed1 test.jsonl --check
    """
    from kakehashi.reports.reliability_tables import reliability_tables
    from kakehashi.runtime.calibration import Observed
    from kakehashi.runtime.calibration import calibrate as fit
    from kakehashi.runtime.checked_folder import find_model, temperature_of, write_calibration
    from kakehashi.runtime.model_hub import is_address

    if out is not None and out.suffix not in (".svg", ".png"):
        raise ConfigError("--out", f"expected a name that ends in .svg or .png, got {str(out)!r}")
    if is_address(model) and not check:
        raise ConfigError(str(model), "is on the Hub; calibrate its folder, or add --check")
    if model.is_file() and not check:
        problem = "is a file; calibrate the model folder and export it again, or add --check"
        raise ConfigError(str(model), problem)
    recognizer = load_recognizer(model, Judging(mapping, None, device, None))
    place = dev or run_config(model)
    corpus = read_part(place, reading, mapping, "dev")
    progress = console.ProgressBars()
    observed = Observed(recognizer, progress.track(corpus, "tagging"))
    check_types(corpus.name, observed.gold_types, recognizer)
    measured = observed
    if test is not None:
        others = read_part(test, reading, mapping)
        measured = Observed(recognizer, progress.track(others, "tagging the test set"))
        check_types(others.name, measured.gold_types, recognizer)
    before = temperature_of(recognizer.model.calibration)
    calibration = recognizer.model.calibration
    if not check:
        calibration = fit(observed, corpus.name)
        write_calibration(find_model(model), calibration)
    now = temperature_of(calibration)
    found = {"before": measured.reliability(before), "now": measured.reliability(now)}
    types = measured.reliability_by_type(now)
    report = {
        "model": str(model),
        "calibration": None if calibration is None else calibration.model_dump(mode="json"),
        "reliability": {name: each.to_dict() for name, each in found.items()},
        "types": {name: each.to_dict() for name, each in types.items()},
    }
    line = "not calibrated" if calibration is None else str(calibration)
    tables = reliability_tables(found, types)
    console.print_report(report, tables, line, as_json=as_json)
    if out is not None:
        from kakehashi.reports.reliability_tables import reliability_figure

        image = reliability_figure(found).render("svg" if out.suffix == ".svg" else "png")
        console.save(out, image)
        if not as_json:
            console.print_line(str(out))
