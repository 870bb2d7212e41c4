"""Real annotations of a corpus: real processes, real kills, a real Ray of two nodes."""

import gzip
import json
import random
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.runtime.recognizer import Recognizer
from kakehashi.training.train import train

KILLS = 5
ODD = ["", "  ", "東京\u2028東京", "𠮷野家へ行く👩‍👩‍👧。", "ｶﾀｶﾅ", "é", '"<&>\\', "x" * 3000]


@pytest.fixture(scope="module")
def place(tmp_path_factory, settings, world):
    """A folder with a Japanese model, and a corpus in three files of as many formats."""
    place = tmp_path_factory.mktemp("annotating")
    train(settings("ja"), place / "model")
    lines = (world / "ja-test.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [*ODD, *(json.loads(line)["text"] for line in lines)]
    folder = place / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    records = "".join(
        json.dumps({"text": text, "id": f"j{n}"}) + "\n" for n, text in enumerate(texts)
    )
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(records.encode()))
    columns = {"id": [f"p{number}" for number in range(len(texts))], "text": texts}
    pq.write_table(pa.table(columns), folder / "c.parquet", row_group_size=20)
    return place


@pytest.fixture(scope="module")
def expected(place):
    """Id, text and mentions of every sentence of the corpus."""
    texts = (place / "corpus/a.txt").read_text(encoding="utf-8").split("\n")
    names = ["a.txt:{}", "j{}", "p{}"]
    ids = [name.format(n + (name == names[0])) for name in names for n in range(len(texts))]
    found = list(Recognizer.load(place / "model").recognize(texts))
    assert sum(len(sentence.mentions) for sentence in found) > 20
    return [
        (id_, sentence.text, [mention[:3] for mention in sentence.mentions])
        for id_, sentence in zip(ids, found * 3, strict=True)
    ]


def parts(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def annotated(folder):
    for content in parts(folder).values():
        for line in content.splitlines():
            record = json.loads(line)
            mentions = [(m["start"], m["end"], m["type"]) for m in record["mentions"]]
            yield record["id"], record["text"], mentions


def test_each_input_has_one_output_for_any_number_of_workers(place, expected, run):
    for workers in (1, 2):
        done = run(
            *("predict", "model", "corpus", "--out", f"out{workers}", "--block", 12),
            *("--workers", workers),
            cwd=place,
        )
        assert (done.returncode, done.stdout) == (0, f"out{workers}\n"), done.stderr
        assert f"{len(expected)} sentences in " in done.stderr
    assert list(annotated(place / "out1")) == expected
    assert parts(place / "out2") == parts(place / "out1")
    done = run("annotate", "model", "corpus", "out1", "--block", 12, cwd=place)
    count = len(parts(place / "out1"))
    said = "reading 1 file as jsonl, 1 file as parquet, 1 file as text"
    note, *lines = done.stderr.splitlines()
    assert note.startswith("note: `kakehashi annotate` is now `kakehashi predict`")
    assert lines == [said, f"{count} of {count} parts are there already"]


def test_parquet_in_the_other_precision(place, expected, run):
    out = place / "float32"
    options = ("--format", "parquet", "--precision", "float32")
    done = run("predict", "model", "corpus/c.parquet", "--out", out, *options, cwd=place)
    assert done.returncode == 0, done.stderr
    rows = pa.concat_tables(map(pq.read_table, sorted(out.glob("part-*")))).to_pylist()
    assert [(row["id"], row["text"]) for row in rows] == [
        entry[:2] for entry in expected[-len(rows) :]
    ]
    assert sum(len(row["mentions"]) for row in rows) > 20


def test_what_is_wrong_is_one_line(place, run, tmp_path):
    (tmp_path / "in.txt").write_text("東京\n")
    annotate = ("predict", place / "model", "in.txt", "--out", "out")
    assert run(*annotate, cwd=tmp_path).returncode == 0
    (tmp_path / "in.txt").write_text("大阪\n")
    run(*annotate, cwd=tmp_path).refused("out: was begun with another input;")
    dead = ("--executor", "ray", "--address", "127.0.0.1:9")
    run(*annotate, *dead, cwd=tmp_path).refused("there is no Ray cluster at 127.0.0.1:9")


def test_a_bad_line_costs_itself_and_the_exit_status_says_so(place, run, tmp_path):
    (tmp_path / "in.txt").write_bytes("東京\n".encode() + b"\xff\n" + "大阪".encode())
    annotate = ("predict", place / "model", "in.txt", "--out", "out", "--no-tokens")
    for _ in range(2):
        done = run(*annotate, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "out\n")
        warning, error = done.stderr.splitlines()[-2:]
        assert "in.txt:2: expected text in utf-8" in warning
        assert error.startswith("error: 1 lines or rows could not be read and are left out; out/")
        assert [entry[:2] for entry in annotated(tmp_path / "out")] == [
            ("in.txt:1", "東京"),
            ("in.txt:3", "大阪"),
        ]


def test_standard_input_is_annotated(place, run, tmp_path):
    lines = '{"text": "東京", "id": "a"}\n'
    annotate = ("predict", place / "model", "-", "--out", "out")
    run(*annotate, stdin=lines, cwd=tmp_path).refused("looks like JSON")
    done = run(*annotate, "--input-format", "jsonl", stdin=lines, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [entry[:2] for entry in annotated(tmp_path / "out")] == [("a", "東京")]


LARGE = ("predict", "model", "large.jsonl", "--block", 250, "--out")


@pytest.fixture(scope="module")
def large(place, world, run):
    """The parts of a corpus whose annotation takes some seconds."""
    lines = (world / "ja-train.jsonl").read_text(encoding="utf-8").splitlines()
    random_ = random.Random(3)
    with (place / "large.jsonl").open("w", encoding="utf-8") as file:
        for number in range(10_000):
            text = "".join(json.loads(line)["text"] for line in random_.choices(lines, k=3))
            file.write(json.dumps({"text": text, "id": str(number)}) + "\n")
    assert run(*LARGE, "whole", cwd=place).returncode == 0
    assert [entry[0] for entry in annotated(place / "whole")] == list(map(str, range(10_000)))
    return parts(place / "whole")


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_each_input_annotated_once(start, place, large):
    random_, kills, attempts = random.Random(7), 0, 0
    while kills < KILLS:  # an annotation that ends between two kills is followed by another
        out, done, process = place / f"killed{attempts}", {}, None
        attempts += 1
        while process is None or process.returncode != 0:
            process = start(*LARGE, out.name, "--workers", 2, cwd=place)
            if kills < KILLS:
                wait_for_parts(process, out, len(done) + random_.randrange(8))
                time.sleep(random_.random() / 2)
                kills += process.poll() is None
                process.kill()
            _, err = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), err
            now = times(out)
            assert done.items() <= now.items()  # what was finished was not touched again
            done = now
        assert parts(out) == large
        assert not list(out.glob(".part-*"))


def wait_for_parts(process, folder, count):
    while process.poll() is None and len(list(folder.glob("part-*"))) < count:
        time.sleep(0.01)


@pytest.mark.slow
def test_ray_gives_the_same_bytes_though_it_is_killed(start, place, large, cluster):
    command = (*LARGE, "ray", "--executor", "ray", "--address", cluster)
    process = start(*command, cwd=place)
    wait_for_parts(process, place / "ray", 5)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = times(place / "ray")
    assert len(done) < len(large)
    again = start(*command, cwd=place)
    _, err = again.communicate()
    assert again.returncode == 0, err
    assert done.items() <= times(place / "ray").items()
    assert parts(place / "ray") == large
