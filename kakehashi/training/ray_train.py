"""A team on Ray: Ray Train starts its processes, wherever the cluster has processors."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

from kakehashi.config.reading import DATA_VARIABLE
from kakehashi.errors import KakehashiError, TeamError
from kakehashi.extras import require
from kakehashi.parallel import connect_ray
from kakehashi.progress import Progress
from kakehashi.tracking.catalogue import TRACKING_VARIABLES
from kakehashi.training.distributed import PATIENCE, Alone, backend, joined_team


class Work(Protocol):
    """What each process of a team does."""

    def __call__(self, *, progress: Progress, team: Alone) -> object:
        """Do it together with the team; the first process tells how far it is."""


class Line(Protocol):
    """Takes what the process at its other end is to hear; Ray's queues have no types."""

    def put(self, item: object) -> None:
        """Send it."""


class Place(NamedTuple):
    """What a process must find on its machine as it is on ours."""

    directory: str
    environment: dict[str, str]


def train_on_ray(
    work: Work,
    workers: int | None,
    address: str | None,
    *,
    folder: Path,
    cuda: bool,
    progress: Progress,
) -> None:
    """Do the same in each process of a team, on a Ray cluster; its machines must share folders.

    Args:
        work: What to do.
        workers: How many processes; None for one per processor, or GPU, of the cluster.
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.
        folder: Which the work writes; beside it, Ray Train notes what it does meanwhile.
        cuda: Each process needs a GPU.
        progress: Is told what the first process tells.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray Train is not installed.
        TeamError: If a process is lost.
        KakehashiError: Whatever the work raises.
    """
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    require("pandas", "ray")  # which Ray Train needs
    ray = connect_ray(address, workers)
    notes = folder.absolute().with_name(f".{folder.name}.ray")
    try:
        with _news(progress) as news:
            _fit(ray, partial(_member, work, news, _place()), workers, notes, cuda=cuda)
    finally:
        ray.shutdown()
        shutil.rmtree(notes, ignore_errors=True)


def _fit(
    ray: ModuleType, member: Callable[[], None], workers: int | None, notes: Path, *, cuda: bool
) -> None:
    train, torch = require("ray.train", "ray"), require("ray.train.torch", "ray")
    found = ray.cluster_resources().get("GPU" if cuda else "CPU", 1)
    trainer = torch.TorchTrainer(
        lambda: member(),
        torch_config=torch.TorchConfig(backend(cuda=cuda), timeout_s=int(PATIENCE.total_seconds())),
        scaling_config=train.ScalingConfig(num_workers=workers or int(found), use_gpu=cuda),
        run_config=train.RunConfig(name=notes.name, storage_path=str(notes.parent)),
    )
    try:
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        reason = " ".join(str(error).split())
        raise TeamError(f"a process of this training was lost; start again ({reason})") from None


def _place() -> Place:
    names = (DATA_VARIABLE, *TRACKING_VARIABLES)
    return Place(str(Path.cwd()), {name: os.environ[name] for name in names if name in os.environ})


def _member(work: Work, news: Line, place: Place) -> None:
    """Do the work in a process that Ray Train has started."""
    os.environ.update(place.environment)
    with contextlib.chdir(place.directory), joined_team() as team:
        try:
            work(progress=_Told(news), team=team)
        except KakehashiError as error:
            if team.rank == 0:  # the others have the same
                news.put(error)


class _Told(Progress):
    """Tells another process."""

    def __init__(self, news: Line) -> None:
        self._news = news

    def say(self, line: str) -> None:
        self._news.put(line)


@contextmanager
def _news(progress: Progress) -> Iterator[Line]:
    """Open a line from the first process to us; raise at its end what came as an error."""
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
