"""Our recognizer as a component of a spaCy pipeline: ``nlp.add_pipe("kakehashi", config=…)``.

spaCy finds it by the entry point ``spacy_factories``, so nothing needs to be imported.
"""

from __future__ import annotations

import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Literal

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from kakehashi import __version__
from kakehashi.errors import ModelError
from kakehashi.runtime.checked_folder import find_model, listed_files
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Mention

NAME = "kakehashi"
Alignment = Literal["strict", "contract", "expand"]


class Component:
    """Finds entities in the text of documents, whatever spaCy's tokens are.

    ``doc.ents`` gets the mentions whose ends are those of tokens, and ``doc.spans["kakehashi"]``
    the same with their probabilities in ``attrs``; ``doc.user_data["kakehashi"]`` has all mentions,
    and how many are lost in spaCy's tokens. They are warned of once. Where a document has sentences
    each is tagged by itself.

    Args:
        model: Model or run folder. It is copied by ``nlp.to_disk``, and need not be there then.
        alignment: What becomes of mentions that begin or end inside a token, as in
            ``Doc.char_span``: ``strict`` leaves them out.
        overwrite: Whether entities of components before are removed. If not, they win.
        min_probability: Mentions below are left out.
    """

    def __init__(
        self, model: str, alignment: Alignment, overwrite: bool, min_probability: float
    ) -> None:
        self._folder = Path(model)
        self._alignment: Alignment = alignment
        self._overwrite, self._min_probability = overwrite, min_probability
        self._warned = False

    @cached_property
    def recognizer(self) -> Recognizer:
        """The recognizer, loaded when it is first asked for; `ModelError` if there is none."""
        if self._folder == Path():
            raise ModelError("model", 'is needed: add_pipe("kakehashi", config={"model": FOLDER})')
        return Recognizer.load(self._folder)

    def __call__(self, doc: Doc) -> Doc:
        """Tag a document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Tag documents, many at a time."""
        for docs in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            parts = [_parts(doc) for doc in docs]
            found = self.recognizer.recognize(text for own in parts for _, text in own)
            for doc, own in zip(docs, parts, strict=True):
                mentions = [
                    mention._replace(start=start + mention.start, end=start + mention.end)
                    for (start, _), sentence in zip(own, found, strict=False)
                    for mention in sentence.mentions
                    if (mention.probability or 0.0) >= self._min_probability
                ]
                self._annotate(doc, mentions)
                yield doc

    def _annotate(self, doc: Doc, mentions: Sequence[Mention]) -> None:
        pairs: list[tuple[Span, Mention]] = []
        taken = set[int]()
        for mention in mentions:
            place = mention.start, mention.end, mention.type
            span = doc.char_span(*place, alignment_mode=self._alignment)
            if span is not None and taken.isdisjoint(range(span.start, span.end)):
                pairs.append((span, mention))
                taken.update(range(span.start, span.end))
        lost = len(mentions) - len(pairs)
        spans = [span for span, _ in pairs]
        doc.user_data[NAME] = {"mentions": [m.to_dict() for m in mentions], "lost": lost}
        doc.spans[NAME] = spans
        doc.spans[NAME].attrs["probabilities"] = [mention.probability for _, mention in pairs]
        others = [] if self._overwrite else list(doc.ents)
        before = {token.i for span in others for token in span}
        ours = [span for span in spans if before.isdisjoint(range(span.start, span.end))]
        doc.set_ents(others + ours)
        if lost and not self._warned:
            self._warned = True
            warnings.warn(
                f"{lost} of {len(mentions)} mentions of a document begin or end inside spaCy's"
                ' tokens; doc.user_data["kakehashi"] has them all, and counts those of each'
                " document",
                stacklevel=4,
            )

    def to_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> None:
        """Copy the files of the model, so that the pipeline needs nothing else."""
        source, target = find_model(self._folder), Path(path)
        if target.exists() and target.samefile(source):  # a pipeline saved where it is from
            return
        target.mkdir(parents=True, exist_ok=True)
        for name in listed_files(source):
            copyfile(source / name, target / name)

    def from_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> Component:
        """Load the model from the folder of a pipeline; nothing in it can run code."""
        self._folder = Path(path)
        vars(self).pop("recognizer", None)
        return self

    def to_bytes(self, *, exclude: Sequence[str] = ()) -> bytes:
        """Return the files of the model folder."""
        folder = find_model(self._folder)
        files = {name: (folder / name).read_bytes() for name in listed_files(folder)}
        return bytes(srsly.msgpack_dumps(files))

    def from_bytes(self, data: bytes, *, exclude: Sequence[str] = ()) -> Component:
        """Load the model from what `to_bytes` has made; `ModelError` if it is something else."""
        files = srsly.msgpack_loads(data)
        folder = Path(tempfile.mkdtemp(prefix="kakehashi-"))
        weakref.finalize(self, rmtree, folder, ignore_errors=True)
        for name, content in files.items():
            if Path(name).name != name:
                raise ModelError(name, "is no name of a file in a model folder")
            (folder / name).write_bytes(content)
        return self.from_disk(folder)


def _parts(doc: Doc) -> list[tuple[int, str]]:
    """Return where the sentences of a document begin, and their texts."""
    if not doc.has_annotation("SENT_START"):
        return [(0, doc.text)]
    return [(sentence.start_char, sentence.text) for sentence in doc.sents]


@Language.factory(
    NAME,
    assigns=["doc.ents", "doc.spans"],
    default_config={
        "model": "",
        "alignment": "strict",
        "overwrite": True,
        "min_probability": 0.0,
    },
)
def make(
    nlp: Language,
    name: str,
    model: str,
    alignment: Alignment,
    overwrite: bool,
    min_probability: float,
) -> Callable[[Doc], Doc]:
    """Make the component of a pipeline; see `Component`."""
    needed = nlp.meta.setdefault("requirements", [])  # of what `spacy package` makes
    if not any(each.startswith(NAME) for each in needed):
        needed.append(f"{NAME}[spacy]>={__version__}")
    return Component(model, alignment, overwrite, min_probability)
