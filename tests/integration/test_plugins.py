"""A package outside this repository adds a segmenter, a view and a reader."""

import pytest

from kakehashi import Recognizer, read_settings, train
from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.formats import guess_source, read_source
from kakehashi.errors import ConfigError
from kakehashi.experiments.runs import FileHashes, fingerprint_of
from kakehashi.plugins import load_plugin
from kakehashi.text.segment import load_segmenter
from kakehashi.text.views import view

CODE = '''
from kakehashi import Mention, Sentence

def cut(text):
    """Words between hyphens, read backwards."""
    for word in text.split("-"):
        yield word, "", word[::-1]

def upside_down(surface, reading):
    return (reading or surface).upper()

def read(path, kind="LOC"):
    for line in path.read_text("utf-8").splitlines():
        place, _, rest = line.partition("-")
        yield Sentence(line, (Mention(0, len(place), kind, place),))

def fails(*arguments):
    raise LookupError("no such\\nthing")

def wrong(text, reading=""):
    yield 7

def elsewhere(text):
    yield "nowhere"

def backwards(text):
    return reversed(text.split())

number = 7
'''
ENTRY_POINTS = """
[kakehashi.segmenters]
hyphens = other_language:cut
failing = other_language:fails
wrong = other_language:wrong
elsewhere = other_language:elsewhere
backwards = other_language:backwards
missing = other_language:nothing
number = other_language:number
[kakehashi.views]
capitals = other_language:upside_down
failing = other_language:fails
wrong = other_language:wrong
[kakehashi.readers]
places = other_language:read
wrong = other_language:wrong
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    info = tmp_path / "site/kakehashi_other-1.5.dist-info"
    info.mkdir(parents=True)
    (info.parent / "other_language.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kakehashi-other\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(info.parent))
    load_plugin.cache_clear()
    yield
    load_plugin.cache_clear()


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "places.txt"
    path.write_text("".join(f"{name}-is-far\n" for name in ("oslo", "rome", "bonn", "kyiv")))
    return path


def test_it_trains_and_tags(tmp_path, corpus):
    source = {"format": "plugin", "reader": "places", "path": str(corpus)}
    tree = {
        "name": "other",
        "corpus": {"train": [source], "dev": [source], "test": [source]},
        "text": {"segmenter": "hyphens"},
        "model": {"char_view": "capitals", "word_lstm_width": 8, "char_lstm_width": 4},
        "training": {"epochs": 30, "learning_rate": 0.05},
    }
    settings = settings_from_tree(tree)
    recognizer = Recognizer.load(train(settings, tmp_path / "run"))
    [mention] = recognizer("rome-is-far")
    assert (mention.start, mention.end, mention.type) == (0, 4, "LOC")
    # What a result depends on says which package, and its version.
    assert recognizer.model.segmenter == "hyphens(kakehashi-other 1.5)"
    facts = fingerprint_of(settings, FileHashes(tmp_path / "sums.json")).facts
    expected = {f"{kind} {name}": f"{name}(kakehashi-other 1.5)" for kind, name in (
        ("segmenter", "hyphens"), ("view", "capitals"), ("reader", "places"))}  # fmt: skip
    assert expected.items() <= facts.items()


def test_its_words_are_made_tokens_with_exact_offsets():
    tokens = load_segmenter("hyphens").segment(" ab-c\u0301\u3000d--e")
    found = [(token.text, token.start, token.reading) for token in tokens]
    assert found == [
        *(("ab", 1, ""), ("-", 3, ""), ("c\u0301", 4, ""), ("d", 7, "")),
        *(("--", 8, ""), ("e", 10, "e")),
    ]


def test_its_view_and_its_reader(corpus):
    assert view("東京", "", "capitals") == "東京"
    assert view("a b", "c d", "capitals") == "CD"
    source = guess_source(corpus, "places", options={"kind": "GPE"})
    assert [sentence.mentions[0].type for sentence in read_source(source)] == ["GPE"] * 4


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("failing", "failed: LookupError: no such thing"),
        ("wrong", r"expected words, or \(word, part of speech, reading\), got 7"),
        ("elsewhere", "'nowhere' is not in the text"),
        ("backwards", "'a' is not after the words before it"),
        ("missing", "cannot be loaded: AttributeError"),
        ("number", "expected a function, got int"),
    ],
)
def test_a_segmenter_that_fails_is_named(name, problem):
    whole = rf"^segmenter '{name}' of the plug-in kakehashi-other 1\.5: .*{problem}[^\n]*$"
    with pytest.raises(ConfigError, match=whole):
        load_segmenter(name).segment("a b")


def test_a_view_or_reader_that_fails_is_named(corpus):
    with pytest.raises(
        ConfigError, match=r"^view 'failing' of the plug-in kakehashi-other 1\.5: f"
    ):
        view("a", "", "failing")
    with pytest.raises(ConfigError, match=r"^view 'wrong' .*: expected a str, got generator$"):
        view("a", "", "wrong")
    with pytest.raises(ConfigError, match=r"^reader 'wrong' .*: expected a Sentence, got int$"):
        list(read_source(guess_source(corpus, "wrong")))


def test_unknown_names_list_those_of_packages():
    with pytest.raises(ConfigError, match=r"'hyphen'; did you mean 'hyphens'\?"):
        read_settings("demo-en", text={"segmenter": "hyphen"})
    with pytest.raises(ConfigError, match=r"no view 'capital'.*of plug-ins: capitals, failing"):
        read_settings("demo-en", model={"char_view": "capital"})
    with pytest.raises(ConfigError, match=r"there is no reader 'place'"):
        guess_source("a", "plugin", reader="place")
