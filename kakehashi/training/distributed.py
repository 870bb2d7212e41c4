"""Several processes that train one tagger together, on one machine or many.

Each holds all weights and computes its share of every batch. The gradients of the shares are summed
in one message, so that all take the step that one process would take with the whole batch, to
rounding. No other file knows how they talk.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from kakehashi.config.reading import DATA_VARIABLE
from kakehashi.data.batches import Batch, cut_batch
from kakehashi.errors import ConfigError, DistributedError, KakehashiError
from kakehashi.extras import require
from kakehashi.model.device import to_device
from kakehashi.model.sequence_tagger import SequenceTagger
from kakehashi.parallel import ray_cluster
from kakehashi.progress import Progress
from kakehashi.tracking import TRACKING_VARIABLES
from kakehashi.training.optimizer import Optimizer

# How long a batch may keep the others waiting (a process that dies is noticed at once), and how
# long what only rank 0 does: encode the corpora, score the development set.
_TIMEOUT, _LONG_TIMEOUT = timedelta(minutes=30), timedelta(days=2)

_Value = TypeVar("_Value")


class ProcessGroup:
    """The processes of a training, all of which do the same at the same time; often just one.

    ``rank`` is the number of this one; rank 0 alone writes, scores and reports progress.
    """

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.rank, self.world_size = rank, world_size
        if world_size > 1:
            # Beside the default group, which may be for messages from GPU to GPU.
            self._objects = distributed.new_group(backend="gloo", timeout=_LONG_TIMEOUT)

    def device(self, name: str) -> str:
        """Return where this process computes; ``cuda`` is the GPU of its number on its machine."""
        if self.world_size == 1 or name == "cpu":
            return name
        if name != "cuda":
            problem = f"{name} is one GPU for {self.world_size} processes; use cuda"
            raise ConfigError("training.device", problem)
        return f"cuda:{os.environ['LOCAL_RANK']}"

    @contextmanager
    def run_on_all(self, *, in_turn: bool = False) -> Iterator[None]:
        """Run a block in all processes; a `KakehashiError` in one of them is raised in all.

        With ``in_turn`` rank 0 runs it before the others, which find what it has written.
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
        """Check that every process has the same value; `DistributedError` if not."""
        for rank, other in enumerate(self._gather(value)):
            if other != value:
                problem = f"process {rank} has {what} than process {self.rank}"
                raise DistributedError(f"{problem}; all must see the same files")

    def loss(self, tagger: SequenceTagger, batch: Batch) -> Tensor:
        """Compute the loss of this process's share of a batch, weighted by its tokens.

        Shares are neighbouring sentences of about as many tokens. Who gets none computes the first
        one too, with weight 0.
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
        """Sum losses and gradients over all processes, in one message; return the mean loss.

        Each process knows the whole batch, and so which rows of the embeddings have gradients.
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


SINGLE: ProcessGroup = ProcessGroup()


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
        problem = "another process of this training is gone, see what it says; start again"
        raise DistributedError(f"{problem} ({reason})") from error


@contextmanager
def process_group(**options: Any) -> Iterator[ProcessGroup]:  # noqa: ANN401 - torch's
    """Join the other processes that torchrun, or options of `init_process_group`, name, if any."""
    if not options and int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield SINGLE
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=_TIMEOUT, **options)
    group = ProcessGroup(distributed.get_rank(), distributed.get_world_size())
    try:
        yield group
    finally:
        del group._objects  # its threads would abort the process when Python ends
        distributed.destroy_process_group()


def train_on_ray(
    work: Callable[..., object],
    workers: int | None,
    address: str | None,
    *,
    cuda: bool,
    progress: Progress,
) -> None:
    """Do the same in each process of a group on a Ray cluster, whose machines must share folders.

    ``work`` is called with the keywords ``progress`` and ``group``; its errors are raised here. By
    default there is one worker per processor of the cluster, or per GPU with ``cuda``;
    `ConfigError` if it is too small. See `kakehashi.parallel.ray_cluster`.
    """
    with ray_cluster(address, workers) as ray:
        n_found = int(ray.cluster_resources().get("GPU" if cuda else "CPU", 0))
        size = workers or n_found
        if size > n_found or not size:
            kind = "GPUs" if cuda else "processors"
            raise ConfigError("--workers", f"the cluster has {n_found} {kind} for {size} processes")
        host = ray.util.get_node_ip_address()
        store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
        names = {DATA_VARIABLE, *TRACKING_VARIABLES} & os.environ.keys()
        environment = {name: os.environ[name] for name in names}
        place = Path.cwd(), environment, host, store.port
        queue = require("ray.util.queue", "ray").Queue(actor_options={"num_cpus": 0})

        def report() -> None:
            for line in iter(queue.get, None):
                progress.say(line)

        listener = threading.Thread(target=report, daemon=True)
        listener.start()
        task = ray.remote(num_cpus=1, num_gpus=int(cuda), max_retries=0)(_run_rank)
        ours = work, _QueueProgress(queue), place
        try:
            ray.get([task.remote(*ours, rank=rank, world_size=size) for rank in range(size)])
        finally:
            queue.put(None)
            listener.join()


def _run_rank(
    work: Callable[..., object],
    progress: Progress,
    place: tuple[Path, dict[str, str], str, int],
    **options: int,
) -> None:
    """Do the work in a process of Ray, in our folder and with our variables."""
    folder, environment, host, port = place
    os.environ.update(environment, LOCAL_RANK="0")  # Ray shows a process no GPU but its own
    store = TCPStore(host, port, is_master=False)
    with contextlib.chdir(folder), process_group(store=store, **options) as group:
        work(progress=progress, group=group)


class _QueueProgress(Progress):
    def __init__(self, queue: Any) -> None:  # noqa: ANN401
        self._queue = queue

    def say(self, line: str) -> None:
        self._queue.put(line)
