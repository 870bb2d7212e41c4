"""Corpora by name, fetched from a server on this machine."""

import functools
import hashlib
import io
import json
import os
import pty
import subprocess
import sys
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("pooch", reason="the extra 'corpora' is not installed")

TRAIN = "I\tO\nfly\tO\nto\tO\nKyoto\tB-city\n\nto\tO\nNara\tB-city\n"
TEST = "to\tO\nOsaka\tB-city\n"
SPOKEN = '{"id": "1", "partition": "%s", "utt": "京都へ", "annot_utt": "[city : 京都] へ"}\n'
CATALOGUE = """
[trips-en]
about = "Two trips"
language = "en"
licence = "CC0"
terms = "https://example.org/licence"
source = "https://example.org"
files."train.conll" = {{ address = "{server}/train.conll", sha256 = "{train}", bytes = {size} }}
files."test.conll" = {{ address = "{server}/test.conll", sha256 = "{test}", bytes = 100 }}
[trips-en.corpus]
train = [{{ format = "columns", path = "train.conll" }}]
dev = [{{ format = "columns", path = "test.conll" }}]
test = [{{ format = "columns", path = "test.conll" }}]

[spoken-LANGUAGE]
about = "Utterances"
language = "LANGUAGE"
folder = "spoken"
licence = "CC0"
terms = "https://example.org/licence"
source = "https://example.org"
languages = {{ ja = "ja-JP", zh = "zh-CN" }}
[spoken-LANGUAGE.files."all.tar.gz"]
address = "{server}/all.tar.gz"
sha256 = "{archive}"
bytes = 10_000
unpack = ["1.0/data/LOCALE.jsonl"]
[spoken-LANGUAGE.corpus]
train = [{{ format = "annotated", path = "LOCALE.jsonl", partition = "train" }}]
dev = [{{ format = "annotated", path = "LOCALE.jsonl", partition = "train" }}]
test = [{{ format = "annotated", path = "LOCALE.jsonl", partition = "train" }}]
"""


class Counting(SimpleHTTPRequestHandler):
    """Serves a folder and keeps what it was asked for."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


@pytest.fixture
def place(tmp_path):
    """A server with corpora, a catalogue of them, and a user with an empty cache folder."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "train.conll").write_text(TRAIN)
    (served / "test.conll").write_text(TEST)
    with tarfile.open(served / "all.tar.gz", "w:gz") as archive:
        for locale in ("ja-JP", "zh-CN"):
            content = (SPOKEN % "train").encode()
            info = tarfile.TarInfo(f"1.0/data/{locale}.jsonl")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Counting, directory=str(served))
    )
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sums = {
        name: hashlib.sha256((served / file).read_bytes()).hexdigest()
        for name, file in [
            ("train", "train.conll"),
            ("test", "test.conll"),
            ("archive", "all.tar.gz"),
        ]
    }
    address = f"http://127.0.0.1:{server.server_address[1]}"
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(CATALOGUE.format(server=address, size=len(TRAIN), **sums))

    def kakehashi(*line, code=0):
        environment = os.environ | {
            "KAKEHASHI_CATALOGUE": str(catalogue),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "kakehashi", *line],
            capture_output=True, text=True, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert code != 2 or done.stderr.count("\n") == 1, done.stderr
        return done.stdout + done.stderr

    yield tmp_path, server, catalogue, kakehashi
    server.shutdown()
    server.server_close()


def _kept(tmp_path):
    return {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_a_corpus_is_fetched_once_and_named_in_configs(place):
    tmp_path, server, _, kakehashi = place
    assert "trips-en" in kakehashi("fetch")
    refused = kakehashi("fetch", "trips-en", code=2)
    assert "the licence is CC0 (https://example.org/licence)" in refused
    assert "--accept" in refused
    assert not server.asked
    assert 'corpus = "catalogue:trips-en"' in kakehashi("fetch", "trips-en", "--accept")
    kakehashi("fetch", "trips-en")  # nothing to accept: it is there
    assert len(server.asked) == 2
    config = tmp_path / "trips.toml"
    config.write_text('name = "trips"\ncorpus = "catalogue:trips-en"\ntraining.epochs = 1\n')
    assert "Kyoto" not in kakehashi("corpus", "stats", str(config))
    out = tmp_path / "run"
    kakehashi("train", str(config), "--out", str(out), "--set", "corpus.train_size=1")
    assert "catalogue:trips-en/train.conll" in (out / "config.json").read_text()
    kakehashi("evaluate", str(out), "catalogue:trips-en/test.conll", "--format", "columns")


@pytest.mark.parametrize("answer", ["n\n", "\x04", "y\n"])
def test_who_is_asked_may_refuse(place, answer):
    tmp_path, _, catalogue, _ = place
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "KAKEHASHI_CATALOGUE": str(catalogue),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    os.write(ours, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "kakehashi", "fetch", "trips-en"],
        capture_output=True, text=True, env=environment, stdin=theirs,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    accepted = answer == "y\n"
    assert done.returncode == (0 if accepted else 2), done.stderr
    assert ("its licence is not accepted" in done.stderr) == (not accepted)
    assert bool(_kept(tmp_path)) == accepted


def test_a_member_of_an_archive_is_kept_for_each_language(place):
    tmp_path, server, _, kakehashi = place
    kakehashi("fetch", "spoken-ja", "--accept")
    assert _kept(tmp_path) == {"all.tar.gz", "ja-JP.jsonl"}
    kakehashi("fetch", "spoken-zh", "--accept")
    assert len(server.asked) == 1  # the archive was there
    assert "spoken-zh" in kakehashi("corpus", "stats", "catalogue:spoken-zh")
    place_of = json.loads(kakehashi("fetch", "spoken-ja", "spoken-zh", "--json"))
    assert place_of == dict.fromkeys(place_of, str(tmp_path / "cache/kakehashi/corpora/spoken"))
    line = ("catalogue:spoken-ja", "--source", "catalogue:spoken-zh", "--json")
    found = json.loads(kakehashi("corpus", "romanization", *line))
    assert found["spoken-ja"]["view"] == "romaji"
    assert found["spoken-ja"]["shared"]["total"] > 0


def test_what_is_not_the_file_of_the_catalogue_is_not_kept(place):
    tmp_path, _, catalogue, kakehashi = place
    served = tmp_path / "served"
    (served / "train.conll").write_text(TRAIN.replace("Nara", "Kobe"))
    assert "is not the file of the catalogue" in kakehashi("fetch", "trips-en", "--accept", code=2)
    (served / "train.conll").write_text(TRAIN * 10_000)
    assert "has more than the" in kakehashi("fetch", "trips-en", "--accept", code=2)
    (served / "train.conll").unlink()
    assert "404" in kakehashi("fetch", "trips-en", "--accept", code=2)
    assert not _kept(tmp_path)
    catalogue.write_text(catalogue.read_text().replace("http://127.0.0.1", "http://example.org"))
    assert "begins with https://" in kakehashi("fetch", code=2)


def test_a_server_that_does_not_answer_and_names_that_are_not_there(place):
    _, server, _, kakehashi = place
    server.shutdown()
    server.server_close()
    assert "try again later" in kakehashi("fetch", "trips-en", "--accept", code=2)
    assert "did you mean 'trips-en'?" in kakehashi("fetch", "trips-em", code=2)
    missing = kakehashi("corpus", "stats", "catalogue:trips-en", code=2)
    assert "kakehashi fetch trips-en" in missing
    assert "did you mean 'massive-ja'?" in kakehashi("fetch", "massiv-ja", code=2)


def test_the_catalogue_holds_what_the_real_files_hold():
    """The sums of files that lie in KAKEHASHI_DATA, where the same bytes came by another way."""
    from gzip import decompress
    from pathlib import Path

    from kakehashi.config.catalogue import find_entry

    data = os.environ.get("KAKEHASHI_DATA")
    if not data:
        pytest.skip("KAKEHASHI_DATA is not set")
    content = decompress(Path(data, "stockmark-ja/ner.json.gz").read_bytes())
    pinned = find_entry("stockmark-ja").files["ner.json"]
    assert pinned.sha256 == hashlib.sha256(content).hexdigest()
    assert pinned.bytes == len(content)
