"""What is measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks.peers.peer import Peer
from benchmarks.place import Place

OURS = "kakehashi"
BFLOAT16 = "in bfloat16"


@dataclass(frozen=True)
class Subject:
    """A recognizer, or a variant of one that only tags.

    Attributes:
        make: Makes its peer; imports what that needs.
        models: Whose trained models it tags with.
        trains: Whether its training is measured.
    """

    make: Callable[[Place], Peer]
    models: str
    trains: bool = True


def _ours(**precisions: Any) -> Callable[[Place], Peer]:
    def make(place: Place) -> Peer:
        from benchmarks.peers.ours import Ours

        return Ours(place, **precisions)

    return make


def _baseline(place: Place) -> Peer:
    from benchmarks.peers.baseline import Baseline

    return Baseline(place)


def _crfsuite(place: Place) -> Peer:
    from benchmarks.peers.crfsuite import CRFsuitePeer

    return CRFsuitePeer(place)


def _spacy(place: Place) -> Peer:
    from benchmarks.peers.spacy import SpaCyPeer

    return SpaCyPeer(place)


def _flair(place: Place) -> Peer:
    if find_spec("flair") is None:
        raise ImportError(
            "this needs flair, which is not installed; run: pip install flair, best into an"
            " environment of its own, and name its Python with --flair-python"
        )
    from benchmarks.peers.flair import Flair

    return Flair(place)


SUBJECTS: Mapping[str, Subject] = {
    OURS: Subject(_ours(), OURS),
    BFLOAT16: Subject(_ours(tagging="bfloat16", training="bfloat16"), BFLOAT16),
    "tagging in bfloat16": Subject(_ours(tagging="bfloat16"), OURS, trains=False),
    "tagging in int8": Subject(_ours(tagging="int8"), OURS, trains=False),
    "baseline": Subject(_baseline, OURS),
    "crfsuite": Subject(_crfsuite, "crfsuite"),
    "spacy": Subject(_spacy, "spacy"),
    "flair": Subject(_flair, "flair"),
}
"""The baseline tags with our weights, so that its spans must be ours."""
