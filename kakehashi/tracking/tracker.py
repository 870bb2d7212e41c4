"""What a tracker can do, and what it is told of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

End = Literal["finished", "failed", "killed"]

_EPOCH = {
    "loss": "epoch/loss",
    "dev": "epoch/dev_f1",
    "test": "epoch/test_f1",
    "seconds": "epoch/seconds",
}
_RATIOS = ("f1", "precision", "recall")


class Tracker(Protocol):
    """Another program's record of one run. What goes wrong there is a `TrackingError`.

    Attributes:
        name: As the command line names it.
    """

    name: str

    def check(self) -> None:
        """Ask whether it would take a run, before there is one."""

    def begin(self) -> int:
        """Open the record of this run, or go on with the one there is.

        Returns:
            The last epoch that it has; 0 if it has none.
        """

    def log(self, scores: Mapping[str, float], epoch: int) -> None:
        """Take scores by their names; they are on record when this returns."""

    def sign(self, signature: str) -> None:
        """Take the string that says how the scores were made."""

    def end(self, how: End) -> None:
        """Close the record; `begin` would open it again."""


def epoch_scores(epoch: Mapping[str, Any]) -> dict[str, float]:
    """Name what an epoch gave; what it has not got is left out."""
    return {name: epoch[key] for key, name in _EPOCH.items() if epoch.get(key) is not None}


def final_scores(result: Mapping[str, Any]) -> dict[str, float]:
    """Name the scores of a result, and the F1 of each type on the last part there is."""
    scores: dict[str, float] = {}
    types: Mapping[str, Mapping[str, float]] = {}
    for part in ("dev", "test"):
        score = result[part]
        if score is not None:
            scores |= {f"{part}/{ratio}": score[ratio] for ratio in _RATIOS}
            types = score["types"]
    return scores | {f"types/{name}": count["f1"] for name, count in types.items()}


def signature_of(result: Mapping[str, Any]) -> str:
    """Give the signature of the test score, or of the development set's if there is no other."""
    score = result["test"] or result["dev"] or {}
    return str(score.get("signature", ""))
