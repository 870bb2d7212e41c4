"""The tables about corpora: the paper's tables 2 and 3, and what its figure 2 shows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from kakehashi.corpora.stats import CorpusStats
from kakehashi.reports.tables import Table

_PAPERS = ("corpus", "part", "sentences", "tokens", "mentions", "of them lost", "types")


def corpora_table(corpora: Mapping[str, Mapping[str, CorpusStats]], *, full: bool = False) -> Table:
    """Count the parts (``train``, ``dev``, ``test``) of corpora; as the paper does, or in full."""
    rows: list[dict[str, object]] = [
        {
            "corpus": name, "part": part, "sentences": s.sentences,
            "with a mention": s.with_mentions, "articles": s.articles, "characters": s.characters,
            "tokens": s.tokens, "mentions": s.mentions, "of them lost": len(s.lost),
            "best recall": s.kept, "best F1": s.ceiling, "mean length": s.mention_characters,
            "types": len(s.types),
        }
        for name, parts in corpora.items() for part, s in parts.items()
    ]  # fmt: skip
    headings = tuple(rows[0]) if full and rows else _PAPERS
    cells = ([row[heading] for heading in headings] for row in rows)
    return Table("Corpora", headings, cells, ["A lost mention begins or ends inside a token."], 2)


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
