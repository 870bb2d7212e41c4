"""``python -m benchmarks.memory MODEL``: the memory of tagging, as ever more new words come."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console

from benchmarks.report import Table, table_lines
from benchmarks.watching import memory_of
from benchmarks.workers import environment
from kakehashi.files import write_atomically

_SYLLABLES = [first + rest for first in "bdfgklmnprstvwz" for rest in ("a", "e", "an", "er", "il")]
_KNOWN = ("the", "of", "in", "play", "please", "is", "weather", "to")
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノマミムメモラリルレロ"
_MORE = 5000  # sentences, so that the process is still there at the last look
_ENDINGS = ("へ行った", "で見た", "を買う", "の天気は")


class Look(NamedTuple):
    """Memory when so many sentences were answered, in bytes; see `benchmarks.watching.Memory`."""

    sentences: int
    resident: float
    private: float


def new_words(language: str, n_sentences: int) -> Iterator[str]:
    """Write sentences with three new words each, and other words between them."""
    random_ = random.Random(0)

    def word(letters: Sequence[str], least: int) -> str:
        return "".join(random_.choices(letters, k=random_.randint(least, least + 2)))

    for _ in range(n_sentences):
        if language == "ja":
            yield "".join(word(_KANA, 4) + random_.choice(_ENDINGS) for _ in range(3))
        else:
            each = (
                f"{word(_SYLLABLES, 3)} {' '.join(random_.choices(_KNOWN, k=3))}" for _ in "abc"
            )
            yield " ".join(each)


def measure(model: Path, language: str, looks: Sequence[int]) -> list[Look]:
    """Tag as many sentences as the last look wants, in a process of its own."""
    found: list[Look] = []
    with TemporaryDirectory(prefix="memory-") as folder:
        file = Path(folder) / "new.txt"
        lines = new_words(language, looks[-1] + _MORE)
        write_atomically(file, (f"{line}\n" for line in lines))
        command = [sys.executable, "-m", "kakehashi", "predict", str(model), str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(1)) as process:
            for number, _ in enumerate(process.stdout or (), start=1):
                if number in looks:
                    found.append(Look(number, *memory_of(process.pid)))
                if number == looks[-1]:
                    process.kill()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Tag distinct sentences, and print a table of what memory that takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=main.__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="run or model folder")
    parser.add_argument("--language", default="en", choices=("en", "ja"), help="of the sentences")
    parser.add_argument("--sentences", type=int, default=100_000, metavar="N")
    options = parser.parse_args(arguments)
    n_sentences = options.sentences
    looks = [n_sentences // part for part in (100, 20, 5, 2, 1)]
    rows = [
        [f"{look.sentences:,}", *(f"{size / 1e6:,.0f}" for size in look[1:])]
        for look in measure(options.model, options.language, looks)
    ]
    table = Table("Memory of tagging", ["sentences", "resident MB", "private MB"], rows)
    Console().print("\n".join(table_lines(table)), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
