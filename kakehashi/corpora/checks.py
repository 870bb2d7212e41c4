"""What every sentence must be, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Sentence, Token

_EXCERPT = 60


def excerpt(text: str) -> str:
    """Quote the beginning of a text in a message."""
    return repr(text) if len(text) <= _EXCERPT else repr(text[:_EXCERPT]) + "…"


def checked(sentence: Sentence, path: str, line: int | None = None) -> Sentence:
    """Return the sentence, its mentions in order, if it is one.

    Args:
        sentence: What a reader made of the file.
        path: The file, for the message.
        line: Where in it the sentence stands.

    Raises:
        CorpusError: If there is no text, or text that is no text (NUL, lone surrogates), or a
            mention or token leaves the text, holds other text than it says, or overlaps another.
    """
    mentions = tuple(sorted(sentence.mentions, key=lambda mention: mention[:2]))
    problem = (
        _text_problem(sentence.text)
        or _range_problem("mention", sentence.text, mentions)
        or _range_problem("token", sentence.text, sentence.tokens or ())
        or _type_problem(mentions)
    )
    if problem:
        name = f"sentence {excerpt(sentence.id)}: " if sentence.id else ""
        raise CorpusError(path, name + problem, line)
    return sentence if mentions == sentence.mentions else replace(sentence, mentions=mentions)


def _text_problem(text: str) -> str:
    if not text:
        return "expected a text, got an empty one"
    if "\0" in text:
        return "the text holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"the text holds half a character, the surrogate {text[error.start]!r}"
    return ""


def _range_problem(kind: str, text: str, ranges: Sequence[Mention] | Sequence[Token]) -> str:
    end = 0
    for part in ranges:
        if not 0 <= part.start < part.end <= len(text):
            problem = f"is not inside the text of {len(text)} characters"
        elif text[part.start : part.end] != part.text:
            problem = f"is {excerpt(text[part.start : part.end])} in the text"
        elif part.start < end:
            problem = "overlaps the one before it"
        else:
            end = part.end
            continue
        return f"the {kind} {excerpt(part.text)} at [{part.start}, {part.end}) {problem}"
    return ""


def is_entity_type(name: str) -> bool:
    """Say whether a name can stand for an entity type: it has no blanks, and can be seen."""
    return bool(name) and " " not in name and name.isprintable()


def _type_problem(mentions: Sequence[Mention]) -> str:
    for mention in mentions:
        if not is_entity_type(mention.type):
            return f"expected an entity type without blanks, got {excerpt(mention.type)}"
    return ""
