"""Uploading to the Hub and loading from it; a stand-in of it is on this machine."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")

MODEL = Path(__file__).parents[1] / "golden/models/en"
SCRIPT = """
import sys, warnings
from kakehashi import Recognizer
recognizer = Recognizer.load(sys.argv[1])
for mention in recognizer("wake me up at seven am tomorrow"):
    print(mention.text, mention.type)
"""


class StandIn(BaseHTTPRequestHandler):
    """Repositories of one commit, as the Hub shows them."""

    protocol_version = "HTTP/1.1"
    repositories: dict[str, dict[str, bytes]]
    garbage = False

    def log_message(self, *_):
        pass

    def answer(self, content, status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def home(self):
        return f"http://{self.headers['Host']}"

    def commit(self, name):
        files = sorted(self.repositories[name].items())
        return hashlib.sha1(repr(files).encode()).hexdigest()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if self.path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, [asked.get("organization") or "me", asked["name"]]))
            self.repositories.setdefault(name, {})
            return self.answer({"url": f"{self.home}/{name}", "name": name})
        if found := re.fullmatch(r"/api/models/(.+)/preupload/main", self.path):
            files = [
                {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                for each in json.loads(body)["files"]
            ]
            return self.answer({"files": files})
        if found := re.fullmatch(r"/api/models/(.+)/commit/main", self.path):
            for item in map(json.loads, body.splitlines()):
                if item["key"] == "file":
                    content = base64.b64decode(item["value"]["content"])
                    self.repositories[found[1]][item["value"]["path"]] = content
            oid = self.commit(found[1])
            url = f"{self.home}/{found[1]}/commit/{oid}"
            return self.answer({"success": True, "commitOid": oid, "commitUrl": url})
        return self.answer({"error": f"no {self.path}"}, 404)

    def do_GET(self):
        if self.garbage:
            return self.answer(b"<html>not what you expect")
        path = self.path.partition("?")[0]
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(?:revision|tree)/([^/]+))?", path):
            name, revision = found[1], found[2]
            if name not in self.repositories or revision not in (None, "main", self.commit(name)):
                headers = {"X_Error_Code": "RepoNotFound", "X_Error_Message": "not found"}
                return self.answer({"error": "not found"}, 404, **headers)
            files = self.repositories[name]
            if "/tree/" in path:
                entries = [
                    {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                    for name, content in files.items()
                ]
                return self.answer(entries)
            siblings = [{"rfilename": each, "size": len(files[each])} for each in files]
            info = {"id": name, "modelId": name, "sha": self.commit(name), "siblings": siblings}
            return self.answer({**info, "private": False, "tags": [], "downloads": 0, "likes": 0})
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            content = self.repositories[found[1]].get(found[3])
            if content is None:
                return self.answer({"error": "not found"}, 404, X_Error_Code="EntryNotFound")
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            return self.answer(content, ETag=etag, X_Repo_Commit=self.commit(found[1]))
        return self.answer({"error": "not found"}, 404)

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def hub(tmp_path):
    """Run commands that take the stand-in for the Hub; its repositories are an attribute."""
    handler = type("Handler", (StandIn,), {"repositories": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": "hf_stand_in",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    def run(*arguments, **changes):
        command = [sys.executable, *map(str, arguments)]
        variables = environment | changes
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    run.handler = handler
    yield run
    server.shutdown()
    server.server_close()


def push(hub, *arguments):
    facts = ("--license", "cc-by-4.0", "--language", "en")
    done = hub("-m", "kakehashi", "push", MODEL, "me/ner-en", *facts, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_is_pushed_is_loaded_by_its_address(hub):
    address = push(hub)
    assert re.fullmatch(r"hf://me/ner-en@[0-9a-f]{40}", address)
    files = hub.handler.repositories["me/ner-en"]
    assert {"README.md", "config.json", "SHA256SUMS", "weights.safetensors"} <= set(files)
    expected = hub("-c", SCRIPT, MODEL).stdout
    done = hub("-c", SCRIPT, address)
    assert (done.stdout, done.returncode) == (expected, 0), done.stderr
    assert "whatever is newest" not in done.stderr
    done = hub("-c", SCRIPT, "hf://me/ner-en")
    assert done.stdout == expected
    assert f"name the commit: {address}" in done.stderr
    # Verbs take it too, and what is in the cache is enough without a network.
    done = hub("-m", "kakehashi", "model", "info", address, "--json", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["types"]


def test_the_card_can_be_looked_at_first(hub, tmp_path):
    folder = push(hub, "--out", tmp_path / "card", "--about", "For voice assistants.")
    assert hub.handler.repositories == {}
    card = Path(folder, "README.md").read_text()
    assert card.startswith("---\n")
    for part in ("license: cc-by-4.0", "- en", "library_name: kakehashi", "For voice assistants."):
        assert part in card
    assert 'Recognizer.load("hf://me/ner-en")' in card
    assert "/golden/" not in card


def test_the_card_says_what_language_is_cut_into_what(tmp_path):
    from kakehashi.reports.model_card import write_repository

    shutil.copytree(MODEL, tmp_path / "model")
    description = json.loads((MODEL / "model.json").read_text())
    description["text"] |= {"language": "zh", "segmenter": "characters"}
    description["model"]["char_view"] = "pinyin"
    (tmp_path / "model/model.json").write_text(json.dumps(description))
    write_repository(
        tmp_path / "model", tmp_path / "card", "me/ner-zh", licence="mit", languages=["zh"]
    )
    card = (tmp_path / "card/README.md").read_text()
    assert "Chinese is cut into characters by `characters`" in card
    assert "the model sees as `pinyin`" in card


def test_a_model_that_says_no_language_needs_one(hub):
    done = hub("-m", "kakehashi", "push", MODEL, "me/ner-en", "--license", "mit", "--out", "card")
    assert done.returncode == 2
    assert "--language: the model does not say" in done.stderr


def test_a_damaged_download_is_refused(hub):
    address = push(hub).partition("@")[0]
    hub.handler.repositories["me/ner-en"]["words.json"] += b" "
    done = hub("-m", "kakehashi", "model", "info", address)
    assert done.returncode == 2
    assert re.search(r"error: .*words\.json", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("address", "variables", "problem"),
    [
        ("hf://me/none", {}, "there is no such repository or revision"),
        ("hf://me/none", {"HF_HUB_OFFLINE": "1"}, "cannot be downloaded"),
        ("hf://me/none", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be downloaded"),
        ("hf://none", {}, "expected hf://OWNER/NAME"),
    ],
)
def test_what_is_not_there_is_one_line(hub, address, variables, problem):
    done = hub("-m", "kakehashi", "model", "info", address, **variables)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: hf:/")
    assert problem in line


def test_garbage_is_one_line(hub):
    hub.handler.garbage = True
    done = hub("-m", "kakehashi", "model", "info", "hf://me/ner-en")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_is_none_is_refused(hub):
    done = hub(
        *("-m", "kakehashi", "push", MODEL, "ner-en", "--license", "mit", "--language", "en")
    )
    assert done.returncode == 2
    assert "expected the name of a repository, OWNER/NAME" in done.stderr


def test_a_model_on_an_encoder_is_not_pushed(hub, tmp_path):
    model = tmp_path / "on-encoder"
    model.mkdir()
    (model / "SHA256SUMS").write_text("")
    (model / "encoder.json").write_text("{}")
    done = hub("-m", "kakehashi", "push", model, "me/ner-en", "--license", "mit")
    assert done.returncode == 2
    assert "on an encoder, which is not uploaded; distill it" in done.stderr
