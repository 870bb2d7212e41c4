"""Full disks, limits of file sizes, and files that may not be read or written.

Each must end in one line that names the file, with exit status 2, and the same command must go on,
or work, once there is room. What needs the rights of root is passed over without them::

    python -m benchmarks.attacks.disks
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.attacks.program import run, state_of, write_config

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_ROOT = os.geteuid() == 0


class Fault(NamedTuple):
    """What goes wrong, and what the program must say."""

    name: str
    arguments: tuple[object, ...]
    said: str
    before: Callable[[], None] | None = None


def main() -> None:
    """Run the attack, and exit with 1 if a promise was broken."""
    with tempfile.TemporaryDirectory() as folder:
        broken = attack(Path(folder))
    sys.exit(1 if broken else 0)


def attack(folder: Path) -> list[str]:
    """Run every fault below a folder; return what promises were broken."""
    folder.chmod(0o755)
    config = write_config(folder)
    corpus = folder / "corpus.jsonl"
    run("corpus", "generate", corpus, "--language", "en", "--utterances", 3000, cwd=folder)
    status, _, err = run("train", config, "--out", folder / "whole", cwd=folder)
    if status:
        return _tell(1, [f"the undisturbed training failed: {err}"])
    broken, count = [], 0
    for fault in _faults(folder, config, corpus):
        count += 1
        broken += _check(fault, folder)
    for name, arguments, said in _into_a_full_disk(folder, config, corpus):
        count += 1
        with _small_disk(folder / "disk"):
            broken += _check(Fault(name, arguments, said), folder)
    count += 1
    broken += _goes_on_when_there_is_room(folder, config)
    return _tell(count, broken)


def _faults(folder: Path, config: Path, corpus: Path) -> Iterator[Fault]:
    model, long = folder / "whole", folder / ("n" * 300)
    file = folder / "file"
    file.write_text("")
    no_space = "No space left on device"
    yield Fault("stdout full", ("corpus", "stats", corpus, ">/dev/full"), no_space)
    yield Fault("predictions full", ("predict", model, corpus, ">/dev/full"), no_space)
    full = folder / "full.jsonl"
    full.symlink_to("/dev/full")
    yield Fault("a device full", ("corpus", "convert", corpus, full, "--force"), no_space)
    yield Fault("run: name too long", ("train", config, "--out", long), "File name too long")
    yield Fault(
        "parts: name too long", ("predict", model, corpus, "--out", long), "File name too long"
    )
    yield Fault(
        "out: name too long", ("corpus", "convert", corpus, f"{long}.conll"), "File name too long"
    )
    yield Fault("run below a file", ("train", config, "--out", file / "run"), "Not a directory")
    yield Fault(
        "cache is a file", ("train", config, "--out", folder / "c", "--cache", file), "File exists"
    )
    too_large = "File too large"
    yield Fault("run too large", ("train", config, "--out", folder / "l"), too_large, _limit_files)
    yield Fault(
        "out too large", ("corpus", "convert", corpus, folder / "l.jsonl"), too_large, _limit_files
    )
    denied, unreadable = "Permission denied", "not readable"
    closed = folder / "closed"
    closed.mkdir()
    for path in (closed / "corpus.jsonl", closed / "config.json"):
        path.write_bytes((corpus if path.suffix == ".jsonl" else config).read_bytes())
        path.chmod(0)
    closed.chmod(0o555)
    yield Fault(
        "corpus unreadable", ("corpus", "stats", closed / "corpus.jsonl"), unreadable, _obey
    )
    yield Fault("config unreadable", ("train", closed / "config.json"), unreadable, _obey)
    yield Fault("out unwritable", ("corpus", "convert", corpus, closed / "o.conll"), denied, _obey)
    yield Fault("run unwritable", ("train", config, "--out", closed / "r"), denied, _obey)
    yield Fault(
        "parts unwritable", ("predict", model, corpus, "--out", closed / "a"), denied, _obey
    )
    for part in ("weights.safetensors", "SHA256SUMS"):
        weights = model / "model" / part
        mode = weights.stat().st_mode
        weights.chmod(0)
        yield Fault(f"{part} unreadable", ("predict", model, corpus), denied, _obey)
        weights.chmod(mode)


def _into_a_full_disk(
    folder: Path, config: Path, corpus: Path
) -> Iterator[tuple[str, tuple[object, ...], str]]:
    if not _ROOT:
        return
    disk, said = folder / "disk", "No space left on device"
    yield "run", ("train", config, "--out", disk / "run"), said
    yield "cache", ("train", config, "--out", folder / "run2", "--cache", disk / "cache"), said
    yield "parts", ("predict", folder / "whole", corpus, "--out", disk / "parts"), said
    yield (
        "corpus",
        ("corpus", "generate", disk / "a.parquet", "--utterances", 50000, "--language", "en"),
        said,
    )


def _goes_on_when_there_is_room(folder: Path, config: Path) -> list[str]:
    """Let a training fail for want of room, make room, and end it as if nothing had been."""
    out = folder / "resumed"
    status, _, err = run("train", config, "--out", out, cwd=folder, before=_limit_files)
    if status != 2:
        return [f"a training without room: exit {status}: {err.strip()[-300:]}"]
    status, _, err = run("train", config, "--out", out, cwd=folder)
    if status or state_of(out) != state_of(folder / "whole"):
        return [f"a training that gets room again: exit {status}: {err.strip()[-300:]}"]
    return []


def _check(fault: Fault, folder: Path) -> list[str]:
    *arguments, last = fault.arguments
    if str(last).startswith(">"):
        status, _, err = run(*arguments, cwd=folder, before=_stdout_to(str(last)[1:]))
    else:
        status, _, err = run(*fault.arguments, cwd=folder, before=fault.before)
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    boxed = [" ".join(err.split())] if "Invalid value for" in err else []  # typer's own
    said = (errors or boxed)[:1]
    good = len(said) == 1 and fault.said in said[0] and "Traceback" not in err
    if status == 2 and good:
        return []
    return [f"{fault.name}: exit {status}: {err.strip()[-300:]}"]


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))


def _obey() -> None:
    """Obey the permissions of files, which root does not: give these capabilities up."""
    if _ROOT:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _stdout_to(path: str) -> Callable[[], None]:
    def redirect() -> None:
        os.dup2(os.open(path, os.O_WRONLY), 1)

    return redirect


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def _tell(count: int, broken: list[str]) -> list[str]:
    sys.stdout.write(f"{count} faults of disks and permissions: {len(broken)} promises broken\n")
    sys.stdout.writelines(f"  {line}\n" for line in broken)
    return broken


if __name__ == "__main__":
    main()
