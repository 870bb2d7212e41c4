import os

import numpy as np
import pytest

from kakehashi.data.alignment import align, read_word_pairs
from kakehashi.data.vectors import Vectors, read_vectors
from kakehashi.errors import ConfigError, CorpusError

WIDTH = 8


def spaces(n_words=400, n_shared=60, noise=0.05):
    """Two spaces of words that mean the same in the same order, and the rotation between them.

    The first words are written alike; the rows of the second space are rotated, scaled and noisy.
    """
    rng = np.random.default_rng(1)
    # Of several sizes by column and away from the origin, as those of real words are.
    rows = rng.normal(size=(n_words, WIDTH)) * np.linspace(2, 1, WIDTH) + 0.5
    rotation = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    norms = rng.uniform(0.5, 3, size=(n_words, 1))
    theirs = (rows + noise * rng.normal(size=rows.shape)) @ rotation.T * norms
    shared = [f"{number}%" for number in range(n_shared)]
    rest = range(n_shared, n_words)
    return (
        vectors([*shared, *(f"w{number}" for number in rest)], rows),
        vectors([*shared, *(f"語{number}" for number in rest)], theirs),
        rotation,
    )


def vectors(words, rows):
    return Vectors({word: row for row, word in enumerate(words)}, np.asarray(rows, np.float32))


def test_a_rotation_is_found_and_its_retrieval_told():
    source, target, rotation = spaces()
    found = align(source, target)
    np.testing.assert_allclose(found.rotation, rotation, atol=0.05)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(WIDTH), atol=1e-5)
    assert found.pairs["identical"] == 60
    assert (found.pairs["given"], found.pairs["loanwords"]) == (0, 0)
    assert found.pairs["neighbours"] > 300
    assert found.n_tested == 12
    assert found.before.at_5 < 50 < 90 < found.after.at_1 <= found.after.at_5 <= 100


def test_neighbours_mend_what_false_friends_spoil():
    source, target, rotation = spaces(n_shared=60)
    rows = dict(target.rows)
    for number in range(30):  # half of the strings that are in both mean something else
        rows[f"{number}%"] = target.rows[f"語{100 + number}"]
    found = align(source, Vectors(rows, target.matrix))
    np.testing.assert_allclose(found.rotation, rotation, atol=0.05)


def test_given_pairs_go_before_others_and_those_without_vectors_are_left_out():
    source, target, rotation = spaces(n_shared=0)
    given = [(f"w{number}", f"語{number}") for number in range(50)]
    found = align(source, target, [*given, ("w1", "missing"), ("missing", "語1")])
    np.testing.assert_allclose(found.rotation, rotation, atol=0.05)
    assert (found.pairs["given"], found.pairs["identical"]) == (50, 0)
    source, target, _ = spaces(n_shared=60)
    found = align(source, target, [("5%", "4%")])
    assert (found.pairs["given"], found.pairs["identical"]) == (1, 59)


def test_loanwords_pair_in_both_directions():
    english = ["hotel", "ticket", "system", "london", "party", "sound", "print", "camera", "member"]
    japanese = ["ホテル", "チケット", "システム", "ロンドン", "パーティー"]
    japanese += ["サウンド", "プリント", "カメラ", "メンバー"]
    rows = np.random.default_rng(2).normal(size=(9, WIDTH))
    for one, other in ((english, japanese), (japanese, english)):
        found = align(vectors(one, rows), vectors(other, -rows))
        assert (found.pairs["loanwords"], found.n_tested) == (9, 1)
        assert found.after.at_1 == 100


@pytest.mark.corpora
@pytest.mark.slow
def test_real_vectors_are_aligned():
    if "KAKEHASHI_DATA" not in os.environ:
        pytest.skip("KAKEHASHI_DATA does not name the folder of the corpora")
    english, japanese = (read_vectors(f"vectors/{name}.64.vec.gz") for name in ("en", "ja"))
    found = align(english, japanese)
    assert found.pairs["loanwords"] > 2000
    assert found.before.at_5 < 1 < 15 < found.after.at_5


def test_spaces_that_cannot_be_aligned_are_refused():
    source, target, _ = spaces()
    narrow = Vectors(target.rows, target.matrix[:, :5])
    problem = "b.vec: expected vectors of width 8, as a.vec has, got 5; take files of one width"
    with pytest.raises(ConfigError, match=problem):
        align(source, narrow, names=("a.vec", "b.vec"))
    with pytest.raises(ConfigError, match=r"expected 8 words, its width, .* got 7; name a dict"):
        align(*spaces(n_shared=8)[:2])


def test_a_dictionary_is_read_as_words_are_looked_up(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("Day\t日\nPC\tＰＣ\nnew york\tニューヨーク\n", encoding="utf-8")
    expected = [("day", "日"), ("pc", "pc"), ("new york", "ニューヨーク")]
    assert read_word_pairs(path) == expected


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", None, "is empty; expected pairs of words"),
        ("day\t日\nnight\n", 2, "expected a word, a tab and its translation, got 'night'"),
        ("day\t日\tひ\n", 1, "expected a word, a tab and its translation"),
        ("\t日\n", 1, "expected a word, a tab and its translation"),
    ],
)
def test_a_bad_dictionary_is_refused(tmp_path, text, line, problem):
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=problem) as caught:
        read_word_pairs(path)
    assert caught.value.line == line
