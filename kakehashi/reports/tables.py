"""One table, five ways to write it: terminal, Markdown, LaTeX, CSV, HTML."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill

_NUMBER = re.compile(r"–?([-+]?\d[\d,.]*( %)?( ±[\d.]+)?\*?)?( \([-+\d./]+\))?")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--", "→": r"$\rightarrow$",
    "≤": r"$\leq$", "≥": r"$\geq$", "<": r"$<$", ">": r"$>$", "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKDOWN = re.compile(r"([\\`*_|<>\[\]])")


@dataclass(frozen=True)
class Table:
    """A table of words and numbers, all of them written out.

    Attributes:
        title: Its caption.
        headings: Of the columns.
        rows: The cells; ``""`` where there is nothing to say.
        notes: Sentences that stand under it.
        n_labels: How many columns at the left name the row.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    n_labels: int = 1

    @property
    def right(self) -> tuple[bool, ...]:
        """Whether each column holds numbers and is set to the right."""
        return tuple(
            index >= self.n_labels and all(_NUMBER.fullmatch(row[index]) for row in self.rows)
            for index in range(len(self.headings))
        )


def terminal(table: Table, width: int = 100) -> str:
    """Draw a table for a terminal of a width."""
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn()
    for index, (heading, right) in enumerate(zip(table.headings, table.right, strict=True)):
        drawn.add_column(
            Text(heading),
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=index < table.n_labels,
        )
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False)
    console.print(Text(table.title))
    console.print(drawn)
    for note in table.notes:
        console.print(Text(note))
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
    rows = [_latex_row(row) for row in table.rows]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_row(table.headings),
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\small {escape_latex(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def comma_separated(table: Table) -> str:
    """Write headings and rows as CSV, without title and notes, so that programs can read it.

    An apostrophe stands before a cell that a spreadsheet would take for a formula.
    """
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerows([_inert(cell) for cell in row] for row in (table.headings, *table.rows))
    return page.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def html(table: Table) -> str:
    """Write a table as a piece of HTML, with a caption and scopes."""
    from kakehashi.reports.templates import render

    return render("table.html", table=table)


_FORMATS: dict[str, Callable[[Table], str]] = {
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
    "html": html,
}


def written(
    tables: Iterable[Table], format: str, *, before: str = "", after: str = "", width: int = 100
) -> str:
    """Write tables one after the other, between two paragraphs; CSV has no place for these.

    Args:
        tables: In this order.
        format: ``terminal``, ``markdown``, ``latex``, ``csv`` or ``html``.
        before: The first paragraph, or nothing.
        after: The last, or nothing.
        width: Of the terminal.
    """
    write = partial(terminal, width=width) if format == "terminal" else _FORMATS[format]
    paragraphs = [_paragraph(text, format, width) if text else "" for text in (before, after)]
    parts = [paragraphs[0], *map(write, tables), paragraphs[1]]
    return "\n".join(part for part in parts if part)


def _paragraph(text: str, format: str, width: int) -> str:
    if format == "terminal":
        return fill(text, width, break_on_hyphens=False, break_long_words=False) + "\n"
    if format == "csv":
        return ""
    if format == "html":
        from kakehashi.reports.templates import render

        return render("paragraph.html", text=text)
    escape = _escape_markdown if format == "markdown" else escape_latex
    return f"{escape(text)}\n"


def escape_latex(text: str) -> str:
    r"""Write text so that LaTeX prints it as it is.

    Example:
        >>> print(escape_latex("-1.50 & 50 % of a_b"))
        $-$1.50 \& 50 \% of a\_b
    """
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub(r"(?<![\w)])-(?=\d)", "$-$", escaped)


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"
