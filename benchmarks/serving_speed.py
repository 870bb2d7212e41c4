"""Measure a server beside the recognizer in it: one sentence, and a stream of lines.

    python -m benchmarks.serving_speed MODEL

In turns, on one thread each; the stream by processor time of server and recognizer, since both have
a core at most and others may use it, and by the clock.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

from benchmarks.attacks.serving import Served, request, serving
from kakehashi.runtime.recognizer import Recognizer

_TEXT = "明日の朝七時に東京の天気を教えて"
_PLACES = ("東京", "大阪", "京都", "神戸", "札幌", "福岡")
_TEXTS = [
    f"{_PLACES[n % 6]}と{_PLACES[n // 6 % 6]}の明日の{n % 23}時の天気を教えてください"
    for n in range(20_000)
]
_CALLS, _ROUNDS = 500, 3


def sentence_ms(served: Served, recognizer: Recognizer) -> tuple[float, float]:
    """Return the median milliseconds of one sentence over HTTP, and in this process."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    body = json.dumps({"texts": [_TEXT]}).encode()
    over_http, here = [], []
    for _ in range(_CALLS):
        begin = time.perf_counter()
        connection.request("POST", "/v1/extract", body, {"content-type": "application/json"})
        connection.getresponse().read()
        middle = time.perf_counter()
        recognizer(_TEXT)
        over_http.append(middle - begin)
        here.append(time.perf_counter() - middle)
    return 1e3 * statistics.median(over_http), 1e3 * statistics.median(here)


def stream(served: Served) -> tuple[float, float]:
    """Send all texts as lines; return seconds of the server's processor, and of the clock."""
    body = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in _TEXTS)
    data = request("/v1/extract", body.encode(), "application/x-ndjson", "Connection: close\r\n")
    before, begin, n_answers = served.seconds(), time.perf_counter(), 0
    with socket.create_connection(("127.0.0.1", served.port)) as plug:
        writer = threading.Thread(target=plug.sendall, args=(data,))
        writer.start()
        while block := plug.recv(1 << 16):
            n_answers += block.count(b'"mentions"')
        writer.join()
    if n_answers != len(_TEXTS):
        raise SystemExit(f"expected {len(_TEXTS):,} answers, got {n_answers:,}")
    return served.seconds() - before, time.perf_counter() - begin


def tag(recognizer: Recognizer) -> tuple[float, float]:
    """Tag all texts in this process; return seconds of the processor, and of the clock."""
    before, begin = time.process_time(), time.perf_counter()
    for _ in recognizer.recognize(_TEXTS):
        pass
    return time.process_time() - before, time.perf_counter() - begin


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    model = parser.parse_args().model
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    recognizer = Recognizer.load(model)
    recognizer.warm_up()
    with serving("serve", model) as served:
        stream(served)
        tag(recognizer)
        rounds = [(stream(served), tag(recognizer)) for _ in range(_ROUNDS)]
        over_http, here = sentence_ms(served, recognizer)
    for name, which in (("processor", 0), ("clock", 1)):
        shares = [mine[which] / theirs[which] for theirs, mine in rounds]
        speeds = [len(_TEXTS) / theirs[which] for theirs, _ in rounds]
        sys.stdout.write(
            f"stream of {len(_TEXTS):,} lines, by {name} time: {statistics.median(speeds):,.0f}"
            f" texts/s, {statistics.median(shares):.0%} of the recognizer's"
            f" ({min(shares):.0%} to {max(shares):.0%})\n"
        )
    sys.stdout.write(
        f"one sentence: {over_http:.2f} ms, {here:.2f} in the process:"
        f" {over_http - here:.2f} more\n"
    )


if __name__ == "__main__":
    main()
