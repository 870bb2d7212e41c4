"""What more annotation is worth, read off a learning curve."""

import re

import numpy as np
import pytest

from kakehashi.experiments.annotation_curve import AnnotationCurve, extrapolate, part_sizes
from kakehashi.reports.annotation_tables import advice, annotation_figure, annotation_tables

SIZES = (50, 71, 100, 141, 200)


def curve(scores, *, n_sentences=400, n_seeds=1):
    """A curve of 10 mentions and as many answers a sentence, of which this percentage is right."""
    counts = np.full((len(SIZES), n_seeds, n_sentences, 3), 10, np.int32)
    for size, score in zip(counts, scores, strict=True):
        right = np.random.default_rng(0).multinomial(
            round(score / 100 * 10 * n_sentences), np.full(n_sentences, 1 / n_sentences)
        )
        size[..., 2] = right
    return AnnotationCurve(SIZES, tuple(3 * size for size in SIZES), counts, 0)


def power(ceiling, factor, exponent):
    return [ceiling - factor * size**-exponent for size in SIZES]


@pytest.mark.parametrize(("ceiling", "factor", "exponent"), [(80, 200, 0.5), (90, 150, 0.2)])
def test_a_power_law_is_continued_as_one(ceiling, factor, exponent):
    scores = np.array([power(ceiling, factor, exponent)])
    near, far = extrapolate(SIZES, scores, [400, 1600])[0]
    assert near == pytest.approx(ceiling - factor * 400**-exponent, abs=1.5)
    assert far == pytest.approx(ceiling - factor * 1600**-exponent, abs=5)


def test_no_curve_is_continued_beyond_what_is_possible():
    falling, steep = [60, 58, 55, 50, 44], [5, 20, 40, 65, 95]
    found = extrapolate(SIZES, np.array([falling, steep]), [10**6])
    assert found[0] == pytest.approx(np.mean(falling))
    assert found[1] <= 100


def test_a_gain_lies_in_its_interval_which_shrinks_with_development_data():
    scores = power(80, 200, 0.5)
    few, many = (curve(scores, n_sentences=n) for n in (40, 4000))
    widths = []
    for each in few, many:
        gain, low, high = each.gain(200)
        assert low <= gain <= high
        widths.append(high - low)
    assert widths[1] < widths[0]
    expected = 200 * (200**-0.5 - 400**-0.5)
    assert many.gain(200)[0] == pytest.approx(expected, abs=0.7)


def test_it_is_worth_it_until_gains_are_small():
    found = curve(power(80, 200, 0.5), n_sentences=20000)
    until = found.worth_until(200, 1.0)
    gains = [200 * (n**-0.5 - (n + 200) ** -0.5) for n in (until / 1.5, until * 1.5)]
    assert gains[0] > 1.0 > gains[1]
    assert found.worth_until(200, 0.0) is None


@pytest.mark.parametrize(
    ("scores", "n_sentences", "worth", "verdict"),
    [
        (power(80, 200, 0.5), 20000, 1.0, r"Go on, until about [\d,]+0 sentences"),
        ([70.0, 70.1, 70.2, 70.2, 70.3], 20000, 1.0, "Stop here"),
        (power(80, 200, 0.5), 10, 4.0, "too uncertain to say"),
    ],
)
def test_advice_says_when_to_stop(scores, n_sentences, worth, verdict):
    told = advice(curve(scores, n_sentences=n_sentences), 200, worth)
    assert re.search(verdict, told), told
    assert told.startswith("The next 200 sentences are worth +")


def test_tables_and_figure_show_all_sizes_and_runs():
    found = curve(power(80, 200, 0.5), n_seeds=2)
    measured, worth = annotation_tables(found, 100)
    assert [row[0] for row in measured.rows] == ["50", "71", "100", "141", "200"]
    assert measured.headings[-2:] == ("run 1", "run 2")
    assert [row[0] for row in worth.rows] == ["300", "400", "700"]
    assert b"points" in annotation_figure(found, 100).render("svg")


def test_sizes_of_parts_stay_when_there_is_more():
    for total in range(100, 2000, 7):
        sizes = part_sizes(total, 5)
        assert sizes == sorted(set(sizes))
        assert sizes[-1] == total
        assert set(part_sizes(total + 1, 50)) >= set(sizes[:-1])
