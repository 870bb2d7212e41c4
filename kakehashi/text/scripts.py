"""Scripts of characters: what a segmenter can cut, and what a model has never seen."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

_LOGGER = logging.getLogger(__name__)
_FEWEST = 10  # letters that say what script a text is in

_JAPANESE = frozenset({"Han", "Hiragana", "Katakana"})
_WITHOUT_BLANKS = _JAPANESE | {"Thai", "Lao", "Khmer", "Myanmar"}
_OF_SEGMENTERS = {
    **dict.fromkeys(("unidic-lite", "ipadic", "sudachi", "characters"), _JAPANESE),
    "characters+jieba": {"Han"},
    "jieba": {"Han"},
    "newmm": {"Thai"},
    "newmm-icu": {"Thai"},
    "kiwi": {"Hangul"},
}


@lru_cache(maxsize=1 << 14)
def script_of(char: str) -> str:
    """Return the script of a letter, by its name in Unicode; "" for what is no letter.

    Example:
        >>> [script_of(char) for char in "aЖ東ｶ여。ー"]
        ['Latin', 'Cyrillic', 'Han', 'Katakana', 'Hangul', '', '']
    """
    char = unicodedata.normalize("NFKC", char)[:1]
    if unicodedata.category(char) not in ("Lu", "Ll", "Lt", "Lo"):
        return ""
    first = unicodedata.name(char, "").partition(" ")[0].capitalize()
    return "Han" if first == "Cjk" else first


def fits(segmenter: str, text: str) -> bool:
    """Whether a segmenter is for the script of a text.

    One made for a language is where there is a letter of its scripts, ``words`` where most letters
    are of scripts with blanks, any other one always.

    Example:
        >>> fits("unidic-lite", "OK、東京"), fits("unidic-lite", "Tokyo"), fits("words", "東京")
        (True, False, False)
    """
    scripts = Counter(filter(None, map(script_of, text)))
    if segmenter == "words":
        return 2 * sum(scripts[each] for each in _WITHOUT_BLANKS) <= scripts.total()
    return not scripts or not scripts.keys().isdisjoint(_OF_SEGMENTERS.get(segmenter, scripts))


class ForeignText:
    """Says once that most of the distinct words that are read are of scripts never seen.

    Args:
        model: Its name, for the message.
        seen: What it saw in training, as the model has it.
        view: What it sees of a word of another script, which may be one that it knows.
    """

    def __init__(
        self, model: str, seen: Callable[[], Iterable[str]], view: Callable[[tuple[str, str]], str]
    ) -> None:
        self._model, self._seen, self._view = model, seen, view
        self._known = 0
        self._foreign = Counter[str]()

    @cached_property
    def _scripts(self) -> frozenset[str]:
        return frozenset(map(script_of, set("".join(self._seen()))))

    def count(self, forms: Iterable[tuple[str, str]]) -> None:
        """Count the letters of words, pairs of surface and reading, and say it where it is so."""
        for form in forms:
            script = _first_script(form[0])
            if script and script not in self._scripts:
                script = _first_script(self._view(form))
            if script and script not in self._scripts:
                self._foreign[script] += len(form[0])
            elif script:
                self._known += len(form[0])
        foreign = self._foreign.total()
        if foreign >= max(_FEWEST, self._known + 1):
            names = ", ".join(name for name, _ in self._foreign.most_common())
            _LOGGER.warning(
                "most characters are of a script the model %s never saw (%s)", self._model, names
            )
            self._foreign.clear()
            self._known = 1 << 62


def _first_script(text: str) -> str:
    return next(filter(None, map(script_of, text)), "")
