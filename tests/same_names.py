"""Collect the tests twice, and compare their names: workers that share them out must agree.

The second time is seconds later, in a copy of the tree elsewhere, with other hashes of strings.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_GENERATED = shutil.ignore_patterns(".*", "__pycache__", "runs", "dist")


def collected(folder: Path, hash_seed: str) -> list[str]:
    """Names of all tests, in order, as a process that starts in ``folder`` sees them."""
    options = ["--collect-only", "-o", "addopts=--import-mode=importlib --doctest-modules", "-q"]
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    names = [line for line in process.stdout.splitlines() if "::" in line]
    if process.returncode != 0 or not names:
        sys.exit(f"the tests cannot be collected in {folder}:\n{process.stdout}{process.stderr}")
    return names


def main() -> None:
    """Exit with 1 and the difference where the names are not the same twice."""
    first = collected(ROOT, "1")
    with tempfile.TemporaryDirectory() as elsewhere:
        copy = Path(elsewhere) / "copy"
        shutil.copytree(ROOT, copy, ignore=_GENERATED)
        second = collected(copy, "2")
    if first != second:
        sys.exit("\n".join(difflib.unified_diff(first, second, "first", "second", lineterm="")))
    sys.stdout.write(f"{len(first)} tests have the same names twice\n")


if __name__ == "__main__":
    main()
