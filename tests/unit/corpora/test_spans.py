"""What becomes of mentions that are none of ours: counted, never silently gone."""

import pytest

from kakehashi.corpora.spans import sentences_from_records, without_overlap
from kakehashi.corpora.units import Given, Record
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention

TEXT = "Eva sees Bonn"


def read(*records, **units):
    return list(sentences_from_records(lambda: iter(records), **units))


def given(*places, type="X"):
    return Given(places, type)


@pytest.mark.parametrize(
    ("mentions", "kept", "notes"),
    [
        ([given((0, 3))], ["Eva"], ()),
        ([given((9, 13)), given((0, 3))], ["Eva", "Bonn"], ()),
        ([given((0, 3)), given((0, 8))], ["Eva sees"], ("mention that overlaps another",)),
        ([given((0, 8)), given((4, 13))], ["sees Bonn"], ("mention that overlaps another",)),
        ([given((0, 3)), given((0, 3))], ["Eva"], ("mention that overlaps another",)),
        ([given((0, 3), (4, 8))], ["Eva sees"], ()),
        ([given((9, 13), (0, 3))], [], ("mention in several pieces",)),
        ([given((3, 3))], [], ("mention without a text",)),
        ([given((0, 3), type=" ")], [], ("mention without a type",)),
    ],
    ids=range(9),
)
def test_mentions_are_kept_or_counted(mentions, kept, notes):
    (sentence,) = read(Record(TEXT, mentions, "a"))
    assert [mention.text for mention in sentence.mentions] == kept
    assert sentence.notes == notes


def test_of_equally_long_mentions_the_first_is_kept():
    found = without_overlap([Mention(0, 2, "A", "ab"), Mention(1, 3, "B", "bc")])
    assert [mention.type for mention in found] == ["A"]


def test_blanks_in_types_become_underscores():
    (sentence,) = read(Record(TEXT, [given((0, 3), type="first  name")], "a"))
    assert sentence.mentions[0].type == "first_name"
    assert sentence.notes == ("type with blanks, which are _ now",)


def test_notes_of_records_without_a_text_go_to_a_neighbour():
    empty = Record("", (), "a", notes=["rejected"])
    first, second = read(empty, Record("a", (), "a"), Record("b", (), "a"), empty)
    assert (first.notes, second.notes) == (("rejected",), ("rejected",))
    assert read(Record("", (), "a"), Record("b", (), "a"))[0].notes == ("record without a text",)


def test_a_conversion_is_a_note():
    (sentence,) = read(Record("😀 Eva", [Given([(3, 6)], "X", "Eva")], "a"))
    assert (sentence.mentions[0].start, sentence.notes) == (2, ("text whose offsets count utf-16",))
    with pytest.raises(CorpusError, match="is not inside the text of 5"):
        read(Record("😀 Eva", [Given([(3, 6)], "X", "Eva")], "a"), offsets="characters")
