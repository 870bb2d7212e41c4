import numpy as np
import pytest

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.settings import VectorsSettings
from kakehashi.data.dataset import prepare
from kakehashi.errors import ConfigError
from kakehashi.sentence import Span, sentence_from_forms

TRAIN = [
    sentence_from_forms(["In", "Rome", "and", "in", "Oslo"], [Span(1, 2, "LOC"), Span(4, 5, "LOC")])
]
DEV = [sentence_from_forms(["To", "Paris"])]
TEST = [sentence_from_forms(["via", "Lima"])]
VECTORS = "in 1 0\nLima 0 1\nparis 1 1\nbern 2 2\n"


def prepared(tmp_path, extra_words="corpus", **model):
    (tmp_path / "v.txt").write_text(VECTORS)
    vectors = VectorsSettings(path=str(tmp_path / "v.txt"), extra_words=extra_words)
    return prepare(TRAIN, DEV, TEST, ModelSettings(**model), vectors)


@pytest.mark.parametrize(
    ("extra_words", "extra"),
    [("none", ()), ("corpus", ("lima", "paris")), ("all", ("bern", "lima", "paris"))],
)
def test_words_of_other_text_are_known_if_they_have_a_vector(tmp_path, extra_words, extra):
    data = prepared(tmp_path, extra_words)
    assert data.words.strings == ("in", "and", "oslo", "rome", *extra)
    assert data.words.n_seen == 4


def test_vectors_are_rotated_into_the_space_of_others(tmp_path):
    rows = np.random.default_rng(1).normal(size=(40, 4))
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    words = ["rome", "oslo", *(f"{n}%" for n in range(38))]
    for name, matrix in (("en.vec", rows), ("own.vec", rows @ rotation.T)):
        lines = zip(words, (" ".join(map(str, row)) for row in matrix), strict=True)
        (tmp_path / name).write_text("".join(f"{word} {row}\n" for word, row in lines))
    paths = {"path": str(tmp_path / "own.vec"), "align_to": str(tmp_path / "en.vec")}
    data = prepare(TRAIN, DEV, TEST, ModelSettings(), VectorsSettings(**paths))
    for word, row in zip(words, rows, strict=True):
        np.testing.assert_allclose(data.vectors.matrix[data.vectors.rows[word]], row, atol=1e-4)


def test_coverage_and_words_seen_once_are_of_training_words(tmp_path):
    coverage = prepared(tmp_path).coverage
    assert coverage.types == (1, 0, 3)
    assert coverage.tokens == (2, 0, 3)
    assert str(coverage) == "1 of 4 words (25.0 %), 40.0 % of their occurrences"
    data = prepared(tmp_path)
    once = {word for word, row in data.words.ids.items() if data.once[row]}
    assert once == {"and", "oslo", "rome"}
    data = prepare(TRAIN, DEV, TEST, ModelSettings())
    assert "Pa" not in data.ngrams.ids
    assert data.vectors is None
    assert data.tagset.types == ("LOC",)


def test_the_fingerprint_knows_tokens_and_entities(tmp_path):
    same = [prepare(TRAIN, DEV, TEST, ModelSettings()).fingerprint() for _ in range(2)]
    others = {
        prepare(DEV + TRAIN, DEV, TEST, ModelSettings()).fingerprint(),
        prepare(TRAIN, TEST, DEV, ModelSettings()).fingerprint(),
        prepare(TRAIN, DEV, TEST, ModelSettings(ngram=3)).fingerprint(),
        prepared(tmp_path).fingerprint(),
    }
    assert same[0] == same[1]
    assert len(others | set(same)) == 5


def test_what_teaches_nothing_or_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.word_width: is 50, but the vectors"):
        prepared(tmp_path, word_width=50)
    with pytest.raises(ConfigError, match="no sentence to train on has an entity"):
        prepare(DEV, DEV, TEST, ModelSettings())
