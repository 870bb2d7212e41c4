import re
from xml.etree import ElementTree

import pytest

from kakehashi.errors import ConfigError
from kakehashi.experiments.analysis import analyse
from kakehashi.reports.figures import (
    BLACK,
    BLUE,
    FIGURES,
    RED,
    distribution_figure,
    frequency_figure,
    gain_figure,
    pens,
    size_figure,
    type_figure,
)


@pytest.fixture
def types(type_results):
    return analyse(type_results, trials=10)


@pytest.fixture
def sizes(size_results):
    return analyse(size_results, trials=10)


def groups_of(drawing, kind):
    """The groups of an SVG whose id begins so, by the rest of their ids."""
    root = ElementTree.fromstring(drawing.render("svg"))
    found = {}
    for element in root.iter():
        name = element.get("id", "")
        if name.startswith(f"{kind}-"):
            found[name.removeprefix(f"{kind}-")] = element
    return found


def colors_of(element):
    text = ElementTree.tostring(element, encoding="unicode").lower()
    return set(re.findall(r"#[0-9a-f]{6}", text))


def test_an_arrow_per_type_points_where_it_went(types):
    drawing = type_figure(types)
    better, worse, same = (groups_of(drawing, kind) for kind in ("better", "worse", "unchanged"))
    assert (set(better), set(worse), set(same)) == ({"LOC"}, {"PER"}, {"ART"})
    assert colors_of(better["LOC"]) == {BLUE.lower()}
    assert colors_of(worse["PER"]) == {RED.lower()}
    assert BLACK in colors_of(same["ART"])


def test_an_arrow_begins_at_the_old_score_and_ends_at_the_new(types):
    """Up is less in SVG: the shaft of LOC goes from 40 to 80, that of PER from 50 to 25."""
    drawing = type_figure(types)
    up, down = (
        float_path(groups_of(drawing, kind)[name])
        for kind, name in (("better", "LOC"), ("worse", "PER"))
    )
    assert up[0][1] > up[-1][1]
    assert down[0][1] < down[-1][1]
    assert (up[0][1] - up[-1][1]) > (down[-1][1] - down[0][1])
    assert up[0][0] > down[0][0]  # LOC is more frequent in training


def float_path(element):
    path = next(child for child in element.iter() if child.tag.endswith("path"))
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.get("d"))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_bar_per_type_that_changed(types):
    bars = groups_of(gain_figure(types), "bar")
    assert list(bars) == ["LOC (80)", "PER (8)"]
    assert BLUE.lower() in colors_of(bars["LOC (80)"])
    # What falls is hatched too: the bar refers to a pattern, which has the colour.
    assert b"url(#" in ElementTree.tostring(bars["PER (8)"])
    assert RED.lower().encode() in gain_figure(types).render("svg")


def test_a_line_per_recognizer_or_corpus(sizes, types):
    assert set(groups_of(size_figure(sizes), "line")) == {"scratch", "transfer"}
    assert set(groups_of(FIGURES["distribution"](types), "line")) == {"small"}
    drawing = distribution_figure({"one": {"LOC": 90, "PER": 9}, "two": {"LOC": 5}})
    lines = groups_of(drawing, "line")
    assert set(lines) == {"one", "two"}
    assert BLUE.lower() in colors_of(lines["one"])
    assert RED.lower() in colors_of(lines["two"])


def test_series_differ_in_more_than_colour():
    first = [pen for pen, _ in zip(pens(), range(7), strict=False)]
    assert len({pen["color"] for pen in first}) == len({pen["marker"] for pen in first}) == 7


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_numbers_give_the_same_bytes(sizes, kind):
    assert size_figure(sizes).render(kind) == size_figure(sizes).render(kind)


def test_no_date_stands_in_a_file(sizes):
    assert b"<dc:date>" not in size_figure(sizes).render("svg")


@pytest.mark.parametrize("name", ["size", "types", "gains", "frequencies", "distribution"])
def test_nothing_can_be_drawn_of_a_grid_that_has_not_run(name, layers, make_results):
    cells = {(label, "1"): None for label in ("none", "char", "CRFsuite")}
    nothing = analyse(make_results(layers, cells), trials=10)
    with pytest.raises(ConfigError):
        FIGURES[name](nothing)


def test_bands_of_frequency_are_points_of_a_line_if_they_are_large(types, monkeypatch):
    with pytest.raises(ConfigError, match="no types of like frequency have 30 test mentions"):
        frequency_figure(types)
    # PER and ART fall from 40 to 20 together, LOC rises from 40 to 80: up is less in SVG.
    monkeypatch.setattr("kakehashi.reports.figures._FEWEST_MENTIONS", 10)
    points = float_path(groups_of(frequency_figure(types), "line")["char"])
    (rare_x, rare_y), (frequent_x, frequent_y) = points[:2]
    assert rare_x < frequent_x
    assert rare_y > frequent_y


def test_of_many_types_the_most_frequent_have_bars(types, monkeypatch):
    monkeypatch.setattr("kakehashi.reports.figures._MOST_BARS", 1)
    drawing = gain_figure(types)
    assert list(groups_of(drawing, "bar")) == ["LOC (80)"]
    assert b"0 types unchanged, 2 rarer ones" in drawing.render("svg")
