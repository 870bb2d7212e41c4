import pytest

from kakehashi.corpora.corpus import load_mapping, shipped_mappings
from kakehashi.errors import ConfigError


def test_irex_becomes_conll():
    mapping = load_mapping("irex-to-conll")

    assert mapping.name == "irex-to-conll"
    assert mapping.types == {
        "PERSON": "PER",
        "LOCATION": "LOC",
        "ORGANIZATION": "ORG",
        "ARTIFACT": "MISC",
        "DATE": "MISC",
        "TIME": "MISC",
        "MONEY": "MISC",
        "PERCENT": "MISC",
        "OPTIONAL": None,
    }


def test_every_shipped_mapping_loads():
    assert [load_mapping(name).name for name in shipped_mappings()] == list(shipped_mappings())


def test_a_file_of_ones_own(write):
    mapping = load_mapping(write("mine.toml", 'drop = ["a b"]\n[types]\n"人名" = "PER"\n'))

    assert mapping.name == "mine"
    assert mapping.types == {"人名": "PER", "a b": None}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("irex-to-conl", "there is no type mapping 'irex-to-conl'; did you mean 'irex-to-conll'"),
        ("IREX", "there is no type mapping 'IREX'; .*irex-to-conll"),
        ("", "there is no type mapping ''; shipped: irex-to-conll"),
        ("none.toml", r"there is no type mapping 'none\.toml'; .*shipped"),
    ],
)
def test_unknown_names_are_refused(name, problem):
    with pytest.raises(ConfigError, match=rf"^corpus\.mapping: {problem}"):
        load_mapping(name)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("types = ", "is not well-formed"),
        (b"\xff", "expected UTF-8"),
        ("", "types: Field required"),
        ("[types]\nA = 1", r"types\.A: Input should be a valid string"),
        ("dropped = []\n[types]", "dropped: unknown setting; did you mean 'drop'"),
    ],
)
def test_malformed_files_are_refused(write, content, problem):
    with pytest.raises(ConfigError, match=rf"mine\.toml: {problem}") as caught:
        load_mapping(write("mine.toml", content))
    assert "\n" not in str(caught.value)
