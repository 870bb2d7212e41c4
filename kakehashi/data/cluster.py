"""The way to a Ray cluster."""

from __future__ import annotations

import os
import socket
from types import ModuleType

from kakehashi.errors import ConfigError
from kakehashi.extras import require

_PATIENCE = 5.0


def connect(address: str | None, processors: int | None = None) -> ModuleType:
    """Connect to a Ray cluster; ``shutdown`` of the module ends that.

    Args:
        address: ``host:port`` of the cluster, or ``auto``; None to start one on this machine.
        processors: Of the one that is started; None for all there are.

    Returns:
        The module ``ray``.

    Raises:
        ConfigError: If there is no Ray at the address.
        MissingExtraError: If Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = require("ray", "ray")
    if address not in (None, "auto"):
        _reach(address)
    try:
        ray.init(
            address=address or "local",
            num_cpus=processors if address is None else None,
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level="error",
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_ray(str(address), " ".join(str(error).split())) from None
    return ray


def _reach(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would try for a minute."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except ValueError:
        raise _no_ray(address, "expected HOST:PORT") from None
    except OSError as error:
        raise _no_ray(address, error.strerror or "it does not answer") from None


def _no_ray(address: str, why: str) -> ConfigError:
    return ConfigError("--address", f"there is no Ray cluster at {address} ({why})")
