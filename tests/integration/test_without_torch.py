"""What is installed without extras tags with a model, and knows nothing of torch."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "tests/golden/models/en"
CODE = """
import importlib.util, json, sys
from kakehashi import Recognizer
missing = [name for name in ("torch", "pyarrow", "jinja2") if not importlib.util.find_spec(name)]
found = [[m.text, m.type] for m in Recognizer.load(sys.argv[1])(sys.argv[2])]
print(json.dumps([missing, found]))
"""


@pytest.mark.slow
def test_the_wheel_tags_in_an_environment_of_its_own(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"pip cannot build a wheel here: {built.stderr[-200:]}")
    venv.create(tmp_path / "env", with_pip=False)
    python = str(tmp_path / "env/bin/python")
    installed = subprocess.run(
        [*pip, "--python", python, "install", "-c", ROOT / "constraints.txt",
         *tmp_path.glob("kakehashi-*.whl")],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"pip cannot install here: {installed.stderr[-200:]}")
    first = json.loads(MODEL.with_suffix(".json").read_text(encoding="utf-8"))[0]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", CODE, MODEL, first["text"]],
        capture_output=True, encoding="utf-8", check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    missing, found = json.loads(done.stdout)
    assert missing == ["torch", "pyarrow", "jinja2"]
    assert found == [[mention["text"], mention["type"]] for mention in first["mentions"]]
    files = (file for file in (tmp_path / "env/lib").rglob("*") if file.is_file())
    size = sum(file.stat().st_size for file in files if "unidic_lite" not in file.parts)
    assert size < 250e6
