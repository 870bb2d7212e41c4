"""Label Studio's JSON: a list of tasks with annotations, or of rows (JSON_MIN).

::

    [{"id": 7, "data": {"text": "Eva sees Bonn."}, "annotations": [{"result": [{"type": "labels",
      "value": {"start": 0, "end": 3, "text": "Eva", "labels": ["PER"]}, …}], …}]}, …]
    [{"id": 7, "text": "Eva sees Bonn.", "label": [{"start": 0, "end": 3, "labels": ["PER"]}]}, …]

Offsets count UTF-16 units, as browsers do. Of several annotations of a text the ground truth is
read, else the last one, cancelled ones never; where there is none, the last prediction. Sentences
whose mentions have probabilities are written as predictions, others as annotations. The project
needs a ``<Text name="text" value="$text"/>`` and ``<Labels name="label" toName="text">``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, StrictInt, ValidationError

from kakehashi.config.reading import data_path
from kakehashi.config.sources import LabelStudioSource
from kakehashi.corpora.checks import Name, excerpt, json_error, parsed
from kakehashi.corpora.lines import decoded, opened, read_bounded
from kakehashi.corpora.records import elements
from kakehashi.corpora.spans import sentences_from_records
from kakehashi.corpora.units import Given, Record, Unit
from kakehashi.errors import CorpusError
from kakehashi.sentence import Sentence


class _Region(BaseModel):
    start: StrictInt
    end: StrictInt
    labels: list[str] = []
    text: str | None = None


class _Result(BaseModel):
    type: str = "labels"
    value: dict[str, Any] = {}
    score: float | None = Field(None, ge=0, le=1)


class _Annotation(BaseModel):
    result: list[_Result] = Field([], fail_fast=True)
    was_cancelled: bool | None = None
    ground_truth: bool | None = None
    completed_by: Name | dict[str, Any] | None = None
    updated_at: str = ""

    def is_by(self, annotator: str) -> bool:
        by = self.completed_by
        names = by.values() if isinstance(by, dict) else [by]
        return not annotator or annotator in map(str, names)


class _Task(BaseModel, extra="allow"):
    id: Name = ""
    data: dict[str, Any] | None = None  # None in JSON_MIN, which has it and the annotation beside
    annotations: list[_Annotation] = Field(
        [], fail_fast=True, validation_alias=AliasChoices("annotations", "completions")
    )
    predictions: list[_Annotation] = Field([], fail_fast=True)
    annotator: Name | None = None
    updated_at: str = ""


def read(source: LabelStudioSource) -> Iterator[Sentence]:
    """Yield the sentences of a file; `CorpusError` at a task that is not as above."""
    return sentences_from_records(partial(_records, source), source.offsets, "utf-16")


def _records(source: LabelStudioSource) -> Iterator[Record]:
    path = str(data_path(source.path))
    with opened(source.path) as file:
        content = decoded(read_bounded(file, path), path, None)
    rows = dict[str, _Task]()  # JSON_MIN has one per annotation of a task
    for number, text in enumerate(elements(content, path), 1):
        task = parsed(_Task, text, path, number)
        if task.data is not None:
            yield _record(task, source, path, number)
            continue
        own = rows.setdefault(task.id or f" {number}", task)
        own.annotations += _annotations_of_row(task)
        own.data = task.model_extra
    for number, task in enumerate(rows.values(), 1):
        yield _record(task, source, path, number)


def _annotations_of_row(row: _Task) -> list[_Annotation]:
    data = row.model_extra or {}
    lists = (value for value in data.values() if isinstance(value, list))
    regions = [each for value in lists for each in value if isinstance(each, dict)]
    results = [_Result(value=each) for each in regions if "labels" in each]
    if not results and row.annotator is None and "annotation_id" not in data:
        return []
    by = row.annotator
    return [_Annotation(result=results, completed_by=by, updated_at=row.updated_at)]


def _record(task: _Task, source: LabelStudioSource, path: str, number: int) -> Record:
    data = task.data or {}
    text = data.get(source.field)
    if not isinstance(text, str):
        problem = f"expected a text under {source.field!r}, got {excerpt(', '.join(data))}"
        raise CorpusError(path, f"{problem}; name its key with --set field=KEY", number)
    done = [each for each in task.annotations if not each.was_cancelled]
    notes = ["cancelled annotation"] * (len(task.annotations) - len(done))
    done = [each for each in done if each.is_by(source.annotator)]
    if not task.annotations and task.predictions and not source.annotator:
        done, notes = task.predictions[-1:], ["text that has only predictions"]
    if not done:
        return Record("", (), path, number, notes=[*notes, "text without an annotation"])
    order = [(bool(each.ground_truth), each.updated_at, n) for n, each in enumerate(done)]
    notes += ["annotation that is not the last of its text"] * (len(done) - 1)
    given = list[Given]()
    for result in done[max(order)[2]].result:
        if result.type != "labels":
            notes.append("annotation that is no label")
            continue
        try:
            region = _Region.model_validate(result.value)
        except ValidationError as error:
            raise json_error(error, path, number) from None
        notes += ["further label of a mention"] * (len(region.labels) - 1)
        kind = region.labels[0] if region.labels else ""
        given.append(
            Given([(region.start, region.end)], kind, region.text, probability=result.score)
        )
    name, group = (data.get(key) for key in ("sentence_id", "group"))
    name = name if isinstance(name, str) else task.id
    group = group if isinstance(group, str) else ""
    return Record(text, given, path, number, name, group, notes=notes)


def lines(sentences: Iterable[Sentence], _source: LabelStudioSource) -> Iterator[str]:
    """Yield the lines of a JSON list, one per sentence, which `read` gives back but for tokens."""
    before = "[\n"
    for sentence in sentences:
        edges = Unit("utf-16").edges(sentence.text)
        results = [
            {
                "id": f"m{number}",
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "value": {
                    "start": int(edges[mention.start]),
                    "end": int(edges[mention.end]),
                    "text": mention.text,
                    "labels": [mention.type],
                },
            }
            | ({} if mention.probability is None else {"score": mention.probability})
            for number, mention in enumerate(sentence.mentions, 1)
        ]
        names = {"sentence_id": sentence.id, "group": sentence.group}
        data = {"text": sentence.text} | {key: name for key, name in names.items() if name}
        shares = [m.probability for m in sentence.mentions if m.probability is not None]
        annotation: dict[str, object] = {"result": results}
        if shares:
            annotation |= {"model_version": "kakehashi", "score": min(shares)}
        task = {"data": data, "predictions" if shares else "annotations": [annotation]}
        yield before + json.dumps(task, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"
