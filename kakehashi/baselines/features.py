"""Features of a token for a CRF: its form, its letters, and its neighbours within two tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain

_EDGE = ""  # stands before the first form and after the last
_LONGEST_AFFIX = 4
_REPEATED = re.compile(r"(.)\1+", re.DOTALL)
_SCRIPTS = (
    ("h", re.compile("[\u3041-\u309f]")),
    ("k", re.compile("[\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f]")),
    ("c", re.compile("[々〆〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
)


def token_features(forms: Sequence[str]) -> list[list[bytes]]:
    """List the features of every token of a sentence.

    Of the form itself: as written, in lower case, its shape, its affixes of up to four characters,
    its characters and pairs of characters. Of those up to two tokens away: as written, and shape.
    Of the pairs of it and its neighbours: both as written, both shapes. No reading, part of speech,
    list of names or vector.

    Example:
        >>> before, itself = token_features(["in", "京都"])
        >>> "+1:w=京都".encode() in before, b"-1:s=x" in itself
        (True, True)
    """
    padded = [_EDGE, _EDGE, *forms, _EDGE, _EDGE]
    found = []
    for start in range(len(forms)):
        window = padded[start : start + 5]
        alone = chain.from_iterable(map(_features_of_one, window, range(-2, 3)))
        pairs = (*_features_of_two(*window[1:3], -1), *_features_of_two(*window[2:4], 0))
        found.append([*alone, *pairs])
    return found


def shape(form: str) -> str:
    """Replace the characters of a form by their kinds, and runs of one kind by one.

    Kinds: hiragana h, katakana k, kanji c, digit d, other letters X and x; the rest are themselves.

    Example:
        >>> shape("McDonald's"), shape("2026年"), shape("お茶の水センター")
        ("XxXx'x", 'dc', 'hchck')
    """
    return _REPEATED.sub(r"\1", "".join(map(_kind, form)))


@cache
def _kind(char: str) -> str:
    for name, script in _SCRIPTS:
        if script.match(char):
            return name
    if char.isdigit():
        return "d"
    if char.isalpha():
        return "X" if char.isupper() else "x"
    return char


@cache
def _features_of_one(form: str, offset: int) -> tuple[bytes, ...]:
    if form == _EDGE:
        return (f"{offset:+}:edge".encode(),)
    features = [f"w={form}", f"s={shape(form)}"]
    if offset == 0:
        low = form.lower()
        sizes = range(1, min(len(low), _LONGEST_AFFIX) + 1)
        pairs = (low[i : i + 2] for i in range(len(low) - 1))
        features += [f"l={low}", *(f"p={low[:n]}" for n in sizes)]
        features += [f"e={low[-n:]}" for n in sizes]
        features += [f"c={piece}" for piece in dict.fromkeys([*low, *pairs])]
    return tuple(f"{offset:+}:{feature}".encode() for feature in features)


@cache
def _features_of_two(left: str, right: str, offset: int) -> tuple[bytes, ...]:
    pairs = {"w": (left, right), "s": (shape(left), shape(right))}
    return tuple(f"{offset:+}:{name}={a} {b}".encode() for name, (a, b) in pairs.items())
