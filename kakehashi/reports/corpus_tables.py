"""The tables about corpora: the paper's tables 2 and 3, and what its figure 2 shows."""

from __future__ import annotations

from collections.abc import Mapping

from kakehashi.corpora.stats import CorpusStats
from kakehashi.reports.tables import Table


def corpora_table(corpora: Mapping[str, Mapping[str, CorpusStats]]) -> Table:
    """Count the parts of corpora, one row each.

    Args:
        corpora: Corpus name to part (``train``, ``dev``, ``test``) to its counts.
    """
    rows = tuple(
        (
            name,
            part,
            f"{stats.sentences:,}",
            "–" if stats.tokens is None else f"{stats.tokens:,}",
            f"{stats.mentions:,}",
            f"{len(stats.lost):,}",
            f"{len(stats.types):,}",
        )
        for name, parts in corpora.items()
        for part, stats in parts.items()
    )
    headings = ("corpus", "part", "sentences", "tokens", "mentions", "of them lost", "types")
    note = "A lost mention begins or ends inside a token."
    return Table("Corpora", headings, rows, (note,), n_labels=2)


def distribution_table(name: str, types: Mapping[str, int]) -> Table:
    """Rank the entity types of a corpus, with their share of all mentions."""
    total = sum(types.values())
    rows, so_far = [], 0
    ranked = sorted(types.items(), key=lambda entry: (-entry[1], entry[0]))
    for rank, (type_name, count) in enumerate(ranked, start=1):
        so_far += count
        shares = (f"{100 * part / total:.2f} %" for part in (count, so_far))
        rows.append((f"{rank}", type_name, f"{count:,}", *shares))
    headings = ("rank", "type", "mentions", "share", "so far")
    return Table(f"Entity types of {name}", headings, tuple(rows), n_labels=2)
