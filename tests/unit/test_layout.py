"""The package is laid out as CONTRIBUTING.md and docs/architecture.md say, and has its names."""

import importlib
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import kakehashi

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "kakehashi").rglob("*.py"))
LONGEST = 350


def test_names_of_modules_are_unique_and_files_short():
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert [name for name, times in names.items() if times > 1] == []
    lengths = {str(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {path: n for path, n in lengths.items() if n > LONGEST} == {}


def drawing():
    """Draw the floors that the import contract names, as Mermaid."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    lines = ["```mermaid", "flowchart TD"]
    for number, layer in enumerate(layers):
        rooms = layer.replace("kakehashi.", "").replace(" | ", " · ")
        arrow = f"f{number - 1} --> " if number else ""
        lines.append(f'    {arrow}f{number}["{rooms}"]')
    return "\n".join([*lines, "```"])


def test_the_floors_are_drawn_from_the_contract():
    assert drawing() in PAGE


NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.(?!json`|npy`)\w+)+)`", PAGE)))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_on_the_page_is_where_it_says(name):
    parts = name.split(".")
    if not (ROOT / "kakehashi" / parts[0]).exists() and parts[0] not in {p.stem for p in MODULES}:
        pytest.fail(f"{name} is in no room")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["kakehashi", *parts[:end]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[end:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"there is no {name}")


def test_every_public_name_is_there_and_no_other():
    names = [name for name in kakehashi.__all__ if name != "__version__"]
    assert names == sorted(names)
    for name in names:
        assert getattr(kakehashi, name) is not None
    assert set(names) <= set(dir(kakehashi))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kakehashi.nothing  # noqa: B018
