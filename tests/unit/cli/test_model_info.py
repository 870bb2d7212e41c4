import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kakehashi.cli.main import app

MODEL = Path(__file__).parents[2] / "golden/models/en"


@pytest.fixture
def run(tmp_path):
    shutil.copytree(MODEL, tmp_path / "run/model")
    return tmp_path / "run"


def info(*arguments):
    return CliRunner().invoke(app, ["model", "info", *map(str, arguments)], catch_exceptions=False)


def test_a_model_alone_has_no_scores():
    found = json.loads(info(MODEL, "--json").stdout)
    assert found["run"] is None
    assert found["words"]["seen"] == 781
    printed = info(MODEL).stdout
    for part in (
        "Model demo-en",
        "softmax, bio tags",
        "114: account_type,",
        "0.071",
        "17,423",
        "tokens seen",
    ):
        assert part in printed
    assert "Scores" not in printed


def test_a_model_of_a_run_has_its_scores(run):
    values = {"seen": {"f1": 90.0}, "unseen": {"f1": 40.0}}
    selection = {"by": "dev", "epoch": 3, "stopped_by": "patience", "rising": False}
    result = {"dev": {"f1": 70.0}, "test": {"f1": 65.0, "values": values, "signature": "how"}}
    result |= {"selection": selection, "epochs": [{}, {}, {}, {}]}
    (run / "result.json").write_text(json.dumps(result))
    for place in (run, run / "model"):
        found = json.loads(info(place, "--json").stdout)["run"]
        assert found["test"] == {"f1": 65.0, "seen": 90.0, "unseen": 40.0}
        assert (found["dev"], found["selection"]) == ({"f1": 70.0}, selection)
        assert (found["signature"], found["epochs"]) == ("how", 4)
    printed = info(run).stdout
    assert "Epoch 3 of 4, selected by dev." in printed
    assert "ended by patience; whether F1 was still rising: no." in printed


def test_an_older_run_without_a_test_set_says_what_it_did_not_record(run):
    result = {"dev": {"f1": 70.0, "signature": "how"}, "test": None, "epochs": [{}]}
    result |= {"selection": {"by": "dev", "epoch": 1}}
    (run / "result.json").write_text(json.dumps(result))
    printed = " ".join(info(run).stdout.split())  # whatever the width of the terminal
    assert "what was not recorded; whether F1 was still rising: unknown." in printed
    assert json.loads(info(run, "--json").stdout)["run"]["signature"] == "how"


def test_a_result_that_is_none_of_a_run_is_passed_over(run):
    (run / "result.json").write_text('{"sentences": 3}')
    assert json.loads(info(run, "--json").stdout)["run"] is None


HOW = """
import sys
from kakehashi.runtime import steps
if sys.argv[1] == "no numba":
    sys.modules["numba"] = None
else:
    from numba.core import caching
    caching.CompileResultCacheImpl._locator_classes = []  # as where no folder can be written
from kakehashi import Recognizer
print(len(list(Recognizer.load(sys.argv[2]).recognize(["play jazz"]))), steps.describe_kernels())
"""


@pytest.mark.parametrize(
    ("lack", "how"),
    [
        ("no numba", "1 int8 in numpy, slowly: .*numba.*; the extra fast brings machine code"),
        ("no folder", "1 int8 in machine code, .*, compiled by each process: no folder .*"),
    ],
)
def test_what_makes_tagging_slow_is_said_and_it_works(lack, how):
    pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
    command = [sys.executable, "-c", HOW, lack, MODEL]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert re.fullmatch(how, done.stdout.strip())
