"""What clients send and get: models that check a body as it came, and describe it for OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kakehashi.serving.offsets import Unit

MEDIA_TYPE = "application/json"
LINES = "application/x-ndjson"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Limits:
    """What one request may ask for, and how much waits."""

    body: int = 1 << 20  # bytes of a body, or of a line of a stream
    texts: int = 256  # of a request
    characters: int = 20_000  # of a text
    queue: int = 256  # texts that wait to be tagged, of each model
    seconds: float = 30.0  # for the body to come, and for the answer


class Problem(Exception):  # noqa: N818 RFC 9457 calls it so
    """A request that is refused, as RFC 9457 describes one.

    The ``pointer`` is a JSON pointer into the body; with ``close`` the connection ends.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        pointer: str | None = None,
        close: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer = status, detail, pointer
        self.headers = dict(headers or {})
        if close:
            self.headers["connection"] = "close"
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers.setdefault("retry-after", "1")

    def to_dict(self) -> dict[str, object]:
        """Return the fields of ``application/problem+json``."""
        title = HTTPStatus(self.status).phrase
        fields = {"type": "about:blank", "title": title, "status": self.status}
        pointer = {} if self.pointer is None else {"pointer": self.pointer}
        return {**fields, "detail": self.detail, **pointer}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Options(_Body):
    model: str | None = Field(None, description="Name of the model. Default: the first one.")
    offsets: Unit = Field("codepoint", description="Unit of all offsets.")
    types: list[str] | None = Field(
        None, max_length=1000, fail_fast=True, description="Entity types to return. Default: all."
    )
    min_probability: float = Field(0.0, ge=0, le=1, description="Leave out mentions below this.")
    tokens: bool = Field(False, description="Return the tokens, too.")


class ExtractRequest(_Options):
    """Texts to find the entities of; each is taken for one sentence."""

    texts: list[str] = Field(fail_fast=True)


class LineOptions(_Options):
    """Options of a stream of lines, which stand in the query."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Line(_Body):
    """A line of a stream: a text, and whatever name the client has for it."""

    text: str
    id: str | int | None = None


class Parameters(_Body):
    """Parameters of Hugging Face's token classification."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] = "simple"
    ignore_labels: list[str] = Field([], max_length=1000, fail_fast=True)
    stride: int | None = Field(None, description="Ignored: no text is cut.")


class HuggingFaceRequest(_Body):
    """A request of Hugging Face's token classification."""

    inputs: str | list[str]
    parameters: Parameters = Parameters()


class FoundMention(_Body):
    """An entity: the range of the text, its type, and how probable it is."""

    start: int
    end: int
    type: str
    text: str
    probability: float


class FoundToken(_Body):
    """A token: its reading in kana or pinyin, and what the model's character layer sees of it."""

    start: int
    end: int
    text: str
    reading: str
    view: str


class Result(_Body):
    """What was found in a text."""

    mentions: list[FoundMention]
    tokens: list[FoundToken] | None = None


class LineResult(Result):
    """The answer to a line."""

    offsets: Unit
    id: str | int | None = None


class ModelName(_Body):
    """Which model answered."""

    name: str
    version: str = Field(description="Of kakehashi that runs it.")
    sha256: str = Field(description="Of the model folder's SHA256SUMS.")


class ExtractResponse(_Body):
    """The results, in the order of the texts."""

    model: ModelName
    offsets: Unit
    results: list[Result]


class FoundGroup(_Body):
    """An entity as Hugging Face's pipelines write it; offsets are code points."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


class ProblemDetails(_Body):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    pointer: str | None = None


_Model = TypeVar("_Model", bound=BaseModel)


def parse(model: type[_Model], body: bytes | bytearray) -> _Model:
    """Parse a body; `Problem` 400 if it is no JSON, 422 if it is not what the model says."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError) -> Problem:
    """Describe the first thing that a model does not take."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Problem(HTTPStatus.BAD_REQUEST, first["msg"])
    keys = (str(part).replace("~", "~0").replace("/", "~1") for part in first["loc"])
    pointer = "".join(f"/{key}" for key in keys)[:200]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, first["msg"][:300], pointer=pointer)
