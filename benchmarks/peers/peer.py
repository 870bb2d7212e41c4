"""What the benchmark needs of a recognizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from kakehashi.sentence import Sentence, Span

Way = Callable[[Sequence[Sentence]], Callable[[], object]]
"""Prepares the tagging of some sentences; what it gives is called once, and that is timed."""

TOKENS = "tokens given"
ENCODED = "encoded"
FRESH = "tokens given, just loaded"
"""Nothing has been remembered yet."""
THREADS = "tokens given, two threads"
"""Each tags half of the sentences, with the recognizer of both."""
BULK_ONLY = (FRESH, THREADS)


class Peer(Protocol):
    """A recognizer under measurement.

    Attributes:
        version: Of the library behind it.
    """

    version: str

    def learner(self) -> Callable[[], int] | None:
        """Prepare training.

        Returns:
            What goes once through the slice of the training set and gives its number of tokens;
            None if training does not go through the sentences one batch after the other.
        """

    def fit(self, folder: Path, seed: int, epochs: int | None) -> None:
        """Train and save a model.

        Args:
            folder: Where to; it does not exist yet.
            seed: Of all random numbers.
            epochs: Instead of as many as it usually takes.
        """

    def load(self, folder: Path) -> None:
        """Load a saved model."""

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the entities of sentences that have tokens."""

    def ways(self) -> Mapping[str, Way]:
        """Give the ways of tagging to be measured, `TOKENS` among them."""
