import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from kakehashi.experiments.analysis import analyse
from kakehashi.experiments.store import Results
from kakehashi.reports.page import html_page, summarize

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Checks that elements are closed in turn, and collects what a reader needs."""

    def __init__(self, text):
        super().__init__()
        self.open, self.starts, self.ids, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.starts.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.starts if name == tag]


@pytest.fixture
def written(size_results):
    analysis = analyse(size_results, trials=10)
    commands = ["kakehashi experiment run a<b.toml", "kakehashi experiment page a<b.toml"]
    return html_page(analysis, commands)


@pytest.fixture
def outline(written):
    return Outline(written)


def test_the_summary_comes_first_and_commands_last(written, outline):
    first = re.search(r"<p[^>]*>(.*?)</p>", written, flags=re.DOTALL)
    assert first.group(1).startswith("Compared with scratch")
    words = "".join(outline.words)
    assert "trials:10|sampling-seed:0" in words
    assert "kakehashi experiment run a<b.toml\nkakehashi experiment page a<b.toml" in words
    assert "a<b" not in written


def test_tables_and_figures_are_inside_and_have_captions(outline, written):
    assert len(outline.all("table")) == len(outline.all("caption")) == 5
    assert all(cell["scope"] in ("row", "col") for cell in outline.all("th"))
    assert len(outline.all("svg")) == len(outline.all("figure")) == 1
    images = [attributes for attributes in outline.all("div") if attributes.get("role") == "img"]
    assert images[0]["aria-label"].startswith("F1 against training size")
    assert "<script" not in written
    assert "<link" not in written
    assert "<img" not in written
    assert not re.search(r'(src|href)="(?!#)', written.replace("xmlns:xlink", ""))


def test_no_id_stands_twice_and_every_reference_leads_somewhere(type_results):
    outline = Outline(html_page(analyse(type_results, trials=10), []))
    assert len(outline.all("svg")) == 2
    assert len(outline.ids) == len(set(outline.ids))
    used = {
        attributes["xlink:href"][1:]
        for _, attributes in outline.starts
        if attributes.get("xlink:href", "").startswith("#")
    }
    assert used
    assert used <= set(outline.ids)


def test_an_unfinished_grid_has_a_page(size_results):
    cells = tuple(replace(cell, result={}) for cell in size_results.runs)
    text = html_page(analyse(Results(size_results.grid, cells), trials=10), [])
    outline = Outline(text)
    assert outline.all("svg") == []
    assert "No figure of size: figures: no run of the grid is finished" in text


def test_where_ours_loses_comes_first(layer_results):
    assert summarize(analyse(layer_results, trials=200)) == (
        "Ours loses to CRFsuite: char has 65.00 against 75.00 (-10.00)."
        " Counting all of ours, 2 of 2 are behind CRFsuite (1 by the first test, 0 by both)"
        " and 0 ahead (0 by the first test, 0 by both)."
        " Compared with none the gain is +20.00 (char): p = 0.0312 for these trained models,"
        " p = 0.0286 for the method."
        " Only 8 of 9 runs are finished."
    )


def test_where_ours_wins_it_says_so(layers, make_results):
    right = {("none", "1"): 8, ("char", "1"): 12, ("CRFsuite", "1"): 10}
    text = summarize(analyse(make_results(layers, right), trials=200))
    assert text.startswith("Ours is ahead of CRFsuite: char has 60.00 against 50.00 (+10.00).")


def test_equivalent_sizes_and_both_ends_of_the_gains_are_told(size_results):
    analysis = analyse(size_results, trials=10)
    text = summarize(analysis)
    assert "Compared with scratch, 3 of 3 are better" in text
    assert "The largest gain is +10.00 (transfer, 100), the smallest +5.00 (transfer, 200)." in text
    worth = "On the curve of transfer, 200 sentences are worth 283 from scratch, 1.41 times as many"
    assert f"{worth} (95 % interval " in text


def test_without_results_only_that_is_said(layer_results):
    cells = tuple(replace(cell, result={}) for cell in layer_results.runs)
    text = summarize(analyse(Results(layer_results.grid, cells), trials=10))
    assert text == "Only 0 of 9 runs are finished."
