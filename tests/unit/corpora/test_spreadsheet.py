import pytest

from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.errors import CorpusError

KAGGLE = '''\
Sentence #,Word,POS,Tag
Sentence: 1,Eva,NNP,B-per
,"said ""no""",VBD,O
,",",",",O
Sentence: 2,Bonn,NNP,B-geo

Sentence: 2,Ulm,NNP,B-geo
'''
LISTS = """\
Sentence #,Sentence,POS,Tag
Sentence: 1,Eva sees Bonn,"['NNP', 'VBZ', 'NNP']","['B-per', 'O', 'B-geo']"
Sentence: 2,"['New York', '!']","['NNP', '.']","['B-geo', 'O']"
"""


def read(write, content, **settings):
    return list(read_source(guess_source(write("a.csv", content), **settings)))


def mentions(sentences):
    return [[(m.text, m.type) for m in sentence.mentions] for sentence in sentences]


def test_a_token_per_row(write):
    found = read(write, KAGGLE)
    assert [s.text for s in found] == ['Eva said "no" ,', "Bonn", "Ulm"]
    assert mentions(found) == [[("Eva", "per")], [("Bonn", "geo")], [("Ulm", "geo")]]
    assert [s.id for s in found] == ["Sentence: 1", "Sentence: 2", "Sentence: 2"]
    assert [token.pos for token in found[0].tokens] == ["NNP", "VBD", ","]


def test_a_sentence_per_row(write):
    found = read(write, LISTS)
    assert [s.text for s in found] == ["Eva sees Bonn", "New York !"]
    assert mentions(found) == [[("Eva", "per"), ("Bonn", "geo")], [("New York", "geo")]]


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        ("Word,Tag\nEva,B-PER\nOlsen,I-PER\n", {}),
        ("\ufefftag,word\r\nB-PER,Eva\r\nI-PER,Olsen\r\n", {}),
        ("x;y\nEva;PER\nOlsen;PER\nin;-\n", {"token": "x", "tag": "y", "separator": ";"}),
    ],
    ids=range(3),
)
def test_headings(write, content, settings):
    more = {"raw": True, "outside": "-"} if settings else {}
    assert mentions(read(write, content, **settings, **more)) == [[("Eva Olsen", "PER")]]


@pytest.mark.parametrize(
    ("content", "settings", "problem"),
    [
        ("Eva,B-PER\n", {}, r"a\.csv:1: expected a heading such as Word,Tag, got 'Eva,B-PER'"),
        ("a,b\nEva,O\n", {"token": "x"}, r":1: expected a column 'x', got 'a, b'"),
        ("Word,Tag\nEva\n", {}, r":2: expected 2 cells, as the heading has, got 1"),
        ("Word,Tag\nEva,PER\n", {}, r":2: .*'PER'; bare types are read with --set raw=true"),
        ("Word,Tag\nEva,X-PER\n", {}, r":2: expected 'O' or .*, got 'X-PER'"),
        ("Word,Tag\n,O\n", {}, r":2: expected a token and its tag"),
        ('Word,Tag\n"Eva"x,O\n', {}, r":2: is no CSV here"),
        ('Word,Tag\n"' + "x" * 200_000 + '",O\n', {}, r":2: is no CSV here \(field larger"),
        ("Word,Tag\nEva,\"['O', 'O']\"\n", {}, r":2: .*lists of as many tokens as tags"),
        ("Word,Tag\nEva,[exit()]\n", {}, r":2: .*lists"),
        ("Word,Tag\nEva," + "[" * 3000 + "\n", {}, r":2: .*lists"),
        ("Word,Tag\n" + "w,O\n" * 10_001, {}, r":2: .*expected a blank line"),
        ("Word,Tag\n", {}, "holds no sentence"),
    ],
    ids=range(13),
)
def test_bad_rows_are_refused_with_their_line(write, content, settings, problem):
    with pytest.raises(CorpusError, match=problem) as caught:
        read(write, content, **settings)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
