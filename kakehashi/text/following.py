"""Readings that depend on the token that follows: 兄 is アニ, but ニイ in お兄ちゃん.

Dictionaries know some of these words as a whole, and read the others by themselves. The table,
``data/readings.tsv``, is our own; it says nothing where a dictionary reads otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from kakehashi.sentence import Token


def read_by_following(tokens: list[Token]) -> None:
    """Read tokens as they are read before the token that they touch.

    Example:
        >>> tokens = [Token("兄", 0, 1, "アニ"), Token("さん", 1, 3, "サン")]
        >>> read_by_following(tokens)
        >>> [token.reading for token in tokens]
        ['ニイ', 'サン']
    """
    table = _table()
    for index, token in enumerate(tokens[:-1]):
        if token.text in table:
            after = tokens[index + 1]
            reading = table[token.text].get((token.reading, after.text))
            if reading is not None and token.end == after.start:
                tokens[index] = token._replace(reading=reading)


@cache
def _table() -> Mapping[str, Mapping[tuple[str, str], str]]:
    """Read the table: per form, (reading, form that follows) to the reading before that."""
    lines = files("kakehashi.text").joinpath("data/readings.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {
        form: {(alone, after): reading for after in following.split()}
        for form, alone, following, reading in rows
    }
