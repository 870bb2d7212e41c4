"""Load on a server of this machine, from one thread that costs some percent of a core.

What makes the load takes processor time from a server that shares its machine, so this has sockets
and an epoll, and no more.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.attacks.serving import LOST

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_LONGEST_WAIT = 0.1  # seconds


@dataclass
class Load:
    """What came of a load.

    Attributes:
        statuses: Of all requests.
        seconds: That accepted requests took.
        wall: Seconds of it all.
        cpu: Seconds of the processor that making the load took.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0

    def add(self, other: Load) -> None:
        """Add what came of another load."""
        self.statuses += other.statuses
        self.seconds += other.seconds
        self.wall += other.wall
        self.cpu += other.cpu

    def quantile(self, share: float) -> float:
        """Return a quantile of the seconds of the accepted."""
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


@dataclass(eq=False)
class _Client:
    """A connection that is kept for one request after the other."""

    plug: socket.socket
    received: bytearray = field(default_factory=bytearray)
    begin: float = 0.0  # of its request; 0 while it has none

    def status(self) -> int | None:
        """Return the status once the whole answer is there."""
        end = self.received.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(self.received, 0, end) if end > 3 else None
        if length is None or len(self.received) < end + int(length[1]):
            return None
        return int(self.received[9:12])


class _Clients:
    """All connections to a server, and what came of their requests."""

    def __init__(self, port: int, data: bytes) -> None:
        self._port, self._data = port, data
        self._selector = selectors.DefaultSelector()
        self._free: list[_Client] = []
        self.load, self.n_waiting = Load(), 0

    def send(self) -> None:
        """Send a request, over a new connection if all others wait."""
        if self._free:
            client = self._free.pop()
        else:
            client = _Client(socket.create_connection(("127.0.0.1", self._port)))
            self._selector.register(client.plug, selectors.EVENT_READ, client)
        client.received.clear()
        client.begin = time.perf_counter()
        client.plug.sendall(self._data)
        self.n_waiting += 1

    def receive(self, seconds: float) -> None:
        """Take what there is, or what comes first within so many seconds."""
        for key, _ in self._selector.select(max(0.0, min(seconds, _LONGEST_WAIT))):
            client: _Client = key.data
            try:
                block = client.plug.recv(1 << 18)
            except ConnectionError:
                block = b""
            client.received += block
            status = client.status() if block else LOST
            if not block:
                self._selector.unregister(client.plug)
                client.plug.close()
            if status is None or not client.begin:
                continue
            self.load.statuses[status] += 1
            if status == 200:
                self.load.seconds.append(time.perf_counter() - client.begin)
            if block:
                self._free.append(client)
            client.begin, self.n_waiting = 0.0, self.n_waiting - 1

    def close(self) -> None:
        """End all connections."""
        for key in list(self._selector.get_map().values()):
            key.data.plug.close()
        self._selector.close()


def closed_loop(port: int, data: bytes, n_clients: int, seconds: float) -> Load:
    """Have clients ask one request after the other."""
    return _measure(port, data, seconds, n_clients=n_clients)


def open_loop(port: int, data: bytes, rate: float, seconds: float) -> Load:
    """Send so many requests a second, whether the ones before are answered or not."""
    return _measure(port, data, seconds, rate=rate)


def _measure(
    port: int, data: bytes, seconds: float, *, n_clients: int = 0, rate: float = 0.0
) -> Load:
    clients, n_sent = _Clients(port, data), 0
    began, before = time.perf_counter(), time.thread_time()
    while (now := time.perf_counter() - began) < seconds or clients.n_waiting:
        if now < seconds:
            due = n_clients - clients.n_waiting if n_clients else int(now * rate) + 1 - n_sent
            for _ in range(due):
                clients.send()
            n_sent += due
        clients.receive((n_sent / rate - now) if rate and now < seconds else _LONGEST_WAIT)
    clients.close()
    clients.load.wall = time.perf_counter() - began
    clients.load.cpu = time.thread_time() - before
    return clients.load
