"""What a repository of a model on the Hugging Face Hub holds: files, a card, ``config.json``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi import __version__
from kakehashi.config.languages import language_name, token_noun
from kakehashi.extras import require
from kakehashi.files import read_json
from kakehashi.runtime.checked_folder import CALIBRATION, listed_files


def write_repository(
    model: Path, folder: Path, name: str, *, licence: str, languages: Sequence[str], about: str = ""
) -> None:
    """Write what a repository holds: the files of a model folder, card and ``config.json``.

    ``licence`` and ``languages`` are as the Hub names them, ``cc-by-4.0`` and ``ja``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in listed_files(model):
        shutil.copy2(model / file, folder / file)
    described = read_json(model / "model.json")
    result = read_json(model.parent / "result.json") if model.name == "model" else {}
    config = {"model_type": "kakehashi", "kakehashi": __version__, "types": described["types"]}
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    calibration = read_json(model / CALIBRATION) if (model / CALIBRATION).exists() else {}
    card = _card(name, described, result, calibration, about)
    (folder / "README.md").write_text(
        f"---\n{_metadata(name, described, result, licence, languages)}\n---\n\n{card}",
        encoding="utf-8",
    )


def _metadata(
    name: str,
    described: Mapping[str, Any],
    result: Mapping[str, Any],
    licence: str,
    languages: Sequence[str],
) -> str:
    """Return the head of a card, as the Hub reads it: YAML."""
    hub = require("huggingface_hub", "hub")
    test = result.get("test") or {}
    scores = [
        hub.EvalResult(
            task_type="token-classification",
            dataset_type=result["name"],
            dataset_name=result["name"],
            dataset_split="test",
            metric_type=metric,
            metric_value=round(test[metric] / 100, 4),
        )
        for metric in ("precision", "recall", "f1")
        if test
    ]
    data = hub.ModelCardData(
        language=[*languages],
        license=licence,
        library_name="kakehashi",
        pipeline_tag="token-classification",
        tags=["named-entity-recognition", "kakehashi"],
        model_name=name.partition("/")[2],
        eval_results=scores or None,
        metrics=["precision", "recall", "f1"],
    )
    return str(data.to_yaml())


def _card(
    name: str,
    described: Mapping[str, Any],
    result: Mapping[str, Any],
    calibration: Mapping[str, Any],
    about: str,
) -> str:
    """Return the text of a card: what it is for, scores, data, limits, how it is loaded."""
    text, shown = described["text"], described.get("model", {}).get("char_view", "original")
    cut = f"{language_name(text) or 'Text'} is cut into {token_noun(text)} by `{text['segmenter']}`"
    cut += "" if shown == "original" else f", whose characters the model sees as `{shown}`"
    parts = [
        f"# {name.partition('/')[2]}",
        about or "Finds named entities, with exact character offsets.",
        "```python\nfrom kakehashi import Recognizer\n\n"
        f'recognizer = Recognizer.load("hf://{name}")\n```',
        f"Needs `pip install 'kakehashi[hub]'`. {cut}.",
        f"**Types:** {', '.join(described['types'])}",
    ]
    if test := result.get("test"):
        counted = f"{test['correct']:,} of {test['gold']:,} found, {test['predicted']:,} predicted"
        parts.append(
            f"## Scores\n\nF1 {test['f1']:.2f}, precision {test['precision']:.2f}, recall"
            f" {test['recall']:.2f} on the test set ({counted}), one seed.\n\n"
            f"`{test['signature']}`"
        )
        rows = sorted(test["types"].items(), key=lambda item: -item[1]["gold"])[:20]
        head = "| type | precision | recall | F1 | mentions |\n| --- | --- | --- | --- | --- |"
        parts.append("\n".join([head, *(_row(kind, count) for kind, count in rows)]))
    if train := result.get("corpus", {}).get("train"):
        data = f"{train['sentences']:,} sentences with {train['entities']:,} mentions"
        source = ""
        if transfer := result.get("transfer"):
            source = f" {' and '.join(transfer['groups'])} were transferred from another model."
        parts.append(f"## Training data\n\n`{result['name']}`: {data}.{source}")
    if calibration:
        parts.append(
            "## Probabilities\n\nCalibrated by"
            f" {calibration['mentions']:,} mentions; calibration error"
            f" {calibration['error_after']:.3f}."
        )
    parts.append(
        "## Limits\n\nText unlike the training data is recognized less well, and types are those of"
        " its guidelines. One sentence at a time: nothing is known of what stands before it."
    )
    return "\n\n".join(parts) + "\n"


def _row(kind: str, count: Mapping[str, float]) -> str:
    shares = (f"{count[metric]:.2f}" for metric in ("precision", "recall", "f1"))
    return f"| {kind} | {' | '.join(shares)} | {count['gold']:,} |"
