"""Korean in Latin letters: the Revised Romanization of 2000, by rule.

Sounds change where syllables meet inside a token, as the standard has it for nouns: h after k, t or
p stays (묵호 is mukho). What only the word tells is not known: the n that compounds insert (학여울,
hangnyeoul), nn for ll (신문로, sinmunno). Hyphens, which the standard allows, are left out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from kakehashi.text.japanese import read_table

_SYLLABLES = re.compile("[가-힣]+")
_LETTERS = re.compile("[\u1100-\u1112\u1161-\u1175\u11a8-\u11c2]")  # alone, as in ㅋㅋ, after NFKC


@lru_cache(maxsize=1 << 14)
def romaja(text: str) -> str:
    """Write Hangul in Latin letters; leave everything else as it is after NFKC.

    Example:
        >>> [romaja(word) for word in ("종로", "백암", "독립문", "같이")]
        ['jongno', 'baegam', 'dongnimmun', 'gachi']
    """
    written = _SYLLABLES.sub(_write, unicodedata.normalize("NFKC", text))
    return _LETTERS.sub(lambda match: _letter_names()[match[0]], written)


def _write(match: re.Match[str]) -> str:
    """Write syllables, each with its final as the next one changes it."""
    table = _table()
    initials, vowels, finals = (table[kind] for kind in ("initials", "vowels", "finals"))
    names = [*initials], [*vowels], ["", *finals]
    latin, before = "", ""  # the final of the syllable before
    for syllable in match[0]:
        # Unicode lists syllables in the order of their parts.
        code, final = divmod(ord(syllable) - ord("가"), len(names[2]))
        initial, vowel = (names[n][part] for n, part in enumerate(divmod(code, len(vowels))))
        sound = finals.get(before, "")
        open_syllable = chr(ord(syllable) - final)
        changes = table.get(initial, {}) | table.get(open_syllable, {})
        latin += changes.get(before, changes.get(sound, sound + initials[initial]))
        latin += vowels[vowel]
        before = names[2][final]
    return latin + finals.get(before, "")


@cache
def _table() -> dict[str, dict[str, str]]:
    """Read the rows: letters or sounds to how they are written."""
    return {
        kind: dict(pair.split("=") for pair in pairs.split())
        for kind, pairs in read_table("hangul.tsv")
    }


@cache
def _letter_names() -> dict[str, str]:
    """Return how a letter alone is written, by its character for a part of a syllable."""
    table = _table()
    starts = {"initials": 0x1100, "vowels": 0x1161, "finals": 0x11A8}
    names = {
        chr(code): latin
        for kind, start in starts.items()
        for code, latin in enumerate(table[kind].values(), start)
    }
    return names | {"\u110b": "ng"}
