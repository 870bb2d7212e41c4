"""What every sentence must be, whatever file it comes from, and JSON checked against models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, ValidationError

from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.text.composition import WHITE_SPACE

_EXCERPT = 60  # characters of a text or a key, in a message
_BLANKS = "".join(re.findall(f"[{WHITE_SPACE}]", "".join(map(chr, range(1 << 16)))))
_BLANK = frozenset(_BLANKS)
Model = TypeVar("Model", bound=BaseModel)
# Of a sentence or an article, which other tools name by numbers.
Name = Annotated[str, Field(strict=False, coerce_numbers_to_str=True)]


def excerpt(text: str) -> str:
    """Quote the beginning of a text in a message."""
    return repr(text) if len(text) <= _EXCERPT else repr(text[:_EXCERPT]) + "…"


def checked(sentence: Sentence, path: str, line: int | None = None) -> Sentence:
    """Return a sentence with mentions in order, without blank edges; `CorpusError` if amiss."""
    mentions = tuple(sorted(sentence.mentions, key=lambda mention: mention[:2]))
    if mentions != sentence.mentions:
        sentence = replace(sentence, mentions=mentions)
    problem = find_problem(sentence)
    if problem:
        name = f"sentence {excerpt(sentence.id)}: " if sentence.id else ""
        raise CorpusError(path, name + problem, line)
    for mention in mentions:
        if has_blank_edge(mention.text):
            return _without_blank_edges(sentence)
    return sentence


def find_problem(sentence: Sentence) -> str:
    """Describe what is wrong with a sentence whose mentions are in order; ``""`` if nothing is."""
    text = sentence.text
    if not text:
        return "expected a text, got an empty one"
    if "\0" in text:
        return "the text holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"the text holds half a character, the surrogate {text[error.start]!r}"
    problem = _range_problem("mention", text, sentence.mentions)
    problem = problem or _range_problem("token", text, sentence.tokens or ())
    for mention in sentence.mentions:
        if not problem and not is_entity_type(mention.type):
            return f"expected an entity type without blanks, got {excerpt(mention.type)}"
    return problem


def check_segmented(sentence: Sentence, path: str) -> None:
    """Raise `CorpusError` if a sentence that is written token by token has no tokens."""
    if sentence.tokens is None:
        problem = f"cannot write {excerpt(sentence.text)}: it has no tokens yet;"
        advice = "say how to cut the text, e.g. --segmenter unidic-lite"
        raise CorpusError(path, f"{problem} {advice}")


def is_blank(form: str) -> bool:
    """Whether a form is made of blanks, which is no token of ours."""
    return not form.strip(_BLANKS)


def has_blank_edge(form: str) -> bool:
    """Whether a mention begins or ends with a blank, which no token does."""
    return form[0] in _BLANK or form[-1] in _BLANK


def is_entity_type(name: str) -> bool:
    """Whether a name can be that of an entity type: it has no blanks, and can be seen."""
    return bool(name) and " " not in name and name.isprintable()


def _without_blank_edges(sentence: Sentence) -> Sentence:
    """Leave out the blanks at the edges, unless the tokens meet a mention only with them."""
    starts = {token.start for token in sentence.tokens or ()}
    ends = {token.end for token in sentence.tokens or ()}
    mentions: list[Mention] = []
    for mention in sentence.mentions:
        form = mention.text.strip(_BLANKS)
        start = mention.start + len(mention.text) - len(mention.text.lstrip(_BLANKS))
        end = start + len(form)
        is_met = mention.start in starts and mention.end in ends
        if form and (not is_met or (start in starts and end in ends)):
            mention = mention._replace(start=start, end=end, text=form)
        mentions.append(mention)
    return replace(sentence, mentions=tuple(mentions))


def _range_problem(kind: str, text: str, ranges: Sequence[Mention] | Sequence[Token]) -> str:
    end = 0
    for part in ranges:
        if not 0 <= part.start < part.end <= len(text):
            problem = f"is not inside the text of {len(text)} characters"
        elif text[part.start : part.end] != part.text:
            problem = f"is {excerpt(text[part.start : part.end])} in the text"
        elif part.start < end:
            problem = "overlaps the one before it"
        else:
            end = part.end
            continue
        place = f"[{part.start}, {part.end})"[:_EXCERPT]  # which may be numbers of any length
        return f"the {kind} {excerpt(part.text)} at {place} {problem}"
    return ""


def parsed(model: type[Model], text: str, path: str, line: int | None = None) -> Model:
    """Parse JSON into a model; raises `CorpusError` if it is none, or not what the model says."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise json_error(error, path, line) from None


def json_error(error: ValidationError, path: str, line: int | None) -> CorpusError:
    """Describe in one line the first thing that a model does not take."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part)[:_EXCERPT] for part in first["loc"])
    came = f", got {excerpt(str(first['input']))}"
    return CorpusError(path, f"{key + ': ' if key else ''}{first['msg']}{came}", line)
