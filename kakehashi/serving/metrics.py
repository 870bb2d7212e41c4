"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from kakehashi.sentence import Sentence

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        to: Any = {"namespace": "kakehashi", "registry": registry}
        self.requests = Counter("requests", "Requests.", ["route", "status"], **to)
        self.seconds = Histogram(
            "request_seconds", "From a request's head to the end of its answer.", ["route"],
            buckets=_SECONDS, **to,
        )  # fmt: skip
        self.queue = Gauge("queue_texts", "Texts that wait.", ["model"], **to)
        self.batch = Histogram(
            "batch_texts", "Texts tagged together.", ["model"], buckets=_TEXTS, **to
        )
        self.characters = Counter("characters", "Characters tagged.", ["model"], **to)
        self.mentions = Counter("mentions", "Mentions found.", ["model", "type"], **to)
        self.model = Info("model", "A model that is served.", ["model"], **to)

    def count(self, model: str, sentences: Iterable[Sentence]) -> None:
        """Count what was found."""
        for sentence in sentences:
            self.characters.labels(model).inc(len(sentence.text))
            for mention in sentence.mentions:
                self.mentions.labels(model, mention.type).inc()

    def text(self) -> bytes:
        """Return all values, in Prometheus' text format."""
        return generate_latest(self._registry)
