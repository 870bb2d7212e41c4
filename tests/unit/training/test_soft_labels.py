from dataclasses import replace

import numpy as np
import pytest

from kakehashi.sentence import Mention, Span, sentence_from_forms
from kakehashi.tags import Tagset, TypeMapping
from kakehashi.training.soft_labels import (
    N_KEPT,
    SoftLabels,
    labels_of_mentions,
    mean_of,
    most_probable,
    write_soft_labels,
)


def dense(labels, n_tags):
    """Spread labels over all tags (tokens, tags)."""
    found = np.zeros((len(labels.ids), n_tags))
    np.add.at(found, (np.arange(len(found))[:, None], labels.ids), labels.shares)
    return found


def test_the_most_probable_tags_are_kept_and_add_up_to_one():
    names = Tagset(tuple("ABCDEF")).tags
    marginals = np.random.default_rng(0).dirichlet(np.ones(len(names)), size=20)
    labels = most_probable(names, marginals)
    assert labels.ids.shape == (20, N_KEPT)
    assert labels.shares.sum(axis=1) == pytest.approx(np.ones(20), abs=2e-3)
    least = np.sort(marginals, axis=1)[:, -N_KEPT]
    expected = np.where(marginals >= least[:, None], marginals, 0)
    expected /= expected.sum(axis=1, keepdims=True)
    assert dense(labels, len(names)) == pytest.approx(expected, abs=1e-3)


def test_tags_meet_by_name_whatever_their_scheme_and_order():
    names = ("O", "S-LOC", "B-LOC", "I-LOC", "E-LOC", "B-PER")
    labels = most_probable(names, np.array([[0.1, 0.2, 0.1, 0.0, 0.2, 0.4]]))
    assert labels.ids_in(["LOC", "PER"]).tolist() == [0, 1, 1, 2, 2, 3]
    assert labels.ids_in(["ORG", "PER"]).tolist() == [0, 0, 0, 0, 0, 3]
    mapping = TypeMapping("other", {"LOC": "ORG", "PER": None})
    assert labels.mapped(mapping).ids_in(["LOC", "ORG"]).tolist() == [0, 3, 3, 4, 4, 0]


def test_teachers_are_averaged():
    first = most_probable(("O", "B-A", "I-A"), np.array([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8]]))
    second = most_probable(
        ("O", "B-A", "I-A", "B-B"), np.array([[0.1, 0.3, 0.0, 0.6], [1, 0, 0, 0]])
    )
    labels = mean_of([first, second], ["A", "B"])
    assert labels.names == ("O", "B-A", "I-A", "B-B", "I-B")
    expected = [[0.3, 0.4, 0, 0.3, 0], [0.5, 0.1, 0.4, 0, 0]]
    assert dense(labels, 5) == pytest.approx(np.array(expected), abs=1e-3)


def test_mentions_are_labels_as_sure_as_they_are():
    sentence = sentence_from_forms(["to", "New", "York", "by", "Mia"], [Span(1, 3, "LOC")])
    sure = Mention(*sentence.mentions[0][:4], 0.75)
    inside = Mention(0, 1, "PER", "t")
    mia = Mention(15, 18, "PER", "Mia")
    labels = labels_of_mentions([replace(sentence, mentions=(inside, sure, mia)), sentence])
    assert labels.names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    expected = np.zeros((10, 5))
    expected[:, 0] = [1, 0.25, 0.25, 1, 0, 1, 0, 0, 1, 1]
    expected[[1, 6], 1] = expected[[2, 7], 2] = [0.75, 1]
    expected[4, 3] = 1
    assert dense(labels, 5) == pytest.approx(expected, abs=1e-3)


def test_labels_are_written_part_by_part_and_mapped(tmp_path):
    names, random = Tagset(("A",)).tags, np.random.default_rng(0)
    parts = [most_probable(names, random.dirichlet(np.ones(3), size=n)) for n in (4, 3)]
    parts[0].save(tmp_path / "part.npz")
    again = SoftLabels.load(tmp_path / "part.npz")
    assert again.names == names
    assert (again.shares == parts[0].shares).all()
    for _ in range(2):  # the second replaces the first
        write_soft_labels(tmp_path / "tags", 7, parts)
    labels = SoftLabels.open(tmp_path / "tags")
    assert labels.names == names
    assert isinstance(labels.ids, np.memmap)
    assert (labels.ids == np.concatenate([part.ids for part in parts])).all()
    assert (labels.shares == np.concatenate([part.shares for part in parts])).all()
