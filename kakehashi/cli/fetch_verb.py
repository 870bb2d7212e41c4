"""The verb `kakehashi fetch`: open corpora by name."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from kakehashi.cli import console
from kakehashi.cli.options import arg, flag
from kakehashi.errors import ConfigError
from kakehashi.reports.tables import Table

if TYPE_CHECKING:
    from kakehashi.config.catalogue import CatalogueEntry


def fetch(
    names: list[str] = arg("Corpora of the catalogue. Default: list them.", default=None),
    accept: bool = flag("Accept the licences, which are shown else and asked for.", "--accept"),
    as_json: bool = flag("Print the catalogue, or the folders, as JSON.", "--json"),
) -> None:
    """Bring an open corpus to this machine, by its name.

    Files are pinned: what differs from the catalogue's SHA-256 is not kept. They lie in the user's
    cache folder, which XDG_CACHE_HOME moves. The variable KAKEHASHI_CATALOGUE names a catalogue of
    your own beside ours. In a config, corpus = "catalogue:NAME" is the corpus with its parts.

    Examples:
      kakehashi fetch
      kakehashi fetch massive-en massive-ja
      kakehashi corpus stats catalogue:massive-ja
    """
    from kakehashi.config.catalogue import PREFIX, catalogue, find_entry
    from kakehashi.corpora import fetching

    if not names:
        entries = catalogue()
        facts = {name: entry.model_dump(mode="json") for name, entry in entries.items()}
        console.print_report(facts, [_table(entries)], as_json=as_json)
        return
    entries = {name: find_entry(name) for name in names}
    for name, entry in entries.items():
        if not accept and not fetching.is_fetched(entry):
            _ask(name, entry)
    places = {}
    for name in entries:
        places[name] = str(fetching.fetch(name))
        if not as_json:
            line = f'{name}: in {places[name]}; in a config: corpus = "{PREFIX}{name}"'
            console.print_line(line)
    if as_json:
        console.print_report(places, [], as_json=True)


def _ask(name: str, entry: CatalogueEntry) -> None:
    terms = f"the licence is {entry.licence} ({entry.terms}), the corpus that of {entry.source}"
    if not sys.stdin.isatty():
        raise ConfigError(name, f"{terms}; if you accept it, add --accept")
    accepted = False
    with suppress(typer.Abort):  # the end of input, or Ctrl-C
        accepted = typer.confirm(f"{name}: {terms}. Do you accept it?", err=True)
    if not accepted:
        raise ConfigError(name, "is not fetched, as its licence is not accepted")


def _table(entries: dict[str, CatalogueEntry]) -> Table:
    from kakehashi.corpora.fetching import is_fetched

    rows: dict[str, list[str]] = {}
    for name, entry in entries.items():
        rows.setdefault(entry.about, []).append(name)
    shown, notes = [], []
    for about, names in rows.items():
        entry = entries[names[0]]
        prefix = names[0].removesuffix(entry.language)
        megabytes = sum(file.bytes for file in entry.files.values()) / 1e6
        fetched = ", ".join(name for name in names if is_fetched(entries[name]))
        label, languages = names[0], ""
        if len(names) > 1:
            label = f"{prefix}…"
            languages = f" ({', '.join(name.removeprefix(prefix) for name in names)})"
        shown.append((label, entry.licence, round(megabytes, 1), fetched or None))
        notes.append(f"{label}: {about}{languages}.")
    headings = ["corpus", "licence", "MB", "fetched"]
    return Table("Catalogue of corpora", headings, shown, notes)
