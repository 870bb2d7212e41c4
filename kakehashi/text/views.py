"""Views: what a channel of the model sees of a token, and its character n-grams."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kakehashi.errors import ConfigError
from kakehashi.text.romanize import romanize_token

if TYPE_CHECKING:
    from kakehashi.config.settings import View

VIEWS: Mapping[View, Callable[[str, str], str]] = {
    "original": lambda surface, reading: unicodedata.normalize("NFC", surface),
    "romaji": romanize_token,
}


def view(surface: str, reading: str, name: View) -> str:
    """Return a token as a channel of the model sees it; never empty for a non-empty token.

    Args:
        surface: The token as written.
        reading: Its reading in kana, or ``""``.
        name: ``original``, or ``romaji``, as in the paper's Mixed Orthographic Model (section 3.3).

    Raises:
        ConfigError: If there is no such view.

    Example:
        >>> view("加盟", "カメイ", "original"), view("加盟", "カメイ", "romaji")
        ('加盟', 'kamei')
    """
    if name not in VIEWS:
        raise ConfigError("view", f"expected one of {', '.join(VIEWS)}, got {name!r}")
    return VIEWS[name](surface, reading)


def ngrams(form: str, n: int = 2) -> list[str]:
    """Return the overlapping character n-grams of a form.

    Raises:
        ValueError: If `n` is less than 1.

    Example:
        >>> ngrams("Yes"), ngrams("a")
        (['Ye', 'es'], ['a'])
    """
    if n < 1:
        raise ValueError(f"expected an n of at least 1, got {n}")
    if len(form) <= n:
        return [form] if form else []
    return [form[start : start + n] for start in range(len(form) - n + 1)]
