"""JSON checked against closed models."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from kakehashi.corpora.checks import excerpt
from kakehashi.errors import CorpusError

_EXCERPT = 60  # of a key, in a message
Value = TypeVar("Value")  # what the model makes


def parsed(model: TypeAdapter[Value], text: str, path: str, line: int | None = None) -> Value:
    """Parse JSON into the model.

    Raises:
        CorpusError: If the text is not JSON or not what the model says.
    """
    try:
        return model.validate_json(text)
    except ValidationError as error:
        raise refusal(error, path, line) from None


def validated(
    model: TypeAdapter[Value], record: object, path: str, line: int | None = None
) -> Value:
    """Check values against the model.

    Raises:
        CorpusError: If they are not what the model says.
    """
    try:
        return model.validate_python(record)
    except ValidationError as error:
        raise refusal(error, path, line) from None


def refusal(error: ValidationError, path: str, line: int | None) -> CorpusError:
    """Describe in one line the first thing that a model does not take."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part)[:_EXCERPT] for part in first["loc"])
    came = f", got {excerpt(str(first['input']))}"
    return CorpusError(path, f"{key + ': ' if key else ''}{first['msg']}{came}", line)
