"""CRFsuite: a classic linear-chain CRF, which a user with little data would run instead of us."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from functools import cache
from itertools import chain
from pathlib import Path

from kakehashi.extras import require
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags, tags_from_spans
from kakehashi.text.readings import view

# Chosen, with the features, by F1 on the development sets of CRF-KNBC and of MASSIVE ja with 2,000
# training utterances, among c1 from 0 to 0.2, c2 from 0.01 to 0.6, and 100 or 200 iterations.
_PARAMETERS = {"c1": 0, "c2": 0.1, "max_iterations": 100, "feature.possible_transitions": True}
_EDGE = ""  # stands before the first form and after the last
_LONGEST_AFFIX = 4
_REPEATED = re.compile(r"(.)\1+", re.DOTALL)
_SCRIPTS = (
    ("h", re.compile("[\u3041-\u309f]")),
    ("k", re.compile("[\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f]")),
    ("c", re.compile("[々〆〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
)


class CRFsuite:
    """A CRF over `token_features` with BIO tags, trained with L-BFGS (Okazaki, CRFsuite, 2007)."""

    package = "python-crfsuite"
    deterministic = True

    def __init__(self, seed: int = 0) -> None:
        self._library = require("pycrfsuite", "crfsuite")
        self.model = b""  # in CRFsuite's format

    def fit(self, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Learn from the training sentences; nothing is chosen by the others."""
        trainer = self._library.Trainer(algorithm="lbfgs", params=_PARAMETERS, verbose=False)
        for sentence in train:
            if sentence.tokens:
                tags = tags_from_spans(sentence.project().spans, len(sentence.tokens))
                trainer.append(_items(sentence), tags)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model"
            trainer.train(str(file))
            self.model = file.read_bytes()

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Read spans off the most probable tags of each sentence."""
        tagger = self._library.Tagger()
        tagger.open_inmemory(self.model)
        return [tuple(spans_from_tags(tagger.tag(_items(each)))) for each in sentences]


def _items(sentence: Sentence) -> list[list[bytes]]:
    return token_features([view(token.text, "", "original") for token in sentence.tokens or ()])


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
