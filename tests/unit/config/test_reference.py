import re
import tomllib
from pathlib import Path

from kakehashi.config.reading import settings_from_tree
from kakehashi.config.reference import reference

DOCS = Path(__file__).parents[3] / "docs"
SOURCE = {"format": "columns", "path": "a.conll"}


def test_the_documented_settings_are_the_real_ones():
    """Else: kakehashi settings > docs/settings.toml."""
    assert (DOCS / "settings.toml").read_text(encoding="utf-8") == reference()


def test_what_is_commented_out_is_the_default():
    lines = reference().split("\n# Token per line")[0].splitlines()
    uncommented = [re.sub(r"^# (\w+ = |\[[\w.]+\]$)", r"\1", line) for line in lines]
    tree = tomllib.loads("\n".join(line for line in uncommented if "…" not in line))
    given = {
        "name": "x",
        "corpus": {**tree["corpus"], "train": [SOURCE], "dev": [SOURCE], "test": [], "split": None},
    }
    for table in ("text", "model", "training"):
        given[table] = tree[table]
    plain = {"name": "x", "corpus": {"train": [SOURCE], "dev": [SOURCE]}}
    assert settings_from_tree(given) == settings_from_tree(plain)


def test_the_printed_config_trains():
    settings = settings_from_tree(tomllib.loads(reference()))
    assert settings == settings_from_tree(
        {
            "name": "my-corpus",
            "corpus": {
                part: [
                    {
                        "format": "assistant",
                        "language": "en",
                        "utterances": utterances,
                        "partition": part,
                    }
                ]
                for part, utterances in (("train", 1000), ("dev", 200), ("test", 200))
            },
        }
    )


def test_every_format_is_explained():
    for name in ("columns", "jsonl", "knp", "inline", "annotated", "stockmark", "assistant"):
        assert f'# format = "{name}"' in reference()
