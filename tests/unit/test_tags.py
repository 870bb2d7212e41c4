from itertools import pairwise

import pytest

from kakehashi.errors import TagError
from kakehashi.sentence import Mention, Span
from kakehashi.tags import Tagset, TypeMapping, spans_from_tags, split_tag, tags_from_spans

PER, LOC = "PER", "LOC"
NEIGHBOURS = [Span(0, 2, PER), Span(2, 3, PER), Span(3, 4, LOC)]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("bio", ["B-PER", "I-PER", "B-PER", "B-LOC", "O"]),
        ("iob1", ["I-PER", "I-PER", "B-PER", "I-LOC", "O"]),
        ("iobes", ["B-PER", "E-PER", "S-PER", "S-LOC", "O"]),
    ],
)
def test_each_scheme_writes_and_reads_neighbours(scheme, tags):
    assert tags_from_spans(NEIGHBOURS, 5, scheme) == tags
    assert spans_from_tags(tags) == NEIGHBOURS


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["O", "I-PER", "I-PER"], [Span(1, 3, PER)]),
        (["B-PER", "I-LOC", "I-LOC"], [Span(0, 1, PER), Span(1, 3, LOC)]),
        (["B-PER", "L-PER", "U-LOC"], [Span(0, 2, PER), Span(2, 3, LOC)]),
        (["E-PER", "I-PER"], [Span(0, 1, PER), Span(1, 2, PER)]),
        ([], []),
        (["O"], []),
    ],
)
def test_broken_sequences_are_repaired(tags, spans):
    assert spans_from_tags(tags) == spans


@pytest.mark.parametrize("tag", ["", "PER", "B-", "X-PER", "B", "BB-PER", "o"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(TagError, match="expected 'O' or"):
        split_tag(tag)


def test_a_type_may_have_hyphens():
    assert split_tag("I-date-time") == ("I", "date-time")


def test_tagset_numbers_outside_first_and_refuses_an_unknown_type():
    assert Tagset((LOC, PER)).tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert len(Tagset((LOC,), "iobes")) == 5
    tagset = Tagset((LOC, PER), "iobes")
    ids = tagset.ids_from_spans(NEIGHBOURS, 5)
    assert tagset.spans_from_ids(ids) == NEIGHBOURS
    with pytest.raises(TagError, match="'ORG' is not one of LOC, PER"):
        Tagset((LOC, PER)).ids_from_spans([Span(0, 1, "ORG")], 1)


@pytest.mark.parametrize("scheme", ["bio", "iobes"])
def test_transitions_allow_what_the_scheme_writes_and_nothing_else(scheme):
    """A path is allowed if and only if reading and writing it again gives the same tags."""
    tagset = Tagset((LOC, PER), scheme)
    allowed = tagset.transitions()
    edge = len(tagset)
    n_legal = 0
    for code in range(len(tagset) ** 3):
        path = [code // len(tagset) ** k % len(tagset) for k in range(3)]
        steps = [edge, *path, edge]
        legal = all(allowed[a, b] for a, b in pairwise(steps))
        tags = [tagset.tags[i] for i in path]
        assert legal == (tags_from_spans(spans_from_tags(tags), 3, scheme) == tags)
        n_legal += legal
    assert 0 < n_legal < len(tagset) ** 3


def test_mapping_renames_drops_and_refuses():
    mapping = TypeMapping("m", {"PERSON": "PER", "OPTIONAL": None})
    mentions = [Mention(0, 1, "PERSON", "a"), Mention(1, 2, "OPTIONAL", "b")]
    assert mapping.apply(mentions) == (Mention(0, 1, "PER", "a"),)
    with pytest.raises(TagError, match="does not say what becomes of entity type 'X'"):
        mapping.apply([Mention(0, 1, "X", "a")])
