"""The same application on a real Ray of this machine."""

import json
import socket
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("ray", reason="the extra 'ray-serve' is not installed")
pytest.importorskip("grpc_reflection", reason="the extra 'ray-serve' is not installed")

MODEL = Path(__file__).parents[1] / "golden/models/en"


@pytest.mark.slow
def test_it_serves_on_ray_and_ends_when_told(serving):
    expected = json.loads(MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    body = json.dumps({"texts": [sentence["text"] for sentence in expected]}).encode()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving("serve", f"en={MODEL}", "--executor", "ray", port=port) as served:
        url = f"{served.url}v1/extract"
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            results = json.load(answer)["results"]
    for result, sentence in zip(results, expected, strict=True):
        found = [(m["start"], m["end"], m["type"]) for m in result["mentions"]]
        assert found == [(m["start"], m["end"], m["type"]) for m in sentence["mentions"]]
    assert served.process.returncode == 0
