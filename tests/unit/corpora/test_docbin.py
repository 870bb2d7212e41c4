"""spaCy's files, as spaCy writes them."""

import random
import zlib

import pytest

from kakehashi.config.sources import SpacySource
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

spacy = pytest.importorskip("spacy", reason="needs spaCy")
from spacy.tokens import Doc, DocBin  # noqa: E402
from spacy.vocab import Vocab  # noqa: E402

VOCAB = Vocab()


def saved(path, *documents, **settings):
    content = DocBin(docs=documents, **settings).to_bytes()
    path.write_bytes(content)
    return guess_source(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.spacy"


def test_what_spacy_writes_is_read(path):
    doc = Doc(
        VOCAB,
        ["Eva", "sees", "\n", "New", "York", "!"],
        [True, False, False, True, False, False],
        ents=["B-PER", "O", "O", "B-LOC", "I-LOC", "O"],
    )
    doc.user_data["id"] = "d1"
    (sentence,) = read_source(saved(path, doc, store_user_data=True))
    assert sentence.text == doc.text == "Eva sees\nNew York!"
    assert sentence.mentions == (Mention(0, 3, "PER", "Eva"), Mention(9, 17, "LOC", "New York"))
    assert [token.text for token in sentence.tokens] == ["Eva", "sees", "New", "York", "!"]
    assert (sentence.id, sentence.group, sentence.notes) == ("d1", "", ())


def test_a_pipeline_of_spacy_may_have_found_them(path):
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Bonn"}])
    docs = [nlp("Eva fährt nach Bonn 😀. "), nlp("Bonn")]
    docs[0].spans["more"] = [docs[0][0:2]]
    first, second = read_source(saved(path, *docs))
    assert (first.text, first.mentions) == (docs[0].text, (Mention(15, 19, "LOC", "Bonn"),))
    assert first.notes == ("group of spans",)
    assert [m.text for m in second.mentions] == ["Bonn"]


def test_documents_without_annotation_are_counted(path):
    bare, partly = Doc(VOCAB, ["Oslo"]), Doc(VOCAB, ["Oslo", "?"], ents=["B-LOC", ""])
    nobody = Doc(VOCAB, ["none"], ents=["O"])
    first, second = read_source(saved(path, bare, partly, nobody))
    assert first.notes == ("token without an annotation", "text without an annotation")
    assert (second.text, second.mentions, second.notes) == ("none ", (), ())


SENTENCE = Sentence(
    " Eva  sees 東京 ",
    (Mention(1, 4, "PER", "Eva"), Mention(11, 12, "LOC", "東")),
    (Token("Eva", 1, 4), Token("sees", 6, 10), Token("東京", 11, 13)),
    "s1",
    "g",
)


def test_what_we_write_spacy_reads(path):
    source = SpacySource(path=str(path))
    written = write_corpus([SENTENCE], source)
    assert ([lost.text for lost in written.lost], written.left_out) == (["東"], {})
    (doc,) = DocBin().from_disk(path).get_docs(Vocab())
    assert doc.text == SENTENCE.text
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Eva", "PER")]
    (back,) = read_source(source)
    assert (back.text, back.tokens, back.id, back.group) == (
        SENTENCE.text,
        SENTENCE.tokens,
        "s1",
        "g",
    )
    with pytest.raises(CorpusError, match="it has no tokens yet; say how to cut"):
        write_corpus([Sentence("Oslo")], source)
    assert list(read_source(source)) == [back]


def test_what_is_no_file_of_spacy_is_refused(path):
    doc = Doc(VOCAB, ["a"] * 10_001, ents=["O"] * 10_001)
    with pytest.raises(CorpusError, match=r"a\.spacy:1: .*more than 10,000"):
        list(read_source(saved(path, doc)))
    with pytest.raises(CorpusError, match="is no file of spaCy that can be read"):
        list(read_source(saved(path, Doc(VOCAB, ["a"]), attrs=["ORTH"])))
    newer = DocBin(docs=[Doc(VOCAB, ["a"], ents=["O"])])
    newer.version = "9"
    path.write_bytes(newer.to_bytes())
    with pytest.raises(CorpusError, match=r"expected version 0\.1, got '9'"):
        list(read_source(guess_source(path)))
    path.write_bytes(zlib.compress(bytes(1 << 27), 9))
    with pytest.raises(CorpusError, match="unpacks to more than 100 times its size"):
        list(read_source(guess_source(path)))


@pytest.mark.parametrize("inside", [True, False])
def test_damaged_files_are_refused_in_a_line(path, inside):
    documents = [Doc(VOCAB, ["Eva", "in", "Bonn"], ents=["B-PER", "O", "B-LOC"])] * 2
    saved(path, *documents)
    whole, n_refused = path.read_bytes(), 0
    content = zlib.decompress(whole) if inside else whole
    rng = random.Random("kakehashi spacy")
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        changed = changed[: rng.choice((len(changed), rng.randrange(len(changed))))]
        path.write_bytes(zlib.compress(bytes(changed)) if inside else bytes(changed))
        error = refusal(guess_source(path))
        n_refused += error is not None
        assert "\n" not in str(error)
        assert len(str(error)) < 600
    assert 50 < n_refused < 200


def refusal(source):
    """Read a source to its end, or to the error that it may raise."""
    try:
        list(read_source(source))
    except CorpusError as error:
        return error
    return None
