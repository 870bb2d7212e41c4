"""What Doccano, Prodigy and Label Studio export."""

import json
from collections import Counter

import pytest

from kakehashi.config.sources import DoccanoSource, LabelStudioSource, ProdigySource
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.corpora.writing import write_corpus
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

TEXT = '"text": "Eva sees Bonn."'
FOUND = (Mention(0, 3, "PER", "Eva"), Mention(9, 13, "LOC", "Bonn"))
REGIONS = [
    {"start": 0, "end": 3, "text": "Eva", "labels": ["PER"]},
    {"start": 9, "end": 13, "text": "Bonn", "labels": ["LOC", "GPE"]},
]
RESULT = [{"type": "labels", "value": region} for region in REGIONS]


def read(write, name, content, **settings):
    return list(read_source(guess_source(write(name, content), **settings)))


@pytest.mark.parametrize(
    "line",
    [
        '{%s, "id": 7, "label": [[0, 3, "PER"], [9, 13, "LOC"]], "Comments": [], "user": "x"}',
        '{%s, "id": 7, "labels": [[9, 13, "LOC"], [0, 3, "PER"]]}',
        '{"data": "Eva sees Bonn.", "id": 7, "label": [[0, 3, "PER"], [9, 13, "LOC"]]}',
        '{%s, "id": 7, "entities": [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 3},'
        ' {"id": 2, "label": "LOC", "start_offset": 9, "end_offset": 13}], "relations": []}',
        '{%s, "meta": {"id": "7"}, "spans": [{"start": 0, "end": 3, "label": "PER", "text": "Eva"},'
        ' {"start": 9, "end": 13, "label": "LOC", "token_end": 2}], "answer": "accept"}',
        '{%s, "id": 7, "spans": [{"start": 0, "end": 3, "label": "PER"},'
        ' {"start": 9, "end": 13, "label": "LOC"}], "_task_hash": -5, "_view_id": "ner_manual"}',
    ],
    ids=range(6),
)
def test_lines(write, line):
    (sentence,) = read(write, "a.jsonl", (line % TEXT if "%" in line else line) + "\n \n")
    assert (sentence.mentions, sentence.id, sentence.notes) == (FOUND, "7", ())


@pytest.mark.parametrize(
    "task",
    [
        {"id": 7, "data": {"text": "Eva sees Bonn."}, "annotations": [{"result": RESULT}]},
        {"id": 7, "data": {"text": "Eva sees Bonn."}, "completions": [{"result": RESULT}]},
        {"id": 7, "text": "Eva sees Bonn.", "label": REGIONS, "annotator": 1, "lead_time": 2.5},
    ],
    ids=["annotations", "completions", "JSON_MIN"],
)
def test_tasks(write, task):
    (sentence,) = read(write, "a.json", json.dumps([task]))
    assert (sentence.mentions, sentence.id) == (FOUND, "7")
    assert sentence.notes == ("further label of a mention",)


def test_what_is_not_accepted_is_counted(write):
    answers = ("reject", "accept", "ignore")
    lines = [f'{{{TEXT}, "spans": [], "answer": "{answer}"}}' for answer in answers]
    lines.append(f'{{{TEXT}, "spans": [], "_is_binary": true}}')
    (sentence,) = read(write, "a.jsonl", "\n".join(lines))
    left = ("answer reject", "answer ignore")
    assert sentence.notes == (*(f"line with the {x}" for x in left), "line of a yes-or-no question")


def annotation(*labels, **more):
    value = [{"type": "labels", "value": REGIONS[0] | {"labels": list(labels)}}]
    return {"result": value, **more}


@pytest.mark.parametrize(
    ("annotations", "settings", "kind"),
    [
        ([annotation("A"), annotation("B")], {}, "B"),
        ([annotation("A", updated_at="2"), annotation("B", updated_at="1")], {}, "A"),
        ([annotation("A", ground_truth=True), annotation("B")], {}, "A"),
        ([annotation("A"), annotation("B", was_cancelled=True)], {}, "A"),
        ([annotation("A", completed_by=3), annotation("B")], {"annotator": "3"}, "A"),
        (
            [annotation("A", completed_by={"id": 1, "email": "a@b"}), annotation("B")],
            {"annotator": "a@b"},
            "A",
        ),
    ],
    ids=range(6),
)
def test_one_annotation_of_a_text_is_read(write, annotations, settings, kind):
    task = {"data": {"text": "Eva sees Bonn."}, "annotations": annotations}
    (sentence,) = read(write, "a.json", json.dumps([task]), **settings)
    assert [mention.type for mention in sentence.mentions] == [kind]


def test_rows_of_one_text_are_its_annotations(write):
    rows = [
        {"id": 1, "text": "Eva", "ner": [REGIONS[0] | {"labels": [kind]}], "annotator": by}
        for by, kind in enumerate("AB")
    ]
    rows.append({"id": 2, "text": "Bonn", "annotation_id": 5})
    first, second = read(write, "a.json", json.dumps(rows))
    assert [m.type for m in first.mentions] == ["B"]
    assert first.notes == ("annotation that is not the last of its text",)
    assert (second.text, second.mentions) == ("Bonn", ())
    (only,) = read(write, "a.json", json.dumps(rows), annotator="0")
    assert [m.type for m in only.mentions] == ["A"]


def test_texts_that_nobody_annotated_are_counted(write):
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    tasks = [
        {"data": {"text": "raw"}, "annotations": []},
        {"data": {"text": "skipped"}, "annotations": [{"result": [], "was_cancelled": True}]},
        {"data": {"text": "Eva"}, "annotations": [{"result": [choice]}]},
        {"data": {"text": "Bonn"}, "predictions": [annotation("X")]},
    ]
    tasks[3]["predictions"][0]["result"][0]["value"] = {"start": 0, "end": 4, "labels": ["X"]}
    eva, bonn = read(write, "a.json", json.dumps(tasks))
    assert Counter(eva.notes) == {
        "text without an annotation": 2,
        "cancelled annotation": 1,
        "annotation that is no label": 1,
    }
    assert bonn.mentions == (Mention(0, 4, "X", "Bonn"),)
    assert bonn.notes == ("text that has only predictions",)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", '{"text": "a", "label": [[0, true, "A"]]}', "a.jsonl:1: label"),
        ("a.jsonl", '{"text": "a", "label": [[0, 2, "A"]]}', "a.jsonl:1: .*not inside the text"),
        ("a.jsonl", '{"text": "a", "annotations": [{"label": 5, "start_offset": 0,'
         ' "end_offset": 1}]}', "a.jsonl:1: .*the name of a label, not its number; export"),
        ("a.jsonl", '{"text": "a", "label": [[0, 1, 5]]}', "the name of a label, not its number"),
        ("a.jsonl", '{"label": []}', "text: Field required"),
        ("a.jsonl", '{"text": "a", "spans": [{"start": 0, "end": 1}]}', r"label: Field required"),
        ("a.jsonl", '{"text": "a", "spans": [{"start": 0, "end": 1, "label": "A", "text": "b"}]}',
         r"a\.jsonl:1: the mention 'b' at \[0, 1\) is 'a' in the text"),
        ("a.jsonl", '{"text": "a", "spans": [], "answer": "maybe"}', "answer: .*'maybe'"),
        ("a.json", '[{"data": {"body": "a"}, "annotations": [{}]}]',
         "a.json:1: expected a text under 'text', got 'body'; name its key with --set field="),
        ("a.json", '[{"data": {"text": "a"}, "annotations": {"3.0": []}}]', "annotations: "),
        ("a.json", '[{"data": {"text": "a"}, "annotations": [{"result": [{"value": {"start": 0,'
         ' "end": "1"}}]}]}]', "a.json:1: end: .*integer"),
        ("a.json", '[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "labels"}]}]}]',
         "start: Field required"),
    ],
    ids=range(12),
)  # fmt: skip
def test_bad_records_are_refused_in_a_line(write, name, content, problem):
    with pytest.raises(CorpusError, match=problem) as caught:
        read(write, name, content)
    assert "\n" not in str(caught.value)


UTF_16 = Sentence("😀 Eva", (Mention(2, 5, "PER", "Eva"),))


def test_offsets_of_browsers(write, tmp_path):
    value = {"start": 3, "end": 6, "labels": ["PER"]}
    task = [{"data": {"text": "😀 Eva"}, "annotations": [{"result": [{"value": value}]}]}]
    assert read(write, "a.json", json.dumps(task)) == [UTF_16]
    line = '{"text": "😀 Eva", "label": [[3, 6, "PER"]]}'
    with pytest.raises(CorpusError, match="not inside the text of 5"):
        read(write, "a.jsonl", line)
    assert read(write, "a.jsonl", line, offsets="utf-16") == [UTF_16]
    source = LabelStudioSource(path=str(tmp_path / "out.json"))
    write_corpus([UTF_16], source)
    (task,) = json.loads((tmp_path / "out.json").read_text())
    (region,) = task["annotations"][0]["result"]
    assert region["value"] == {"start": 3, "end": 6, "text": "Eva", "labels": ["PER"]}
    assert (region["from_name"], region["to_name"]) == ("label", "text")


SCORED = Sentence("a b", (Mention(0, 1, "X", "a", 0.5), Mention(2, 3, "X", "b", 0.25)), id="7")


def test_probabilities_are_predictions_in_label_studio(tmp_path):
    source = LabelStudioSource(path=str(tmp_path / "out.json"))
    assert write_corpus([SCORED], source).left_out == Counter()
    (task,) = json.loads((tmp_path / "out.json").read_text())
    assert task["predictions"][0]["score"] == 0.25
    assert list(read_source(source)) == [SCORED]


def test_tokens_of_prodigy(tmp_path):
    tokens = (Token("Eva", 0, 3), Token("!", 3, 4), Token("Yes", 5, 8))
    sentence = Sentence("Eva! Yes", (Mention(0, 4, "X", "Eva!"), Mention(5, 7, "X", "Ye")), tokens)
    source = ProdigySource(path=str(tmp_path / "out.jsonl"))
    write_corpus([sentence], source)
    assert list(read_source(source)) == [sentence]
    line = json.loads((tmp_path / "out.jsonl").read_text())
    assert [token["ws"] for token in line["tokens"]] == [False, True, False]
    whole, inside = line["spans"]
    assert (whole["token_start"], whole["token_end"], "token_end" in inside) == (0, 1, False)


def test_the_round_trip_of_a_user_of_doccano(tmp_path):
    """Doccano keeps what is not text or label as metadata; its own id gives way to one there."""
    ours = [
        Sentence("花子は😀東京へ", (Mention(4, 6, "LOC", "東京"),), id="s1", group="news"),
        Sentence("nothing here", id="s2", group="news"),
    ]
    source = DoccanoSource(path=str(tmp_path / "for-doccano.jsonl"))
    assert write_corpus(ours, source).left_out == Counter()
    lines = []
    for number, line in enumerate((tmp_path / "for-doccano.jsonl").read_text().splitlines(), 900):
        meta = json.loads(line)
        text, spans = meta.pop("text"), meta.pop("label")
        assert all(start < end for start, end, _ in spans)
        exported = {"id": number, "text": text, **meta, "label": sorted(spans), "Comments": []}
        lines.append(json.dumps(exported, ensure_ascii=False))
    (tmp_path / "all.jsonl").write_text("\n".join(lines) + "\n")
    assert list(read_source(guess_source(tmp_path / "all.jsonl"))) == ours
