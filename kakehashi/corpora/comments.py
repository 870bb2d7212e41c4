"""What comment lines of columns say: names and raw texts of sentences.

::

    # newdoc id = news-1             an article begins (CoNLL-U)
    # sent_id = news-1-s1
    # text = „Wer?“ fragt Eva.       the blanks are those of this text (CoNLL-U, UNER)
    # id 6f1c domain=train           MultiCoNER
    #begin document (news/1); part 000       OntoNotes as in CoNLL-2012; its end has a line too
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COMMENT = re.compile("#(?:[ \t#]|$|(?:begin|end) document)")
_PLACE = re.compile(r"#(?: *newdoc id *=|begin document) *(.+)")
_NAME = re.compile(r"# *(?:sent_id *= *|id )(\S+)")
_TEXT = re.compile(r"# *text *= ?(.*)")


class Comments:
    """The comments before a sentence."""

    def __init__(self, group: str) -> None:
        self.group = group  # of all sentences until the next article begins
        self.id = self.text = ""

    def read(self, line: str, file: str) -> None:
        """Read a comment line of a file of this name."""
        if match := _PLACE.match(line):
            self.group = f"{file}#{match[1].strip()}"
        elif match := _NAME.match(line):
            self.id = match[1]
        elif match := _TEXT.match(line):
            self.text = match[1]

    def end_sentence(self) -> None:
        """Forget what was said of one sentence."""
        self.id = self.text = ""


def text_after(text: str, forms: Iterable[str]) -> list[str] | None:
    """Find what of a text is after each form: blanks or nothing; None if it is not these forms."""
    after, position = list[str](), len(text) - len(text.lstrip())
    for form in forms:
        if not text.startswith(form, position):
            return None
        position += len(form)
        rest = text[position:].lstrip()
        after.append(text[position : len(text) - len(rest)])
        position = len(text) - len(rest)
    return after if position == len(text) else None
