"""Files as well-known corpora have them, read by their names and contents alone."""

import pytest

from kakehashi.corpora.corpus import load_mapping
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.sentence import Mention, Sentence, Token

UNER = """\
# newdoc id = doc-1
# sent_id = n01-1
# text = Oslo-born Ada, # 1.
1\tOslo\tB-LOC\t-\tann
2\t-\tO\t-\tann
3\tborn\tO\t-\tann
4\tAda\tB-PER\t-\tann
5\t,\tO\t-\tann
6\t#\tO\t-\tann
7\t1\tO\t-\tann
8\t.\tO\t-\tann

# sent_id = n01-2
# text = another text than the tokens
1\tRain\tO\t-\tann
"""
GERMEVAL = """\
#\thttp://example.org/page [2012-01-02]
1\tUni\tB-ORG\tO
2\tBonn\tI-ORG\tB-LOC
3\tist\tO\tO
4\tdeutsch\tB-LOCderiv\tO
5\t#\tO\tO

#\tn-tv.example [2012-01-03]
1\tRegen\tO\tO
"""
WNUT = "@user\tO\n#Oslo\tB-location\n#\tO\n😀\tO\n\t\nRT\tO\n:)\tO\n"
CONLL_2003 = "-DOCSTART- -X- -X- O\n\nEva NNP B-NP B-PER\nsees VBZ B-VP O\nBonn NNP B-NP B-LOC\n"
CONLL_2012 = """\
#begin document (nw/a/00/a_0000); part 000
nw/a/00/a_0000 0 0 New NNP (TOP(NP* - - - - (GPE* (ARG0* -
nw/a/00/a_0000 0 1 York NNP *) - - - - *) *) -
nw/a/00/a_0000 0 2 beats VBZ * beat 01 1 - * (V*) -
nw/a/00/a_0000 0 3 Bonn NNP *) - - - - (GPE) (ARG1*) (5)

nw/a/00/a_0000 0 0 Today NN * - - - - (DATE) -

#end document
"""
MULTICONER = "# id 6f-1c\tdomain=dev\nEva _ _ B-PER\nberg _ _ I-PER\n\n# id 2\nhej _ _ O\n"
KLUE = "## k-1\t<Bonn:LC>!\nB\tB-LC\no\tI-LC\nn\tI-LC\nn\tI-LC\n \tO\n!\tO\n"
CRFPP = "Eva NNP B\nsees VBZ O\n"
PAN_X = "ja:東\tB-LOC\nja:京\tI-LOC\nja::\tO\n\nja:ja:\tO\n"
GSD = """\
# sent_id = g-1
# text = 東京へ行く
1\t東京\t東京\tPROPN\t_\t_\t3\tobl\t_\tSpaceAfter=No|NE=U-GPE
2\tへ\tへ\tADP\t_\t_\t1\tcase\t_\tSpaceAfter=No
3\t行く\t行く\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
"""


def read(write, name, content, **settings):
    return list(read_source(guess_source(write(name, content), **settings)))


def found(sentences):
    return [(m.text, m.type) for s in sentences for m in s.mentions]


@pytest.mark.parametrize(
    ("name", "content", "texts", "mentions"),
    [
        ("a.iob2", UNER, ["Oslo-born Ada, # 1.", "Rain"], [("Oslo", "LOC"), ("Ada", "PER")]),
        (
            "a.tsv",
            GERMEVAL,
            ["Uni Bonn ist deutsch #", "Regen"],
            [("Uni Bonn", "ORG"), ("deutsch", "LOCderiv")],
        ),
        ("a.conll", WNUT, ["@user #Oslo # 😀", "RT :)"], [("#Oslo", "location")]),
        ("a.txt", CONLL_2003, ["Eva sees Bonn"], [("Eva", "PER"), ("Bonn", "LOC")]),
        (
            "a.conll",
            CONLL_2012,
            ["New York beats Bonn", "Today"],
            [("New York", "GPE"), ("Bonn", "GPE"), ("Today", "DATE")],
        ),
        ("a.conll", MULTICONER, ["Eva berg", "hej"], [("Eva berg", "PER")]),
        ("train.tsv", PAN_X, ["東 京 :", "ja:"], [("東 京", "LOC")]),
        ("a.conllu", GSD, ["東京へ行く"], [("東京", "GPE")]),
        ("a.tsv", "token\ttag\nEva\tB-PER\nruns\tO\n", ["Eva runs"], [("Eva", "PER")]),
        ("a.bmes", "北 B-LOC\n京 E-LOC\n好 O\n", ["北 京 好"], [("北 京", "LOC")]),
        ("a.conll", "Eva PER-B\nBerg PER-I\nhej O\n", ["Eva Berg hej"], [("Eva Berg", "PER")]),
        ("a.conll", "Eva b-per\nBerg i-per\nhej o\n", ["Eva Berg hej"], [("Eva Berg", "per")]),
    ],
    ids=range(12),
)
def test_read_as_they_are(write, name, content, texts, mentions):
    sentences = read(write, name, content)
    assert [s.text for s in sentences] == texts
    assert found(sentences) == mentions


def test_comments_have_names_and_articles(write):
    first, second = read(write, "a.iob2", UNER)
    assert (first.id, first.group) == ("n01-1", "a.iob2#doc-1")
    assert (second.id, second.group) == ("n01-2", "a.iob2#doc-1")
    assert second.notes == ("# text that is not the tokens",)
    assert [s.id for s in read(write, "a.conll", MULTICONER)] == ["6f-1c", "2"]
    assert {s.group for s in read(write, "a.conll", CONLL_2012)} == {
        "a.conll#(nw/a/00/a_0000); part 000"
    }


def test_characters_of_klue_are_its_text(write):
    (sentence,) = read(write, "a.tsv", KLUE, spaces=False)
    assert (sentence.text, found([sentence])) == ("Bonn !", [("Bonn", "LC")])


def test_the_inner_layer_and_the_types_of_germeval(write):
    inner = read(write, "a.tsv", GERMEVAL, columns=("_", "token", "_", "tag"))
    assert found(inner) == [("Bonn", "LOC")]
    mapping = load_mapping("germeval-to-conll")
    first, _ = read(write, "a.tsv", GERMEVAL)
    assert [m.type for m in mapping.apply(first.mentions)] == ["ORG"]


@pytest.mark.parametrize(
    "content",
    [
        "Eva B-PER B-PER\nran O O\n",  # gold and predicted
        "Eva x B-PER\nran y\n",
        "Eva x y z B-PER\nran x y z O\n",
        "1\tEva\tx\ty\n2\tran\tx\ty\n",
        "",
    ],
    ids=range(5),
)
def test_what_is_not_well_known_is_not_guessed(write, content):
    assert guess_source(write("a.conll", content)).columns == ("token", "tag")


def test_what_all_tokens_begin_with_is_written_too(tmp_path, write):
    source = guess_source(write("train.tsv", PAN_X))
    write_corpus(list(read_source(source)), source.model_copy(update={"separator": "\t"}))
    assert (tmp_path / "train.tsv").read_text() == PAN_X + "\n"
    mixed = read(write, "a.tsv", "de:x\tO\nde\tO\n")
    assert mixed[0].text == "de:x de"


EXACT = Sentence(
    "Ada: 東京 ",
    (Mention(0, 3, "PER", "Ada"), Mention(5, 7, "LOC", "東京")),
    (Token("Ada", 0, 3), Token(":", 3, 4), Token("東京", 5, 7)),
    "s-1",
)


@pytest.mark.parametrize("name", ["out.iob2", "out.conllu"])
def test_numbered_columns_keep_names_and_texts(tmp_path, name, write):
    layout = guess_source(write(name, UNER if name == "out.iob2" else GSD))
    source = layout.model_copy(update={"separator": "\t", "path": str(tmp_path / name)})
    ours = [EXACT, Sentence("# x", (), (Token("#", 0, 1), Token("x", 2, 3)), "two words")]
    written = write_corpus(ours, source)
    assert written.left_out == {}
    first, second = read_source(guess_source(source.path))
    assert (first.id, first.text, first.mentions) == ("s-1", "Ada: 東京", EXACT.mentions)
    assert (second.id, second.text) == ("", "# x")
    lines = (tmp_path / name).read_text().splitlines()
    assert lines[:2] == ["# sent_id = s-1", "# text = Ada: 東京 "]
    assert lines[2].startswith("1\tAda\t")
    assert ("name=B-PER|SpaceAfter=No" in lines[2]) == (name == "out.conllu")
