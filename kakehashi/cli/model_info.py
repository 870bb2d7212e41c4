"""The verb that describes a model: `kakehashi model info`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kakehashi.cli import console, options
from kakehashi.cli.options import arg
from kakehashi.files import read_json
from kakehashi.reports.tables import Table

_BITS = {"int8": "8 bits", "float32": "32 bits"}


def info(
    model: Path = arg("Run or model folder, or ONNX file."), as_json: bool = options.JSON
) -> None:
    """Describe a trained model: what it knows, how large it is, and how it was scored.

    Scores are those of its run; a model folder on its own, or an ONNX file, has none.

    Examples:
      kakehashi model info runs/demo-ja-char+dense-seed1
      kakehashi model info model --json
    """
    from kakehashi.runtime.checked_folder import ENCODER, find_model
    from kakehashi.runtime.model_folder import describe_model
    from kakehashi.runtime.steps import describe_kernels

    folder = model.absolute() if model.is_file() else find_model(model).absolute()
    if folder.is_file():
        from kakehashi.runtime.onnx_file import describe_onnx

        found = describe_onnx(folder)
        found["tagged_by"] = f"{found.pop('precision')} by ONNX Runtime {version('onnxruntime')}"
    elif (folder / ENCODER).is_file():
        from kakehashi.encoders.encoder_folder import describe_encoder_model

        found = describe_encoder_model(folder)
    else:
        found = describe_model(folder) | {"tagged_by": describe_kernels()}
    result = read_json(folder.parent / "result.json") if folder.name == "model" else {}
    run: dict[str, Any] | None = None
    if "selection" in result:  # else it is none of a run
        run = {part: _scores(result[part]) for part in ("dev", "test")}
        run |= {"selection": result["selection"], "epochs": len(result["epochs"])}
        run["signature"] = (result["test"] or result["dev"] or {}).get("signature")
    console.print_report(found | {"run": run}, _tables(found, run), as_json=as_json)


def _scores(score: Mapping[str, Any] | None) -> dict[str, float] | None:
    """F1 on all mentions, and on those of seen and unseen values where the run recorded them."""
    if score is None:
        return None
    values = {name: count["f1"] for name, count in score.get("values", {}).items()}
    return {"f1": score["f1"], **values}


def _tables(found: Mapping[str, Any], run: Mapping[str, Any] | None) -> Iterator[Table]:
    from kakehashi.config.languages import language_name

    text, types = found["text"], found["types"]
    rows: dict[str, object] = {
        "format": f"{found['format_version']}, written by kakehashi {found['kakehashi']}",
        "segmenter": found["segmenter"] or text["segmenter"],
        "language": language_name(text) or "unknown",
        **{
            name.replace("_", " "): _yes(text[name])
            for name in text
            if name not in ("segmenter", "language")
        },
        **(_encoder(found) if "encoder" in found else _vocabularies(found)),
        "entity types": f"{len(types)}: {', '.join(types)}",
        "probabilities": _calibration(found["calibration"]),
        "weights": found["weights"],
    }
    yield Table(f"Model {found['name']}", ["", ""], rows.items())
    sizes = {"all": sum(found["files"].values()), **found["files"]}
    megabytes = ((name, f"{size / 1e6:,.3f}") for name, size in sizes.items())
    yield Table("Size", ["file", "MB"], megabytes)
    if run is not None:
        selection, names = run["selection"], ("f1", "seen", "unseen")
        rising = selection.get("rising")
        notes = [
            f"Epoch {selection['epoch']} of {run['epochs']}, selected by {selection['by']}.",
            f"Training was ended by {selection.get('stopped_by') or 'what was not recorded'};"
            f" whether F1 was still rising: {_yes(rising)}.",
            f"Signature: {run['signature'] or 'nothing to score by'}",
        ]
        parts = ((part, run[part]) for part in ("dev", "test") if run[part] is not None)
        scores = ((part, *map(score.get, names)) for part, score in parts)
        headings = ["", "F1", "F1 seen values", "F1 unseen values"]
        yield Table("Scores of its run", headings, scores, notes)


def _vocabularies(found: Mapping[str, Any]) -> dict[str, object]:
    from kakehashi.config.languages import token_noun

    model, words, tokens = found["model"], found["words"], token_noun(found["text"])
    bits = f" ({_BITS[words['precision']]} each number)" if words["others"] else ""
    return {
        "decoder": f"{model['decoder']}, {model['scheme']} tags",
        "views": f"words {model['word_view']}, characters {model['char_view']}",
        f"{tokens} seen in training": words["seen"],
        f"{tokens} with vectors only": f"{words['others']:,}{bits}",
        "n-grams": found["ngrams"],
        "tagged here by": found["tagged_by"],
    }


def _encoder(found: Mapping[str, Any]) -> dict[str, object]:
    encoder = found["encoder"]
    layers = ", ".join(map(str, encoder["layers"]))
    return {
        "decoder": "crf, bio tags",
        "encoder": f"{encoder['name']}, layers {layers}, {encoder['precision']}",
        "SHA-256 of the encoder": found["fingerprint"],
    }


def _calibration(facts: Mapping[str, Any] | None) -> str:
    from kakehashi.runtime.checked_folder import Calibration

    if facts is None:
        return "not calibrated; see kakehashi calibrate"
    return f"calibrated: {Calibration.model_validate(facts)}"


def _yes(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"
