"""Start a target model from a source model, layer group by layer group (section 3).

`plan_transfer` says what would happen and changes nothing; `apply_transfer` does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import torch
from torch import Tensor

from kakehashi.errors import TransferError
from kakehashi.model.tagger import Tagger

Action = Literal["copy", "copy rows", "keep"]

# Of an embedding whose strings all differ, the row of the unknown string is copied; the LSTM of its
# group still is, as in the paper's transfer to Japanese characters (table 5).
NOTHING_SHARED = "only the unknown's: no string in both"


@dataclass(frozen=True)
class ParameterTransfer:
    """What happens to one parameter of the target.

    Attributes:
        parameter: Its name.
        group: Its layer group: the first part of the name.
        action: Copied whole, row by row, or left as it is.
        matched: Rows copied.
        rows: Rows there are.
        reason: Why.
        source_rows: The rows copied from, where the action is ``copy rows``.
        target_rows: The rows copied to, in the same order.
    """

    parameter: str
    group: str
    action: Action
    matched: int
    rows: int
    reason: str
    source_rows: tuple[int, ...] = field(default=(), repr=False)
    target_rows: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class TransferPlan:
    """One `ParameterTransfer` per parameter of the target."""

    source: str
    groups: tuple[str, ...]
    parameters: tuple[ParameterTransfer, ...]

    def __str__(self) -> str:
        copied = [
            f"{p.parameter} {p.matched:,}/{p.rows:,}"
            + (f" ({p.reason})" if p.reason == NOTHING_SHARED else "")
            for p in self.parameters
            if p.action != "keep" and "lstm" not in p.parameter
        ]
        groups = "+".join(self.groups)
        return f"transfer of {groups} from {self.source}; rows copied: {', '.join(copied) or 'all'}"

    def to_dict(self) -> dict[str, object]:
        """Give the plan as JSON takes it, without the row numbers."""
        rows = [asdict(parameter) for parameter in self.parameters]
        for row in rows:
            del row["source_rows"], row["target_rows"]
        return {"source": self.source, "groups": list(self.groups), "parameters": rows}


def plan_transfer(
    source: Tagger, target: Tagger, groups: Sequence[str], *, name: str = "source"
) -> TransferPlan:
    """Say which weights of the source would go where in the target.

    Embedding rows are matched by string and copied only if both training sets have the string
    (section 3.3); output rows and transitions are matched by tag, so tag sets need not be equal.

    Args:
        source: The trained model.
        target: The model to be initialised; it is not changed.
        groups: ``char``, ``word``, ``dense`` or ``crf``, in any combination.
        name: What the source is called in the report.

    Raises:
        TransferError: If a group is unknown or missing in a model, has nothing to copy (``dense``
            and ``crf`` without a tag in both), or has widths that differ.
    """
    _check_groups(source, target, groups)
    theirs = dict(source.named_parameters())
    shared = {
        "char.embedding.weight": _shared_strings(source.ngrams.seen, target.ngrams.seen),
        "word.embedding.weight": _shared_strings(source.words.seen, target.words.seen),
    }
    tags = _shared_tags(source, target)
    shared |= dict.fromkeys(("dense.weight", "dense.bias"), tags)
    # Transitions have one more row and column, for the edges of the sentence.
    edge = (len(source.tagset), len(target.tagset))
    shared["crf.transitions"] = [*tags, edge]
    parameters = []
    for parameter, ours in target.named_parameters():
        group = parameter.split(".")[0]
        rows = ours.shape[0]
        if group not in groups:
            entry = ParameterTransfer(parameter, group, "keep", 0, rows, "group not transferred")
        elif parameter in shared:
            if parameter != "crf.transitions":
                _check_widths(parameter, group, theirs[parameter].shape[1:], ours.shape[1:])
            entry = _row_transfer(parameter, group, rows, shared[parameter])
        else:
            _check_widths(parameter, group, theirs[parameter].shape, ours.shape)
            entry = ParameterTransfer(parameter, group, "copy", rows, rows, "same shape")
        parameters.append(entry)
    return TransferPlan(name, tuple(groups), tuple(parameters))


@torch.no_grad()
def apply_transfer(plan: TransferPlan, source: Tagger, target: Tagger) -> None:
    """Copy what the plan says from the source into the target."""
    theirs = dict(source.named_parameters())
    ours = dict(target.named_parameters())
    for entry in plan.parameters:
        old, new = theirs.get(entry.parameter), ours[entry.parameter]
        if entry.action == "keep" or old is None:
            continue
        if entry.action == "copy":
            new.copy_(old)
        elif entry.parameter == "crf.transitions":
            _copy_square(old, new, entry)
        else:
            new[list(entry.target_rows)] = old[list(entry.source_rows)]


def _copy_square(old: Tensor, new: Tensor, entry: ParameterTransfer) -> None:
    source, target = torch.tensor(entry.source_rows), torch.tensor(entry.target_rows)
    new[target[:, None], target] = old[source[:, None], source]


def _shared_strings(source: Mapping[str, int], target: Mapping[str, int]) -> list[tuple[int, int]]:
    # Row 0, the unknown string, means the same in both.
    return [(0, 0), *((source[string], row) for string, row in target.items() if string in source)]


def _shared_tags(source: Tagger, target: Tagger) -> list[tuple[int, int]]:
    ids = {tag: row for row, tag in enumerate(source.tagset.tags)}
    return [(ids[tag], row) for row, tag in enumerate(target.tagset.tags) if tag in ids]


def _row_transfer(
    parameter: str, group: str, rows: int, pairs: Sequence[tuple[int, int]]
) -> ParameterTransfer:
    always = 2 if group == "crf" else 1  # the unknown string, or O and the sentence's edge
    reason = "tag in both" if group in ("dense", "crf") else "seen in both training sets"
    if len(pairs) == always:
        if group in ("dense", "crf"):
            raise TransferError(
                group,
                f"group {group!r} has nothing to copy: source and target share no entity type;"
                " leave the group out, or map types so that they meet",
            )
        reason = NOTHING_SHARED
    source_rows, target_rows = zip(*pairs, strict=True)
    return ParameterTransfer(
        parameter, group, "copy rows", len(pairs), rows, reason, source_rows, target_rows
    )


def _check_groups(source: Tagger, target: Tagger, groups: Sequence[str]) -> None:
    known = ("char", "word", "dense", "crf")
    for group in groups:
        if group not in known:
            raise TransferError(group, f"unknown layer group {group!r}; known: {', '.join(known)}")
        for name, tagger in (("source", source), ("target", target)):
            if getattr(tagger, group) is None:
                raise TransferError(
                    group, f"the {name} has no {group!r} layer: its decoder is softmax"
                )
    if "char" in groups and source.settings.ngram != target.settings.ngram:
        raise TransferError(
            "char",
            f"the source reads character {source.settings.ngram}-grams, the target"
            f" {target.settings.ngram}-grams; set model.ngram alike",
        )


def _check_widths(parameter: str, group: str, old: torch.Size, new: torch.Size) -> None:
    if old != new:
        raise TransferError(
            group,
            f"widths differ in {parameter}: source {tuple(old)}, target {tuple(new)};"
            " train both with the same preset and word width",
        )
