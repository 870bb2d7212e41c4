"""Several processes that train one tagger together, and the one process that needs nobody.

Each holds all weights and computes its share of every batch. The gradients of the shares are added
up in one message, so that all go the step that one process would go with the whole batch, to
rounding. No other file knows how they talk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed

from kakehashi.data.batches import Batch, Ids, cut_batch
from kakehashi.errors import ConfigError, KakehashiError, TeamError
from kakehashi.model.device import to_device
from kakehashi.model.tagger import Tagger
from kakehashi.training.optimizer import Optimization

PATIENCE = timedelta(minutes=30)
"""How long a batch may keep the others waiting. One that dies is noticed at once."""

_LONG_PATIENCE = timedelta(days=2)
"""The same for what only the first process does: encode the corpora, score the development set."""

_Answer = TypeVar("_Answer")


class Alone:
    """The one process of a training.

    Attributes:
        rank: Number of this process; the first, 0, alone writes, scores and tells how far it is.
        size: How many there are.
    """

    rank = 0
    size = 1

    def device(self, name: str) -> str:
        """Say where this process computes, if the settings say ``name``."""
        return name

    def together(self, work: Callable[[], _Answer], *, in_turn: bool = False) -> _Answer:
        """Do in every process what may fail; if it fails in one, it fails in all.

        Args:
            work: What to do.
            in_turn: The first process does it before the others, which find what it has written.
        """
        return work()

    def from_first(self, work: Callable[[], _Answer]) -> _Answer:
        """Give every process what the first one finds."""
        return work()

    def agree(self, value: object, what: str) -> None:
        """Refuse to go on if not every process has the same value."""

    def learn(self, tagger: Tagger, optimization: Optimization, batch: Batch) -> Tensor:
        """Go one step down the gradient of a batch; give its mean loss per token."""
        loss = tagger.loss(batch)
        optimization.step(loss)
        return loss.detach()


ALONE = Alone()


class Team(Alone):
    """One of several processes, all of which do the same at the same time.

    Two processes at least, joined by torch's default process group.
    """

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        # Beside the default group, which may be for messages from GPU to GPU.
        self._talk = distributed.new_group(backend="gloo", timeout=_LONG_PATIENCE)

    def leave(self) -> None:
        """Talk to nobody any more.

        A group ends its threads when nobody refers to it. One that still runs when Python ends
        aborts the process.
        """
        distributed.destroy_process_group(self._talk)
        del self._talk

    def device(self, name: str) -> str:
        """Say where this process computes: ``cuda`` is the GPU of its number on its machine.

        Raises:
            ConfigError: If the settings name one GPU for all.
        """
        if name.startswith("cuda:"):
            raise ConfigError(
                "training.device", f"{name} is one GPU for {self.size} processes; use cuda"
            )
        return f"cuda:{os.environ['LOCAL_RANK']}" if name == "cuda" else name

    def together(self, work: Callable[[], _Answer], *, in_turn: bool = False) -> _Answer:
        """Do in every process what may fail; if it fails in one, it fails in all."""
        turns = (self.rank == 0, self.rank > 0) if in_turn else (True,)
        answers = []
        for mine in turns:
            error = None
            if mine:
                try:
                    answers.append(work())
                except KakehashiError as problem:
                    error = problem
            for found in self._gather(error):
                if found is not None:
                    raise found
        return answers[0]

    def from_first(self, work: Callable[[], _Answer]) -> _Answer:
        """Give every process what the first one finds."""
        answers = [work()] if self.rank == 0 else [None]
        with _losses():
            distributed.broadcast_object_list(answers, src=0, group=self._talk)
        return cast("_Answer", answers[0])

    def agree(self, value: object, what: str) -> None:
        """Refuse to go on if not every process has the same value.

        Raises:
            TeamError: If one has another.
        """
        for rank, other in enumerate(self._gather(value)):
            if other != value:
                problem = f"process {rank} has {what} than process {self.rank}"
                raise TeamError(f"{problem}; all must see the same files")

    def learn(self, tagger: Tagger, optimization: Optimization, batch: Batch) -> Tensor:
        """Go one step down the gradient of a batch; give its mean loss per token."""
        start, end, weight = self._share(batch.lengths)
        share = cut_batch(batch, start, end)
        tagger.word.dropout.part = int(batch.lengths[:start].sum()), len(batch.words)
        optimization.clear()
        loss = tagger.loss(share) * weight
        loss.backward()
        rows = to_device([batch.ngram_ids, np.unique(batch.words)], tagger.device)
        total = self._sum_up(loss.detach(), optimization, rows)
        optimization.descend()
        return total

    def _share(self, lengths: Ids) -> tuple[int, int, float]:
        """Choose the sentences of this process, and say which part of the tokens they have.

        Where there is none left, it computes the first one too, for nothing.
        """
        ends, total = np.cumsum(lengths), lengths.sum()
        owners = (2 * ends - lengths) * self.size // (2 * total)  # by a sentence's middle
        start, end = np.searchsorted(owners, [self.rank, self.rank + 1]).tolist()
        if start == end:
            return 0, 1, 0.0
        return start, end, float(lengths[start:end].sum() / total)

    def _sum_up(self, loss: Tensor, optimization: Optimization, rows: tuple[Tensor, ...]) -> Tensor:
        """Give every parameter the sum of its gradients in all processes; give that of the losses.

        All in one message. Which rows of the embeddings the others have gradients for needs none:
        each process knows the whole batch.
        """
        embeddings, rest = optimization.embeddings, optimization.rest
        parts = [loss.view(1), *(_gradient(parameter) for parameter in rest)]
        parts += map(_rows_of_gradient, embeddings, rows)
        flat = torch.cat([part.reshape(-1) for part in parts])
        with _losses():
            distributed.all_reduce(flat)
        sums: Sequence[Tensor] = flat.split([part.numel() for part in parts])
        total, *sums = [found.view_as(part) for found, part in zip(sums, parts, strict=True)]
        for parameter, gradient in zip(rest, sums[: len(rest)], strict=True):
            parameter.grad = gradient
        for weight, touched, values in zip(embeddings, rows, sums[len(rest) :], strict=True):
            weight.grad = torch.sparse_coo_tensor(
                touched[None], values, weight.shape, check_invariants=False, is_coalesced=True
            )
        return total.squeeze()

    def _gather(self, value: object) -> list[Any]:
        values: list[Any] = [None] * self.size
        with _losses():
            distributed.all_gather_object(values, value, group=self._talk)
        return values


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _rows_of_gradient(weight: Tensor, rows: Tensor) -> Tensor:
    """Lay a sparse gradient over rows, sorted, among which are its own (rows, width)."""
    wide = torch.zeros(len(rows), weight.shape[1], device=weight.device)
    gradient = weight.grad
    if gradient is None:
        return wide
    if gradient.device.type == "cpu":  # elsewhere the tagger has seen to it
        gradient = gradient.coalesce()
    return wide.index_copy_(0, torch.searchsorted(rows, gradient._indices()[0]), gradient._values())


@contextmanager
def _losses() -> Iterator[None]:
    """Say in one line that another process is gone; torch raises no more than RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise TeamError(
            f"another process of this training is gone, see what it says; start again ({reason})"
        ) from error


def backend(*, cuda: bool) -> str:
    """Name what carries messages, for torch."""
    return "cpu:gloo,cuda:nccl" if cuda else "gloo"


@contextmanager
def joined_team() -> Iterator[Alone]:
    """Join the other processes that torchrun or Ray Train has started, if there are any."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    ours = not distributed.is_initialized()  # otherwise Ray Train's, which also ends it
    if ours:
        distributed.init_process_group(backend(cuda=torch.cuda.is_available()), timeout=PATIENCE)
    team = Team()
    try:
        yield team
    finally:
        team.leave()
        if ours:
            distributed.destroy_process_group()
