"""What each language gains from English, against the n-grams that it shares with English.

    python -m benchmarks.shared_ngrams [--cells languages.parquet] [--out docs/results]

Reads the finished runs of experiments/languages.toml and the training sets of its languages
(``KAKEHASHI_DATA``), and writes languages-gains.md and languages-gains.svg.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import read_parts
from kakehashi.corpora.romanization import audit_view, ngrams_of
from kakehashi.experiments.grid import read_grid
from kakehashi.files import write_atomically
from kakehashi.reports.figures import BLACK, BLUE, ORANGE, Drawing
from kakehashi.reports.tables import Table, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kakehashi.config.settings import RunSettings

_GRID = Path("experiments/languages.toml")
ALONE, MOVED = "from scratch", "transfer"
_ROMANIZED = "romanized, "
_SYSTEMS = ("CRFsuite", ALONE, MOVED, _ROMANIZED + ALONE, _ROMANIZED + MOVED)

Means = dict[tuple[str, str], dict[str, float]]
"""By language and size, the mean F1 on test of each recognizer."""


def mean_scores(cells: Path) -> Means:
    """Average the finished runs over their seeds."""
    scores = defaultdict[tuple[str, str], dict[str, list[float]]](lambda: defaultdict(list))
    for row in pq.read_table(cells, columns=["axes", "test_f1"]).to_pylist():
        axes = json.loads(row["axes"])
        scores[axes["language"], axes["size"]][axes["recognizer"]].append(row["test_f1"])
    return {
        place: {name: mean(found) for name, found in each.items()} for place, each in scores.items()
    }


def shared_share(settings: RunSettings, view: str, english: set[str]) -> float:
    """Return the percentage of a training set's n-grams that English training has."""
    train = read_parts(settings)["train"]
    count = audit_view(train, view, settings.model.ngram, english).shared
    return 100 * count.touched / count.total if count is not None else 0.0


def gain_table(means: Means, shares: dict[str, tuple[float, float]]) -> Table:
    """Tabulate F1, and what transfer and romanization add to it."""
    rows = []
    for (language, size), f1 in means.items():
        cells = [f1.get(name) for name in _SYSTEMS]
        if None not in cells:
            _, alone, moved, roman, bridged = map(float, cells)  # type: ignore[arg-type]
            gains = (moved - alone, roman - alone, bridged - roman, bridged - alone)
            rows.append((language, int(size), *shares[language], *cells, *gains))
    headings = [
        "language", "size", "% shared", "% shared, romanized", *_SYSTEMS,
        "transfer", "Latin letters", "transfer of them", "both",
    ]  # fmt: skip
    note = (
        "Shared are the character bigrams of the training set that the English one has, by tokens."
        " Latin letters: romanized from scratch, over from scratch. Transfer of them: romanized"
        " with transfer, over romanized from scratch."
    )
    return Table("Languages, F1 on test and what adds to it", headings, rows, [note], n_labels=2)


def gain_figure(means: Means, shares: dict[str, tuple[float, float]]) -> Drawing:
    """Draw the gain over training from scratch, a row for each language, a panel for each size.

    The label of a row has the shares of n-grams, as written and romanized.
    """
    panels: dict[str, list[tuple[str, float, float]]] = {}
    for (language, size), f1 in reversed(means.items()):
        if {ALONE, MOVED, _ROMANIZED + MOVED} <= f1.keys():
            label = "{}  {:.0f} → {:.0f} %".format(language, *shares[language])
            gains = (f1[MOVED] - f1[ALONE], f1[_ROMANIZED + MOVED] - f1[ALONE])
            panels.setdefault(f"{int(size):,} utterances", []).append((label, *gains))

    most = max(max(gains) for rows in panels.values() for _, *gains in rows)

    def draw(panel: Axes, rows: Any) -> None:
        labels, written_, romanized = zip(*rows, strict=True)
        places = range(len(rows))
        panel.hlines(places, written_, romanized, color=BLACK, linewidth=0.8)
        panel.scatter(written_, places, color=ORANGE, marker="s", label="transfer, as written")
        panel.scatter(romanized, places, color=BLUE, label="transfer, romanized")
        panel.set_yticks(places, labels)
        panel.set_xlim(0, 1.05 * most)
        panel.set_xlabel("F1 over scratch, as written")
        panel.label_outer()

    title = "What transfer from English adds, as written and romanized; and bigrams shared with it"
    ordered = dict(reversed(panels.items()))
    return Drawing("gains", title, draw, ordered, legend=2, size=(8.0, 3.8))


def main() -> None:
    """Write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=Path, default=Path("docs/results/cells/languages.parquet"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    means = mean_scores(options.cells)
    english = read_settings("configs/massive-en.toml")
    grams = ngrams_of(read_parts(english)["train"], "original", english.model.ngram)
    shares = {}
    for language, change in read_grid(_GRID).axes["language"].items():
        settings = read_settings(change.config or "", change.set.items())
        views = ("original", settings.model.char_view)
        first, second = (shared_share(settings, each, grams) for each in views)
        shares[language] = first, second
        sys.stderr.write(f"{language}: {first:.1f} %, {second:.1f} % romanized\n")
    drawing = gain_figure(means, shares)
    picture = "languages-gains.svg"
    write_atomically(options.out / picture, drawing.render("svg"))
    table = written([gain_table(means, shares)], "markdown")
    head = f"# What languages gain from English\n\n![{drawing.title}]({picture})\n\n"
    foot = "\nMade by\n\n```sh\npython -m benchmarks.shared_ngrams\n```\n"
    write_atomically(options.out / "languages-gains.md", f"{head}{table}{foot}")


if __name__ == "__main__":
    main()
