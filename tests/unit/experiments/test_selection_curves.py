import pytest

from kakehashi.experiments.analysis import Analysis, Group
from kakehashi.experiments.grid import Change, Grid, Report
from kakehashi.experiments.selection_curves import selection_curves
from kakehashi.experiments.store import RunResult
from kakehashi.reports.figures import selection_figure
from kakehashi.reports.selection_tables import round_table, selection_table

STRATEGIES = ("random", "mix", "all")


def group(strategy, *scores):
    """A group with a run per list of F1s, each of rounds of 100 more sentences."""
    runs = []
    for seed, f1s in enumerate(scores, 1):
        rounds = [
            {"sentences": n, "tokens": 9 * n, "mentions": n, "minutes": n / 5, "test": f1}
            for n, f1 in zip(range(100, 1000, 100), f1s, strict=False)
        ]
        result = {"test": {"f1": f1s[-1]}, "rounds": rounds if strategy != "all" else None}
        axes = {"strategy": strategy, "seed": str(seed)}
        runs.append(RunResult(f"{strategy}{seed}", axes, {}, result, None))
    return Group({"strategy": strategy}, "kakehashi", tuple(runs), len(runs), None)


@pytest.fixture
def analysis():
    report = Report(
        rows="strategy", baseline={"strategy": "random"}, full={"strategy": "all"},
        figures=("selection",),
    )  # fmt: skip
    axes = {"strategy": dict.fromkeys(STRATEGIES, Change())}
    grid = Grid(name="g", seeds=(1, 2), axes=axes, report=report)
    groups = (
        group("random", [40.0, 50.0, 60.0], [42.0, 52.0, 62.0]),
        group("mix", [40.0, 70.0, 79.0], [42.0, 72.0, 81.0]),
        group("all", [80.0], [80.0]),
    )
    return Analysis(grid, groups, (), (), 100, 0)


def test_areas_and_labels_needed(analysis):
    random, mix = selection_curves(analysis)
    assert random.area == pytest.approx(51)
    assert mix.area == pytest.approx((41 + 2 * 71 + 80) / 4)
    assert (random.test, mix.test.p) == (None, pytest.approx(2 / 6))
    assert random.full == mix.full == 80
    assert random.needed["sentences"] == (float("inf"),) * 3
    least, middle, most = mix.needed["sentences"]
    assert 200 < least < middle < most < 300
    assert mix.needed["minutes"][0] == pytest.approx(least / 5)
    assert mix.points[1].size["tokens"] == 1800


def test_tables_and_figure(analysis):
    rounds, saved = round_table(analysis), selection_table(analysis)
    assert rounds.rows[1] == ("random", "2", "200", "1,800", "200", "40", "51.00 ±1.41")
    assert saved.rows[0][:4] == ("random", "51.00", "–", "80.00")
    assert saved.rows[0][4:6] == ("> 300", "> 60")
    drawing = selection_figure(analysis)
    assert list(drawing.panels) == ["sentences", "tokens", "mentions", "minutes"]
