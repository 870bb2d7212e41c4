"""The settings of how text is cut into tokens."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from kakehashi.config.languages import complete_text, find_language
from kakehashi.config.sources import Settings
from kakehashi.plugins import plugin_names, unknown_name

SEGMENTERS = (
    *("unidic-lite", "ipadic", "sudachi", "characters", "characters+jieba", "jieba", "kiwi"),
    *("newmm", "newmm-icu", "words", "whitespace"),
)


class TextSettings(Settings):
    """How text is cut into tokens."""

    language: str | None = Field(
        None,
        description="ISO 639-1 code, of those that `kakehashi corpus languages` lists: chooses what"
        " [text] and model.char_view do not say.",
    )
    segmenter: str = Field("words", description=f"One of {', '.join(SEGMENTERS)}, or a plug-in's.")
    cut_scripts: bool = Field(True, description="Also cut where the script changes (Japanese).")
    cut_hyphens: bool = Field(False, description="Also cut at hyphens (words: Berlin-Reise).")
    keep_tokens: bool = Field(False, description="Keep the corpus's tokens, adding readings.")
    plausible: bool = Field(
        True,
        description="Cut off what no gold mention of its type begins or ends with: punctuation,"
        " particles, verbs, honorifics, time words.",
        json_schema_extra={"unhashed": False},
    )

    @model_validator(mode="before")
    @classmethod
    def _of_its_language(cls, tree: object) -> object:
        return complete_text(tree)

    @field_validator("language")
    @classmethod
    def _known_language(cls, code: str | None) -> str | None:
        if code is not None:
            find_language(code)
        return code

    @field_validator("segmenter")
    @classmethod
    def _known_segmenter(cls, name: str) -> str:
        if name not in SEGMENTERS and name not in plugin_names("segmenter"):
            raise ValueError(unknown_name("segmenter", name, SEGMENTERS))
        return name
