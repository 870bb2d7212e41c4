import pytest

from kakehashi.errors import TagError
from kakehashi.scoring.strict import count_strict, strict_spans
from kakehashi.tags import spans_from_tags


# Expected spans follow seqeval 1.2.2's strict mode (scheme.IOB2 and scheme.IOBES).
@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("bio", "", []),
        ("bio", "O I-A I-A", []),
        ("bio", "B-A I-A I-B B-B", [(0, 2, "A"), (3, 4, "B")]),
        ("bio", "B-A I-B I-A", [(0, 1, "A")]),
        ("bio", "B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("iobes", "B-A O S-A", [(2, 3, "A")]),
        ("iobes", "B-A I-A", []),
        ("iobes", "B-A E-A E-A", [(0, 2, "A")]),
        ("iobes", "B-A B-A I-A E-A", [(1, 4, "A")]),
        ("iobes", "B-A I-A E-B", []),
        ("iobes", "S-A I-A E-A", [(0, 1, "A")]),
        ("iobes", "B-A S-B", [(1, 2, "B")]),
    ],
)
def test_spans(scheme, tags, expected):
    assert strict_spans(tags.split(), scheme) == expected


@pytest.mark.parametrize(("scheme", "tag"), [("bio", "E-A"), ("iobes", "L-A"), ("bio", "PER")])
def test_a_foreign_tag_is_refused(scheme, tag):
    with pytest.raises(TagError, match=tag):
        strict_spans(["O", tag], scheme)


def test_repair_would_have_found_more():
    tags = ["I-A", "O", "B-A"]
    assert len(strict_spans(tags)) < len(spans_from_tags(tags))


@pytest.mark.parametrize("end", [[], [None]])
def test_counts_per_sentence(end):
    counts = count_strict([("B-A", "B-A"), ("I-A", "O"), None, None, ("B-A", "B-A"), *end])
    assert counts.sentences.tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]
    assert counts.types == {"A": (2, 2, 1)}
    assert counts.tokens == (3, 2)
