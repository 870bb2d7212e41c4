"""A server in a process of its own, asked over its socket."""

import concurrent.futures
import http.client
import json
import random
import re
import shutil
import signal
import socket
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")

from kakehashi.runtime.recognizer import Recognizer
from kakehashi.serving import schemas

MODELS = Path(__file__).parents[1] / "golden/models"
JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}
TRAP = "𠮷野家で😀東京"


class Client:
    """Asks one server; counts what it asked."""

    def __init__(self, url):
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.asked = Counter()

    def ask(self, path, body=None, headers=JSON, method=None):
        """Give status, headers and body; the body is JSON or bytes, or pieces of them."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            method = method or ("GET" if body is None else "POST")
            connection.request(method, path, body, dict(headers) if body is not None else {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.asked[path.partition("?")[0], answer.status] += 1
        assert not [name for name, _ in answer.getheaders() if "access-control" in name.lower()]
        assert answer.getheader("x-content-type-options") == "nosniff"
        return answer.status, answer.headers, content

    def json(self, path, body=None, headers=JSON):
        status, _, content = self.ask(path, body, headers)
        assert status == 200, content
        return json.loads(content)

    def refused(self, status, body, path="/v1/extract", headers=JSON):
        """Verify a status and that the answer is a problem; give it."""
        found, answer_headers, content = self.ask(path, body, headers)
        assert found == status, content
        assert answer_headers["content-type"] == "application/problem+json"
        problem = json.loads(content)
        assert problem["status"] == status
        assert problem["detail"]
        return problem

    def send(self, data):
        """Open a socket, and send bytes."""
        plug = socket.create_connection((self.host, self.port), timeout=60)
        plug.sendall(data)
        return plug


@contextmanager
def asking(serving, *options, models=(f"en={MODELS / 'en'}", f"ja={MODELS / 'ja'}")):
    """Ask a server of one's own; it ends with 0, and says nothing more."""
    with serving("serve", *models, *options) as served:
        client = Client(served.url)
        client.process = served.process
        yield client
    client.said = "".join(served.said) + served.after
    assert (served.process.returncode, served.after) == (0, "")


@pytest.fixture(scope="module")
def server(serving):
    with asking(serving) as client:
        yield client


@pytest.fixture(scope="module")
def hasty(serving):
    """A server that waits for nobody, and takes little."""
    limits = ("--timeout", 1, "--max-body", 4096, "--max-characters", 500)
    with asking(serving, *limits) as client:
        yield client


@pytest.fixture(scope="module")
def texts():
    found = json.loads((MODELS / "en.json").read_text(encoding="utf-8"))
    return [sentence["text"] for sentence in found]


def test_it_finds_what_the_recognizer_finds(server, texts):
    found = server.json("/v1/extract", {"texts": texts})
    schemas.ExtractResponse.model_validate(found, strict=True)
    assert found["offsets"] == "codepoint"
    assert found["model"]["name"] == "en"
    recognizer = Recognizer.load(MODELS / "en")
    for text, result in zip(texts, found["results"], strict=True):
        mentions = recognizer(text)
        for mine, theirs in zip(mentions, result["mentions"], strict=True):
            assert theirs.pop("probability") == pytest.approx(mine.probability, abs=1e-2)
            assert theirs == {k: v for k, v in mine._asdict().items() if k != "probability"}


def test_offsets_are_in_the_unit_that_is_asked_for(server):
    asked = {"texts": [TRAP], "model": "ja", "tokens": True}
    tokens = {}
    for unit in ("codepoint", "utf16"):
        status, headers, content = server.ask("/v1/extract", {**asked, "offsets": unit})
        found = json.loads(content)
        assert (status, headers["kakehashi-offsets"], found["offsets"]) == (200, unit, unit)
        tokens[unit] = found["results"][0]["tokens"]
    last = [tokens[unit][-1] for unit in ("codepoint", "utf16")]
    assert [(t["text"], t["start"], t["end"]) for t in last] == [("東京", 5, 7), ("東京", 7, 9)]
    assert (last[0]["reading"], last[0]["view"]) == ("トウキョウ", "toukyou")


def test_types_and_probabilities_can_be_chosen(server, texts):
    all_ = server.json("/v1/extract", {"texts": texts})["results"]
    kind = next(m["type"] for result in all_ for m in result["mentions"])
    asked = {"texts": texts, "types": [kind], "min_probability": 0.5}
    some = server.json("/v1/extract", asked)["results"]
    for before, after in zip(all_, some, strict=True):
        kept = [m for m in before["mentions"] if m["type"] == kind and m["probability"] >= 0.5]
        assert [m["start"] for m in after["mentions"]] == [m["start"] for m in kept]


def test_a_stream_of_lines_is_answered_line_by_line(server, texts):
    lines = [json.dumps({"text": text, "id": n}) for n, text in enumerate(texts)] * 20
    lines[3] = "no JSON"
    lines[5] = json.dumps({"text": "a" * 20_001})
    lines[7] = json.dumps({"text": "a" * (1 << 20)})
    body = "\n".join(lines).encode()
    status, headers, content = server.ask("/v1/extract?offsets=utf16", body, LINES)
    assert (status, headers["kakehashi-offsets"]) == (200, "utf16")
    answers = [json.loads(line) for line in content.splitlines()]
    assert len(answers) == len(lines)
    refused = {n: a["error"]["status"] for n, a in enumerate(answers) if "error" in a}
    assert refused == {3: 400, 5: 422, 7: 413}
    expected = server.json("/v1/extract", {"texts": texts})["results"]
    for n, answer in enumerate(answers):
        if n not in refused:
            schemas.LineResult.model_validate(answer, strict=True)
            assert answer["id"] == n % len(texts)
            spans = [(m["start"], m["end"]) for m in answer["mentions"]]
            wanted = expected[n % len(texts)]["mentions"]
            assert spans == [(m["start"], m["end"]) for m in wanted]


def test_a_line_is_answered_before_the_next_one_comes(server):
    head = BEGUN.replace(b"Content-Length: 15", b"Transfer-Encoding: chunked\r\nConnection: close")
    plug = server.send(head.replace(b"application/json", b"application/x-ndjson"))
    with plug, plug.makefile("rb") as answers:
        for n in range(3):
            line = json.dumps({"text": "hello", "id": n}).encode() + b"\n"
            plug.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            while b'"id":%d' % n not in (answer := answers.readline()):
                assert answer
        plug.sendall(b"0\r\n\r\n")
        assert answers.read().endswith(b"0\r\n\r\n")


def test_it_answers_as_hugging_face_does(server, texts):
    one = server.json("/v1/huggingface", {"inputs": texts[0]})
    many = server.json("/v1/huggingface", {"inputs": texts})
    assert one == many[0]
    assert one
    for group in one:
        schemas.FoundGroup.model_validate(group, strict=True)
        assert texts[0][group["start"] : group["end"]] == group["word"]
    ignored = {"ignore_labels": [one[0]["entity_group"]], "aggregation_strategy": "first"}
    fewer = server.json("/v1/huggingface", {"inputs": texts[0], "parameters": ignored})
    assert fewer == [group for group in one if group["entity_group"] != one[0]["entity_group"]]
    raw = {"inputs": "a", "parameters": {"aggregation_strategy": "none"}}
    problem = server.refused(422, raw, "/v1/huggingface")
    assert problem["pointer"] == "/parameters/aggregation_strategy"


@pytest.mark.parametrize(
    ("status", "body", "pointer"),
    [
        (400, "{", None),
        (400, b"\xff", None),
        (400, b'\xef\xbb\xbf{"texts": []}', None),
        (400, '{"texts": ["\\ud800"]}', None),
        (400, "[" * 100_000, None),
        (422, "[]", ""),
        (422, "{}", "/texts"),
        (422, {"texts": "a"}, "/texts"),
        (422, {"texts": ["a", 1]}, "/texts/1"),
        (422, {"texts": ["a", "a\0"]}, "/texts/1"),
        (422, {"texts": ["a" * 20_001]}, "/texts/0"),
        (422, {"texts": ["a"] * 257}, "/texts"),
        (422, {"texts": ["a"], "type": ["a"]}, "/type"),
        (422, {"texts": ["a"], "types": ["nothing"]}, "/types/0"),
        (422, {"texts": ["a"], "model": "none"}, "/model"),
        (422, {"texts": ["a"], "offsets": "bytes"}, "/offsets"),
        (422, {"texts": ["a"], "min_probability": 2}, "/min_probability"),
        (422, '{"texts": ["a"], "min_probability": NaN}', "/min_probability"),
        (422, '{"texts": ["a"], "min_probability": Infinity}', "/min_probability"),
    ],
)
def test_a_bad_body_is_refused_and_its_place_named(server, status, body, pointer):
    assert server.refused(status, body).get("pointer") == pointer


def test_a_misspelt_option_of_a_stream_is_named(server):
    problem = server.refused(422, b"", "/v1/extract?offset=utf16", LINES)
    assert "/offset" in problem["detail"]


def test_no_mutated_body_is_an_error_of_the_server(server):
    random_ = random.Random(0)
    whole = json.dumps({"texts": ["東京 😀", "a"], "offsets": "utf16", "tokens": True}).encode()
    statuses = Counter()
    for n in range(300):
        body = bytearray(whole)
        for _ in range(random_.randint(1, 4)):
            place = random_.randrange(len(body))
            body[place : place + random_.randint(0, 3)] = random_.randbytes(random_.randint(0, 3))
        path = ("/v1/extract", "/v1/huggingface")[n % 2]
        statuses[server.ask(path, bytes(body), random_.choice([JSON, LINES]))[0]] += 1
    assert set(statuses) <= {200, 400, 415, 422}


def test_only_pages_of_its_own_may_ask(server):
    body = {"texts": ["a"]}
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "[::2]", ""):
        server.refused(421, body, headers={**JSON, "host": host})
    for host in ("localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80"):
        assert server.ask("/v1/extract", body, {**JSON, "host": host})[0] == 200
    for origin in ("http://evil.example", "null", f"http://localhost:{server.port + 1}"):
        server.refused(403, body, headers={**JSON, "origin": origin})
    own = {"origin": f"http://{server.host}:{server.port}"}
    assert server.ask("/v1/extract", body, {**JSON, **own})[0] == 200
    preflight = {"origin": own["origin"], "access-control-request-method": "POST"}
    assert server.ask("/v1/extract", b"", preflight, "OPTIONS")[0] == 405
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        server.refused(415, body, headers={"content-type": kind})


def test_nothing_outside_is_served(server):
    dots = ("..", "%2e%2e", ".%2e", "%2e.", "%252e%252e", "..%00", "%c0%ae%c0%ae", "..;", "....")
    slashes = ("/", "%2f", "\\", "%5c", "//", "%252f", "/./")
    for dot in dots:
        for slash in slashes:
            for target in ("app.py", "etc/passwd"):
                path = f"/static/{dot}{slash}{dot}{slash}{target}"
                status, _, content = server.ask(path)
                assert status == 404, path
                assert json.loads(content)["status"] == 404


def test_bodies_up_to_the_limit_are_read(hasty):
    def body(size):
        return b'{"texts":["a"]}'.ljust(size)

    for size, status in ((4095, 200), (4096, 200), (4097, 413), (20_000, 413)):
        assert hasty.ask("/v1/extract", body(size))[0] == status
        pieces = (body(size)[begin : begin + 100] for begin in range(0, size, 100))
        assert hasty.ask("/v1/extract", pieces)[0] == status  # without a length, in chunks


def test_slow_clients_are_cut_while_others_are_answered(hasty):
    head = b"POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    heads = [hasty.send(head[:n]) for n in range(0, 80, 2)]
    bodies = [hasty.send(head + b"Content-Length: 100\r\n\r\n" + b" " * n) for n in range(40)]
    for _ in range(20):
        assert hasty.ask("/v1/extract", {"texts": ["a"]})[0] == 200
    for plug in heads:
        assert plug.recv(100) == b""
        plug.close()
    for plug in bodies:
        assert b" 408 " in plug.recv(1000)
        hasty.asked["/v1/extract", 408] += 1
        plug.close()


def test_counters_are_those_of_the_client(hasty, texts):
    for n in range(30):
        hasty.ask("/v1/extract", {"texts": texts[: n % 4]})
        hasty.ask("/v1/extract", "{" if n % 3 else {"texts": ["a"]})
        hasty.ask("/healthz")
        hasty.ask(f"/nothing/{n}")
    metrics = hasty.ask("/metrics")[2].decode()
    hasty.asked["/metrics", 200] -= 1  # it is counted once it is answered
    found = Counter()
    for route, status, count in re.findall(
        r'kakehashi_requests_total{route="([^"]*)",status="(\w+)"} (\S+)', metrics
    ):
        found[route, int(status)] = int(float(count))
    known = ("/v1/extract", "/healthz", "/metrics")
    expected = Counter()
    for (path, status), count in hasty.asked.items():
        expected[path if path in known else "other", status] += count
    assert found == +expected
    assert float(re.search(r'kakehashi_characters_total{model="en"} (\S+)', metrics)[1]) > 0


def test_it_describes_itself(server):
    openapi = server.json("/openapi.json")
    described = {(path, verb) for path, item in openapi["paths"].items() for verb in item}
    for path, verb in described:
        assert server.ask(path, b"" if verb == "post" else None)[0] in (200, 400)
    models = server.json("/v1/model")["models"]
    assert [model["name"] for model in models] == ["en", "ja"]
    assert models[1]["language"] == "ja"
    assert set(models[0]["types"]) == set(Recognizer.load(MODELS / "en").types)
    assert server.json("/healthz") == {"status": "alive"}
    assert server.json("/readyz") == {"status": "ready"}


def test_overloaded_it_answers_all_it_accepts_and_refuses_the_rest(serving, texts):
    body = json.dumps({"texts": texts * 2}).encode()
    pool = concurrent.futures.ThreadPoolExecutor(24)
    with asking(serving, "--queue", 2 * len(texts)) as client, pool:
        answers = list(pool.map(lambda _: client.ask("/v1/extract", body), range(200)))
    statuses = Counter(status for status, _, _ in answers)
    assert set(statuses) == {200, 503}
    assert all(headers["retry-after"] for status, headers, _ in answers if status == 503)


def test_a_refused_body_is_read_and_its_connection_kept(serving):
    many = json.dumps({"texts": ["Nothing new . " * 500] * 100}).encode()
    refused = json.dumps({"texts": ["a" * 500_000]})
    limits = ("--max-body", 1 << 20, "--queue", 1)
    with (
        asking(serving, *limits, models=(MODELS / "en",)) as client,
        client.send(BEGUN.replace(b"15", b"%d" % len(many)) + many),
    ):
        connection = http.client.HTTPConnection(client.host, client.port, timeout=60)
        found = []
        while 503 not in found:
            connection.request("POST", "/v1/extract", refused, JSON)
            plug = connection.sock
            answer = connection.getresponse()
            problem = json.loads(answer.read())
            found.append(answer.status)
            assert found.count(422) < 9, problem  # the first ones may come before the many
        assert connection.sock is plug
        assert (problem["status"], problem["title"]) == (503, "Service Unavailable")
        connection.request("POST", "/v1/extract", refused, {**JSON, "host": "evil.example"})
        assert connection.getresponse().status == 421
        connection.close()


BEGUN = b"""POST /v1/extract HTTP/1.1\r
Host: localhost\r
Content-Type: application/json\r
Content-Length: 15\r
\r
"""


def test_told_to_end_it_loses_nothing(serving, texts):
    body = json.dumps({"texts": texts}).encode()
    answers = []

    def ask_on(client):
        while True:
            try:
                answers.append(client.ask("/v1/extract", body)[0])
            except ConnectionRefusedError:
                return

    pool = concurrent.futures.ThreadPoolExecutor(4)
    with asking(serving) as client, client.send(BEGUN) as stalled, pool:
        for _ in range(4):
            pool.submit(ask_on, client)
        while len(answers) < 20:
            time.sleep(0.01)
        client.process.send_signal(signal.SIGTERM)
        while 503 not in answers:
            time.sleep(0.01)
        assert client.ask("/readyz")[0] == 503
        assert client.ask("/healthz")[0] == 200
        stalled.sendall(b'{"texts":["a"]}')
        assert b" 200 " in stalled.recv(1000)
        client.process.wait(timeout=60)
    assert set(answers) == {200, 503}


def test_what_hangs_does_not_keep_it_for_ever(serving):
    with asking(serving, "--drain", 1) as client, client.send(BEGUN):
        client.process.send_signal(signal.SIGTERM)
        assert client.process.wait(timeout=60) == 0


def test_a_token_is_demanded_and_never_shown(serving, tmp_path):
    token = "0123456789abcdef-secret"
    (tmp_path / "token").write_text(f"{token}\n")
    with asking(serving, "--token-file", tmp_path / "token") as client:
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {token}"}):
            client.refused(401, {"texts": []}, headers={**JSON, **header})
        right = {**JSON, "authorization": f"Bearer {token}"}
        assert client.ask("/v1/extract", {"texts": []}, right)[0] == 200
        assert client.ask("/healthz")[0] == 200
        assert client.ask("/")[0] == 200
        assert client.ask("/metrics")[0] == 401
    assert token not in client.said


def test_what_cannot_be_served_is_refused_in_one_line(run, tmp_path):
    model = MODELS / "en"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run("serve", model, "--port", port).refused(f"127.0.0.1:{port}", "--port")
    run("serve", tmp_path / "none").refused("there is no such model")
    run("serve", model, model).refused("two models", "NAME=")
    (tmp_path / "token").write_text("short")
    run("serve", model, "--token-file", tmp_path / "token").refused("at least 16")
    run("serve", model, "--replicas", 2).refused("--replicas", "--executor ray")
    run("serve", model, "--host", "no.such.host.invalid").refused("no.such.host.invalid")


def test_a_damaged_model_ends_the_server_in_one_line(start, tmp_path):
    shutil.copytree(MODELS / "en", tmp_path / "en")
    with (tmp_path / "en/weights.safetensors").open("r+b") as file:
        file.write(b"x")
    process = start("serve", tmp_path / "en", "--port", 0)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is damaged" in err.splitlines()[-1]
