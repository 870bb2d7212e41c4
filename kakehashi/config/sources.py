"""Where sentences come from: one model per corpus format.

A path is taken relative to the folder in ``KAKEHASHI_DATA`` where that is set, else relative to the
working directory; an absolute path stays as it is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kakehashi.tags import SchemeName

Partition = Literal["train", "dev", "test"]
Language = Literal["en", "ja", "de"]


class Settings(BaseModel):
    """What all settings share: unknown keys are refused, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnsSource(Settings):
    """Token per line, columns, blank line between sentences (CoNLL-2003, CRF++, …)."""

    format: Literal["columns"]
    path: str
    columns: tuple[str, ...] = Field(
        ("token", "tag"),
        description="What each column holds: token, reading, pos, tag, or _ to pass over it.",
    )
    separator: str = Field(
        " ", description="What parts columns, exactly; 'whitespace' for any run of blanks and tabs."
    )
    scheme: SchemeName = Field("bio", description="How tags are written; all are read alike.")
    encoding: str = "utf-8"
    docstart: Literal["skip", "keep"] = Field(
        "skip", description="Leave out -DOCSTART- lines, or keep each as a sentence of its own."
    )
    spaces: bool = Field(True, description="Whether the raw text has spaces between tokens.")


class JsonlSource(Settings):
    """One JSON object per line: text, mentions as character ranges, optional tokens."""

    format: Literal["jsonl"]
    path: str


class KnpSource(Settings):
    """KNP files, one or many sentences each, in a folder or a tar.gz (KNBC, KWDLC)."""

    format: Literal["knp"]
    path: str
    encoding: str = "utf-8"
    folder: str = Field("", description="Only files below this folder of the archive.")
    ids: str = Field("", description="A list of article ids in the archive: read only those.")


class InlineSource(Settings):
    """Text with inline tags, ``<PERSON>…</PERSON>`` (IREX, BCCWJ's named-entity corpus)."""

    format: Literal["inline"]
    path: str
    encoding: str = "utf-8"


class AnnotatedSource(Settings):
    """Voice-assistant utterances of MASSIVE: JSON lines with ``utt`` and ``annot_utt``."""

    format: Literal["annotated"]
    path: str
    partition: Partition | None = None


class StockmarkSource(Settings):
    """One JSON list of texts with character spans (Stockmark's Wikipedia corpus)."""

    format: Literal["stockmark"]
    path: str


class AssistantSource(Settings):
    """Utterances generated from the built-in voice-assistant grammars."""

    format: Literal["assistant"]
    language: Language
    utterances: int = Field(gt=0)
    partition: Partition = "train"
    seed: int = 0


FileSource = (
    ColumnsSource | JsonlSource | KnpSource | InlineSource | AnnotatedSource | StockmarkSource
)
Source = Annotated[FileSource | AssistantSource, Field(discriminator="format")]
