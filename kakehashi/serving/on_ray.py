"""The same application on Ray Serve: replicas on one machine or many, as many as the load needs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from starlette.types import ASGIApp

from kakehashi.errors import DistributedError
from kakehashi.extras import require
from kakehashi.parallel import ray_cluster
from kakehashi.progress import Progress
from kakehashi.runtime.steps import Precision
from kakehashi.serving.app import make_app
from kakehashi.serving.guard import Access
from kakehashi.serving.pages import EXTRACT_PAGES, open_pages
from kakehashi.serving.schemas import Limits
from kakehashi.serving.service import Service

_PATIENCE = "60"  # seconds in which Ray's proxy must start; of itself Ray waits for 5


def serve_on_ray(
    paths: Mapping[str, Path],
    limits: Limits,
    access: Access,
    precision: Precision | None,
    listen_at: tuple[str, int],
    address: str | None,
    replicas: int,
    progress: Progress,
) -> None:
    """Serve until SIGTERM or Ctrl-C; between one replica and so many, as requests wait.

    Every node must see the model folders. Each replica has limits and metrics of its own; a request
    to ``/metrics`` gets those of one of them, and Ray's own count them all.
    """
    absolute = {name: path.resolve() for name, path in paths.items()}

    def build() -> ASGIApp:
        service = Service(absolute, limits, precision)
        service.load()
        return make_app(service, access, open_pages(EXTRACT_PAGES))

    host, port = listen_at
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", _PATIENCE)
    with ray_cluster(address):
        serve = require("ray.serve", "ray-serve")
        serve.start(http_options={"host": host, "port": port})
        deployment = serve.deployment(
            name="kakehashi",
            autoscaling_config={"min_replicas": 1, "max_replicas": replicas},
            max_ongoing_requests=limits.queue,
            max_queued_requests=limits.queue,
        )(serve.ingress(build)())
        try:
            serve.run(deployment.bind(), name="kakehashi")
            told = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):  # Ray has its own, which abort
                signal.signal(number, lambda *_: told.set())
            progress.say(f"ready at http://{host}:{port}/")
            told.wait()
        except RuntimeError as error:
            problem = " ".join(str(error).split())[-300:]
            raise DistributedError(f"the models could not be deployed on Ray ({problem})") from None
        finally:
            serve.shutdown()
