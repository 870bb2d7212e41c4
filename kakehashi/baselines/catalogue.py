"""The systems by name."""

from __future__ import annotations

from kakehashi.baselines.crfsuite import CRFsuite
from kakehashi.baselines.spacy import SpaCy


def load_system(name: str, seed: int) -> CRFsuite | SpaCy:
    """Make an untrained system.

    Args:
        name: ``crfsuite`` or ``spacy``.
        seed: Of its random numbers, if it draws any.

    Raises:
        MissingExtraError: If its library is not installed.
    """
    return CRFsuite() if name == "crfsuite" else SpaCy(seed)
