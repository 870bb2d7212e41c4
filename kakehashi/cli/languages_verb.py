"""The verb that lists the languages there are rows for."""

from __future__ import annotations

from importlib.util import find_spec

from kakehashi.cli import console, options
from kakehashi.reports.tables import Table


def languages(as_json: bool = options.JSON) -> None:
    """List what text.language may be, what each chooses, and what it needs installed.

    Example:
      kakehashi corpus languages
    """
    from kakehashi.config.languages import languages

    found = {
        code: {
            "name": row.name,
            "segmenter": row.segmenter,
            "view": row.view,
            "extra": row.extra,
            "installed": all(map(find_spec, row.modules)),
        }
        for code, row in languages().items()
    }
    rows = (
        [code, each["name"], each["segmenter"], each["view"], each["extra"] and _needed(each)]
        for code, each in found.items()
    )
    headings = ["code", "language", "segmenter", "characters", "needs"]
    console.print_report(found, [Table("Languages", headings, rows, n_labels=4)], as_json=as_json)


def _needed(row: dict[str, object]) -> str:
    installed = "installed" if row["installed"] else f"run: pip install 'kakehashi[{row['extra']}]'"
    return f"{row['extra']}: {installed}"
