"""Views: what a channel of the model sees of a token, and its character n-grams."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from kakehashi.errors import ConfigError
from kakehashi.text.readings import romanize

if TYPE_CHECKING:
    from kakehashi.config.settings import View


def view(surface: str, reading: str, name: View) -> str:
    """Return a token as a channel of the model sees it; never empty for a non-empty token.

    The ``original`` is the token as written; ``romaji``, that of the paper's Mixed Orthographic
    Model (section 3.3), is its reading in Latin letters or, where it has none, itself. Kanji
    without a reading stay: libraries that know no Japanese read them as Chinese, which is worse.
    Raises `ConfigError` if there is no such view.

    Example:
        >>> view("加盟", "カメイ", "original"), view("加盟", "カメイ", "romaji")
        ('加盟', 'kamei')
    """
    if name == "original":
        return unicodedata.normalize("NFC", surface)
    if name == "romaji":
        # NFKC makes a blank and an accent of ´; a token has no blank.
        return "".join(romanize(reading or surface).split()) or surface
    raise ConfigError("view", f"expected one of original, romaji, got {name!r}")


def ngrams(form: str, n: int = 2) -> list[str]:
    """Return the overlapping character n-grams of a form; `ValueError` if n is less than 1.

    A form that is shorter is its only one.

    Example:
        >>> ngrams("Yes"), ngrams("a")
        (['Ye', 'es'], ['a'])
    """
    if n < 1:
        raise ValueError(f"expected an n of at least 1, got {n}")
    starts = range(max(len(form) - n, 0) + 1)
    return [form[start : start + n] for start in starts] if form else []
