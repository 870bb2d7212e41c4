"""What is judged: a model on a corpus, or a file of predictions beside one of gold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kakehashi.cli import console
from kakehashi.cli.options import Reading, opt, refuse
from kakehashi.errors import ConfigError, KakehashiError

if TYPE_CHECKING:
    from kakehashi.corpora.corpus import Corpus
    from kakehashi.runtime.recognizer import Recognizer
    from kakehashi.sentence import Sentence

Precision = Literal["float32", "int8"]
Part = Literal["train", "dev", "test"]
PREDICTED = "a file, a run folder, or what predict --out has written"
# Options that need not exist in every format, since the files of a comparison may differ.
_OPTIONAL = ("columns", "separator", "encoding", "spaces", "types")


@dataclass(frozen=True)
class Judging:
    """How a model tags the corpus that it is judged on: options of the verbs that judge one."""

    mapping: str | None = opt("Type mapping of the corpus, e.g. irex-to-conll, or a file.")
    precision: Precision | None = opt("Of a model: int8 is as predict tags. Default: float32.")
    device: str | None = opt("Of a model: cpu, cuda or cuda:N. Default: cpu.")
    train: Path | None = opt(
        "Training file: judge mentions that it contains apart from others. Default: that of the run"
        " of a model."
    )


@dataclass(frozen=True)
class Sides:
    """The same sentences with gold and with predicted mentions."""

    gold: Sequence[Sentence]
    predicted: Sequence[Sentence]
    names: tuple[Path, Path]  # where the two come from
    known: set[int] | None  # values of the training set; None where that is unknown
    facts: Mapping[str, str]  # what the predictions depend on, for a signature


def is_model(place: Path) -> bool:
    """Whether a path is that of a model, also of a run folder that is not complete."""
    from kakehashi.runtime.model_hub import is_address

    if is_address(place) or (place.suffix == ".onnx" and place.is_file()):
        return True
    marks = ("SHA256SUMS", "model/SHA256SUMS", "config.json")
    return any((place / mark).is_file() for mark in marks)


def read_sides(
    first: Path, second: Path | None, reading: Reading, judging: Judging, columns: str | None
) -> Sides:
    """Tag a corpus (second) by a model (first), or read gold (first) and predictions (second).

    ``columns`` are those of the predictions. Without a corpus the model is judged on the test set
    of its run.
    """
    if is_model(first):
        refuse({"--predicted-columns": columns}, f"has no meaning here: {first} is a model")
        recognizer = load_recognizer(first, judging)
        corpus = read_part(second or run_config(first), reading, judging.mapping)
        gold, predicted = tag_corpus(recognizer, corpus)
        facts = {"model": recognizer.model.name, "text": recognizer.segmenter.signature}
        facts |= {"precision": recognizer.precision}
        names = (second or Path("its test set"), first)
        return Sides(gold, predicted, names, _known(first, reading, judging), facts)
    if second is None:
        raise ConfigError(str(first), "is no model; expected MODEL [CORPUS], or GOLD PREDICTED")
    for_models = {"--precision": judging.precision, "--device": judging.device}
    refuse(for_models, f"has no meaning here: {first} is no model or run folder")
    gold = list(read_part(first, reading, judging.mapping))
    predicted = list(read_predictions(second, reading, columns))
    return Sides(gold, predicted, (first, second), _known(None, reading, judging), {})


def load_recognizer(model: Path, judging: Judging) -> Recognizer:
    """Load a model to judge it: as it was scored, unless another precision is asked for.

    An ONNX file has its own.
    """
    from kakehashi.runtime.recognizer import Recognizer

    precision = judging.precision or (None if model.is_file() else "float32")
    return Recognizer.load(model, precision=precision, device=judging.device or "cpu")


def tag_corpus(recognizer: Recognizer, corpus: Corpus) -> tuple[list[Sentence], list[Sentence]]:
    """Return the sentences of a corpus, and the same as a model tags them.

    Types of the corpus that the model does not know are warned of, since none of their mentions
    can be found. `ConfigError` if there is nothing to score by.
    """
    progress = console.ProgressBars()
    gold = list(corpus)
    types = {mention.type for sentence in gold for mention in sentence.mentions}
    check_types(corpus.name, types, recognizer)
    found = recognizer.annotate(recognizer.as_trained(gold))
    return gold, list(progress.track(found, "tagging", len(gold)))


def check_types(name: str, types: Collection[str], recognizer: Recognizer) -> None:
    """Check that a model knows types of a corpus, and warn of those that it does not.

    `ConfigError` if it knows none, or there are none.
    """
    if not types:
        raise ConfigError(name or "CORPUS", "has no mentions to judge a model by")
    if unknown := sorted(set(types) - set(recognizer.types)):
        if len(unknown) == len(types):
            known = ", ".join(recognizer.types[:8])
            problem = f"has none of the types that the model knows, such as {known}"
            raise ConfigError(name, f"{problem}; map its types with --mapping")
        console.ProgressBars().warn(f"the model does not know {', '.join(unknown)}; see --mapping")


def read_part(
    place: Path, reading: Reading, mapping: str | None = None, part: Part = "test"
) -> Corpus:
    """Find a corpus: a file, or a part of the corpus of a config or of a run."""
    from kakehashi.config.reading import find_config, read_settings
    from kakehashi.corpora.corpus import load_corpora

    config = find_config(place)
    if config.suffix != ".toml" and config.name != "config.json":
        return read_corpus([place], reading, mapping)
    changes = [] if mapping is None else [("corpus.mapping", mapping)]
    corpora = load_corpora(read_settings(place, changes).corpus)
    corpus: Corpus = getattr(corpora, part)
    return replace(corpus, name=corpus.name or f"{place}: corpus.{part}")


def run_config(model: Path) -> Path:
    """Find the config of the run that a model is from; `ConfigError` if there is none."""
    for folder in (model, model.absolute().parent):
        if (folder / "config.json").is_file():
            return folder / "config.json"
    problem = "is not in the folder of its run, whose corpus could be taken; name a corpus"
    raise ConfigError(str(model), problem)


def read_corpus(files: Sequence[Path], reading: Reading, mapping: str | None = None) -> Corpus:
    """Join the sentences of files."""
    from kakehashi.corpora.corpus import Corpus, load_mapping

    sources = (reading.source(file, optional=_OPTIONAL) for file in files)
    return Corpus.from_sources(sources, None if mapping is None else load_mapping(mapping))


def read_predictions(place: Path, reading: Reading, columns: str | None) -> Corpus:
    """Read a file, or the files of a folder, which we wrote, whatever the format of others is."""
    from kakehashi.corpora.formats import prediction_files

    reading = replace(reading, columns=columns or reading.columns)
    if place.is_dir():
        reading = replace(reading, format=None)
    return read_corpus(prediction_files(place), reading)


def _known(model: Path | None, reading: Reading, judging: Judging) -> set[int] | None:
    """Read the values of the training set: the file named, or that of the model's run, if any."""
    from kakehashi.scoring.compare import known_values

    progress = console.ProgressBars()
    if judging.train is not None:
        return known_values(read_corpus([judging.train], reading, judging.mapping))
    if model is None:
        return None
    try:
        train = read_part(run_config(model), reading, part="train")
        return known_values(progress.track(train, "reading the training set"))
    except (KakehashiError, OSError) as error:
        progress.warn(f"seen and unseen values are not told apart, for want of --train: {error}")
        return None
