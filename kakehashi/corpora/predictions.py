"""Where predictions lie: in a file, a run folder, or the folder that ``annotate`` fills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from kakehashi.errors import CorpusError

_PREDICTIONS = "predictions.jsonl"
# See kakehashi.annotation.annotating, which loads torch.
_MANIFEST, _RESULT, _PARTS = "annotation.json", "result.json", "part-*"


def prediction_files(place: str | Path) -> list[Path]:
    """Find the files that hold what one system found, in their order.

    Raises:
        CorpusError: If a folder of annotations is not finished, or a part of it is missing.
    """
    place = Path(place)
    if not place.is_dir():
        return [place]
    if not (place / _MANIFEST).exists():
        return [place / _PREDICTIONS]
    parts = sorted(place.glob(_PARTS))
    try:
        expected = json.loads((place / _RESULT).read_bytes())["parts"]
    except (OSError, ValueError, KeyError, TypeError):
        problem = "is not annotated to its end; run the same kakehashi annotate again"
        raise CorpusError(place, problem) from None
    if len(parts) != expected:
        raise CorpusError(place, f"expected {expected} parts, got {len(parts)}; annotate again")
    return parts


def runs_of(place: str | Path) -> list[Path]:
    """Find the runs of a system: a file or folder, or all that a pattern names.

    Raises:
        CorpusError: If there is none.
    """
    place = Path(place)
    found = [place] if place.exists() else sorted(_named_by(place))
    if not found:
        raise CorpusError(place, "there is no such file or run folder, nor does one fit it")
    return found


def _named_by(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
