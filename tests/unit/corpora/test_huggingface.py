import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.config.sources import HuggingFaceSource
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import CorpusError
from kakehashi.sentence import Span, sentence_from_forms

ROWS = [["Eva", "in", "New", "York"], ["hej"]]
TAGS = [[1, 0, 3, 4], [0]]
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
LABEL = {"names": NAMES, "_type": "ClassLabel"}
MENTIONS = [("Eva", "PER"), ("New York", "LOC")]


def saved(path, features=None, tags=TAGS, tokens=ROWS, name="ner_tags", **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"tokens": tokens, name: tags, **more})
    if features is not None:
        info = json.dumps({"info": {"features": {name: features}}})
        table = table.replace_schema_metadata({"huggingface": info})
    pq.write_table(table, path)
    return path


def found(sentences):
    return [(m.text, m.type) for s in sentences for m in s.mentions]


@pytest.mark.parametrize(
    "features",
    [
        {"feature": LABEL, "_type": "List"},
        {"feature": LABEL, "_type": "Sequence"},
        {"feature": LABEL, "length": -1, "id": None, "_type": "Sequence"},
        [LABEL],
    ],
    ids=range(4),
)
def test_names_of_tags_are_those_of_the_file(tmp_path, features):
    path = saved(tmp_path / "a.parquet", features, id=[7, 8])
    first, second = read_source(guess_source(path))
    assert (first.text, first.id, second.id) == ("Eva in New York", "7", "8")
    assert found([first]) == MENTIONS


@pytest.mark.parametrize("name", ["ner_tags", "tags", "ner", "labels"])
def test_tags_may_have_names_or_settings_name_them(tmp_path, name):
    path = saved(tmp_path / "a.parquet", name=name)
    with pytest.raises(CorpusError, match=r"a\.parquet:1: the tag 1 has no name; .*--set tags=O,"):
        list(read_source(guess_source(path)))
    assert found(read_source(guess_source(path, tags=tuple(NAMES)))) == MENTIONS
    tags = [["b-PER", "O", "LOC-B", "LOC-I"], ["O"]]
    assert found(read_source(guess_source(saved(path, name=name, tags=tags)))) == MENTIONS


def test_tags_that_say_nothing_are_counted(tmp_path):
    path = saved(tmp_path / "a.parquet", [LABEL], tags=[[1, -100, 3, -100], [0]])
    first, _ = read_source(guess_source(path))
    assert found([first]) == [("Eva", "PER"), ("New", "LOC")]
    assert first.notes == ("token without an annotation",) * 2


README = """\
---
license: cc0-1.0
dataset_info:
  features:
  - name: chunk_tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-NP
  - name: ner_tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-PER
          '2': I-PER
          "3": B-LOC
          4: I-LOC
  splits:
  - name: train
---
          '5': not this
"""


def test_a_folder_has_splits_and_a_page(tmp_path):
    saved(tmp_path / "set/data/train-00000-of-00002.parquet")
    saved(tmp_path / "set/data/train-00001-of-00002.parquet", tokens=[["x"]], tags=[[0]])
    saved(tmp_path / "set/data/validation-00000-of-00001.parquet", tokens=[["y"]], tags=[[0]])
    saved(tmp_path / "set/default/test/0000.parquet", tokens=[["z"]], tags=[[0]])
    (tmp_path / "set/README.md").write_text(README)
    train = list(read_source(guess_source(tmp_path / "set")))
    assert [s.text for s in train] == ["Eva in New York", "hej", "x"]
    assert found(train) == MENTIONS
    for split, text in (("validation", "y"), ("test", "z")):
        (sentence,) = read_source(guess_source(tmp_path / "set", split=split))
        assert sentence.text == text
    with pytest.raises(CorpusError, match="no file of the split 'dev' in 'data/train-00000-of"):
        list(read_source(guess_source(tmp_path / "set", split="dev")))


def test_json_lines(write):
    rows = ['["B-PER", "O", "B-LOC"]', "[1, 0, 3]"]
    lines = [f'{{"tokens": ["Eva", "in", "Bonn"], "ner_tags": {row}, "id": 3}}' for row in rows]
    path = write("a.jsonl", "\n".join(lines))
    first, second = read_source(guess_source(path, tags=tuple(NAMES)))
    assert first == second
    assert found([first]) == [("Eva", "PER"), ("Bonn", "LOC")]
    sentence = next(read_source(guess_source(path, spaces=False)))
    assert (sentence.text, sentence.id) == ("EvainBonn", "3")
    bare = write("b.jsonl", '{"tokens": ["Eva", "Olsen"], "tags": ["person-x", "person-x"]}')
    assert found(read_source(guess_source(bare, raw=True))) == [("Eva Olsen", "person-x")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"tokens": ["a"], "ner_tags": []}', "expected as many tags as tokens, 1, got 0"),
        ('{"tokens": ["a"], "ner_tags": [-1]}', "the tag -1 has no name"),
        ('{"tokens": ["a"], "ner_tags": ["X"]}', "expected 'O' or .*; bare types are read"),
        ('{"tokens": [], "ner_tags": []}', "expected a text"),
        ('{"tokens": [1], "ner_tags": ["O"]}', r"tokens\.0: "),
    ],
    ids=range(5),
)
def test_bad_lines_are_refused_with_their_number(write, line, problem):
    with pytest.raises(CorpusError, match=rf"a\.jsonl:1: {problem}") as caught:
        list(read_source(guess_source(write("a.jsonl", line), "huggingface")))
    assert "\n" not in str(caught.value)


def test_other_parquet_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"tokens": [["a"]], "x": [1]}), path)
    with pytest.raises(CorpusError, match=r"the columns tokens and ner_tags .*'tokens, x'"):
        list(read_source(guess_source(path)))
    pq.write_table(pa.table({"tokens": ["a"], "ner_tags": [None]}), path)
    with pytest.raises(CorpusError, match=r"a\.parquet:1: tokens: "):
        list(read_source(guess_source(path)))


def test_what_we_write_names_its_tags(tmp_path):
    source = HuggingFaceSource(path=str(tmp_path / "out.parquet"))
    sentence = sentence_from_forms(["Eva", "in", "Bonn"], [Span(2, 3, "LOC")], id="s1", group="g")
    close = sentence_from_forms(["a", "b"], joiner="")
    written = write_corpus([sentence, close], source)
    assert written.left_out == {"group": 1, "text with other blanks between tokens": 1}
    schema = pq.read_schema(source.path)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["ner_tags"]["feature"]["names"] == ["O", "B-LOC", "I-LOC"]
    assert features["tokens"] == {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    assert (schema.field("ner_tags").type, schema.field("id").type) == (
        pa.list_(pa.int64()),
        "string",
    )
    back, _ = read_source(guess_source(source.path))
    assert (back.text, back.mentions, back.id) == (sentence.text, sentence.mentions, "s1")
