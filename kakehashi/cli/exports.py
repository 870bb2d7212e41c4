"""The verb that writes models for other programs: `kakehashi export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, check_free, flag
from kakehashi.errors import ConfigError

if TYPE_CHECKING:
    from kakehashi.runtime.steps import Precision


def export(
    model: Path = arg("Run or model folder."),
    file: Path = arg("ONNX file to write, e.g. model.onnx."),
    int8: bool = flag("Weights in 8 bits: a third of the size, faster, nearly the same.", "--int8"),
    force: bool = options.FORCE,
) -> None:
    """Write a model as one ONNX file, for any program.

    All that tagging needs is in it. It is checked against the model before it is written.
    `kakehashi predict` and `Recognizer.load` take it like a folder, through ONNX Runtime;
    examples/onnx shows how other languages run it.

    Examples:
      kakehashi export runs/demo-ja-seed1 model.onnx
      kakehashi export runs/demo-ja-seed1 small.onnx --int8
    """
    from kakehashi.runtime.onnx_export import export_onnx

    if file.suffix != ".onnx":
        raise ConfigError(str(file), "expected a name that ends in .onnx")
    check_free(file, force)
    precision: Precision = "int8" if int8 else "float32"
    difference = export_onnx(model, file, precision)
    size = file.stat().st_size / 1e6
    console.ProgressBars().say(
        f"{size:,.2f} MB in {precision}; emissions differ by {difference:.1g} at most"
    )
    console.print_line(str(file))
