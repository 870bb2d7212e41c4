"""The verb about word vectors: align."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from kakehashi.cli import console, options
from kakehashi.cli.options import arg, check_free, opt
from kakehashi.reports.tables import Table

VectorFormat = Literal["text", "polyglot"]


def align(
    source: Path = arg("Vectors of the source language, which stay as they are."),
    target: Path = arg("Vectors of the target language."),
    out: Path = opt("File to write: the rotated target; packed if it ends in .gz.", default=...),
    format: VectorFormat = opt("Format of both files; text is written.", default="text"),
    seed_words: Path | None = opt("Dictionary: lines of a source word, a tab, a target word."),
    force: bool = options.FORCE,
    as_json: bool = options.JSON,
) -> None:
    """Rotate word vectors of one language into another's space.

    Then words that mean the same have similar vectors, and what a source has learnt of its words
    (the group word) may mean something in the target. Words are paired if they are the same string
    or, in katakana, sound like an English word; a fifth of the pairs tests how well they are found
    in the end.

    Examples:
      kakehashi align en.vec.gz ja.vec.gz --out ja.en.vec.gz
      kakehashi align en.vec de.vec --out de.en.vec --seed-words en-de.tsv
    """
    from kakehashi.config.reading import typed_path
    from kakehashi.data import alignment
    from kakehashi.data.vectors import open_vectors, write_vectors

    check_free(out, force)
    source, target = typed_path(source), typed_path(target)
    given = alignment.read_word_pairs(typed_path(seed_words)) if seed_words else []
    found = alignment.align_files(source, target, format, given)
    n_words, rows = open_vectors(target, format)
    rotated = ((word, vector @ found.rotation) for word, vector in rows)
    write_vectors(out, (n_words, len(found.rotation)), rotated)
    facts = {
        "file": str(out),
        "words": n_words,
        "pairs": found.pairs,
        "tested": found.n_tested,
        "before": found.before._asdict(),
        "after": found.after._asdict(),
    }
    pairs = Table("Pairs of words", found.pairs, [found.pairs.values()], n_labels=0)
    tested = Table(
        f"Nearest source word of {found.n_tested:,} pairs that were left out, percent right",
        ["", "first", "among 5"],
        [["before", *found.before], ["after", *found.after]],
    )
    console.print_report(facts, (pairs, tested), f"{out}: {n_words:,} words", as_json=as_json)
