"""What a language chooses where the settings do not: the rows of ``text/languages.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kakehashi.config.sources import Settings
from kakehashi.errors import suggestion

_TABLE = Path(__file__).parents[1] / "text" / "languages.toml"
_TEXT = ("segmenter", "cut_hyphens")  # what a row says of [text]


class Language(Settings):
    """A row of the table, which explains the columns."""

    name: str
    segmenter: str
    tokens: str = "words"
    cut_hyphens: bool = False
    view: str = "original"
    prefixes: str = ""
    joiners: str = ""
    extra: str = ""
    modules: tuple[str, ...] = ()


@cache
def languages() -> Mapping[str, Language]:
    """Read the table: a `Language` by its ISO 639-1 code."""
    rows = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {code: Language.model_validate(row) for code, row in rows.items()}


def find_language(code: str) -> Language:
    """Return the row of a language; a ValueError names the nearest if there is none.

    Example:
        >>> find_language("th").segmenter
        'newmm'
    """
    rows = languages()
    if code not in rows:
        # zh-CN and Chinese are meant as well as known.
        codes = {row.name.lower(): key for key, row in rows.items()}
        short = code.lower().replace("_", "-").partition("-")[0]
        near = codes.get(short, short)
        hint = f"did you mean {near!r}?" if near in rows else suggestion(near, rows)
        raise ValueError(f"there is no language {code!r}; {hint}")
    return rows[code]


def token_noun(text: Mapping[str, object]) -> str:
    """Return what reports call the tokens of a text, by what its [text] says.

    Example:
        >>> token_noun({"language": "zh", "segmenter": "characters"})
        'characters'
        >>> token_noun({"language": "zh", "segmenter": "jieba"})
        'tokens'
    """
    row = _row_of(text)
    # With what is behind a plus, tokens are the same.
    cut = str(text.get("segmenter")).partition("+")[0]
    return row.tokens if row is not None and row.segmenter.partition("+")[0] == cut else "tokens"


def language_name(text: Mapping[str, object]) -> str | None:
    """Return the name of the language that [text] says, in English; None if it says none."""
    row = _row_of(text)
    return None if row is None else row.name


def complete_text(tree: object) -> object:
    """Fill in what [text] does not say and its language does."""
    row = _row_of(tree)
    if row is None or not isinstance(tree, Mapping):
        return tree
    return {**row.model_dump(include=set(_TEXT), mode="json"), **tree}


def complete_views(tree: Mapping[str, object]) -> Mapping[str, object]:
    """Fill in what [model] of all settings does not say and the language of the text does."""
    row, model = _row_of(tree.get("text")), tree.get("model") or {}
    if row is None or not isinstance(model, Mapping):
        return tree
    return {**tree, "model": {"char_view": row.view, **model}}


def _row_of(text: object) -> Language | None:
    code = text.get("language") if isinstance(text, Mapping) else getattr(text, "language", None)
    return languages().get(code) if isinstance(code, str) else None
