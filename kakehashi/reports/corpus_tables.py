"""The tables about corpora: the paper's tables 2 and 3, and what its figure 2 shows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from kakehashi.corpora.stats import CorpusStats
from kakehashi.reports.tables import Table


def corpora_table(corpora: Mapping[str, Mapping[str, CorpusStats]]) -> Table:
    """Count the parts of corpora, one row each.

    Args:
        corpora: Corpus name to part (``train``, ``dev``, ``test``) to its counts.
    """
    headings = (
        *("corpus", "part", "sentences", "with a mention", "articles", "characters", "tokens"),
        *("mentions", "of them lost", "best recall", "best F1", "mean length", "types"),
    )
    rows = (
        (
            *(name, part, found.sentences, found.with_mentions, found.articles, found.characters),
            *(found.tokens, found.mentions, len(found.lost), found.kept, found.ceiling),
            *(found.mention_characters, len(found.types)),
        )
        for name, parts in corpora.items()
        for part, found in parts.items()
    )
    note = "A lost mention begins or ends inside a token."
    return Table("Corpora", headings, rows, [note], n_labels=2)


def distribution_table(name: str, types: Mapping[str, int]) -> Table:
    """Rank the entity types of a corpus, with their share of all mentions."""
    ranked = sorted(types.items(), key=lambda entry: (-entry[1], entry[0]))
    sums = accumulate(count for _, count in ranked)
    total = sum(types.values())
    rows = (
        (rank, type_name, count, f"{100 * count / total:.2f} %", f"{100 * so_far / total:.2f} %")
        for rank, ((type_name, count), so_far) in enumerate(zip(ranked, sums, strict=True), 1)
    )
    headings = ("rank", "type", "mentions", "share", "so far")
    return Table(f"Entity types of {name}", headings, rows, n_labels=2)
