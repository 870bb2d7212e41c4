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
    counts = {
        (name, part): {
            "sentences": f"{stats.sentences:,}",
            "with a mention": f"{stats.with_mentions:,}",
            "articles": f"{stats.articles:,}",
            "characters": f"{stats.characters:,}",
            "tokens": "–" if stats.tokens is None else f"{stats.tokens:,}",
            "mentions": f"{stats.mentions:,}",
            "of them lost": f"{len(stats.lost):,}",
            "best recall": "–" if stats.kept is None else f"{stats.kept:.2f}",
            "best F1": "–" if stats.ceiling is None else f"{stats.ceiling:.2f}",
            "mean length": f"{stats.mention_characters:.2f}",
            "types": f"{len(stats.types):,}",
        }
        for name, parts in corpora.items()
        for part, stats in parts.items()
    }
    measures = tuple(next(iter(counts.values()), ()))
    rows = tuple((*key, *row.values()) for key, row in counts.items())
    note = "A lost mention begins or ends inside a token."
    return Table("Corpora", ("corpus", "part", *measures), rows, (note,), n_labels=2)


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
