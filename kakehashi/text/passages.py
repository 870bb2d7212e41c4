"""Raw text made safe for dictionaries, without moving a single character.

MeCab ends at NUL, cannot encode lone surrogates, takes U+3000, NBSP and carriage returns for
words, and needs a gigabyte for a million characters at once. So it is given *cleaned* text, in
*passages*; offsets into either are offsets into the raw text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# MeCab loses count, and Sudachi gives up, beyond 65,535 bytes; Sudachi counts after NFKC, which
# makes up to 33 bytes of one character (ﷺ).
LONGEST_PASSAGE = 1024

# Zero-width spaces and the byte order mark are white space to us, though not to Python. All are
# listed, since a class with \s takes three times as long.
_NO_SPACE = r"\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
WHITE_SPACE = rf" {_NO_SPACE}"

_UNSAFE = re.compile(rf"[{_NO_SPACE}\0\ud800-\udfff]")

_BREAKS = ("。！？!?", " ", "、")


def cleaned(text: str) -> str:
    r"""Put a blank for each kind of white space, and U+FFFD for what a dictionary chokes on.

    Example:
        >>> cleaned("a\u3000b\0")
        'a b�'
    """
    return _UNSAFE.sub(_safe, text)


def _safe(unsafe: re.Match[str]) -> str:
    return "\ufffd" if unsafe[0] == "\0" or "\ud800" <= unsafe[0] <= "\udfff" else " "


def passages(text: str) -> Iterator[tuple[int, int]]:
    """Cut cleaned text into ranges short enough to analyse.

    A passage ends after a sentence if it can, else after a blank or a comma, else anywhere.
    """
    start = 0
    while len(text) - start > LONGEST_PASSAGE:
        end = _last_break(text, start, start + LONGEST_PASSAGE)
        yield start, end
        start = end
    yield start, len(text)


def _last_break(text: str, start: int, limit: int) -> int:
    """Find where to end a passage that may reach up to `limit`."""
    for marks in _BREAKS:
        end = max(text.rfind(mark, start, limit) for mark in marks) + 1
        if end > start:
            return end
    return limit
