"""The verbs that give models to others: `kakehashi export` and `kakehashi push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, check_free, flag, opt
from kakehashi.errors import ConfigError
from kakehashi.files import read_json

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


def push(
    model: Path = arg("Run or model folder."),
    name: str = arg("Repository on the Hugging Face Hub, OWNER/NAME; made if it is not there."),
    licence: str = opt(
        "Licence of the model, as the Hub names it, e.g. cc-by-4.0.", "--license", default=...
    ),
    language: list[str] | None = opt(
        "Language of its text, e.g. ja; repeat it for more. Default: text.language of its config."
    ),
    about: str = opt("What the model is for: the first paragraph of its card.", default=""),
    private: bool = flag("A repository that only its owner sees.", "--private"),
    out: Path | None = opt("Write there what would be uploaded, and upload nothing."),
) -> None:
    """Upload a model to the Hugging Face Hub, with a card.

    The card has data, scores with their signature, calibration, limits and how to load the model:
    look at it first with --out. `hf auth login` says who you are. Others load the model by its
    address, which is printed.

    Examples:
      kakehashi push runs/ja-seed1 owner/ner-ja --license cc-by-4.0 --language ja --out card
      kakehashi push runs/ja-seed1 owner/ner-ja --license cc-by-4.0 --language ja
      kakehashi predict hf://owner/ner-ja@COMMIT text.txt
    """
    from tempfile import TemporaryDirectory

    from kakehashi.reports.model_card import write_repository
    from kakehashi.runtime.checked_folder import ENCODER, find_model
    from kakehashi.runtime.model_hub import check_name, upload

    check_name(name)
    folder = find_model(model).absolute()
    if (folder / ENCODER).is_file():
        problem = "is a model on an encoder, which is not uploaded"
        raise ConfigError(str(model), f"{problem}; distill it into a model of its own (distill)")
    own = read_json(folder / "model.json")["text"].get("language")
    languages = language or [own] * (own is not None)
    if not languages:
        raise ConfigError("--language", "the model does not say of what it is; name it, e.g. ja")
    if out is not None:
        check_free(out, force=False)
    with TemporaryDirectory() as temporary:
        place = out or Path(temporary)
        write_repository(folder, place, name, licence=licence, languages=languages, about=about)
        address = None if out is not None else upload(place, name, private=private)
    console.print_line(address or str(out))
