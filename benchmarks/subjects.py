"""What is measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks.peers.peer import Peer
from benchmarks.place import Place

OURS = "kakehashi"
BFLOAT16 = "trained in bfloat16"


WITHOUT = ("distinct forms", "ragged batches", "machine code")
"""Parts of our tagging that are switched off in turn; see `benchmarks.without`."""

TRAINED_WITHOUT = ("row-wise Adam", "machine code")
"""Parts of our training likewise."""


@dataclass(frozen=True)
class Subject:
    """A recognizer, or a variant of one that only tags or trains.

    Attributes:
        make: Makes its peer; imports what that needs.
        models: Whose trained models it tags with.
        trains: Whether its training is measured.
        tags: Whether its tagging is measured.
    """

    make: Callable[[Place], Peer]
    models: str
    trains: bool = True
    tags: bool = True


def _ours(**options: Any) -> Callable[[Place], Peer]:
    def make(place: Place) -> Peer:
        from benchmarks.peers.ours import Ours

        return Ours(place, **options)

    return make


def _without(part: str, *, trains: bool) -> Subject:
    def make(place: Place) -> Peer:
        from benchmarks.without import OF_TAGGING, OF_TRAINING

        (OF_TRAINING if trains else OF_TAGGING)[part]()
        return _ours()(place)

    return Subject(make, OURS, trains=trains, tags=not trains)


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
    BFLOAT16: Subject(_ours(training="bfloat16"), BFLOAT16),
    "tagging in float32": Subject(_ours(tagging="float32"), OURS, trains=False),
    **{f"trained without {part}": _without(part, trains=True) for part in TRAINED_WITHOUT},
    **{f"without {part}": _without(part, trains=False) for part in WITHOUT},
    "baseline": Subject(_baseline, OURS),
    "crfsuite": Subject(_crfsuite, "crfsuite"),
    "spacy": Subject(_spacy, "spacy"),
    "flair": Subject(_flair, "flair"),
}
"""The baseline tags with our weights, so that its spans must be ours in float32."""
