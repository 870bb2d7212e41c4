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


def test_texts_corpora_and_scores_never_load_torch():
    code = """
import importlib, pkgutil, kakehashi
for room in "config corpora scoring sentence tags text".split():
    module = importlib.import_module(f"kakehashi.{room}")
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"kakehashi.{room}."):
        importlib.import_module(found.name)
print("torch" in sys.modules)
"""
    assert printed(code) == ["False"]


def test_a_model_is_described_without_torch():
    model = Path(__file__).parents[1] / "golden/models/en"
    code = f"from kakehashi.model.folder import describe_model\ndescribe_model({str(model)!r})"
    assert printed(f"{code}\nprint('torch' in sys.modules)") == ["False"]


@pytest.mark.parametrize(
    ("mode", "loaded"), [("torch.no_grad", ["False", "True"]), ("nullcontext", ["True", "True"])]
)
def test_machine_code_is_loaded_for_training_at_once_and_for_tagging_when_it_pays(mode, loaded):
    pytest.importorskip("numba", reason="machine code needs the extra 'fast'")
    code = f"""
import torch
from contextlib import nullcontext
from kakehashi.model.lstm_steps import RaggedOrder
from kakehashi.model.lstm import BiLstm

lstm, inputs = BiLstm(2, 3), torch.randn(500, 2)
with {mode}():
    lstm(inputs[:5], RaggedOrder([5]))
    print("numba" in sys.modules)
    for _ in range(5):
        lstm(inputs, RaggedOrder([500]))
    print("numba" in sys.modules)
"""
    assert printed(code) == loaded
