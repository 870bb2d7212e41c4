"""A server in a process of its own, and raw requests to it, for attacks and measurements."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PROGRAM = Path(sys.executable).with_name("kakehashi")
_PAGE = resource.getpagesize()
LOST = 0  # the status of a request that was sent and never answered


@dataclass
class Served:
    """A server of this machine."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return urlsplit(self.url).port or 80

    def megabytes(self) -> float:
        """Return its resident memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * _PAGE / 1e6

    def seconds(self) -> float:
        """Return the processor time that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(verb: str, *arguments: object) -> Iterator[Served]:
    """Start ``kakehashi serve`` or ``review``, and end it."""
    command = [str(_PROGRAM), verb, *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    found = None
    for line in process.stderr or ():
        if found := re.match(r"ready at (http\S+)", line):
            break
        sys.stderr.write(line)
    if found is None:
        raise SystemExit("the server did not start")
    try:
        yield Served(found[1], process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def request(path: str, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    """Return the bytes of a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def extract(texts: Sequence[str]) -> bytes:
    """Return the bytes of a request for the entities of texts."""
    return request("/v1/extract", json.dumps({"texts": texts}).encode())


class Connection:
    """A connection that is kept for one request after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, data: bytes) -> int:
        """Send a request and return the status; `ConnectionError` only if nothing was sent."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._streams
        try:
            writer.write(data)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            if length is None:
                await reader.read()
            else:
                await reader.readexactly(int(length[1]))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return LOST
        if b"connection: close" in head or length is None:
            self.close()
        return int(head.split()[1])

    def close(self) -> None:
        """End it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def report(name: str, facts: str, broken: Callable[[], bool] | bool) -> bool:
    """Print a line, and return whether a promise was broken."""
    failed = broken() if callable(broken) else broken
    sys.stdout.write(f"{'BROKEN' if failed else 'kept'}  {name}: {facts}\n")
    sys.stdout.flush()
    return failed
