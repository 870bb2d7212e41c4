"""Strings and their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

UNKNOWN = 0


class Vocabulary:
    """Words or n-grams with ids; id 0 stands for whatever is not in it.

    The first ``n_seen`` strings occurred in the training set; the others are known from pre-trained
    vectors only. Transfer copies rows of seen strings alone (section 3.3).
    """

    def __init__(self, strings: Sequence[str], n_seen: int | None = None) -> None:
        self.strings = tuple(strings)
        self.n_seen = len(self.strings) if n_seen is None else n_seen

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], extra: Iterable[str] = ()) -> Vocabulary:
        """Number the counted strings, most frequent first, then the extra ones not counted."""
        seen = sorted(counts, key=lambda string: (-counts[string], string))
        return cls([*seen, *sorted(set(extra) - counts.keys())], len(seen))

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every string; look-ups use ``ids.get(string, UNKNOWN)``."""
        return {string: index for index, string in enumerate(self.strings, start=1)}

    @cached_property
    def seen(self) -> dict[str, int]:
        """The ids of the strings that occurred in training."""
        return {string: index for index, string in enumerate(self.strings[: self.n_seen], start=1)}

    def __len__(self) -> int:
        """Count the ids, the unknown one included."""
        return len(self.strings) + 1
