"""Offsets in code points, as Python counts, and in UTF-16 units, as browsers, Java and C# do.

A character above U+FFFF (😀, 𠮷) is one code point and two units.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Literal

Unit = Literal["codepoint", "utf16"]
_LAST_OF_ONE = "\uffff"  # the last character of one unit


def to_unit(text: str, unit: Unit) -> Callable[[int], int]:
    """Return the function that converts an offset in code points of a text to a unit.

    Example:
        >>> [to_unit("𠮷野家で😀東京", "utf16")(offset) for offset in (5, 7)]
        [7, 9]
    """
    if unit == "codepoint" or text.isascii() or max(text) <= _LAST_OF_ONE:
        return int
    wide = [place for place, character in enumerate(text) if character > _LAST_OF_ONE]
    return lambda offset: offset + bisect_left(wide, offset)


def from_utf16(text: str, offset: int) -> int:
    """Convert an offset in UTF-16 units of a text to code points.

    `ValueError` if it is outside the text or inside a character.

    Example:
        >>> from_utf16("𠮷野家で😀東京", 7)
        5
    """
    ends = list(accumulate((1 + (c > _LAST_OF_ONE) for c in text), initial=0))
    found = bisect_left(ends, offset)
    if found == len(ends) or ends[found] != offset:
        raise ValueError(f"the offset {offset} is not between two characters of the text")
    return found
