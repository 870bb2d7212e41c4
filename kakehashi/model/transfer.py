"""Start a target model from a source model, layer group by layer group (section 3).

`plan_transfer` works out what would be copied and changes nothing; `apply_transfer` does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch

from kakehashi.errors import TransferError
from kakehashi.model.sequence_tagger import SequenceTagger
from kakehashi.model.tagger import Tagger

_Pairs = list[tuple[int, int]]
"""Rows that go together: (source row, target row)."""

# Of an embedding whose strings all differ, the row of the unknown string is copied; the LSTM of its
# group still is, as in the paper's transfer to Japanese characters (table 5).
_NOTHING_SHARED = "only the unknown's: no string in both"


@dataclass(frozen=True)
class ParameterTransfer:
    """What happens to one parameter of the target: how many of its rows are copied, and why.

    ``group`` is the first part of its name; ``pairs`` has (source row, target row) where the action
    is ``copy rows``.
    """

    parameter: str
    group: str
    action: Literal["copy", "copy rows", "keep"]
    matched: int
    rows: int
    reason: str
    pairs: _Pairs = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class TransferPlan:
    """What is copied from a source, for each parameter of the target."""

    source: str
    groups: tuple[str, ...]
    parameters: tuple[ParameterTransfer, ...]

    def __str__(self) -> str:
        copied = [
            f"{p.parameter} {p.matched:,}/{p.rows:,}"
            + (f" ({p.reason})" if p.reason == _NOTHING_SHARED else "")
            for p in self.parameters
            if p.action != "keep" and "lstm" not in p.parameter
        ]
        groups = "+".join(self.groups)
        return f"transfer of {groups} from {self.source}; rows copied: {', '.join(copied) or 'all'}"

    def to_dict(self) -> dict[str, object]:
        """Convert to JSON, without the row numbers."""
        rows = [
            {key: value for key, value in vars(parameter).items() if key != "pairs"}
            for parameter in self.parameters
        ]
        return {"source": self.source, "groups": list(self.groups), "parameters": rows}


def plan_transfer(
    source: SequenceTagger, target: SequenceTagger, groups: Sequence[str], *, name: str = "source"
) -> TransferPlan:
    """Work out which weights of the source would go where in the target, which is not changed.

    Embedding rows are matched by string and copied only if both training sets have the string
    (section 3.3); output rows and transitions are matched by tag, so tag sets need not be equal.
    Groups are ``char``, ``word``, ``dense`` or ``crf``; ``name`` is that of the source in reports.
    `TransferError` if a group is unknown or missing in a model, has nothing to copy (``dense`` and
    ``crf`` without a tag in both), or has widths that differ.
    """
    _check_groups(source, target, groups)
    theirs = dict(source.named_parameters())
    ids = {tag: row for row, tag in enumerate(source.tagset.tags)}
    tags = [(ids[tag], row) for row, tag in enumerate(target.tagset.tags) if tag in ids]
    edge = (len(source.tagset), len(target.tagset))  # of the sentence, in transitions
    shared: dict[str, _Pairs] = {
        "dense.weight": tags,
        "dense.bias": tags,
        "crf.transitions": [*tags, edge],
    }
    for parameter, strings in target.strings.items():
        shared[parameter] = _shared_strings(source.strings[parameter], strings)
    parameters = []
    for parameter, ours in target.named_parameters():
        group, rows = parameter.split(".")[0], len(ours)
        add = partial(ParameterTransfer, parameter, group)
        if group not in groups:
            parameters.append(add("keep", 0, rows, "group not transferred"))
            continue
        pairs = shared.get(parameter)
        old, new = theirs[parameter].shape, ours.shape
        if pairs is not None:
            old, new = old[1:], new[1:]
        if old != new and parameter != "crf.transitions":
            problem = f"widths differ in {parameter}: source {tuple(old)}, target {tuple(new)}"
            remedy = "train both with the same preset and vectors, or leave the group out"
            raise TransferError(group, f"{problem}; {remedy}")
        if pairs is None:
            parameters.append(add("copy", rows, rows, "same shape"))
        else:
            parameters.append(add("copy rows", len(pairs), rows, _reason(group, pairs), pairs))
    return TransferPlan(name, tuple(groups), tuple(parameters))


@torch.no_grad()
def apply_transfer(plan: TransferPlan, source: SequenceTagger, target: SequenceTagger) -> None:
    """Copy what is planned from the source into the target."""
    theirs, ours = dict(source.named_parameters()), dict(target.named_parameters())
    for entry in plan.parameters:
        if entry.action == "keep":
            continue
        old, new = theirs[entry.parameter], ours[entry.parameter]
        if entry.action == "copy":
            new.copy_(old)
            continue
        from_rows, to_rows = torch.tensor(entry.pairs).unbind(1)
        if entry.parameter == "crf.transitions":
            new[to_rows[:, None], to_rows] = old[from_rows[:, None], from_rows]
        else:
            new[to_rows] = old[from_rows]


def _shared_strings(source: Mapping[str, int], target: Mapping[str, int]) -> _Pairs:
    # Row 0, the unknown string, means the same in both.
    return [(0, 0), *((source[string], row) for string, row in target.items() if string in source)]


def _reason(group: str, pairs: _Pairs) -> str:
    """Return why these rows are copied; tags must match beyond those that all models have."""
    if group in ("char", "word"):
        return "seen in both training sets" if len(pairs) > 1 else _NOTHING_SHARED
    if len(pairs) == (2 if group == "crf" else 1):  # O, and the sentence's edge
        problem = f"group {group!r} has nothing to copy: source and target share no entity type"
        remedy = "leave the group out, or map types so that they meet"
        raise TransferError(group, f"{problem}; {remedy}")
    return "tag in both"


def _check_groups(source: SequenceTagger, target: SequenceTagger, groups: Sequence[str]) -> None:
    known = ("char", "word", "dense", "crf")
    for group in groups:
        if group not in known:
            raise TransferError(group, f"unknown layer group {group!r}; known: {', '.join(known)}")
        for name, tagger in (("source", source), ("target", target)):
            if getattr(tagger, group, None) is None:
                why = "decoder is softmax" if group == "crf" else "encoder does without"
                raise TransferError(group, f"the {name} has no {group!r} layer: its {why}")
    if "char" in groups and isinstance(source, Tagger) and isinstance(target, Tagger):
        ours, theirs = target.settings.ngram, source.settings.ngram
        if ours != theirs:
            problem = f"the source reads character {theirs}-grams, the target {ours}-grams"
            raise TransferError("char", f"{problem}; set model.ngram alike")
        encoder, its_encoder = target.settings.char_encoder, source.settings.char_encoder
        if encoder != its_encoder:
            problem = f"the source reads n-grams by a {its_encoder}, the target by a {encoder}"
            raise TransferError("char", f"{problem}; set model.char_encoder alike")
