"""A small bilingual world: enough for a model to learn, and to transfer something."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.progress import Progress

_EN = {
    "phrases": [
        *("{PER} lives in {LOC} .", "We met {PER} .", "Trains to {LOC} are late ."),
        "Nothing new .",
    ],
    "PER": ["Jon Kato", "Maria Berger", "Aoi Sato", "Tom Ogawa", "Lena Ito"],
    "LOC": ["Tokyo", "New York", "Osaka", "Berlin", "Kobe"],
}
_JA = {
    "phrases": [
        *("{PER}は{LOC}に住む。", "{PER}に会った。", "{LOC}へ行く電車が遅れた。", "何もない。")
    ],
    "PER": ["加藤", "佐藤葵", "小川", "伊藤"],
    "LOC": ["東京", "大阪", "神戸", "ベルリン"],
}


def _sentences(world, count, seed):
    random_ = random.Random(seed)
    for _ in range(count):
        text, mentions = "", []
        for piece in random_.choice(world["phrases"]).replace("}", "{").split("{"):
            value = random_.choice(world[piece]) if piece in ("PER", "LOC") else piece
            if piece in ("PER", "LOC"):
                end = len(text) + len(value)
                mentions.append({"start": len(text), "end": end, "type": piece})
            text += value
        yield {"text": text, "mentions": mentions}


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder with {en,ja}-{train,dev,test}.jsonl."""
    folder = tmp_path_factory.mktemp("world")
    for language, values in (("en", _EN), ("ja", _JA)):
        for seed, (part, count) in enumerate({"train": 120, "dev": 30, "test": 40}.items()):
            lines = (json.dumps(s, ensure_ascii=False) for s in _sentences(values, count, seed))
            path = folder / f"{language}-{part}.jsonl"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tree(world):
    """Settings, as a tree, of a quick training in one language."""

    def make(language, **training):
        parts = {
            part: [{"format": "jsonl", "path": str(world / f"{language}-{part}.jsonl")}]
            for part in ("train", "dev", "test")
        }
        japanese = language == "ja"
        widths = {"word_width": 12, "word_lstm_width": 16, "char_width": 8, "char_lstm_width": 8}
        return {
            "name": f"small-{language}",
            "corpus": parts,
            "text": {"segmenter": "unidic-lite" if japanese else "words"},
            "model": widths | ({"char_view": "romaji"} if japanese else {}),
            "training": {
                "epochs": 6,
                "learning_rate": 0.02,
                "averaging": 0.7,  # the default looks back on more updates than there are
                "batch_tokens": 64,
                "threads": 1,
                **training,
            },
        }

    return make


@pytest.fixture(scope="session")
def settings(tree):
    """The same, checked."""
    return lambda language, **training: settings_from_tree(tree(language, **training))


@pytest.fixture(scope="session")
def workplace(tree, run, tmp_path_factory):
    """A folder with two configs, in which English was trained."""
    folder = tmp_path_factory.mktemp("cli")
    for language in ("en", "ja"):
        (folder / f"{language}.json").write_text(json.dumps(tree(language)))
    done = run("train", "en.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


class StopAt(Progress):
    """Interrupts when a line begins so."""

    def __init__(self, beginning):
        self.beginning = beginning

    def say(self, line):
        if line.startswith(self.beginning):
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def stop_at():
    return StopAt


PROGRAM = (Path(sys.executable).with_name("kakehashi"),)


@pytest.fixture(scope="session")
def start():
    """Start the program in a process of its own; one thread."""

    def start(*arguments, cwd=None, program=PROGRAM):
        return subprocess.Popen(
            [*program, *map(str, arguments)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return start


_CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=node)
cluster.add_node(**node)
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def cluster():
    """A Ray of two nodes on this machine, one processor each; gives its address."""
    pytest.importorskip("ray")
    process = subprocess.Popen(
        [sys.executable, "-c", _CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"},
    )
    lines = (line.split() for line in process.stdout)
    yield next(words[1] for words in lines if words[:1] == ["address"])
    process.communicate("")


_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """A real browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser):
    """Open a page; whatever it writes to the console, or asks for elsewhere, is a failure."""
    contexts, problems = [], []

    def written(message):
        if not message.text.startswith("Failed to load resource"):  # the browser's, of any refusal
            problems.append(message.text)

    def open_(url, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", written)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append("dialog"), dialog.dismiss()))
        home = url.split("/")[2]
        page.on("request", lambda asked: home in asked.url or problems.append(asked.url))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


@contextmanager
def _serving(start, verb, *arguments, port=0):
    """Start a server, by default on a free port."""
    process = start(verb, *arguments, "--port", port)
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.match(r"ready at (http\S+)", line):
            break
    else:
        process.communicate()
        pytest.fail("".join(said))
    served = Served(found[1], process, said)
    try:
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        served.after = process.communicate(timeout=60)[1]


@dataclass
class Served:
    """A server of ours in a process of its own."""

    url: str
    process: subprocess.Popen
    said: list[str]  # on stderr until it was ready
    after: str = ""  # and after that, once it has ended


@pytest.fixture(scope="session")
def serving(start):
    """Start ``kakehashi serve`` or ``review`` for a while."""
    pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
    return partial(_serving, start)
