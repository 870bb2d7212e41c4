"""Where sentences come from: one model per corpus format.

A relative path is resolved in the folder ``KAKEHASHI_DATA`` where that is set, else in the working
directory and, where nothing is there, in the folder of the config that names it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from kakehashi.plugins import plugin_names, unknown_name
from kakehashi.tags import SchemeName

Partition = Literal["train", "dev", "test"]
Language = Literal["en", "ja", "de"]

COLUMNS = ("token", "reading", "pos", "tag", "_", "*")


class Settings(BaseModel):
    """Settings refuse unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def line_encoding(name: str) -> str:
    """Return the name of an encoding; raises `ValueError` if it is none that keeps ASCII."""
    # Files are cut into lines before they are decoded, so that an error can name its line.
    with suppress(LookupError, UnicodeError):
        if "a\n".encode(name) == b"a\n":
            return name
    known = "such as utf-8, euc-jp or cp932"
    raise ValueError(f"expected an encoding that keeps ASCII, {known}, got {name!r}")


Encoding = Annotated[str, AfterValidator(line_encoding)]


class ColumnsSource(Settings):
    """Token per line, columns, blank line between sentences (CoNLL-2003, CRF++, …)."""

    format: Literal["columns"] = "columns"
    path: str
    columns: tuple[str, ...] = Field(
        ("token", "tag"),
        description="What each column holds: token, reading, pos, tag, or _ to skip; a * in the end"
        " skips all that may follow.",
    )
    separator: str = Field(
        "auto",
        min_length=1,
        description="Separator of columns; tab and space may be named. auto: a tab in lines that"
        " have one, else a space; whitespace: any run of the two.",
    )
    scheme: SchemeName = Field("bio", description="Tag scheme; BILOU and BMES can be read, too.")
    raw: bool = Field(False, description="Tags are bare types; neighbours are one entity: PER PER.")
    outside: str = Field("O", min_length=1, description="The tag of no entity, e.g. 0.")
    header_lines: int = Field(0, ge=0, description="Lines to skip at the beginning.")
    prefix: str = Field("", description="What every token begins with and is left out, e.g. ja:.")
    encoding: Encoding = "utf-8"
    docstart: Literal["skip", "keep"] = Field(
        "skip", description="Skip -DOCSTART- lines, or keep each as a sentence of its own."
    )
    spaces: bool = Field(True, description="Whether the raw text has spaces between tokens.")

    @field_validator("separator")
    @classmethod
    def _named_separator(cls, separator: str) -> str:
        return {"tab": "\t", "space": " "}.get(separator, separator)

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown:
            raise ValueError(f"expected {', '.join(COLUMNS)} as columns, got {unknown[0]!r}")
        if "token" not in columns or any(columns.count(name) > 1 for name in COLUMNS[:4]):
            raise ValueError("expected the column 'token' once, and no other one twice")
        if "*" in columns[:-1]:
            raise ValueError("expected * only as the last column")
        return columns


class CsvSource(Settings):
    """CSV with a heading, a token or a sentence per row."""

    format: Literal["csv"] = "csv"
    path: str
    encoding: Encoding = "utf-8"
    separator: str = Field(",", min_length=1, max_length=1, description="Between cells: , or ;.")
    token: str = Field("", description="Heading of the tokens. Default: a usual one, as Word.")
    tag: str = Field("", description="Heading of the tags. Default: a usual one, as Tag.")
    sentence: str = Field("", description="Heading of names of sentences, if rows have them.")
    raw: bool = Field(False, description="Tags are bare types; neighbours are one entity: PER PER.")
    outside: str = Field("O", min_length=1, description="The tag of no entity, e.g. 0.")
    spaces: bool = Field(True, description="Whether the raw text has spaces between tokens.")


class JsonlSource(Settings):
    """One JSON object per line: text, mentions as character ranges, optional tokens."""

    format: Literal["jsonl"] = "jsonl"
    path: str


class ParquetSource(Settings):
    """A Parquet file with the fields of our JSON lines as columns, a row per sentence."""

    format: Literal["parquet"] = "parquet"
    path: str


class KnpSource(Settings):
    """KNP files, one or many sentences each, in a folder or a tar.gz (KNBC, KWDLC)."""

    format: Literal["knp"] = "knp"
    path: str
    encoding: Encoding = "utf-8"
    files: str = Field(
        "",
        description="Files to read, such as knp/*.knp; default: those that begin with '# S-ID:'.",
    )
    ids: str = Field("", description="Read only the articles of this list of ids in the archive.")


class InlineSource(Settings):
    """Text with inline tags, ``<PERSON>…</PERSON>`` (IREX, BCCWJ's named-entity corpus)."""

    format: Literal["inline"] = "inline"
    path: str
    encoding: Encoding = "utf-8"
    types: tuple[str, ...] = Field(
        (),
        description="Elements that are entities; other tags are ignored. Default: all elements but"
        " those that structure IREX's documents, and <sentence> and <article>.",
    )


Offsets = Annotated[
    Literal["characters", "utf-16", "bytes"] | None,
    Field(description="What offsets count. Default: found out by the texts of mentions."),
]


class BratSource(Settings):
    """brat's folder or tar archive of texts, NAME.txt, with annotations, NAME.ann."""

    format: Literal["brat"] = "brat"
    path: str
    offsets: Offsets = None
    sentences: Literal["line", "document"] = Field(
        "line", description="What a sentence is: a line of a text, or all of it."
    )


class DoccanoSource(Settings):
    """Doccano's JSON lines."""

    format: Literal["doccano"] = "doccano"
    path: str
    offsets: Offsets = None


class LabelStudioSource(Settings):
    """Label Studio's JSON or JSON_MIN."""

    format: Literal["labelstudio"] = "labelstudio"
    path: str
    offsets: Offsets = None
    field: str = Field("text", min_length=1, description="Key of a task's data that has the text.")
    annotator: str = Field(
        "", description="Read what this one did, by number or e-mail. Default: the last of each."
    )


class ProdigySource(Settings):
    """Prodigy's JSON lines."""

    format: Literal["prodigy"] = "prodigy"
    path: str
    offsets: Offsets = None


class SpacySource(Settings):
    """spaCy's .spacy files (DocBin)."""

    format: Literal["spacy"] = "spacy"
    path: str


class HuggingFaceSource(Settings):
    """Hugging Face's tokens and ner_tags: Parquet, JSON lines, or a folder of Parquet files."""

    format: Literal["huggingface"] = "huggingface"
    path: str
    split: str = Field("train", description="Part of a folder, by the names of its files.")
    tags: tuple[str, ...] = Field(
        (), description="Tags that numbers stand for, from 0 on. Default: what the file says."
    )
    raw: bool = Field(False, description="Tags are bare types; neighbours are one entity: PER PER.")
    spaces: bool = Field(True, description="Whether the raw text has spaces between tokens.")


class AnnotatedSource(Settings):
    """Voice-assistant utterances of MASSIVE: JSON lines with ``utt`` and ``annot_utt``."""

    format: Literal["annotated"] = "annotated"
    path: str
    partition: Partition | None = None


class StockmarkSource(Settings):
    """One JSON list of texts with character spans (Stockmark's Wikipedia corpus)."""

    format: Literal["stockmark"] = "stockmark"
    path: str


class TextSource(Settings):
    """Text without labels, a sentence per line."""

    format: Literal["text"] = "text"
    path: str
    encoding: Encoding = "utf-8"


class AssistantSource(Settings):
    """Utterances generated from the built-in voice-assistant grammars."""

    format: Literal["assistant"] = "assistant"
    language: Language
    utterances: int = Field(gt=0)
    partition: Partition = "train"
    seed: int = Field(0, ge=0, lt=1 << 32)


class PluginSource(Settings):
    """What a reader of another package reads (docs/languages.md)."""

    format: Literal["plugin"] = "plugin"
    reader: str = Field(description="Name of its entry point among kakehashi.readers.")
    path: str
    options: dict[str, str] = Field({}, description="What the reader gets beside the path.")

    @field_validator("reader")
    @classmethod
    def _known_reader(cls, name: str) -> str:
        if name not in plugin_names("reader"):
            raise ValueError(unknown_name("reader", name, ()))
        return name


Source = Annotated[
    ColumnsSource | CsvSource | JsonlSource | ParquetSource | KnpSource | InlineSource | BratSource
    | DoccanoSource | LabelStudioSource | ProdigySource | SpacySource | HuggingFaceSource
    | AnnotatedSource | StockmarkSource | TextSource | AssistantSource | PluginSource,
    Field(discriminator="format"),
]  # fmt: skip
