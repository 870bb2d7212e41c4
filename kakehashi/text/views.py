"""Views: what a channel of the model sees of a token, and its n-grams."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from importlib.metadata import version

from kakehashi.errors import ConfigError
from kakehashi.extras import require
from kakehashi.plugins import Plugin, load_plugin, unknown_name
from kakehashi.text.chinese import drop_tones, number_tones
from kakehashi.text.korean import romaja
from kakehashi.text.latin import latin, uroman
from kakehashi.text.lexicon import loan, romaji_cased
from kakehashi.text.readings import romanize


def _read(write: Callable[[str], str]) -> Callable[[str, str], str]:
    """Write the reading; accents of a token without one are no tones."""
    return lambda surface, reading: (
        write(reading) if reading else unicodedata.normalize("NFKC", surface)
    )


def _rewritten(write: Callable[[str], str]) -> Callable[[str, str], str]:
    """Write the reading or, without one, the token."""
    return lambda surface, reading: write(reading or surface)


_ROMANIZERS: Mapping[str, Callable[[str, str], str]] = {
    "original": lambda surface, reading: unicodedata.normalize("NFC", surface),
    "romaji": _rewritten(romanize),
    "romaji-cased": romaji_cased,
    "loan": loan,
    "pinyin": _read(drop_tones),
    "pinyin-tones": _read(number_tones),
    "romaja": _rewritten(romaja),
    "latin": _rewritten(latin),
    "uroman": _rewritten(uroman),
}

_PACKAGES = {"uroman": "uroman", "romaji-cased": "unidic-lite", "loan": "unidic-lite"}


def view(surface: str, reading: str, name: str) -> str:
    """Return a token as a channel of the model sees it; never empty for a non-empty token.

    The ``original`` is the token as written; the others are its reading in Latin letters or, where
    it has none, itself: ``romaji`` that of the paper's Mixed Orthographic Model (section 3.3),
    ``romaji-cased`` with capitals, ``loan`` with loanwords as their sources spell them; ``pinyin``
    without tones, ``pinyin-tones`` with their numbers; ``romaja`` of Korean; ``latin`` and
    ``uroman`` of other alphabets. What a view cannot write stays as it is: libraries that know no
    Japanese read kanji as Chinese, which is worse. Raises `ConfigError` if there is no such view,
    `MissingExtraError` if its library is missing.

    Example:
        >>> view("加盟", "カメイ", "original"), view("加盟", "カメイ", "romaji")
        ('加盟', 'kamei')
        >>> view("重庆", "chóngqìng", "pinyin"), view("重庆", "chóngqìng", "pinyin-tones")
        ('chongqing', 'chong2qing4')
    """
    shown = _romanizer(name)(surface, reading)
    # A token has no blank, and NFKC makes one of ´ and an accent.
    return shown if name == "original" else "".join(shown.split()) or surface


def view_signature(name: str) -> str:
    """Return the name of a view, with the package and version of what computes it, if not we.

    Raises as `view`.
    """
    romanizer, package = _romanizer(name), _PACKAGES.get(name)
    if isinstance(romanizer, Plugin):
        return romanizer.signature
    if package is None:
        return name
    require(package.replace("-", "_"), package)
    return f"{name}({package} {version(package)})"


def _romanizer(name: str) -> Callable[[str, str], str]:
    found = _ROMANIZERS.get(name) or load_plugin("view", name)
    if found is None:
        raise ConfigError("view", unknown_name("view", name, [*_ROMANIZERS]))
    return found


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
