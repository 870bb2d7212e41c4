"""What a recognizer learns from beside its own gold: a source model, teachers, another corpus."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kakehashi.config.sources import Settings, Source

Group = Literal["char", "word", "dense", "crf"]


class TransferSettings(Settings):
    """Which layers to initialise from a source model instead of at random."""

    source: str = Field(description="Run or model folder of the source recognizer.")
    groups: tuple[Group, ...] = Field(
        ("char", "dense"),
        min_length=1,
        description="Of an encoder all there are: word, dense, crf.",
    )


class TeachSettings(Settings):
    """Text that other recognizers, the teachers, label for this one to learn from, beside gold."""

    teachers: tuple[str, ...] = Field(
        min_length=1,
        description="Run or model folders, files of labels of the same text in any format of"
        " corpora, or names of installed spaCy pipelines.",
    )
    unlabeled: Literal["rest"] | tuple[Source, ...] = Field(
        (),
        description="Sources of text, whose labels are ignored; rest: the training sentences that"
        " corpus.train_size leaves over. Default: the texts of a teacher that is a file.",
    )
    unlabeled_size: int | None = Field(
        None, gt=0, description="Label a random sample of this size."
    )
    mapping: str | None = Field(None, description="Type mapping of what the teachers find.")
    labels: Literal["hard", "soft"] = Field(
        "hard",
        description="hard: the mentions that teachers find; soft: how probable each tag is to them"
        " at each token, in tokens of this recognizer.",
    )
    min_probability: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Mean probability over the teachers, 0 of one that has not found it, that a"
        " mention needs.",
    )
    weight: float = Field(
        1.0, gt=0, le=100, description="Weight of a labeled sentence in the loss; of a gold one 1."
    )


class ContextsSettings(Settings):
    """Sentences made of the training set's: names after time words, before honorifics or です."""

    weight: float = Field(
        0.5, gt=0, le=100, description="Weight of such a sentence in the loss; of a gold one 1."
    )


class JointSettings(Settings):
    """Sentences of another corpus, as of the source's language, that are learned beside gold."""

    train: tuple[Source, ...] = Field(
        (),
        description="Sources of labeled sentences, of entity types of the same names. Default: what"
        " the run of transfer.source was trained on.",
    )
    mapping: str | None = Field(None, description="Type mapping of these sentences.")
    size: int | None = Field(None, gt=0, description="Learn a random sample of this size.")
    weight: float = Field(
        0.3, gt=0, le=100, description="Weight of such a sentence in the loss; of a gold one 1."
    )
