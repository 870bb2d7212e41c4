"""CRFsuite: the classic linear-chain CRF, and the strongest thing there is on little data."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from kakehashi.extras import require
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags, tags_from_spans

_PARAMETERS = {"c1": 0.1, "c2": 0.01, "max_iterations": 200}

_EDGE = ""
"""Stands before the first token and after the last."""

_CLASSES = (
    ("h", re.compile("[\u3041-\u309f]")),
    ("k", re.compile("[\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f]")),
    ("c", re.compile("[々〆〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
)


class CRFsuite:
    """A linear-chain CRF over features of words and their neighbours.

    Okazaki, CRFsuite (2007). BIO tags, L-BFGS with elastic net.

    Raises:
        MissingExtraError: If python-crfsuite is not installed.
    """

    name = "crfsuite"
    deterministic = True

    def __init__(self) -> None:
        self._library = require("pycrfsuite", "crfsuite")
        self.version = str(self._library.CRFSUITE_VERSION)
        self._features = Features()
        self._model = b""

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from the training sentences; the development sentences are not needed."""
        trainer = self._library.Trainer(algorithm="lbfgs", params=_PARAMETERS, verbose=False)
        for sentence in train:
            items = self._features(forms_of(sentence))
            if items:
                trainer.append(items, tags_from_spans(sentence.project().spans, len(items)))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model"
            trainer.train(str(file))
            self._model = file.read_bytes()

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Find the most probable tags of each sentence, and read spans off them."""
        tagger = self._library.Tagger()
        tagger.open_inmemory(self._model)
        return [
            tuple(spans_from_tags(tagger.tag(self._features(forms_of(sentence)))))
            for sentence in sentences
        ]


def forms_of(sentence: Sentence) -> list[str]:
    """List the tokens as written."""
    return [token.text for token in sentence.tokens or ()]


class Features:
    """Turn the tokens of a sentence into the features of each.

    What depends on one form or on two is computed once for each that comes.
    """

    def __init__(self) -> None:
        self._one: Callable[[str, int], tuple[bytes, ...]] = cache(_of_form)
        self._two: Callable[[str, str, int], tuple[bytes, ...]] = cache(_of_pair)

    def __call__(self, forms: Sequence[str]) -> list[list[bytes]]:
        """List the features of every token."""
        padded = [_EDGE, _EDGE, *forms, _EDGE, _EDGE]
        return [
            [
                feature
                for offset in range(-2, 3)
                for feature in self._one(padded[place + offset], offset)
            ]
            + [
                feature
                for offset in range(-2, 2)
                for feature in self._two(padded[place + offset], padded[place + offset + 1], offset)
            ]
            for place in range(2, len(forms) + 2)
        ]


def _of_form(form: str, offset: int) -> tuple[bytes, ...]:
    values = _context(form) if offset else {**_context(form), **_affixes(form)}
    return tuple(_encoded(f"{offset}{name}={value}") for name, value in values.items())


def _of_pair(left: str, right: str, offset: int) -> tuple[bytes, ...]:
    names = {"w": (left.lower(), right.lower()), "s": (shape(left), shape(right))}
    return tuple(_encoded(f"{offset}{name}2={a}|{b}") for name, (a, b) in names.items())


def _context(form: str) -> dict[str, str]:
    return {"w": form, "l": form.lower(), "s": shape(form)}


def _affixes(form: str) -> dict[str, str]:
    low = form.lower()
    return {f"p{n}": low[:n] for n in range(1, 5)} | {f"e{n}": low[-n:] for n in range(1, 5)}


def _encoded(feature: str) -> bytes:
    return feature.encode("utf-8", "surrogatepass")


def shape(form: str) -> str:
    return re.sub(r"(.)\1+", r"\1", "".join(map(_class, form)))


@cache
def _class(char: str) -> str:
    for name, pattern in _CLASSES:
        if pattern.match(char):
            return name
    if char.isdigit():
        return "d"
    if char.isalpha():
        return "X" if char.isupper() else "x"
    return char
