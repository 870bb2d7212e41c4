"""The annotation loop played on a corpus whose labels are known."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kakehashi.config.sources import Settings


class SelectionSettings(Settings):
    """Play the annotation loop: hide the training labels, choose, reveal, train; in rounds."""

    strategy: Literal["mix", "mnlp", "span", "random"] = Field(
        "random",
        description="What is annotated next, see docs/selection.md.",
        json_schema_extra={"unhashed": "mix"},
    )
    first: int = Field(100, gt=0, description="Sentences of the first round, drawn at random.")
    batch: int = Field(100, gt=0, description="Sentences of each round after it.")
    rounds: int = Field(5, gt=0, le=1000, description="Trainings, the first one among them.")
    sentence_seconds: float = Field(5.0, ge=0, description="Work to read a sentence; assumed.")
    token_seconds: float = Field(0.5, ge=0, description="Work for each token; assumed.")
    mention_seconds: float = Field(4.0, ge=0, description="Work for each mention; assumed.")
