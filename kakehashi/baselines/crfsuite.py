"""CRFsuite: a classic linear-chain CRF, which a user with little data would run instead of us."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kakehashi.extras import require
from kakehashi.progress import Progress
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import Sentence, Span
from kakehashi.tags import spans_from_tags, tags_from_spans
from kakehashi.text.marks import WORD_BEGIN, WORD_END
from kakehashi.text.views import view

# In this order, and the values of each from weak to strong. Where the optimum lies depends on the
# training size: at 100 utterances of MASSIVE a c2 of 0.1 loses 2 to 4 points of F1 on dev.
_LADDERS: Mapping[str, Sequence[float]] = {
    "c2": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "c1": (0, 0.05, 0.2),
    "feature.minfreq": (0, 2),
}
_DEFAULTS: Mapping[str, float] = {"c2": 0.1, "c1": 0, "feature.minfreq": 0}
_FIXED = {"max_iterations": 100, "feature.possible_transitions": True}

# A training costs time in proportion to tokens × tags²: at 1e9 some minutes.
_COST_OF_ALL = 1e9  # up to this all ladders are climbed
_COST_OF_C2 = 5e9  # up to this only that of c2; with more, the defaults stand

_EDGE = ""  # stands before the first form and after the last
_LONGEST_AFFIX = 4
_REPEATED = re.compile(r"(.)\1+", re.DOTALL)
_SCRIPTS = (
    ("h", re.compile("[\u3041-\u309f]")),
    ("k", re.compile("[\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f]")),
    ("c", re.compile("[々〆〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
)


class CRFsuite:
    """A CRF over `token_features` with BIO tags, trained with L-BFGS (Okazaki, CRFsuite, 2007).

    Its penalties, c1 and c2, and how often a feature must occur are chosen by F1 on the development
    set, one after another: from its default each moves up or down its ladder as long as F1 rises.
    Where a training is costly, fewer are chosen; without entities in dev, none.
    """

    package = "python-crfsuite"
    deterministic = True
    revision = "tuned"

    def __init__(self, seed: int = 0) -> None:
        self._library = require("pycrfsuite", "crfsuite")
        self.model = b""  # in CRFsuite's format
        self.chosen: dict[str, float] = dict(_DEFAULTS)
        self.tried: list[dict[str, float]] = []

    def fit(
        self, train: Sequence[Sentence], dev: Sequence[Sentence], progress: Progress | None = None
    ) -> None:
        """Learn from the training sentences, with the parameters that are best on the others."""
        trainer = self._library.Trainer(algorithm="lbfgs", verbose=False)
        n_tokens, tagset = 0, set[str]()
        for sentence in train:
            if sentence.tokens:
                tags = tags_from_spans(sentence.project().spans, len(sentence.tokens))
                trainer.append(_items(sentence), tags)
                n_tokens += len(tags)
                tagset.update(tags)
        cost = n_tokens * len(tagset) ** 2
        names = list(_LADDERS) if cost <= _COST_OF_ALL else ["c2"] if cost <= _COST_OF_C2 else []
        if not any(sentence.mentions for sentence in dev):
            names = []
        self.chosen, self.tried = dict(_DEFAULTS), []
        self.model = _trained(trainer, self.chosen)
        if names:
            self._tune(trainer, names, dev, progress or Progress())

    def _tune(
        self,
        trainer: Any,  # noqa: ANN401 has no types
        names: Sequence[str],
        dev: Sequence[Sentence],
        progress: Progress,
    ) -> None:
        """Replace model and parameters by better ones."""
        gold = [sentence.project() for sentence in dev]
        spans, lost = [each.spans for each in gold], [each.lost for each in gold]
        items = [self._library.ItemSequence(_items(sentence)) for sentence in dev]

        def f1_of(parameters: Mapping[str, float], model: bytes) -> float:
            f1 = score_spans(spans, self._tag(model, items), lost).f1
            self.tried.append({**parameters, "dev": f1})
            values = ", ".join(f"{name} {value}" for name, value in parameters.items())
            progress.say(f"{values}: F1 on dev {f1:.2f}")
            return f1

        best = f1_of(self.chosen, self.model)
        for name in names:
            ladder = _LADDERS[name]
            start = ladder.index(self.chosen[name])
            for values in (ladder[:start][::-1], ladder[start + 1 :]):
                if self.chosen[name] != ladder[start]:
                    break  # F1 has risen the other way
                for value in values:
                    parameters = {**self.chosen, name: value}
                    model = _trained(trainer, parameters)
                    f1 = f1_of(parameters, model)
                    if f1 <= best:
                        break
                    best, self.chosen, self.model = f1, parameters, model

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that it knows, in the order of the columns of `marginals`."""
        return tuple(self._tagger(self.model).labels())

    def marginals(self, sentences: Iterable[Sentence]) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the probability of each tag at each token of each sentence (tokens, tags)."""
        tagger, tags = self._tagger(self.model), self.tags
        for items in map(_items, sentences):
            tagger.set(items)
            rows = [[tagger.marginal(tag, place) for tag in tags] for place in range(len(items))]
            yield np.array(rows, np.float32).reshape(len(items), len(tags))

    def tag(self, sentences: Sequence[Sentence]) -> list[tuple[Span, ...]]:
        """Read spans off the most probable tags of each sentence."""
        return self._tag(self.model, [_items(sentence) for sentence in sentences])

    def _tag(self, model: bytes, items: Sequence[Any]) -> list[tuple[Span, ...]]:
        tagger = self._tagger(model)
        return [tuple(spans_from_tags(tagger.tag(each))) for each in items]

    def _tagger(self, model: bytes) -> Any:  # noqa: ANN401 has no types
        tagger = self._library.Tagger()
        tagger.open_inmemory(model)
        return tagger


def _trained(trainer: Any, parameters: Mapping[str, float]) -> bytes:  # noqa: ANN401 has no types
    trainer.set_params({**_FIXED, **parameters})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        trainer.train(str(file))
        return file.read_bytes()


def _items(sentence: Sentence) -> list[list[bytes]]:
    tokens = sentence.tokens or ()
    items = token_features([view(token.text, "", "original") for token in tokens])
    places = [
        WORD_BEGIN * token.reading.startswith(WORD_BEGIN)
        + WORD_END * token.reading.endswith(WORD_END)
        for token in tokens
    ]
    if any(places):
        padded = [_EDGE, _EDGE, *places, _EDGE, _EDGE]
        for number, (item, token) in enumerate(zip(items, tokens, strict=True)):
            window = padded[number : number + 5]
            own = [f"{offset:+}:m={place}" for offset, place in enumerate(window, -2)]
            pairs = [f"-1:m={window[1]} {window[2]}", f"+0:m={window[2]} {window[3]}"]
            item += [each.encode() for each in (*own, *pairs, f"+0:wm={token.text} {window[2]}")]
    return items


def token_features(forms: Sequence[str]) -> list[list[bytes]]:
    """List the features of every token of a sentence.

    Of the form itself: as written, in lower case, its shape, its affixes of up to four characters,
    its characters and pairs of characters. Of those up to two tokens away: as written, and shape.
    Of the pairs of it and its neighbours: both as written, both shapes. No reading, part of speech,
    list of names or vector. (Characters that are marked with their place in a word have it, too.)

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
