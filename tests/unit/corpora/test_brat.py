from collections import Counter
from pathlib import Path

import pytest

from kakehashi.config.sources import BratSource
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence

TEXT = "Eva sees Bonn.\n\nShe goes to New\nYork.\n"
ANNOTATIONS = """\
T1\tPER 0 3\tEva
T2\tLOC 9 13\tBonn
R1\tLives-in Arg1:T1 Arg2:T2\t
A1\tSure T1
#1\tAnnotatorNotes T1\tis she?
*\tEquiv T1 T2
T3\tLOC 28 31;32 36\tNew York
T4\tODD 0 3;9 13\tEva Bonn
"""


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes a document, and returns the source of its folder."""

    def write(text=TEXT, annotations=ANNOTATIONS, **settings):
        place = tmp_path / "brat"
        place.mkdir(exist_ok=True)
        (place / "doc.txt").write_bytes(text.encode())
        (place / "doc.ann").write_bytes(annotations.encode())
        return guess_source(place, **settings)

    return write


def test_a_line_is_a_sentence_and_a_mention_joins_lines(folder):
    first, second = read_source(folder())
    assert (first.text, first.id, first.group) == ("Eva sees Bonn.", "doc:1", "doc")
    assert [m.text for m in first.mentions] == ["Eva", "Bonn"]
    assert (second.text, second.id) == ("She goes to New\nYork.", "doc:3")
    assert second.mentions == (Mention(12, 20, "LOC", "New\nYork"),)
    left = ("relation", "attribute", "note of an annotator", "equivalence")
    assert first.notes == (*left, "mention in several pieces")
    assert second.notes == ()


def test_a_document_may_be_a_sentence(folder):
    (sentence,) = read_source(folder(sentences="document"))
    assert (sentence.text, sentence.id, sentence.group) == (TEXT, "doc", "")
    assert len(sentence.mentions) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nEva", "T1\tPER 3 6\tEva"),
        ("a\r\nEva", "T1\tPER 2 5\tEva"),  # CRLF counted as one
        ("a\nEva", "T1\tPER 3 6\tEva"),  # LF counted as two
        ("\ufeffa\nEva", "T1\tPER 2 5\tEva"),  # the BOM not counted
        ("😀\nEva", "T1\tPER 3 6\tEva"),  # UTF-16
        ("é\nEva", "T1\tPER 3 6\tEva"),  # bytes
        ("a\nEva", "T1\tPER 2 5"),  # without its text
        ("a\nEva", "T1\tPER 2 5\tEva and more"),
        ("a\n\nE va", "T1\tPER 3 4;5 7\tEva"),  # pieces joined by nothing, before brat 1.3
    ],
    ids=range(9),
)
def test_offsets_are_those_that_give_the_text(folder, text, line):
    sentences = list(read_source(folder(text, line + "\n")))
    assert [m.text.replace(" ", "") for s in sentences for m in s.mentions] == ["Eva"]


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ("T1\tPER 0 3\tEva\nT1\tPER 0 3\tEva\n", r"doc\.ann:2: there are two 'T1'"),
        ("T1\tPER 0 99\n", r"doc\.ann: the mention 'PER' at \[0, 99\) is not inside the text"),
        ("T1\tPER 0 3\tAda\n", r"doc\.ann: the mention 'Ada' at \[0, 3\) is 'Eva' in the text"),
        ("T1\tPER 0 3;2 5\tEva\n", r"doc\.ann:1: the pieces of 'T1' overlap"),
        ("T1 PER 0 3 Eva\n", r"doc\.ann:1: expected an annotation such as"),
        ("T1\tPER 3 0\tEva\n", "is not inside the text"),
    ],
    ids=range(6),
)
def test_what_contradicts_itself_is_refused(folder, annotations, problem):
    with pytest.raises(CorpusError, match=problem):
        list(read_source(folder(annotations=annotations)))


def test_texts_and_annotations_go_together(folder, tmp_path):
    source = folder()
    (tmp_path / "brat/other.txt").write_text("not annotated")
    assert "text without an .ann file" in next(read_source(source)).notes
    (tmp_path / "brat/._doc.ann").write_bytes(b"\xff")
    assert len(list(read_source(source))) == 2
    (tmp_path / "brat/lonely.ann").touch()
    with pytest.raises(CorpusError, match=r"lonely\.ann: expected the text beside it"):
        list(read_source(source))


def test_archives_are_read_in_place(archive):
    path = archive({"b/doc.txt": TEXT.encode(), "b/doc.ann": ANNOTATIONS.encode()})
    assert [s.group for s in read_source(guess_source(path, "brat"))] == ["b/doc"] * 2


EVA = Sentence("Eva", (Mention(0, 3, "PER", "Eva"),), id="s1", group="news/1")
ADA = Sentence("Ada in 東京", (Mention(7, 9, "LOC", "東京"),), id="news/1:2", group="news/1")


def test_a_document_is_an_article(tmp_path):
    source = BratSource(path=str(tmp_path / "out"))
    written = write_corpus([EVA, ADA, Sentence("no article"), EVA], source)
    assert written.left_out == Counter(id=2, group=1)
    out = Path(source.path)
    assert (out / "news/1.txt").read_text() == "Eva\nAda in 東京\n"
    assert (out / "news/1.ann").read_text() == "T1\tPER 0 3\tEva\nT2\tLOC 11 13\t東京\n"
    assert (out / "000002.ann").read_text() == ""
    assert (out / "000003.txt").read_text() == "Eva\n"
    assert (out / "annotation.conf").read_text().startswith("[entities]\nPER\nLOC\n[relations]\n")
    assert [s.text for s in read_source(source)] == ["no article", "Eva", "Eva", "Ada in 東京"]


def test_documents_have_the_names_of_sentences_where_files_can(tmp_path):
    source = BratSource(path=str(tmp_path / "out"), sentences="document")
    odd = Sentence("Oslo\n", id="../up", group="")
    assert write_corpus([EVA, odd], source).left_out == Counter(id=1)
    found = {s.text: (s.id, s.group) for s in read_source(source)}
    assert found == {"Eva": ("s1", "news/1"), "Oslo\n": ("000002", "")}


def test_a_sentence_that_is_no_line_is_refused_and_nothing_is_written(tmp_path):
    source = BratSource(path=str(tmp_path / "out"))
    for text in ("two\nlines", "a\r", " "):
        with pytest.raises(CorpusError, match="--to-set sentences=document"):
            write_corpus([EVA, Sentence(text)], source)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    source = BratSource(path=str(tmp_path / "out"))
    write_corpus([EVA, ADA], source)
    write_corpus([ADA], source)
    assert [s.text for s in read_source(source)] == ["Ada in 東京"]
    (tmp_path / "out/thesis.tex").touch()
    with pytest.raises(CorpusError, match=r"holds 'thesis\.tex', so that it cannot be replaced"):
        write_corpus([EVA], source)
    assert (tmp_path / "out/thesis.tex").exists()
