import json

import pytest

from kakehashi.config.sources import JsonlSource
from kakehashi.corpora.formats import read_source
from kakehashi.corpora.jsonl import (
    chunks,
    line_from_sentence,
    read_jsonl,
    sentence_from_line,
    write_jsonl,
)
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

FULL = Sentence(
    "昨日東京へ",
    (Mention(2, 4, "LOC", "東京", 0.1 + 0.2),),
    (Token("昨日", 0, 2, "キノウ", "名詞"), Token("東京", 2, 4), Token("へ", 4, 5, "ヘ")),
    "12",
    "article 3",
)


def sentences(path):
    return list(read_source(JsonlSource(path=path)))


def test_everything_comes_back_in_readable_lines(write):
    assert sentences(write("a.jsonl", line_from_sentence(FULL))) == [FULL]
    assert "東京" in line_from_sentence(FULL)
    assert "\n" not in line_from_sentence(Sentence("a\nb"))
    assert json.loads(line_from_sentence(Sentence("Oslo"))) == {"text": "Oslo", "mentions": []}
    lines = "\n".join(line_from_sentence(Sentence(" ", tokens=tokens)) for tokens in ((), None))
    assert [sentence.tokens for sentence in sentences(write("a.jsonl", lines))] == [(), None]


def test_only_the_text_is_required_and_order_is_free(write):
    expected = [Sentence("Oslo"), Sentence("東")]
    assert sentences(write("a.jsonl", '{"text": "Oslo"}\n\n \n{"text": "\\u6771"}')) == expected
    mentions = '[{"start": 1, "end": 2, "type": "B"}, {"start": 0, "end": 1, "type": "A"}]'
    line = f'{{"text": "ab", "mentions": {mentions}}}'
    (sentence,) = sentences(write("a.jsonl", line))
    assert sentence.mentions == (Mention(0, 1, "A", "a"), Mention(1, 2, "B", "b"))
    assert [s.text for s in sentences(write("a.jsonl", '{"text": "a"}\n\ufeff{"text": "b"}'))] == [
        "a",
        "b",
    ]


MENTION = '{"text": "Oslo", "mentions": [%s]}'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "Invalid JSON"),
        ("[1]", "Input should be an object"),
        ("[" * 100_000, "Invalid JSON: recursion"),
        ("{}", "text: Field required"),
        ('{"text": 5}', "text: Input should be a valid string, got '5'"),
        ('{"text": "a", "mention": []}', "mention: Extra inputs are not permitted"),
        ('{"text": ""}', "expected a text"),
        ('{"text": "a\\u0000"}', "NUL"),
        ('{"text": "a\\ud800"}', "Invalid JSON: .*hex escape"),
        (MENTION % '{"start": 0, "end": 4}', r"mentions\.0\.type: Field required"),
        (MENTION % '{"start": 0.0, "end": 4, "type": "A"}', r"mentions\.0\.start: .*integer"),
        (MENTION % '{"start": true, "end": 4, "type": "A"}', r"mentions\.0\.start: .*integer"),
        (MENTION % '{"start": "0", "end": 4, "type": "A"}', r"mentions\.0\.start: .*integer"),
        (MENTION % '{"start": 0, "end": 5, "type": "A"}', "not inside the text of 4"),
        (MENTION % '{"start": -4, "end": 4, "type": "A"}', "not inside the text of 4"),
        (MENTION % '{"start": 0, "end": 99999999999999999999999, "type": "A"}', "not inside"),
        (MENTION % '{"start": 0, "end": 4, "type": "A", "text": "Os"}', "'Os' .* is 'Oslo' in"),
        (MENTION % '{"start": 0, "end": 4, "type": "A", "probability": 1.5}', "probability: .* 1"),
        (MENTION % '{"start": 0, "end": 4, "type": "A", "probability": NaN}', "probability"),
        ('{"text": "Oslo", "tokens": [{"text": "o", "start": 0, "end": 1}]}', "'o' .* is 'O'"),
        ('{"text": "a", "label": [[0, 1, "A"]]}', "of another tool by its keys; .*--format"),
        ('{"tokens": ["a"], "ner_tags": ["O"]}', "one of doccano, prodigy, huggingface"),
        ('{"text": "a", "id": true}', "id: "),
        ('{"text": "a", "mentions": [' + "{}," * 300_000 + "{}]}", r"mentions\.0\.start"),
    ],
    ids=range(24),
)
def test_bad_lines_are_refused_with_their_number(write, line, problem):
    with pytest.raises(CorpusError, match=rf"a\.jsonl:2: .*({problem})") as caught:
        sentences(write("a.jsonl", f'{{"text": "fine"}}\n{line}\n'))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_whole_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAKEHASHI_DATA", "/nowhere")
    write_jsonl("a.jsonl", [FULL, Sentence("b")])
    assert list(read_jsonl("a.jsonl")) == [FULL, Sentence("b")]


def test_lines_of_other_tools_can_be_tagged():
    line = '{"text": "Eva", "label": [[0, 9, "PER"]], "id": 7, "user": "x"}'
    assert sentence_from_line(line, "-", 1, may_be_empty=True) == Sentence("Eva", id="7")


def test_names_may_be_numbers(write):
    assert [s.id for s in sentences(write("a.jsonl", '{"text": "Eva", "id": 7}'))] == ["7"]


def test_blanks_at_the_edges_of_mentions_are_left_out_in_columns_too(write):
    line = '{"text": "Eva　in Bonn", "mentions": [%s, {"start": 6, "end": 11, "type": "B"}]}\n'
    path = write("a.jsonl", line % '{"start": 0, "end": 4, "type": "A"}')
    (chunk,) = chunks(JsonlSource(path=path))
    assert chunk.texts() is None
    assert [m.text for s in chunk for m in s.mentions] == ["Eva", "Bonn"]
