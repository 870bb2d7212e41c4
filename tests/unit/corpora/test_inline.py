import pytest

from kakehashi.config.sources import InlineSource
from kakehashi.corpora.inline import lines, read
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence


def sentences(path, **settings):
    return list(read(InlineSource(path=path, **settings)))


def one(write, line):
    (sentence,) = sentences(write("a.xml", line))
    return sentence


def test_a_line_is_a_sentence(write):
    path = write(
        "a.txt", "<PERSON>花子</PERSON>は<LOCATION>京都</LOCATION>へ\n\n　\n雨\r\n", "cp932"
    )
    found = sentences(path, encoding="cp932")
    assert found == [
        Sentence(
            "花子は京都へ",
            (Mention(0, 2, "PERSON", "花子"), Mention(3, 5, "LOCATION", "京都")),
            group="a.txt",
        ),
        Sentence("雨", group="a.txt"),
    ]


def test_a_sentence_element_may_take_many_lines(write):
    content = """<?xml version="1.0"?>
<!-- a comment -->
<article id="7">
  <sentence type="x">
    <OPTIONAL POSSIBLE="PERSON,LOCATION">花
    子</OPTIONAL>が<ruby text="ゆき">雪</ruby>を<br/>
  </sentence><sentence>見た</sentence>
  <sentence/>
  <sentence>「<sentence>雨</sentence>」と</sentence>
</article>
"""
    found = sentences(write("a.xml", content), types=("OPTIONAL",))

    assert [s.text for s in found] == ["花子が雪を", "見た", "「雨」と"]
    assert found[0].mentions == (Mention(0, 2, "OPTIONAL", "花子"),)


def test_irex_documents(write):
    document = """<DOC>
<DOCNO>1</DOCNO>
<SECTION>一面</SECTION><AE>無</AE>
<WORDS>語
語</WORDS>
<HEADLINE>
◇<PERSON>花子</PERSON>
</HEADLINE>
<TEXT>
　雨。
</TEXT>
</DOC>
"""
    found = sentences(write("a.sgml", document * 2))

    assert [(s.text, s.group) for s in found] == [
        *(("◇花子", "a.sgml#1"), ("　雨。", "a.sgml#1"), ("◇花子", "a.sgml#2")),
        ("　雨。", "a.sgml#2"),
    ]


def test_references_are_replaced_once(write):
    line = "&lt;&gt;&amp;amp;&quot;&apos; R&D &nbsp; &x; <PERSON>&#33457;&#x5B50;</PERSON>"
    sentence = one(write, line)
    assert sentence.text == "<>&amp;\"' R&D &nbsp; &x; 花子"
    assert sentence.mentions[0].text == "花子"


def test_the_outermost_of_nested_entities_of_the_named_types_counts(write):
    line = "<ORGANIZATION>新<LOCATION>京都</LOCATION>駅</ORGANIZATION>の<DATE>朝</DATE>"
    expected = [("新京都駅", "ORGANIZATION"), ("朝", "DATE")]
    assert [(m.text, m.type) for m in one(write, line).mentions] == expected
    path = write("a.xml", "<人名>花子</人名>は<PERSON>花子</PERSON>")
    (sentence,) = sentences(path, types=("人名",))
    assert sentence.mentions == (Mention(0, 2, "人名", "花子"),)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("雨\n<PERSON>花子", ":2: <PERSON> is still open at the end of the sentence"),
        ("<PERSON>花子\n</PERSON>", ":1: <PERSON> is still open at the end of the sentence"),
        ("花子</PERSON>", ":1: </PERSON> closes no <PERSON>"),
        ("<PERSON>花<DATE>子</PERSON></DATE>", ":1: </PERSON> closes no <PERSON>"),
        ("<PERSON></PERSON>雨", ":1: <PERSON> holds no text; name .* with --types"),
        ("雪<br/>雨", ":1: <br> holds no text; name .* with --types"),
        ("1 < 2", ":1: the '<' in '1 < 2' begins no tag; write it as &lt;"),
        ("<PERSON", ":1: the '<' in '<PERSON' begins no tag"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>', ":1: the '<' in .* begins no tag"),
        ("a&#0;", ":1: the text holds a NUL"),
        ("a&#xD800;", ":1: the text holds half a character"),
        ("a&#x110000;", ":1: there is no character '&#x110000;'"),
        ("<sentence>雨\n雪\n", ":2: <sentence> is still open at the end of the file"),
        ("<DOCNO>雨\n", ":1: <DOCNO> is still open at the end of the file"),
        ("<sentence><DATE>雨</sentence>", ":1: <DATE> is still open at the end of the sentence"),
    ],
)
def test_bad_tags_are_refused_with_their_line(write, content, problem):
    with pytest.raises(CorpusError, match=rf"a\.xml{problem}") as caught:
        sentences(write("a.xml", content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["<" * 500_000, "<a " * 300_000, "<" + "a" * 1_000_000, "<b>&lt;" * 140_000, "&#" * 500_000],
)
def test_long_lines_of_nothing_but_markup_end(write, line):
    try:
        sentences(write("a.xml", line))
    except CorpusError as error:
        refusal = str(error)
    else:
        refusal = "a.xml:1"
    assert "a.xml:1" in refusal


def written(*sentences, **settings):
    return "".join(lines(sentences, InlineSource(path="out.xml", **settings)))


def test_sentences_are_written_with_tags_and_references():
    mentions = (Mention(2, 4, "PERSON", "花&"), Mention(4, 5, "DATE", "<"))
    expected = "&#32;雨<PERSON>花&#38;</PERSON><DATE>&#60;</DATE>&#12288;\n"
    assert written(Sentence(" 雨花&<\u3000", mentions)) == expected


@pytest.mark.parametrize("type", ["city", "a b", "a<b"])
def test_types_that_would_not_come_back_are_refused(type):
    with pytest.raises(CorpusError, match=r"^out\.xml: cannot write the entity type"):
        written(Sentence("Oslo", (Mention(0, 4, type, "Oslo"),)), types=("a b", "a<b"))


@pytest.mark.parametrize("type", ["sentence", "DOC", "TEXT"])
def test_types_that_are_markup_must_be_named(type):
    sentence = Sentence("Oslo", (Mention(0, 4, type, "Oslo"),))
    assert written(sentence, types=(type,)) == f"<{type}>Oslo</{type}>\n"
    with pytest.raises(CorpusError, match="that is no markup of documents"):
        written(sentence)


def test_any_element_is_an_entity_where_no_types_are_named(write):
    mentions = (Mention(0, 4, "city_name", "Bonn"), Mention(5, 8, "per", "Eva"))
    line = written(Sentence("Bonn Eva", mentions))
    assert line == "<city_name>Bonn</city_name> <per>Eva</per>\n"
    assert one(write, line).mentions == mentions


def test_a_sentence_element_that_never_ends_is_refused(write):
    path = write("a.xml", "x\n<sentence>\n" + "y\n" * 10_000 + "</sentence>\n")
    with pytest.raises(CorpusError, match=r"a\.xml:2: .*10,000 lines.*expected </sentence>"):
        sentences(path)
