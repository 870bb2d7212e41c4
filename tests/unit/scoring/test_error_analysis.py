import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.scoring.compare import known_values
from kakehashi.scoring.error_analysis import KINDS, analyse_errors, find_errors
from kakehashi.scoring.score import score_mentions
from kakehashi.sentence import Mention, Sentence, Token

TEXT = "Maria Berger lives in New York"


def mention(start, end, kind, text=TEXT):
    return Mention(start, end, kind, text[start:end])


PERSON, CITY = mention(0, 12, "PER"), mention(22, 30, "LOC")


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        ([PERSON, CITY], ["correct", "correct"]),
        ([mention(0, 5, "PER"), mention(22, 30, "ORG")], ["boundary", "type"]),
        ([mention(6, 12, "LOC")], ["boundary and type", "missed"]),
        ([mention(13, 18, "LOC")], ["missed", "false", "missed"]),
        # The exact range goes first, then the type, then the longer overlap.
        ([mention(0, 5, "PER"), mention(6, 12, "PER"), CITY], ["false", "boundary", "correct"]),
        ([mention(0, 5, "PER"), mention(6, 12, "LOC"), CITY], ["boundary", "false", "correct"]),
        ([mention(0, 12, "LOC"), CITY], ["type", "correct"]),
    ],
)
def test_each_mention_has_a_kind(found, kinds):
    assert [each.kind for each in find_errors([PERSON, CITY], found)] == kinds


def test_counts_by_type_value_and_pair():
    gold = [Sentence(TEXT, (PERSON, CITY))]
    tokens = (Token("Maria Berger", 0, 12), Token("New Yorkers", 22, 33))
    found = [Sentence(TEXT, (mention(0, 12, "LOC"), mention(13, 18, "LOC")), tokens)]
    train = [Sentence("Maria Berger", (Mention(0, 12, "PER", "Maria Berger"),))]
    analysis = analyse_errors(gold, found, known_values(train))
    assert analysis.kinds == {"type": 1, "false": 1, "missed": 1}
    assert analysis.types == {"PER": {"type": 1}, "LOC": {"false": 1, "missed": 1}}
    assert analysis.values == {"seen": {"type": 1}, "unseen": {"false": 1, "missed": 1}}
    assert analysis.confusion == {("PER", "LOC"): 1}
    assert (analysis.lost, [error.lost for error in analysis.errors]) == (1, [False, False, True])
    first = analysis.to_dict()["errors"][0]
    assert (first["kind"], first["gold"]["type"], first["predicted"]["type"]) == (
        "type",
        "PER",
        "LOC",
    )
    assert first["seen"] is True
    assert analyse_errors(gold, found).errors[0].seen is None


@st.composite
def sides(draw):
    """Mentions without overlap, twice."""
    both = []
    for _ in range(2):
        edges = sorted(draw(st.sets(st.integers(0, 20), max_size=10)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        both.append([Mention(*p, draw(st.sampled_from("AB")), "x" * (p[1] - p[0])) for p in pairs])
    return both


@given(sides())
def test_kinds_add_up_to_the_score(both):
    gold, predicted = both
    findings = list(find_errors(gold, predicted))
    count = score_mentions([gold], [predicted]).counts.total
    numbers = {kind: sum(each.kind == kind for each in findings) for kind in KINDS}
    paired = len(findings) - numbers["missed"] - numbers["false"]
    assert numbers["correct"] == count.correct
    assert paired + numbers["missed"] == count.gold
    assert paired + numbers["false"] == count.predicted
    assert len(set(findings)) == len(findings)
