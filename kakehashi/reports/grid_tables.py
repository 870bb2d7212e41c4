"""The tables of a grid: scores, gains over the baseline, comparisons with the reference, seeds.

Tables of entity types: each with its gain, and all of like frequency together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from kakehashi.experiments.analysis import LEVEL, OURS, Analysis, Gain, Group, seeds_needed
from kakehashi.experiments.learning_curve import EquivalentSize
from kakehashi.reports.tables import Table
from kakehashi.scoring.score import Count

PAPERS_WAY = "paper's way"
NOTHING = "–"


def tables_of(analysis: Analysis, savings: Sequence[EquivalentSize] = ()) -> dict[str, Table]:
    """Make every table that a grid fills, by its short name."""
    report = analysis.grid.report
    per_type = "types" in report.figures
    tables = {
        "scores": score_table(analysis),
        "gains": gain_table(analysis.gains, f"Gains over {_labels(report.baseline)}"),
        "comparisons": gain_table(analysis.comparisons, f"Against {_labels(report.reference)}"),
        "seeds": seed_table(analysis),
        "learning-curve": learning_curve_table(savings),
        "ceilings": ceiling_table(analysis),
        "frequencies": frequency_table(analysis) if per_type else None,
        "types": type_table(analysis) if per_type else None,
    }
    return {name: table for name, table in tables.items() if table is not None and table.rows}


def score_table(analysis: Analysis) -> Table:
    """Lay out mean F1 and gains as the grid's report says; the paper's way stands in a column."""
    report = analysis.grid.report
    gains = {id(gain.group): gain for gain in analysis.gains}
    columns = analysis.grid.labels[report.columns] if report.columns else (None,)
    axes = _row_axes(analysis)
    papers_way = any(group.best_on_test is not None for group in analysis.groups)
    kinds = ["F1", *(["gain"] if gains else []), *([PAPERS_WAY] if papers_way else [])]
    headings = [f"{column}: {kind}" if column else kind for column in columns for kind in kinds]
    rows: dict[tuple[str, ...], list[str]] = {}
    for group in analysis.groups:
        row = rows.setdefault(_names(group, axes), [NOTHING] * len(headings))
        place = columns.index(group.axes[report.columns]) if report.columns else 0
        gain = gains.get(id(group))
        cells = {"F1": _score(group), "gain": _signed(gain), PAPERS_WAY: _papers_way(group, gain)}
        row[place * len(kinds) : (place + 1) * len(kinds)] = [cells[kind] for kind in kinds]
    # The baseline gains nothing over itself: where it is a column, it has none for gains.
    said = [any(cells[index] for cells in rows.values()) for index in range(len(headings))]
    return Table(
        analysis.grid.title or analysis.grid.name,
        (*axes, *compress(headings, said)),
        tuple((*names, *compress(cells, said)) for names, cells in rows.items()),
        _score_notes(analysis, papers_way),
        n_labels=len(axes),
    )


def gain_table(gains: Sequence[Gain], title: str) -> Table | None:
    """List comparisons with both tests; None where nothing was compared."""
    if not gains:
        return None
    axes = tuple(gains[0].group.axes)
    headings = (
        *axes, "against", "gain", "relative", "p these models", "p the method",
        "Holm these models", "Holm the method", "holds",
    )  # fmt: skip
    rows = tuple((*_names(gain.group, axes), *_gain_cells(gain)) for gain in gains)
    return Table(title, headings, rows, tuple(_test_notes(gains)), n_labels=len(axes) + 1)


def _gain_cells(gain: Gain) -> list[str]:
    differing = [
        label for axis, label in gain.against.axes.items() if gain.group.axes[axis] != label
    ]
    tests = (test.p if test else None for test in (gain.models, gain.method))
    corrected = (gain.p_models, gain.p_method)
    relative = NOTHING if gain.relative is None else f"{gain.relative:+.2f} %"
    holds = "yes" if gain.marked else "no"
    return [
        ", ".join(differing), f"{gain.absolute:+.2f}", relative,
        *map(_p, (*tests, *corrected)), holds,
    ]  # fmt: skip


def seed_table(analysis: Analysis) -> Table:
    """List every score, with mean, sample standard deviation and interval."""
    axes = _row_axes(analysis, with_columns=True)
    seeds = analysis.grid.labels["seed"]
    headings = (
        *axes, "runs", *(f"seed {seed}" for seed in seeds),
        "mean", "sd", "95 % low", "95 % high", PAPERS_WAY,
    )  # fmt: skip
    rows = []
    for group in analysis.groups:
        each = [group.scores.get(seed) for seed in seeds]
        summary = [group.mean, group.deviation, *(group.interval or (None, None))]
        numbers = map(_number, (*each, *summary, group.best_on_test))
        rows.append((*_names(group, axes), group.found, *numbers))
    notes = (
        "A system without a seed has one run, and its score stands as the mean.",
        "The interval of the mean is a bootstrap over test sentences; it does not speak of seeds.",
    )
    return Table("Every run", headings, tuple(rows), notes, n_labels=len(axes))


def learning_curve_table(savings: Sequence[EquivalentSize]) -> Table:
    """Say what training from scratch would need to do as well as transfer."""
    axes = tuple(savings[0].axes) if savings else ()
    rows = tuple(
        (
            *(saving.axes[axis] for axis in axes),
            f"{saving.size:,}",
            saving.worded(saving.equals),
            saving.interval or NOTHING,
            NOTHING if saving.ratio is None else f"{saving.ratio:.2f}",
        )
        for saving in savings
    )
    return Table(
        "What transfer saves: with n sentences it equals m from scratch",
        (*axes, "n with transfer", "equals m from scratch", "95 % interval of m", "m / n"),
        rows,
        (
            "m is read off the curve from scratch, made to rise and straight over log size; the "
            "interval resamples test sentences and seeds. Sizes beyond the curve are unknown.",
            "The paper claims m / n of at least 2 at n = 500,000 (section 5.4).",
        ),
        n_labels=len(axes) + 1,
    )


def ceiling_table(analysis: Analysis) -> Table:
    """Give the F1 that a perfect tagger of these tokens could reach."""
    rows: dict[tuple[str, ...], None] = {}
    for group in analysis.groups:
        for run in group.runs:
            result = run.result
            test, segmenter = result["corpus"]["test"], run.settings["text"]["segmenter"]
            found = test["entities"] - test["lost"]
            ceiling = 200 * found / (found + test["entities"]) if test["entities"] else 0.0
            counts = (f"{test['entities']:,}", f"{test['lost']:,}", f"{ceiling:.2f}")
            rows[(result["name"], segmenter, *counts)] = None
    return Table(
        "Segmentation ceiling of the test set",
        ("corpus", "segmenter", "mentions", "of them lost", "best possible F1"),
        tuple(rows),
        ("A lost mention begins or ends inside a token; no tagger of tokens can find it.",),
        n_labels=2,
    )


def _row_axes(analysis: Analysis, *, with_columns: bool = False) -> tuple[str, ...]:
    """Name the axes that head a row, the report's own first."""
    report = analysis.grid.report
    others = [axis for axis in analysis.grid.axes if axis != report.rows]
    if not with_columns:
        others = [axis for axis in others if axis != report.columns]
    return (report.rows, *others)


def _names(group: Group, axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(group.axes[axis] for axis in axes)


def _score(group: Group) -> str:
    missing = f" ({group.found})" if len(group.runs) < group.wanted else ""
    spread = "" if group.deviation is None else f" ±{group.deviation:.2f}"
    return f"{_number(group.mean)}{spread}{missing}"


def _signed(gain: Gain | None) -> str:
    return "" if gain is None else f"{gain.absolute:+.2f}{'*' if gain.marked else ''}"


def _papers_way(group: Group, gain: Gain | None) -> str:
    best = group.best_on_test
    base = gain.against.best_on_test if gain is not None else None
    if best is None:
        return ""
    if base is None:
        return _number(best)
    return f"{best:.2f} ({best - base:+.2f})"


def _score_notes(analysis: Analysis, papers_way: bool) -> tuple[str, ...]:
    notes = ["Mean F1 over the seeds in percent, ± sample standard deviation."]
    if analysis.gains:
        baseline = _labels(analysis.grid.report.baseline)
        notes.append(f"Gains are in points over {baseline}. * holds: both tests pass.")
        notes += _test_notes(analysis.gains)
    if any(len(group.runs) < group.wanted for group in analysis.groups):
        notes.append("(3/5): of five runs asked for, three are finished; the mean is of those.")
    if papers_way:
        notes.append(
            "The paper's way takes each run's best epoch on the test set, which is no honest"
            " estimate; F1 and gains are of epochs selected as the signature says."
        )
    return tuple(notes)


def _test_notes(gains: Sequence[Gain]) -> list[str]:
    """Say what the two tests claim, and where the second cannot pass."""
    claims = next((gain.models for gain in gains if gain.models is not None), None)
    notes = []
    if claims is not None:
        notes.append(
            f"First test, approximate randomization: {claims.claim} differ in mean F1 by more than"
            " chance. Second test, permutation of run labels: so does"
            f" {_method_claim(gains)}. Both are two-sided, with Holm's correction over"
            f" {len(gains)} in all; a gain holds if both give p ≤ {LEVEL}."
        )
    if any(gain.models is None for gain in gains):
        notes.append("Not tested where counts per sentence are missing or test sets differ.")
    smallest = min(gain.smallest_p for gain in gains)
    if smallest * len(gains) > LEVEL:
        alone = all(gain.against.wanted == 1 for gain in gains)
        notes.append(
            f"Nothing can hold here: with so few runs the second test gives p of at least"
            f" {smallest:.4f}, {min(1.0, smallest * len(gains)):.4f} after the correction; "
            + ("the other side has no seeds." if alone else _remedy(len(gains)))
        )
    return notes


def _method_claim(gains: Sequence[Gain]) -> str:
    return next(gain.method.claim for gain in gains if gain.method is not None)


def _remedy(n_comparisons: int) -> str:
    return f"{seeds_needed(n_comparisons)} seeds on each side would do."


def _labels(axes: Mapping[str, str]) -> str:
    return ", ".join(axes.values())


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


_EDGES = (0, 1, 10, 30, 100, 300, 1_000, 3_000, 10_000)


def type_table(analysis: Analysis) -> Table:
    """List the mean F1 of each entity type without and with what the baseline lacks."""
    rows = []
    for gain in _ours(analysis):
        before, after = gain.against.types, gain.group.types
        often = gain.group.training_types
        for name in sorted(after, key=lambda name: (-often.get(name, 0), name)):
            old, new = before.get(name, 0.0), after[name]
            cells = (f"{often.get(name, 0):,}", f"{old:.2f}", f"{new:.2f}", f"{new - old:+.2f}")
            rows.append((", ".join(gain.group.axes.values()), name, *cells))
    return Table(
        "Entity types",
        ("", "type", "in training", "baseline F1", "F1", "gain"),
        tuple(rows),
        n_labels=2,
    )


@dataclass(frozen=True)
class Band:
    """The entity types that are about as frequent in training, taken together.

    Attributes:
        frequencies: The band, written out: ``10–29``.
        often: Mentions in training of each of its types.
        before: What the baseline makes of their test mentions, over all runs.
        after: The same of what is compared with it.
        test_mentions: How many there are in the test set.
        better: How many of the types have a better mean F1.
        worse: How many a worse one.
    """

    frequencies: str
    often: tuple[int, ...]
    before: Count
    after: Count
    test_mentions: int
    better: int
    worse: int

    @property
    def points(self) -> float:
        """The gain in points of F1."""
        return self.after.f1 - self.before.f1


def frequency_bands(gain: Gain) -> list[Band]:
    """Take the types together that are about as frequent in training, the rarest first.

    The paper sees gains begin at about 100 mentions, and shrink again at high frequency (section
    5.4, figure 4).
    """
    often = gain.group.training_types
    members: dict[int, list[str]] = {}
    for name in sorted({*gain.group.types, *gain.against.types}):
        members.setdefault(bisect_right(_EDGES, often.get(name, 0)) - 1, []).append(name)
    return [_band(gain, _range(place), members[place]) for place in sorted(members)]


def _band(gain: Gain, frequencies: str, names: list[str]) -> Band:
    often, before, after = gain.group.training_types, gain.against.types, gain.group.types
    changes = [round(after.get(name, 0.0) - before.get(name, 0.0), 2) for name in names]
    new = _count(gain.group, names)
    return Band(
        frequencies,
        tuple(often.get(name, 0) for name in names),
        _count(gain.against, names),
        new,
        new.gold // len(gain.group.runs),
        sum(change > 0 for change in changes),
        sum(change < 0 for change in changes),
    )


def frequency_table(analysis: Analysis) -> Table:
    """List the bands of each comparison."""
    rows = tuple(
        (
            ", ".join(gain.group.axes.values()),
            band.frequencies,
            str(len(band.often)),
            f"{band.test_mentions:,}",
            f"{band.before.f1:.2f}",
            f"{band.after.f1:.2f}",
            f"{band.points:+.2f}",
            str(band.better),
            str(band.worse),
        )
        for gain in _ours(analysis)
        for band in frequency_bands(gain)
    )
    return Table(
        "Gain by the frequency of an entity type in training",
        ("", "mentions in training", "types", "test mentions", "baseline F1", "F1", "gain",
         "types better", "worse"),
        rows,
        ("F1 of all mentions of these types together, over all runs. A type is better or worse by"
         " its mean F1.",),
        n_labels=2,
    )  # fmt: skip


def _count(group: Group, members: Iterable[str]) -> Count:
    """Add up the mentions of some types over all runs."""
    results = [run.result["test"]["types"] for run in group.runs]
    found = [types[name] for types in results for name in members if name in types]
    return Count(*(sum(count[key] for count in found) for key in ("gold", "predicted", "correct")))


def _ours(analysis: Analysis) -> list[Gain]:
    return [gain for gain in analysis.gains if gain.group.system == OURS]


def _range(place: int) -> str:
    low = _EDGES[place]
    if place + 1 == len(_EDGES):
        return f"{low:,} and more"
    high = _EDGES[place + 1] - 1
    return f"{low:,}–{high:,}" if low < high else f"{low:,}"
