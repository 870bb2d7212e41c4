"""Offsets of other tools: found out by the texts of mentions, converted, or refused."""

import pytest

from kakehashi.corpora.units import Given, Record, Unit, find_unit
from kakehashi.errors import CorpusError

TEXT = "\ufeff𠮷野家で\r\n😀東京\né"
UNITS = [
    Unit(name, line_ends, bom)
    for name in ("characters", "utf-16", "bytes")
    for line_ends in ("", ", CRLF as one", ", LF as two")
    for bom in ("", ", the BOM as none")
]


def record(text, *given):
    return Record(text, [Given([place], "X", form) for *place, form in given], "a.x", 3)


def counted_in(unit, text, form):
    """Write the place of a form as a program with this unit would."""
    before, _, _ = text.partition(form)
    return *(measure(unit, part) for part in (before, before + form)), form


def measure(unit, text):
    text = text.lstrip("\ufeff") if unit.bom else text
    if unit.line_ends == ", CRLF as one":
        text = text.replace("\r\n", "\n")
    elif unit.line_ends == ", LF as two":
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    sizes = {"characters": len(text), "utf-16": len(text.encode("utf-16-le")) // 2}
    return sizes.get(unit.name, len(text.encode()))


@pytest.mark.parametrize("unit", UNITS, ids=str)
def test_every_unit_is_found_and_converted(unit):
    forms = ("𠮷野家", "東京", "é")
    given = record(TEXT, *(counted_in(unit, TEXT, form) for form in forms))
    found = find_unit(lambda: [record("plain", (0, 5, "plain")), given], "characters")
    assert found == unit
    places = [TEXT[start:end] for ((start, end),) in found.convert(given)]
    assert places == list(forms)


def test_the_test_string():
    assert Unit("utf-16").convert(record("𠮷野家で😀東京", (7, 9, None))) == [[(5, 7)]]


def test_the_usual_unit_is_kept_where_texts_say_nothing_or_agree():
    given = record("😀 Oslo", (2, 6, "Oslo"))
    assert find_unit(lambda: [given], "characters") == Unit()
    assert find_unit(lambda: [record("😀 Oslo", (3, 7, None))], "utf-16") == Unit("utf-16")
    assert find_unit(lambda: [given], "utf-16") == Unit()
    assert find_unit(list, "utf-16") == Unit("utf-16")


def test_white_space_of_the_given_text_does_not_count():
    given = record("Ada \r\n  Berg", (0, 12, "Ada Berg"))
    assert find_unit(lambda: [given], "characters") == Unit()


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([record("Oslo", (0, 3, "Oslo"))], r"a\.x:3: the mention 'Oslo' at \[0, 3\) is 'Osl' in"),
        ([record("Oslo", (0, 5, None))], r"'X' at \[0, 5\) is not inside the text of 4"),
        ([record("Oslo", (-1, 3, None))], "is not inside"),
        ([record("Oslo", (0, 10**30, None))], "is not inside"),
        (  # one record counts characters, the other UTF-16
            [record("😀 Oslo", (2, 6, "Oslo")), record("😀 Rome", (3, 7, "Rome"))],
            r"'Rome' at \[3, 7\) is not inside the text of 6",
        ),
        # What a mention's text does not show is not guessed.
        ([record("😀 Oslo", (3, 7, None))], r"'X' at \[3, 7\) is not inside the text of 6"),
    ],
    ids=range(6),
)
def test_where_no_one_unit_fits_the_first_misfit_is_named(records, problem):
    with pytest.raises(CorpusError, match=problem):
        find_unit(lambda: records, "characters")


def test_two_units_that_disagree_are_refused():
    bare = record("é 😀", (0, 1, None))  # é in characters or UTF-16, half of it in bytes
    odd = record("x" * 4 + "é\nab", (7, 9, "ab"))  # ab if é is two bytes, or LF two characters
    with pytest.raises(CorpusError, match=r"'ab' at \[7, 9\)"):
        find_unit(lambda: [odd, record("é b", (2, 3, None))], "characters")
    assert find_unit(lambda: [odd, bare], "characters") == Unit("characters", ", LF as two")


@pytest.mark.parametrize("place", [(0, 10**30), (10**30, 10**31), (4, 5), (-1, 1)])
@pytest.mark.parametrize("text", ["", "😀"])
def test_what_is_outside_is_refused_in_any_unit(place, text):
    for unit in UNITS:
        with pytest.raises(CorpusError, match="is not inside the text"):
            unit.convert(record(text, (*place, None)))


@pytest.mark.parametrize("place", [(1, 2), (0, 1)])
def test_half_a_character_is_no_place(place):
    with pytest.raises(CorpusError, match="counted in utf-16, begins or ends inside a character"):
        Unit("utf-16").convert(record("😀", (*place, None)))
