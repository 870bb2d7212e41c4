"""Attack a server on this machine: overload, ends, malformed and slow requests, paths, memory.

    python -m benchmarks.attacks.server MODEL [--only overload] [--quick]

Everything goes to 127.0.0.1, is bounded, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.attacks.load import Load, closed_loop, open_loop
from benchmarks.attacks.serving import (
    LOST,
    Connection,
    Served,
    extract,
    report,
    request,
    serving,
)

_TEXTS = [
    f"明日の{hour}時に{place}の天気を教えて"
    for hour in "三四五六"
    for place in ("東京", "大阪", "京都", "神戸")
]
_LINES = "application/x-ndjson"


def overload(model: Path, size: float) -> bool:
    """Ask what the server can do, and four times that, in turns; 16 texts a request.

    In turns, since what else the machine does changes within a minute.
    """
    data = extract(_TEXTS)
    at_capacity, beyond = Load(), Load()
    processor = [0.0, 0.0]
    with serving("serve", model) as served:
        closed_loop(served.port, data, 8, 3)
        for _ in range(max(1, int(12 * size))):
            for which, load in enumerate((at_capacity, beyond)):
                before = served.seconds()
                if load is at_capacity:
                    found = closed_loop(served.port, data, 8, 5)
                    rate = 4 * found.statuses[200] / found.wall
                else:
                    found = open_loop(served.port, data, rate, 5)
                processor[which] += served.seconds() - before
                load.add(found)
    capacity, goodput = (load.statuses[200] / load.wall for load in (at_capacity, beyond))
    per_core = [at_capacity.statuses[200] / processor[0], beyond.statuses[200] / processor[1]]
    facts = (
        f"capacity {capacity:.0f} requests/s of {len(_TEXTS)} texts; at 4 times that for"
        f" {beyond.wall:.0f} s {dict(beyond.statuses)}: goodput {goodput / capacity:.0%}, by"
        f" processor time {per_core[1] / per_core[0]:.0%}; accepted p50"
        f" {1e3 * beyond.quantile(0.5):.0f} ms, p99 {1e3 * beyond.quantile(0.99):.0f} ms; the"
        f" clients took {beyond.cpu / beyond.wall:.0%} of a core"
    )
    return report("overload", facts, goodput < 0.9 * capacity or set(beyond.statuses) != {200, 503})


def ends(model: Path, size: float) -> bool:
    """Send SIGTERM under load; each request has a connection of its own."""
    draw, statuses, codes, longest = random.Random(0), Counter[int](), Counter[int](), 0.0
    data = extract(_TEXTS)
    for _ in range(int(20 * size)):
        with serving("serve", model) as served:

            async def client(served: Served = served) -> None:
                while True:
                    connection = Connection(served.port)
                    try:
                        statuses[await connection.ask(data)] += 1
                    except OSError:  # nobody listens any more; nothing was sent
                        return
                    finally:
                        connection.close()

            async def attack(served: Served = served) -> None:
                clients = [asyncio.create_task(client()) for _ in range(8)]
                await asyncio.sleep(0.3 + draw.random())
                served.process.send_signal(signal.SIGTERM)
                await asyncio.gather(*clients)

            asyncio.run(attack())
            begin = time.perf_counter()
            codes[served.process.wait(timeout=60)] += 1
            longest = max(longest, time.perf_counter() - begin)
    facts = f"{dict(statuses)} answered, exit {dict(codes)}, at most {longest:.1f} s after the last"
    return report("SIGTERM under load", facts, statuses[LOST] > 0 or set(codes) != {0})


def mutations(model: Path, size: float) -> bool:
    """Send mutated bodies to all routes that take one."""
    draw, statuses = random.Random(0), Counter[int]()
    whole = [
        ("/v1/extract", "application/json", json.dumps({"texts": ["東京 😀"], "tokens": True})),
        ("/v1/huggingface", "application/json", json.dumps({"inputs": "東京", "parameters": {}})),
        ("/v1/extract?offsets=utf16", _LINES, json.dumps({"text": "東京"}) + "\n"),
    ]

    async def attack(port: int) -> None:
        connection = Connection(port)
        for _ in range(int(10_000 * size)):
            path, kind, text = draw.choice(whole)
            body = bytearray(text.encode())
            for _ in range(draw.randint(1, 5)):
                at = draw.randrange(len(body) + 1)
                body[at : at + draw.randint(0, 4)] = draw.randbytes(draw.randint(0, 4))
            close = "Connection: close\r\n" if kind == _LINES else ""
            statuses[await connection.ask(request(path, bytes(body), kind, close))] += 1

    with serving("serve", model) as served:
        asyncio.run(attack(served.port))
    bad = [status for status in statuses if status == LOST or status >= 500]
    return report("mutated bodies", str(dict(statuses)), bool(bad))


def slow_clients(model: Path, size: float) -> bool:
    """Hold 200 sockets with half a head or half a body, while others ask."""
    data = extract(_TEXTS[:1])
    head = request("/v1/extract", b" " * 100)

    async def attack(port: int) -> tuple[float, int]:
        plugs = []
        for n in range(int(200 * size)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head[: 20 + n % 2 * 120])
            plugs.append((reader, writer))
        load = await asyncio.to_thread(closed_loop, port, data, 1, 4)
        ended = await asyncio.gather(
            *(asyncio.wait_for(reader.read(), 30) for reader, _ in plugs), return_exceptions=True
        )
        for _, writer in plugs:
            writer.close()
        return load.quantile(0.99), sum(isinstance(each, bytes) for each in ended)

    with serving("serve", model, "--timeout", 5) as served:
        before = closed_loop(served.port, data, 1, 4).quantile(0.99)
        p99, n_cut = asyncio.run(attack(served.port))
    facts = f"{n_cut} of {int(200 * size)} cut; p99 of others {1e3 * p99:.1f} ms, before"
    return report("slow clients", f"{facts} {1e3 * before:.1f} ms", n_cut < int(200 * size))


def paths(model: Path, size: float) -> bool:
    """Ask for files outside by 200 encodings of ``../``."""
    dots = [
        "..",
        "%2e%2e",
        ".%2e",
        "%2e.",
        "%252e%252e",
        "%c0%ae%c0%ae",
        "..;",
        "....",
        "．．",
        "%uff0e%uff0e",
    ]
    slashes = ["/", "%2f", "\\", "%5c", "//", "%252f", "/./", "%c0%af", "/%00/", "%2f%2f"]
    tails = ["etc/passwd", "app.py"]
    statuses = Counter[int]()

    async def attack(port: int) -> None:
        for dot, slash, tail in itertools.product(dots, slashes, tails):
            target = f"/static/{(dot + slash) * 4}{tail}".encode()
            get = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            statuses[await Connection(port).ask(get)] += 1

    with serving("serve", model) as served:
        asyncio.run(attack(served.port))
    return report("encodings of ../", str(dict(statuses)), not set(statuses) <= {400, 404})


def memory(model: Path, size: float) -> bool:
    """Send 200,000 distinct texts, and open 20,000 short connections."""
    n_texts, n_connections = int(200_000 * size), int(20_000 * size)

    def lines(first: int, count: int) -> Iterator[bytes]:
        for n in range(first, first + count):
            text = f"{n}番の高橋{n % 977}さんに{n % 24}時{n % 60}分に連絡して"
            yield json.dumps({"text": text}).encode() + b"\n"

    async def stream(port: int, first: int, count: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b"".join(lines(first, count))
        writer.write(request("/v1/extract", body, _LINES, "Connection: close\r\n"))
        n_answers = 0
        while block := await reader.read(1 << 16):
            n_answers += block.count(b'"mentions"')
        writer.close()
        return n_answers

    async def connect(port: int) -> None:
        data = extract(_TEXTS[:1])
        for _ in range(n_connections):
            connection = Connection(port)
            await connection.ask(data)
            connection.close()

    with serving("serve", model) as served:
        step, sizes, answered = n_texts // 10, [served.megabytes()], 0
        for n in range(10):
            answered += asyncio.run(stream(served.port, n * step, step))
            sizes.append(served.megabytes())
        asyncio.run(connect(served.port))
        sizes.append(served.megabytes())
    facts = (
        f"{answered:,} texts answered; MB at the start {sizes[0]:.0f}, after each tenth"
        f" {' '.join(f'{each:.0f}' for each in sizes[1:-1])}, after {n_connections:,} connections"
        f" {sizes[-1]:.0f}"
    )
    return report("memory", facts, sizes[-1] > 1.15 * sizes[3] or answered != 10 * step)


_ATTACKS: tuple[Callable[[Path, float], bool], ...] = (
    overload, ends, mutations, slow_clients, paths, memory
)  # fmt: skip


def main() -> None:
    """Run the attacks, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--only", choices=[attack.__name__ for attack in _ATTACKS])
    parser.add_argument("--quick", action="store_true", help="a twentieth of it")
    options = parser.parse_args()
    size = 0.05 if options.quick else 1.0
    chosen = [attack for attack in _ATTACKS if options.only in (None, attack.__name__)]
    broken = [attack(options.model, size) for attack in chosen]
    sys.exit(any(broken))


if __name__ == "__main__":
    main()
