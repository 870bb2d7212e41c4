"""From tagged sentences to what clients get."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Sentence, Token
from kakehashi.serving.offsets import Unit, to_unit
from kakehashi.text.marks import unmarked
from kakehashi.text.views import view

View = Callable[[Token], str]


def character_view(recognizer: Recognizer) -> View:
    """Return what the character layer of a model sees of a token."""
    settings = getattr(recognizer.model, "settings", None)
    name = getattr(settings, "char_view", "original")
    return partial(_seen, name=name)


def _seen(token: Token, *, name: Any) -> str:  # noqa: ANN401
    return view(token.text, token.reading, name)


@dataclass(frozen=True)
class Wanted:
    """What a client wants of a sentence."""

    unit: Unit = "codepoint"
    types: Collection[str] | None = None  # None: all
    min_probability: float = 0.0
    view: View | None = None  # None: without tokens

    def result(self, sentence: Sentence) -> dict[str, object]:
        """Return a `kakehashi.serving.schemas.Result`."""
        offset = to_unit(sentence.text, self.unit)
        result: dict[str, object] = {
            "mentions": [
                {
                    "start": offset(mention.start),
                    "end": offset(mention.end),
                    "type": mention.type,
                    "text": mention.text,
                    "probability": mention.probability,
                }
                for mention in sentence.mentions
                if (mention.probability or 0) >= self.min_probability
                and (self.types is None or mention.type in self.types)
            ]
        }
        if self.view is not None:
            result["tokens"] = [
                {
                    "start": offset(token.start),
                    "end": offset(token.end),
                    "text": token.text,
                    "reading": unmarked(token).reading,
                    "view": self.view(token),
                }
                for token in sentence.tokens or ()
            ]
        return result
