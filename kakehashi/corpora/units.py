"""Offsets that count something other than characters, and how to tell what they count.

Browsers, Java and C# count UTF-16 units, other programs bytes of UTF-8; some count CRLF as one, LF
as two, or leave out a BOM. Where a file says what text its mentions have, the unit is the one that
gives all of them their text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kakehashi.corpora.checks import excerpt
from kakehashi.errors import CorpusError

UnitName = Literal["characters", "utf-16", "bytes"]
Places = list[tuple[int, int]]  # ranges in characters

_NAMES: tuple[UnitName, ...] = ("characters", "utf-16", "bytes")
_LINE_ENDS, _BOMS = ("", ", CRLF as one", ", LF as two"), ("", ", the BOM as none")
_CR, _LF = 0x0D, 0x0A


class Given(NamedTuple):
    """A mention as a file gives it."""

    fragments: Sequence[tuple[int, int]]  # mostly one, in the unit of the file
    type: str
    text: str | None = None  # white space in it does not count
    goes_on: bool = False  # whether something else may follow the text after a blank
    probability: float | None = None


class Record(NamedTuple):
    """A text with mentions as a file gives them."""

    text: str
    given: Sequence[Given]
    path: str  # of the file, for messages
    line: int | None = None  # there
    id: str = ""
    group: str = ""
    tokens: Sequence[tuple[int, int]] | None = None  # ranges in characters
    notes: Sequence[str] = ()  # what else the file has, see `Sentence.notes`


class Unit(NamedTuple):
    """What offsets count."""

    name: UnitName = "characters"
    line_ends: str = ""
    bom: str = ""

    def convert(self, record: Record) -> list[Places]:
        """Convert the fragments of each mention; `CorpusError` if one is not in the text."""
        edges = self.edges(record.text) if self != Unit() and record.given else None
        return [self._places(record, given, edges) for given in record.given]

    def edges(self, text: str) -> npt.NDArray[np.int64]:
        """Count what is before each character, and before the end (characters + 1,)."""
        codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
        widths = np.ones(len(codes), np.int64)
        if self.name != "characters":
            widths += codes > 0xFFFF
        if self.name == "bytes":
            widths += (codes > 0x7F).astype(np.int64) + (codes > 0x7FF)
        after_cr = np.zeros(len(codes), np.bool_)
        after_cr[1:] = (codes[:-1] == _CR) & (codes[1:] == _LF)
        if self.line_ends == ", CRLF as one":
            widths[:-1][after_cr[1:]] = 0
        elif self.line_ends == ", LF as two":
            widths[(codes == _LF) & ~after_cr] = 2
        if self.bom and text.startswith("\ufeff"):
            widths[0] = 0
        return np.append(0, np.cumsum(widths))

    def fits(self, record: Record) -> bool:
        """Whether all mentions are in the text, with the texts given."""
        try:
            self.convert(record)
        except CorpusError:
            return False
        return True

    def _places(self, record: Record, given: Given, edges: npt.NDArray[np.int64] | None) -> Places:
        text, places = record.text, list[tuple[int, int]]()
        for first, last in sorted(given.fragments):
            if edges is not None and 0 <= first <= last:
                start, end = (min(each, int(edges[-1]) + 1) for each in (first, last))
                # What counts nothing, such as the CR of CRLF, is left outside.
                last = int(np.searchsorted(edges, end, "left"))
                first = min(int(np.searchsorted(edges, start, "right")) - 1, last)
                if last <= len(text) and (edges[first] != start or edges[last] != end):
                    raise self._misfit(record, given, "begins or ends inside a character")
            if not 0 <= first <= last <= len(text):
                problem = f"is not inside the text of {len(text)} characters"
                raise self._misfit(record, given, problem)
            places.append((first, last))
        found = "".join(text[start:end] for start, end in places)
        if not _is_same(given, found):
            raise self._misfit(record, given, f"is {excerpt(found)} in the text")
        return places

    def _misfit(self, record: Record, given: Given, problem: str) -> CorpusError:
        places = ", ".join(f"[{start}, {end})" for start, end in given.fragments)[:60]
        what = excerpt(given.type if given.text is None else given.text)
        count = "" if self == Unit() else f", counted in {''.join(self)},"
        return CorpusError(
            record.path, f"the mention {what} at {places}{count} {problem}", record.line
        )


def find_unit(records: Callable[[], Iterable[Record]], expected: UnitName) -> Unit:
    """Find the unit that fits all records: the expected one, or else the only other one.

    `CorpusError` if none fits, or several do that contradict each other.
    """
    first = Unit(expected)
    wrong = next((record for record in records() if not first.fits(record)), None)
    if wrong is None:
        return first
    shown = all(given.text is not None for given in wrong.given)
    units = (Unit(*each) for each in product(_NAMES, _LINE_ENDS, _BOMS))
    found = {unit: 0 for unit in units if shown and unit.fits(wrong)}
    for record in records() if found else ():
        for unit in list(found):
            if unit.fits(record):
                found[unit] = hash((found[unit], str(unit.convert(record))))
            else:
                del found[unit]
    if len(set(found.values())) != 1:
        first.convert(wrong)  # which says what is wrong
    return next(iter(found))


def _is_same(given: Given, found: str) -> bool:
    if given.text is None or (given.goes_on and given.text.startswith((f"{found} ", f"{found}\t"))):
        return True
    return "".join(given.text.split()) == "".join(found.split())
