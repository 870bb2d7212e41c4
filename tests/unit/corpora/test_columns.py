import pytest

from kakehashi.config.sources import ColumnsSource
from kakehashi.corpora.columns import lines, read
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Span, Token, sentence_from_forms

ENGLISH = """-DOCSTART- -X- O O

Mr NNP I-NP O
Olsen NNP I-NP I-PER
sails VBZ I-VP O

Bergen NNP I-NP I-LOC
Oslo NNP I-NP B-LOC

-DOCSTART- -X- O O

Rain NN I-NP O
"""
CONLL = ("token", "pos", "_", "tag")


def sentences(path, **settings):
    return list(read(ColumnsSource(path=path, **settings)))


def test_conll_2003(write):
    first, second, third = sentences(write("eng.train", ENGLISH), columns=CONLL)
    assert first.text == "Mr Olsen sails"
    assert first.mentions == (Mention(3, 8, "PER", "Olsen"),)
    assert first.tokens[1] == Token("Olsen", 3, 8, "", "NNP")
    assert [mention.text for mention in second.mentions] == ["Bergen", "Oslo"]
    expected = ["eng.train#1", "eng.train#1", "eng.train#2"]
    assert [s.group for s in (first, second, third)] == expected


def test_docstart_lines_are_kept_or_passed_over(write):
    found = sentences(write("eng.train", ENGLISH), columns=CONLL, docstart="keep")
    assert [s.text for s in found if not s.mentions] == ["-DOCSTART-", "-DOCSTART-", "Rain"]
    assert [s.group[-1] for s in found] == ["1", "1", "1", "2", "2"]
    found = sentences(write("a", "Oslo B-LOC\n-DOCSTART-\nRain O\n"))
    assert [(s.text, s.group) for s in found] == [("Oslo", "a"), ("Rain", "a#1")]
    assert {s.group for s in sentences(write("a.conll", "x O\n\ny O\n"))} == {"a.conll"}


def test_japanese_columns_with_a_space_as_a_token(write):
    content = "\u3000 S13 記号-空白 O\n東京 M1 名詞 B-LOCATION\nへ S9 助詞 O\n"
    path = write("train.data", content, "euc-jp")
    (sentence,) = sentences(
        path, columns=("token", "_", "pos", "tag"), encoding="euc-jp", spaces=False
    )
    assert sentence.text == "\u3000東京へ"
    assert sentence.mentions == (Mention(1, 3, "LOCATION", "東京"),)
    assert sentence.tokens[0] == Token("\u3000", 0, 1, "", "記号-空白")


@pytest.mark.parametrize("separator", ["auto", "whitespace", "tab", "\t"])
def test_readings_in_any_order_of_columns(write, separator):
    path = write("a", "B-LOC\tトウキョウ\t東京\nO\t_\t\u3000\n")
    (sentence,) = sentences(path, columns=("tag", "reading", "token"), separator=separator)
    assert sentence.tokens == (Token("東京", 0, 2, "トウキョウ"), Token("\u3000", 3, 4))


def test_blanks_part_columns_if_asked_for_and_tags_may_be_absent(write):
    (sentence,) = sentences(write("a", " Oslo \t  B-LOC\t\n"), separator="whitespace")
    assert sentence.mentions == (Mention(0, 4, "LOC", "Oslo"),)
    (sentence,) = sentences(write("a", "Oslo\nrains\n"), columns=("token",))
    assert sentence == sentence_from_forms(["Oslo", "rains"], group="a")


@pytest.mark.parametrize(
    "tags",
    [
        ["B-PER", "I-PER", "B-PER", "O", "B-LOC"],
        ["I-PER", "I-PER", "B-PER", "O", "I-LOC"],
        ["B-PER", "E-PER", "S-PER", "O", "S-LOC"],
    ],
    ids=["bio", "iob1", "iobes"],
)
def test_all_schemes_are_read_alike(write, tags):
    path = write("a", "".join(f"w {tag}\n" for tag in tags))
    (sentence,) = sentences(path)
    assert sentence.project().spans == (Span(0, 2, "PER"), Span(2, 3, "PER"), Span(4, 5, "LOC"))


def test_blank_lines_line_ends_and_boms_do_not_matter(write):
    path = write("a", "\ufeff\r\n \t \r\nOslo B-LOC\r\n\r\n\r\n\t\r\nRain O")
    assert [s.text for s in sentences(path)] == ["Oslo", "Rain"]
    path = write("a", "\ufeffEva B-PER\n\n\ufeffBonn B-LOC\n")
    assert mentions(path) == [("Eva", "PER"), ("Bonn", "LOC")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "a O\n東京 NNP B-LOC\n",
            r":2: expected 2 columns, got 3 \('東京 NNP B-LOC'\);"
            r" name them with --columns token,_,tag",
        ),
        ("a O\n\nb\n", r":3: expected 2 columns, got 1 \('b'\); name them with --columns token,"),
        ("a  O\n", r":1: expected 2 columns, got 3"),
        (" O\n", r":1: expected a token, got an empty column"),
        ("a O\nb X-PER\n", r":2: expected 'O' or .*, got 'X-PER'"),
        ("a O\nb B-\n", r":2: expected 'O' or .*, got 'B-'"),
        ("a O\nb \n", r":2: expected 'O' or .*, got ''"),
        ("a O\nb B-A\u3000B\n", r":1: expected an entity type without blanks"),
        ("a O\nb\0 O\n", r":2: holds a NUL"),
    ],
)
def test_bad_lines_are_refused_with_their_number(write, content, problem):
    with pytest.raises(CorpusError, match=problem) as caught:
        sentences(write("a.conll", content))
    assert "\n" not in str(caught.value)


def test_sentences_before_a_bad_line_are_read(write):
    found = read(ColumnsSource(path=write("a.conll", "a O\n\nb\n")))
    assert next(found).text == "a"
    with pytest.raises(CorpusError):
        next(found)


def written(sentences, **settings):
    return "".join(lines(sentences, ColumnsSource(path="out.conll", **settings)))


OSLO = sentence_from_forms(["Oslo", "rains"], [Span(0, 1, "LOC")], group="1")
TOKYO = Sentence(
    "東京都",
    (Mention(0, 3, "LOC", "東京都"),),
    (Token("東京", 0, 2, "トウキョウ", "名詞"), Token("都", 2, 3)),
    group="2",
)


def test_columns_are_written_in_order_and_scheme():
    assert written([OSLO]) == "Oslo B-LOC\nrains O\n\n"
    assert (
        written(
            [TOKYO], columns=("pos", "token", "_", "reading", "tag"), separator="\t", scheme="iobes"
        )
        == "名詞\t東京\t_\tトウキョウ\tB-LOC\n_\t都\t_\t_\tE-LOC\n\n"
    )
    assert written([OSLO, OSLO, TOKYO], columns=("tag", "token")).count("O -DOCSTART-\n\n") == 1
    with pytest.raises(CorpusError, match="'Oslo': it has no tokens yet"):
        written([Sentence("Oslo")])


def test_kept_docstart_sentences_are_written_as_they_are(write):
    path = write("eng.train", ENGLISH)
    kept = sentences(path, columns=CONLL, docstart="keep")
    content = written(kept, docstart="keep")
    assert sentences(write("eng.train", content), docstart="keep") == [
        Sentence(s.text, s.mentions, tuple(t._replace(pos="") for t in s.tokens), group=s.group)
        for s in kept
    ]
    with pytest.raises(CorpusError, match="begins an article"):
        written(kept)


@pytest.mark.parametrize(
    "form", ["a b", " ", "a\n", "a\r", "\ufeffa", "a\0", "\t"], ids=lambda form: ascii(form)
)
def test_a_token_that_would_not_come_back_is_refused(form):
    sentence = Sentence(f"x{form}", tokens=(Token(form, 1, 1 + len(form)),))
    with pytest.raises(CorpusError, match=r"^out\.conll: .*cannot stand in these columns"):
        written([sentence], columns=("token",), separator="whitespace")


def mentions(path, **settings):
    return [(m.text, m.type) for s in sentences(path, **settings) for m in s.mentions]


@pytest.mark.parametrize("separator", ["auto", "tab", "whitespace"])
def test_comment_lines_are_passed_over_and_a_token_stays(write, separator):
    content = """\
# newdoc id = n
# text = Bonn is # B-LOC
1\tBonn\tB-LOC\t-\tEva
2\t#\tO\t-\tEva

# text = Ulm B-LOC - Eva
1\tUlm\tB-LOC\t-\tEva
"""
    path = write("a.iob2", content)
    found = sentences(path, columns=("_", "token", "tag", "_", "_"), separator=separator)
    assert [s.text for s in found] == ["Bonn #", "Ulm"]


def test_comments_are_no_rows_and_rows_no_comments(write):
    content = "# a headline\n#\thttp://example.org\t[2001-02-03]\n## x\n#\n# B-TAG\n#tag O\n\n"
    (sentence,) = sentences(write("a", content))
    assert [token.text for token in sentence.tokens] == ["#", "#tag"]
    assert sentence.project().spans == (Span(0, 1, "TAG"),)
    with pytest.raises(CorpusError, match=":1: expected 2 columns"):
        sentences(write("a", "#tag\n"))
    sentence = sentence_from_forms(["#"])
    assert written([sentence]) == "# O\n\n"
    with pytest.raises(CorpusError, match="'#' cannot stand in these columns"):
        written([sentence], columns=("token", "tag"), separator="|#", outside="0|#")


CONLLU = """\
# sent_id = 1
1\tEva\tEva\tPROPN\t_\t_\t0\troot\t_\tname=B-PER
2-3\tzum\t_\t_\t_\t_\t_\t_\t_\t_
2\tzu\tzu\tADP\t_\t_\t4\tcase\t_\tNER=O
3\tdem\tder\tDET\t_\t_\t4\tdet\t_\tNER=B-LOC|Gloss=the
4\tSee\tSee\tNOUN\t_\t_\t1\tobl\t_\tSpaceAfter=No|NE=I-LOC
4.1\tist\tsein\tAUX\t_\t_\t_\t_\t0:x\t_
5\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\tSpaceAfter=No
"""
UD = ("_", "token", "_", "pos", "_", "_", "_", "_", "_", "tag")


def test_conllu_has_tags_and_blanks_in_misc(write):
    (sentence,) = sentences(write("a.conllu", CONLLU), columns=UD)
    assert sentence.text == "Eva zum See."
    assert [token.text for token in sentence.tokens] == ["Eva", "zum", "See", "."]
    assert sentence.mentions == (Mention(0, 3, "PER", "Eva"), Mention(4, 11, "LOC", "zum See"))
    assert sentence.tokens[0].pos == "PROPN"
    path = write("a.conllu", CONLLU.replace("name=B-PER", "Entity=(e1-person-1)"))
    with pytest.raises(CorpusError, match=r":2: expected the tag in MISC as name=, NE= or NER="):
        sentences(path, columns=UD)
    content = written([OSLO], columns=UD, separator="tab")
    (sentence,) = sentences(write("a.conllu", content), columns=UD)
    assert (sentence.text, sentence.mentions) == (OSLO.text, OSLO.mentions)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["1-2\tzum", "1\tzu", "2\tdem"], ["zum"]),
        (["1-2\tzum", "1\tzu", "2\tdem", "3-4\tim", "3\tin", "4\tdem"], ["zum", "im"]),
        (["0.1\tx", "1\tso", "_\tja", "9" * 5000 + "\tno"], ["so", "ja", "no"]),
    ],
    ids=["end", "two", "odd"],
)
def test_ranges_of_words(write, rows, expected):
    content = "".join(f"{row}{(chr(9) + '_') * 8}\n" for row in rows)
    (sentence,) = sentences(write("a.conllu", content), columns=UD)
    assert [token.text for token in sentence.tokens] == expected


def test_bmes_and_headers(write):
    content = "北 B-ORG\n海 M-ORG\n大 M-ORG\n学 E-ORG\n王 S-PER\n李 B-PER\n明 E-PER\n"
    found = mentions(write("a", content), spaces=False)
    assert found == [("北海大学", "ORG"), ("王", "PER"), ("李明", "PER")]
    path = write("a.csv", "Form,Entity\nEva,B-PER\nsees,O\n")
    assert mentions(path, separator=",", header_lines=1) == [("Eva", "PER")]
    with pytest.raises(CorpusError, match=r":1: .*a header is passed over with --set header_lines"):
        sentences(path, separator=",")


def test_bare_types_are_read_and_written_unless_neighbours_would_join(write):
    path = write("a", "Eva PER\nOlsen PER\nin 0\nBonn LOC\nOslo LOC\nEva PER\n")
    expected = [("Eva Olsen", "PER"), ("Bonn Oslo", "LOC"), ("Eva", "PER")]
    assert mentions(path, raw=True, outside="0") == expected
    with pytest.raises(CorpusError, match=r":1: .*bare types are read with --set raw=true"):
        sentences(path)
    settings = {"raw": True, "outside": "0"}
    eva = sentence_from_forms(["Eva", "Olsen", "in"], [Span(0, 2, "PER")])
    assert written([eva], **settings) == "Eva PER\nOlsen PER\nin 0\n\n"
    for spans in ([Span(0, 1, "A"), Span(1, 2, "A")], [Span(0, 1, "0")]):
        with pytest.raises(CorpusError, match="neighbours of one type"):
            written([sentence_from_forms(["a", "b"], spans)], **settings)


@pytest.mark.parametrize("tags", [["B-ORG", "I-ORG|B-LOC", "O"], ["B-ORG|O", "O|O", "O|O"]])
def test_layers_of_nested_tags_are_refused(write, tags):
    path = write("a", "".join(f"w {tag}\n" for tag in tags))
    with pytest.raises(CorpusError, match=r"expected one tag, got '.-ORG\|.*keep one layer"):
        sentences(path)
    with pytest.raises(CorpusError, match=r"cannot write 'x' in columns: .*one tag"):
        written([sentence_from_forms(["x"], [Span(0, 1, "A|B")])])


def test_blanks_and_empty_columns_at_the_end_of_lines_do_not_matter(write):
    content = "Eva B-PER \nsees O  \nthe O\t\nsea B-LOC\n   \nToday O \n \t\n"
    assert [s.text for s in sentences(write("a", content))] == ["Eva sees the sea", "Today"]
    assert mentions(write("a", content)) == [("Eva", "PER"), ("sea", "LOC")]
    path = write("a", "Eva\tB-PER\t\nsees\tO\t\n")
    assert mentions(path, columns=("token", "tag", "_")) == [("Eva", "PER")]


@pytest.mark.parametrize("line", ["w O\n", "w" * 1000 + " O\n"], ids=["short", "long"])
def test_a_file_without_blank_lines_is_no_sentence(write, line):
    path = write("a", "x O\n\n" + line * 10_001)
    with pytest.raises(CorpusError, match=r"a:3: .*expected a blank line after each sentence"):
        sentences(path)
    assert len(sentences(write("b", "w O\n" * 10_000))) == 1
