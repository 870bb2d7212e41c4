"""What the program writes to, and how it ends: full disks, closed pipes, other locales, Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("kakehashi")


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "a.jsonl"
    mention = '{"start": 0, "end": 2, "type": "場所"}'
    path.write_text(f'{{"text": "東京へ", "mentions": [{mention}]}}\n', encoding="utf-8")
    return path


def shell(command, **environment):
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    "verb", ["settings", "corpus stats {corpus}", "corpus stats {corpus} --json"]
)
def test_a_full_disk_behind_stdout_is_one_line(corpus, verb):
    done = shell(f"{PROGRAM} {verb.format(corpus=corpus)} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: standard output: No space left on device; make")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("verb", ["settings", "corpus stats {corpus}"])
def test_nobody_who_reads_on_is_no_error(corpus, verb):
    done = shell(f"{PROGRAM} {verb.format(corpus=corpus)} | true")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_messages_that_nobody_reads_stop_nothing(corpus, tmp_path):
    for number, sink in enumerate(("2> /dev/full", "2>&-", "2> >(true)")):
        out = tmp_path / f"{number}.jsonl"
        done = shell(f"{PROGRAM} corpus convert {corpus} {out} {sink}")
        assert done.returncode == 0
        assert out.exists()
        assert shell(f"{PROGRAM} corpus convert none.jsonl {out} {sink}").returncode == 2


def test_a_closed_stdout_is_no_error(corpus):
    done = shell(f"{PROGRAM} corpus stats {corpus} >&-")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_output_is_utf_8_whatever_the_locale(corpus, locale):
    plain = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell(f"{PROGRAM} corpus stats {corpus} --json", **plain)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "場所" in done.stdout.decode()
    done = shell(f"{PROGRAM} corpus stats {corpus}", **plain)
    assert "場所" in done.stdout.decode()
    done = shell(f"{PROGRAM} corpus stats 東京.jsonl", **plain)
    assert done.returncode == 2
    assert "東京.jsonl" in done.stderr.decode()


@pytest.mark.parametrize(
    "line", ["--debug train none.toml", "train none.toml --debug", "train --debug none.toml"]
)
def test_debug_works_anywhere_on_the_line(run, tmp_path, line):
    done = run(*line.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "there is no such config file" in done.stderr


def test_ctrl_c_while_the_program_is_loaded_is_quiet():
    code = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "kakehashi.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from kakehashi.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


# Python drops an exception that is raised while it cleans up behind an object, and
# KeyboardInterrupt out of `exec` of a text would end the process by SIGINT.
CLEANING = """
    Cleaned()
    for _ in range(100):
        sum(range(100_000))
    print("went on")
"""
TEXT = """
    exec("os.kill(os.getpid(), signal.NUMBER); sum(range(1000))")
"""


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("work", [CLEANING, TEXT], ids=["cleaning", "text"])
def test_a_signal_in_the_wrong_moment_is_not_lost(number, status, work):
    code = f"""
import os, signal, sys
from kakehashi.cli import main as program

class Cleaned:
    def __del__(self):
        os.kill(os.getpid(), signal.NUMBER)
        sum(range(1000))

@program.app.command()
def work():
    {work}

sys.argv = ["kakehashi", "work"]
program.main()
""".replace("NUMBER", number)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("corpus convert a.jsonl {long}", "File name too long"),
        ("corpus convert {long} x.jsonl", "File name too long"),
        ("corpus convert a.jsonl none/a.conll", "No such file or directory"),
        ("corpus convert folder x.jsonl --format jsonl", "folder"),
        ("train demo-en --out {long}", "File name too long"),
        ("train demo-en --out a.jsonl/run", "Not a directory"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_the_file(run, corpus, command, problem):
    (corpus.parent / "folder").mkdir()
    arguments = command.format(long=f"{'n' * 300}.jsonl").split()
    run(*arguments, cwd=corpus.parent).refused(problem)
