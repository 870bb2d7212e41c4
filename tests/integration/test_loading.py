"""What is loaded when: a process each, and the modules it has in the end."""

import subprocess
import sys
from pathlib import Path

import pytest


def printed(code):
    command = [sys.executable, "-c", f"import sys\n{code}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("module", ["kakehashi", "kakehashi.cli.main"])
def test_nothing_slow_is_loaded_before_it_is_used(module):
    slow = "torch numpy pydantic fugashi rich"
    assert printed(f"import {module}\nprint(*set('{slow}'.split()) & set(sys.modules))") == []


def test_tagging_loads_nothing_that_it_does_not_need():
    model = Path(__file__).parents[1] / "golden/models/ja"
    code = f"import kakehashi\nkakehashi.Recognizer.load({str(model)!r})('東京に着いた')"
    unneeded = "torch pyarrow jinja2 numba rich typer"
    assert printed(f"{code}\nprint(*set('{unneeded}'.split()) & set(sys.modules))") == []


def test_a_model_is_described_without_torch():
    model = Path(__file__).parents[1] / "golden/models/en"
    code = (
        f"from kakehashi.runtime.model_folder import describe_model\ndescribe_model({str(model)!r})"
    )
    assert printed(f"{code}\nprint('torch' in sys.modules)") == ["False"]


def test_machine_code_is_loaded_when_it_pays_or_when_asked_for():
    pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
    code = """
import numpy as np
from kakehashi.runtime.steps import LstmSteps, machine_code

steps, projected = LstmSteps(np.zeros((2, 3, 12), np.float32)), np.zeros((1, 24), np.float32)
for n_items in (5, 2500):
    offsets, states = np.array([0, n_items]), np.empty((n_items, 6), np.float32)
    steps(projected, np.zeros(n_items, np.int64), offsets, states)
    print("numba" in sys.modules)
"""
    assert printed(code) == ["False", "True"]
    ask = "from kakehashi.runtime.steps import machine_code\nmachine_code()"
    assert printed(f"{ask}\nprint('numba' in sys.modules)") == ["True"]
