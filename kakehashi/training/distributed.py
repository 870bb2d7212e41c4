"""Several processes that train one tagger together, on one machine or, through Ray Train, on many.

Each holds all weights and computes its share of every batch. The gradients of the shares are summed
in one message, so that all take the step that one process would take with the whole batch, to
rounding. No other file knows how they talk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed

from kakehashi.config.reading import DATA_VARIABLE
from kakehashi.data.batches import Batch, cut_batch
from kakehashi.errors import ConfigError, DistributedError, KakehashiError
from kakehashi.extras import require
from kakehashi.model.device import to_device
from kakehashi.model.tagger import Tagger
from kakehashi.parallel import connect_ray
from kakehashi.progress import Progress
from kakehashi.tracking import TRACKING_VARIABLES
from kakehashi.training.optimizer import Optimizer

_TIMEOUT = timedelta(minutes=30)
"""How long a batch may keep the others waiting. A process that dies is noticed at once."""

_LONG_TIMEOUT = timedelta(days=2)
"""The same for what only rank 0 does: encode the corpora, score the development set."""

_Value = TypeVar("_Value")


class ProcessGroup:
    """The processes of a training, all of which do the same at the same time; often just one.

    Several are joined by torch's default process group.

    Attributes:
        rank: Number of this process; rank 0 alone writes, scores and reports progress.
        world_size: How many processes there are.
    """

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.rank, self.world_size = rank, world_size
        if world_size > 1:
            # Beside the default group, which may be for messages from GPU to GPU.
            self._objects = distributed.new_group(backend="gloo", timeout=_LONG_TIMEOUT)

    def destroy(self) -> None:
        """Destroy the group.

        A group ends its threads when nobody refers to it. One that still runs when Python ends
        aborts the process.
        """
        distributed.destroy_process_group(self._objects)
        del self._objects

    def device(self, name: str) -> str:
        """Return where this process computes; ``cuda`` is the GPU of its number on its machine.

        Raises:
            ConfigError: If the settings name one GPU for several processes.
        """
        if self.world_size == 1 or name == "cpu":
            return name
        if name != "cuda":
            problem = f"{name} is one GPU for {self.world_size} processes; use cuda"
            raise ConfigError("training.device", problem)
        return f"cuda:{os.environ['LOCAL_RANK']}"

    @contextmanager
    def run_on_all(self, *, in_turn: bool = False) -> Iterator[None]:
        """Run a block whose errors, of the kinds of ours, are raised in all if they are in one.

        Args:
            in_turn: Rank 0 runs it before the others, which find what it has written.
        """
        error = None
        if in_turn and self.rank:
            self._raise_first(None)
        try:
            yield
        except KakehashiError as problem:
            error = problem
        self._raise_first(error)
        if in_turn and not self.rank:
            self._raise_first(None)

    def broadcast(self, value: _Value | None) -> _Value:
        """Return the value that rank 0 has, once it has it."""
        values = [value]
        if self.world_size > 1:
            with _lost_process():
                distributed.broadcast_object_list(values, src=0, group=self._objects)
        return cast("_Value", values[0])

    def check_equal(self, value: object, what: str) -> None:
        """Check that every process has the same value.

        Raises:
            DistributedError: If one has another.
        """
        for rank, other in enumerate(self._gather(value)):
            if other != value:
                problem = f"process {rank} has {what} than process {self.rank}"
                raise DistributedError(f"{problem}; all must see the same files")

    def loss(self, tagger: Tagger, batch: Batch) -> Tensor:
        """Compute what this process has to add to the mean loss per token of a batch.

        Each takes neighbouring sentences, about as many tokens as the others. Where none is left
        for it, it computes the first one too, for nothing.
        """
        if self.world_size == 1:
            return tagger.loss(batch)
        lengths, ends, total = batch.lengths, np.cumsum(batch.lengths), batch.lengths.sum()
        ranks = (2 * ends - lengths) * self.world_size // (2 * total)  # by a sentence's middle
        start, end = np.searchsorted(ranks, [self.rank, self.rank + 1]).tolist()
        part = float(lengths[start:end].sum() / total)
        if start == end:
            start, end = 0, 1
        tagger.word.dropout.part = int(lengths[:start].sum()), len(batch.words)
        return tagger.loss(cut_batch(batch, start, end)) * part

    def all_reduce(self, loss: Tensor, optimizer: Optimizer, batch: Batch) -> Tensor:
        """Sum `loss` and its gradients over all processes; return the mean loss per token.

        All in one message. Which rows of the embeddings the others have gradients for needs none:
        each process knows the whole batch.
        """
        loss = loss.detach()
        if self.world_size == 1:
            return loss
        embeddings, rest = optimizer.embeddings, optimizer.rest
        rows = to_device([batch.ngram_ids, np.unique(batch.words)], loss.device)
        parts = [loss.view(1)]
        parts += [torch.zeros_like(p) if p.grad is None else p.grad for p in rest]
        parts += map(_gradient_rows, embeddings, rows)
        flat = torch.cat([part.reshape(-1) for part in parts])
        with _lost_process():
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

    def _raise_first(self, error: KakehashiError | None) -> None:
        for found in self._gather(error):
            if found is not None:
                raise found

    def _gather(self, value: object) -> list[Any]:
        values: list[Any] = [value] * self.world_size
        if self.world_size > 1:
            with _lost_process():
                distributed.all_gather_object(values, value, group=self._objects)
        return values


SINGLE = ProcessGroup()


def _gradient_rows(weight: Tensor, rows: Tensor) -> Tensor:
    """Return some rows, sorted, of a sparse gradient that has no others (rows, width)."""
    found = torch.zeros(len(rows), weight.shape[1], device=weight.device)
    gradient = weight.grad
    if gradient is None:
        return found
    if gradient.device.type == "cpu":  # on a GPU each row already occurs once
        gradient = gradient.coalesce()
    places = torch.searchsorted(rows, gradient._indices()[0])
    return found.index_copy_(0, places, gradient._values())


@contextmanager
def _lost_process() -> Iterator[None]:
    """Turn torch's error about another process that is gone, a RuntimeError, into one line."""
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise DistributedError(
            f"another process of this training is gone, see what it says; start again ({reason})"
        ) from error


def _backend(*, cuda: bool) -> str:
    return "cpu:gloo,cuda:nccl" if cuda else "gloo"


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join the other processes that torchrun or Ray Train has started, if there are any."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield SINGLE
        return
    ours = not distributed.is_initialized()  # otherwise Ray Train's, which also ends it
    if ours:
        backend = _backend(cuda=torch.cuda.is_available())
        distributed.init_process_group(backend, timeout=_TIMEOUT)
    group = ProcessGroup(distributed.get_rank(), distributed.get_world_size())
    try:
        yield group
    finally:
        group.destroy()
        if ours:
            distributed.destroy_process_group()


def train_on_ray(
    work: Callable[..., object],
    workers: int | None,
    address: str | None,
    *,
    folder: Path,
    cuda: bool,
    progress: Progress,
) -> None:
    """Do the same in each process of a group on a Ray cluster, whose machines must share folders.

    Args:
        work: Called with the keywords ``progress`` and ``group``.
        workers: How many processes; None for one per processor, or GPU, of the cluster.
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.
        folder: What the work writes; Ray Train keeps notes beside it meanwhile.
        cuda: Each process needs a GPU.
        progress: Gets what rank 0 reports.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray Train is not installed.
        DistributedError: If a process is lost.
        KakehashiError: Whatever the work raises.
    """
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    require("pandas", "ray")  # which Ray Train needs
    ray = connect_ray(address, workers)
    train, torch_train = require("ray.train", "ray"), require("ray.train.torch", "ray")
    variables = {DATA_VARIABLE, *TRACKING_VARIABLES} & os.environ.keys()
    environment = {name: os.environ[name] for name in variables}
    notes = folder.absolute().with_name(f".{folder.name}.ray")
    found = ray.cluster_resources().get("GPU" if cuda else "CPU", 1)
    try:
        with _queue_to(progress) as queue:
            member = partial(_run_member, work, queue, str(Path.cwd()), environment)
            torch_train.TorchTrainer(
                lambda: member(),
                torch_config=torch_train.TorchConfig(
                    _backend(cuda=cuda), timeout_s=int(_TIMEOUT.total_seconds())
                ),
                scaling_config=train.ScalingConfig(num_workers=workers or int(found), use_gpu=cuda),
                run_config=train.RunConfig(name=notes.name, storage_path=str(notes.parent)),
            ).fit()
    except train.TrainingFailedError as error:
        reason = " ".join(str(error).split())
        problem = f"a process of this training was lost; start again ({reason})"
        raise DistributedError(problem) from None
    finally:
        ray.shutdown()
        shutil.rmtree(notes, ignore_errors=True)


def _run_member(
    work: Callable[..., object],
    queue: Any,  # noqa: ANN401 - Ray's queues have no types
    directory: str,
    environment: dict[str, str],
) -> None:
    """Do the work in a process that Ray Train has started, with our folder and variables."""
    os.environ.update(environment)
    with contextlib.chdir(directory), process_group() as group:
        try:
            work(progress=_QueueProgress(queue), group=group)
        except KakehashiError as error:
            if group.rank == 0:  # the others have the same
                queue.put(error)


class _QueueProgress(Progress):
    def __init__(self, queue: Any) -> None:  # noqa: ANN401 - Ray's queues have no types
        self._queue = queue

    def say(self, line: str) -> None:
        self._queue.put(line)


@contextmanager
def _queue_to(progress: Progress) -> Iterator[Any]:
    """Open a queue from rank 0 to us; at the end an error that came through it is raised."""
    queue = require("ray.util.queue", "ray").Queue(actor_options={"num_cpus": 0})
    errors: list[KakehashiError] = []

    def listen() -> None:
        while (item := queue.get()) is not None:
            if isinstance(item, KakehashiError):
                errors.append(item)
            else:
                progress.say(item)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield queue
    finally:
        queue.put(None)
        listener.join()
    if errors:
        raise errors[0]
