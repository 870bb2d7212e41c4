"""What holds for all tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong; and CI draws the same examples every time.
settings.register_profile("kakehashi", deadline=None, derandomize=True)
settings.load_profile("kakehashi")


def pytest_make_parametrize_id(val, argname):
    """Name a test after a parameter's position where its value is bytes.

    Packed bytes hold the time of day, and workers that disagree about the names refuse to start.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def run():
    """Run the program; one thread, no data folder, UTF-8 whatever the locale."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    environment.pop("KAKEHASHI_DATA", None)

    def run(*arguments, stdin="", cwd=None):
        return subprocess.run(
            [Path(sys.executable).with_name("kakehashi"), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=environment,
            cwd=cwd,
            check=False,
        )

    return run
