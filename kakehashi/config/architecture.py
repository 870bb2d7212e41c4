"""The settings of the model: what it sees of tokens, and its layers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kakehashi.config.sources import Settings
from kakehashi.plugins import plugin_names, unknown_name

VIEWS = (
    *("original", "romaji", "romaji-cased", "loan", "pinyin", "pinyin-tones", "romaja"),
    *("latin", "uroman"),
)


def _known_view(name: str) -> str:
    if name not in VIEWS and name not in plugin_names("view"):
        raise ValueError(unknown_name("view", name, VIEWS))
    return name


View = Annotated[str, AfterValidator(_known_view)]


# Layers wider than 4,096 would take gigabytes, and thousands of threads end the process.
Width = Annotated[int, Field(gt=0, le=4096)]


WORD_WIDTH = 50
"""Width of word embeddings that start from no vectors, unless the settings say."""

CHAR_WINDOW = 3
"""N-grams that a filter of the character CNN sees at a time (Ma and Hovy, 2016)."""


class ModelSettings(Settings):
    """Architecture of the model (section 4.2 of the paper)."""

    word_width: Width | None = Field(
        None, description="Width of word embeddings; default 50, or that of the vectors."
    )
    word_lstm_width: Width = Field(300, description="Units of the word LSTM per direction.")
    char_width: Width = Field(50, description="Width of n-gram embeddings.")
    char_encoder: Literal["bilstm", "cnn"] = Field(
        "bilstm", description="What reads the n-grams of a form; cnn: that of Ma and Hovy (2016)."
    )
    char_lstm_width: Width = Field(100, description="Units of the character LSTM per direction.")
    char_filters: Width = Field(
        30, description="Filters of the character CNN, each 3 n-grams wide."
    )
    ngram: int = Field(2, gt=0, le=16, description="Characters per n-gram.")
    word_view: View = Field("original", description="What the word channel sees; as char_view.")
    char_view: View = Field(
        "original",
        description="What the character channel sees of a token; MOM: romaji. One of"
        f" {', '.join(VIEWS)}, or a plug-in's.",
    )
    dropout: float = Field(0.5, ge=0, le=0.99, description="Dropout rate before the word LSTM.")
    decoder: Literal["softmax", "crf"] = "softmax"
    scheme: Literal["bio", "iobes"] = "bio"
    lstm: Literal["fused", "torch"] = Field("fused", description="Ours, or torch's; same results.")

    @property
    def form_width(self) -> int:
        """Width of what the character layer makes of a form."""
        return self.char_filters if self.char_encoder == "cnn" else 2 * self.char_lstm_width
