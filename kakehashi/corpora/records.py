"""JSON checked against closed models."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from kakehashi.corpora.checks import excerpt
from kakehashi.errors import CorpusError

Value = TypeVar("Value")  # what the model makes


def parsed(model: TypeAdapter[Value], text: str, path: str, line: int | None = None) -> Value:
    """Parse JSON into the model.

    Raises:
        CorpusError: If the text is not JSON or not what the model says.
    """
    try:
        return model.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        came = f", got {excerpt(str(first['input']))}"
        raise CorpusError(path, f"{key + ': ' if key else ''}{first['msg']}{came}", line) from None
