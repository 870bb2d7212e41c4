"""Sentences into files.

Where predictions lie: in a file, a run folder, or the folder that ``annotate`` fills.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.config.sources import AssistantSource, ColumnsSource, Source
from kakehashi.corpora.formats import FORMATS, WRITABLE
from kakehashi.corpora.stats import LostMention, lost_mentions
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.files import write_atomically
from kakehashi.sentence import Sentence


@dataclass
class Written:
    """What was written.

    Attributes:
        sentences: How many.
        mentions: How many of their mentions.
        lost: The mentions that columns cannot hold, as no whole tokens equal them.
    """

    sentences: int = 0
    mentions: int = 0
    lost: list[LostMention] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return asdict(self) | {"lost": [each.to_dict() for each in self.lost]}


def written_lines(sentences: Iterable[Sentence], source: Source, written: Written) -> Iterator[str]:
    """Yield the lines of sentences in the source's format, counting in ``written`` what they hold.

    Raises:
        ConfigError: If the format is only read.
        CorpusError: If a sentence cannot be written in it.
    """
    lines = FORMATS[source.format].lines
    if lines is None:
        raise only_read(source)
    by_token = isinstance(source, ColumnsSource)
    return lines(_counted(sentences, written, by_token), source)


def write_corpus(sentences: Iterable[Sentence], source: Source) -> Written:
    """Write the file of a source, whole or not at all, its path taken from the working directory.

    Raises:
        ConfigError: If the format is only read.
        CorpusError: If a sentence cannot be written in it, or the file not at all.
    """
    if isinstance(source, AssistantSource):
        raise only_read(source)
    written = Written()
    lines = written_lines(sentences, source, written)
    encoding = getattr(source, "encoding", "utf-8")
    try:
        write_atomically(Path(source.path), lines, encoding=encoding)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise CorpusError(
            source.path,
            f"{encoding} has no {character!r}; write it as UTF-8, with --to-set encoding=utf-8",
        ) from error
    except OSError as error:
        raise CorpusError(source.path, f"cannot be written ({error.strerror})") from error
    return written


def only_read(source: Source) -> ConfigError:
    """Make the error for a format that cannot be written."""
    return ConfigError("format", f"{source.format} is only read; written are {', '.join(WRITABLE)}")


def _counted(sentences: Iterable[Sentence], written: Written, by_token: bool) -> Iterator[Sentence]:
    for sentence in sentences:
        written.sentences += 1
        lost = (
            list(lost_mentions(sentence, written.sentences)) if by_token and sentence.tokens else []
        )
        written.mentions += len(sentence.mentions) - len(lost)
        written.lost += lost
        yield sentence


_PREDICTIONS = "predictions.jsonl"
# See kakehashi.runtime.bulk, which loads torch.
_MANIFEST, _RESULT, _PARTS = "annotation.json", "result.json", "part-*"


def prediction_files(place: str | Path) -> list[Path]:
    """Find the files that hold what one system found, in their order.

    Raises:
        CorpusError: If a folder of annotations is not finished, or a part of it is missing.
    """
    place = Path(place)
    if not place.is_dir():
        return [place]
    if not (place / _MANIFEST).exists():
        return [place / _PREDICTIONS]
    parts = sorted(place.glob(_PARTS))
    try:
        expected = json.loads((place / _RESULT).read_bytes())["parts"]
    except (OSError, ValueError, KeyError, TypeError):
        problem = "is not annotated to its end; run the same kakehashi annotate again"
        raise CorpusError(place, problem) from None
    if len(parts) != expected:
        raise CorpusError(place, f"expected {expected} parts, got {len(parts)}; annotate again")
    return parts


def runs_of(place: str | Path) -> list[Path]:
    """Find the runs of a system: a file or folder, or all that a pattern names.

    Raises:
        CorpusError: If there is none.
    """
    place = Path(place)
    found = [place] if place.exists() else sorted(_named_by(place))
    if not found:
        raise CorpusError(place, "there is no such file or run folder, nor does one fit it")
    return found


def _named_by(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
