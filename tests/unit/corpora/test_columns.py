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
    assert [s.group for s in (first, second, third)] == [
        "eng.train#1",
        "eng.train#1",
        "eng.train#2",
    ]


def test_docstart_lines_can_be_kept(write):
    found = sentences(write("eng.train", ENGLISH), columns=CONLL, docstart="keep")

    assert [s.text for s in found if not s.mentions] == ["-DOCSTART-", "-DOCSTART-", "Rain"]
    assert [s.group[-1] for s in found] == ["1", "1", "1", "2", "2"]


def test_docstart_needs_neither_its_columns_nor_blank_lines(write):
    found = sentences(write("a", "Oslo B-LOC\n-DOCSTART-\nRain O\n"))

    assert [(s.text, s.group) for s in found] == [("Oslo", "a"), ("Rain", "a#1")]


def test_a_file_without_articles_is_one(write):
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


def test_any_run_of_blanks_parts_columns_if_asked_for(write):
    (sentence,) = sentences(write("a", " Oslo \t  B-LOC\t\n"), separator="whitespace")

    assert sentence.mentions == (Mention(0, 4, "LOC", "Oslo"),)


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


def test_blank_lines_line_ends_and_bom_do_not_matter(write):
    path = write("a", "\ufeff\r\n \t \r\nOslo B-LOC\r\n\r\n\r\n\t\r\nRain O")

    assert [s.text for s in sentences(path)] == ["Oslo", "Rain"]


def test_without_a_tag_column_nothing_is_named(write):
    (sentence,) = sentences(write("a", "Oslo\nrains\n"), columns=("token",))

    assert sentence == sentence_from_forms(["Oslo", "rains"], group="a")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "a O\n東京 NNP B-LOC\n",
            r":2: expected 2 columns, got 3 \('東京 NNP B-LOC'\);"
            r" name them with --columns token,_,tag",
        ),
        (
            "a O\n\nb\n",
            r":3: expected 2 columns, got 1 \('b'\); name them with --columns token,",
        ),
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


def test_articles_are_parted_by_docstart():
    assert written([OSLO, OSLO, TOKYO], columns=("tag", "token")).count("O -DOCSTART-\n\n") == 1


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


def test_unsegmented_sentences_are_refused():
    with pytest.raises(CorpusError, match="'Oslo' in columns: it has no tokens yet"):
        written([Sentence("Oslo")])
