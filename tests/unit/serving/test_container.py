"""The rules of hadolint that matter here, since it is not at hand where this is tested."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
LINES = [
    line.split(maxsplit=1)
    for line in TEXT.replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def of(name):
    return [rest for instruction, rest in LINES if instruction == name]


def test_images_have_an_exact_version():
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in of("FROM"))


def test_nobody_is_root_in_the_last_stage():
    last = LINES[max(n for n, line in enumerate(LINES) if line[0] == "FROM") :]
    users = [rest for instruction, rest in last if instruction == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)


def test_commands_are_lists_so_that_signals_arrive():
    for command in (
        *of("ENTRYPOINT"),
        *of("CMD"),
        *(h.split("CMD ")[1] for h in of("HEALTHCHECK")),
    ):
        assert isinstance(json.loads(command), list)


def test_only_pinned_packages_are_installed_and_no_torch():
    (run,) = of("RUN")
    assert "pip install --no-cache-dir -c constraints.txt" in run
    assert re.findall(r"\.\[([a-z,]+)\]", run) == ["fast,serve"]
    assert not re.search(r"sudo|apt|curl|wget|\bcd\b", run)
    assert not of("ADD")


def test_what_is_copied_is_there_and_no_model_is():
    for copied in of("COPY"):
        if not copied.startswith("--from="):
            *sources, _ = copied.split()
            assert all((ROOT / source).exists() for source in sources)
            assert "runs" not in copied
