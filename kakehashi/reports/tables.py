"""A table in five ways (terminal, Markdown, LaTeX, CSV, HTML), and the tables about corpora."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from html import escape
from itertools import accumulate
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kakehashi.corpora.stats import CorpusStats

NOTHING = "–"
_NUMBER = re.compile(r"–?([-+]?\d[\d,.]*( %)?( ±[\d.]+)?\*?)?( \([-+\d./]+\))?")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--", "→": r"$\rightarrow$",
    "≤": r"$\leq$", "≥": r"$\geq$", "<": r"$<$", ">": r"$>$", "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}  # fmt: skip
_PAPER_COLUMNS = ("corpus", "part", "sentences", "tokens", "mentions", "of them lost", "types")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_escape_markdown = partial(re.compile(r"([\\`*_|<>\[\]])").sub, r"\\\1")


class Table:
    """A table of words and numbers, written out: ``1,234``, ``1.23`` for floats, ``–`` for None.

    Under it are the notes, which are sentences; ``n_labels`` columns at the left name the row.
    """

    def __init__(
        self,
        title: str,
        headings: Iterable[str],
        rows: Iterable[Iterable[object]],
        notes: Iterable[str] = (),
        n_labels: int = 1,
    ) -> None:
        self.title, self.n_labels = title, n_labels
        self.headings, self.notes = tuple(headings), tuple(notes)
        self.rows = tuple(tuple(map(_written, row)) for row in rows)
        # Columns of numbers are aligned right.
        self.right = tuple(
            index >= n_labels and all(_NUMBER.fullmatch(row[index]) for row in self.rows)
            for index in range(len(self.headings))
        )


def _written(cell: object) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, float):
        return f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def terminal(table: Table, width: int = 100) -> str:
    """Draw a table for a terminal of a width in columns."""
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn()
    for index, (heading, right) in enumerate(zip(table.headings, table.right, strict=True)):
        drawn.add_column(
            Text(heading), justify="right" if right else "left", overflow="fold",
            no_wrap=index < table.n_labels,
        )  # fmt: skip
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False)
    for part in (Text(table.title), drawn, *map(Text, table.notes)):
        console.print(part)
    return page.getvalue()


def markdown(table: Table) -> str:
    """Write a table as Markdown."""
    bars = ["---:" if right else "---" for right in table.right]
    lines = [map(_escape_markdown, table.headings), bars]
    lines += [map(_escape_markdown, row) for row in table.rows]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "".join(f"\n{_escape_markdown(note)}\n" for note in table.notes)
    return f"**{_escape_markdown(table.title)}**\n\n{drawn}\n{notes}"


def latex(table: Table) -> str:
    """Write a table as LaTeX, for the package booktabs."""
    columns = "".join("r" if right else "l" for right in table.right)
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{_escape_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _latex_row(table.headings), r"\midrule",
        *map(_latex_row, table.rows), r"\bottomrule", r"\end{tabular}",
        *(rf"\par\small {_escape_latex(note)}" for note in table.notes), r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape_latex, cells)) + r" \\"


def _escape_latex(text: str) -> str:
    r"""Escape text so that LaTeX prints it as it is, and minus as minus: ``$-$1.50 \& 5``."""
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub(r"(?<![\w)])-(?=\d)", "$-$", escaped)


def comma_separated(table: Table) -> str:
    """Write headings and rows as CSV, without title and notes, so that programs can read it.

    An apostrophe stands before a cell that a spreadsheet would take for a formula.
    """
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    for row in (table.headings, *table.rows):
        formulas = [cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) for cell in row]
        writer.writerow("'" * formula + cell for formula, cell in zip(formulas, row, strict=True))
    return page.getvalue()


_FORMATS: dict[str, tuple[Callable[[Table], str], Callable[[str], str]]] = {
    "markdown": (markdown, _escape_markdown),
    "latex": (latex, _escape_latex),
    "csv": (comma_separated, str),
    "html": (lambda table: render("table.html", table=table), lambda s: f"<p>{escape(s)}</p>"),
}


def written(
    tables: Iterable[Table], format: str, *, before: str = "", after: str = "", width: int = 100
) -> str:
    """Write tables as ``terminal`` (of a width), ``markdown``, ``latex``, ``csv`` or ``html``.

    A paragraph may be before and one after them, except in CSV, which has no place for these.
    """
    wrap = partial(fill, width=width, break_on_hyphens=False, break_long_words=False)
    write, paragraph = (_FORMATS | {"terminal": (partial(terminal, width=width), wrap)})[format]
    above, below = (f"{paragraph(text)}\n" if text else "" for text in (before, after))
    parts = [*map(write, tables)] if format == "csv" else [above, *map(write, tables), below]
    return "\n".join(part for part in parts if part)


def render(name: str, **values: object) -> str:
    """Fill in a template of this package; every value is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kakehashi.reports", "data"), undefined=StrictUndefined,
        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(name).render(**values)


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
    headings = tuple(rows[0]) if full and rows else _PAPER_COLUMNS
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
