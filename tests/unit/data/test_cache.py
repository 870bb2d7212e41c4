import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.corpus import load_corpora, segmented
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.data import cache as cache_module
from kakehashi.data.cache import load_dataset
from kakehashi.data.dataset import prepare
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.text.segment import load_segmenter

_FILES = 6


def sentence(number):
    """Its second mention ends inside a token, and for every third number its first."""
    text = f"In Rome{number} Ann met Bob."
    end = 5 if number % 3 == 0 else 7 + len(str(number))
    return Sentence(
        text, (Mention(3, end, "LOC", text[3:end]), Mention(end + 1, end + 2, "PER", text[end + 1]))
    )


def at_token(number):
    start = len(f"In Rome{number} ")
    return Sentence(f"In Rome{number} Ann met Bob.", (Mention(start, start + 3, "PER", "Ann"),))


@pytest.fixture
def tree(tmp_path):
    """Settings of six training files, one development file of a type of its own, one test file."""
    for number in range(_FILES):
        sentences = [sentence(10 * number + k) for k in range(7)] + [at_token(number)]
        write_jsonl(tmp_path / f"train{number}.jsonl", sentences)
    write_jsonl(tmp_path / "dev.jsonl", [Sentence("Oslo", (Mention(0, 4, "CITY", "Oslo"),))])
    write_jsonl(tmp_path / "test.jsonl", [at_token(9), Sentence("Nothing new")])
    (tmp_path / "vectors.txt").write_text("in 1 0\nANN 0 1\nOslo 2 2\nelsewhere 3 3\n")

    def source(name):
        return {"format": "jsonl", "path": str(tmp_path / f"{name}.jsonl")}

    return {
        "name": "small",
        "corpus": {
            "train": [source(f"train{number}") for number in range(_FILES)],
            "dev": [source("dev")],
            "test": [source("test")],
        },
        "vectors": {"path": str(tmp_path / "vectors.txt")},
    }


def load(tree, tmp_path, processes=1, progress=None, **changes):
    settings = settings_from_tree(tree | changes)
    data, _ = load_dataset(tmp_path / "cache", settings, progress or Progress(), processes)
    return data


def folders(tmp_path):
    """The corpora and the features in the cache."""
    cache = tmp_path / "cache"
    return sorted(cache.glob("corpus-*")), sorted(cache.glob("features-*"))


def in_memory(tree, labeled=None, **changes):
    settings = settings_from_tree(tree | changes)
    corpora, segmenter = load_corpora(settings.corpus), load_segmenter("words")
    parts = (corpora.train, corpora.dev, corpora.test)
    cut = (segmented(corpus, segmenter) for corpus in parts)
    taught = None if labeled is None else segmented(labeled, segmenter)
    return prepare(*cut, settings.model, settings.vectors, taught)


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "changes",
    [{}, {"vectors": None}, {"model": {"scheme": "iobes", "ngram": 3}}, {"vectors": "all"}],
)
def test_the_cache_equals_preparation_in_memory(tree, tmp_path, changes):
    if changes.get("vectors") == "all":
        changes = {"vectors": {**tree["vectors"], "extra_words": "all"}}
    ours, theirs = load(tree, tmp_path, **changes), in_memory(tree, **changes)
    assert ours.fingerprint() == theirs.fingerprint()
    assert ours.summary() == theirs.summary()
    assert ours.once.tolist() == theirs.once.tolist()
    assert ours.words.n_seen == theirs.words.n_seen
    assert ours.tagset == theirs.tagset
    for part in ("train", "dev", "test"):
        ours_part, theirs_part = getattr(ours, part), getattr(theirs, part)
        assert ours_part.spans == theirs_part.spans
        assert ours_part.lost == theirs_part.lost
    assert np.array_equal(ours.train.tag_ids(ours.tagset), theirs.train.tag_ids(theirs.tagset))
    if theirs.vectors is not None:
        assert ours.vectors.rows == theirs.vectors.rows
        assert ours.vectors.lowered == theirs.vectors.lowered


def test_training_data_are_views_of_files_and_test_sentences_are_segmented(tree, tmp_path):
    data = load(tree, tmp_path)
    arrays = [data.train.forms, data.train.offsets, data.train.tags, data.features.ngrams]
    assert not any(array.flags.owndata or array.flags.writeable for array in arrays)
    assert data.train.tag_ids(data.tagset) is data.train.tags
    _, test = load_dataset(tmp_path / "cache", settings_from_tree(tree), Progress(), 1)
    texts = [[token.text for token in sentence.tokens] for sentence in test]
    assert texts == [["In", "Rome9", "Ann", "met", "Bob", "."], ["Nothing", "new"]]


def test_a_corpus_without_test_has_no_test_sentences(tree, tmp_path):
    tree["corpus"]["test"] = []
    data, test = load_dataset(tmp_path / "cache", settings_from_tree(tree), Progress(), 1)
    assert (len(data.test), list(test)) == (0, [])


def test_what_teachers_label_is_beside_training(tree, tmp_path):
    path = tmp_path / "labeled.jsonl"
    write_jsonl(path, [Sentence("Oslo", (Mention(0, 4, "CITY", "Oslo"),)), sentence(3)])
    data, _ = load_dataset(tmp_path / "cache", settings_from_tree(tree), Progress(), 1, path)
    memory = in_memory(tree, labeled=read_jsonl(path))
    assert data.fingerprint() == memory.fingerprint()
    assert "CITY" in data.tagset.types
    assert len(load(tree, tmp_path).tagset) < len(data.tagset)


def test_any_number_of_processes_writes_the_same_bytes(tree, tmp_path):
    for processes in (1, 2):
        load(tree, tmp_path / str(processes), processes)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_what_is_there_is_not_written_again(tree, tmp_path, monkeypatch):
    load(tree, tmp_path)
    before = contents(tmp_path / "cache")
    monkeypatch.setattr(cache_module, "map_in_order", None)
    load(tree, tmp_path, training={"seed": 5})
    assert contents(tmp_path / "cache") == before
    load(tree, tmp_path, model={"char_view": "romaji"})
    assert list(map(len, folders(tmp_path))) == [1, 2]


def test_a_changed_corpus_is_encoded_anew(tree, tmp_path):
    load(tree, tmp_path)
    write_jsonl(tmp_path / "test.jsonl", [at_token(8)])
    assert len(load(tree, tmp_path).test) == 1
    assert list(map(len, folders(tmp_path))) == [2, 2]
    (tmp_path / "vectors.txt").write_text("in 1 1\n")
    load(tree, tmp_path)
    assert list(map(len, folders(tmp_path))) == [2, 3]
    for number in (2, 3):
        (tmp_path / "english.txt").write_text(f"in 1 1\nann 0 {number}\noslo 3 0\n")
        (tmp_path / "vectors.txt").write_text("in 1 -1\nann 1 0\noslo 0 -1\n")
        load(tree, tmp_path, vectors=tree["vectors"] | {"align_to": str(tmp_path / "english.txt")})
    assert list(map(len, folders(tmp_path))) == [2, 5]


NAMES = (
    *("train-forms.npy", "test-tags.npy", "forms.jsonl", "words.npy", "vectors.npy"),
    "facts.jsonl",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [None, 0, 7, 100, -1])
def test_a_damaged_cache_is_refused(tree, tmp_path, name, kept):
    load(tree, tmp_path)
    path = next((tmp_path / "cache").rglob(name))
    whole = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(whole[:kept])
    problem = r"is missing, .*; remove the folder .*-[0-9a-f]{16} "
    with pytest.raises(CorpusError, match=problem) as e:
        # Forms are read when features are made.
        load(tree, tmp_path, model={"ngram": 3} if name == "forms.jsonl" else {})
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["train-tags.npy", "facts.jsonl"])
def test_files_of_other_corpora_are_refused(tree, tmp_path, name):
    load(tree, tmp_path / "a")
    load(tree, tmp_path / "b", text={"segmenter": "whitespace"})
    [[ours], _], [[theirs], _] = folders(tmp_path / "a"), folders(tmp_path / "b")
    (ours / name).write_bytes((theirs / name).read_bytes())
    with pytest.raises(CorpusError, match="is missing, damaged, or of other corpora or settings"):
        load(tree, tmp_path / "a")


class StopAfter(Progress):
    """Interrupts the encoding after some shards."""

    def __init__(self, count):
        self.count = count

    def track(self, items, label, total=None):
        for done, item in enumerate(items):
            if done == self.count:
                raise KeyboardInterrupt
            yield item


@pytest.mark.parametrize("count", [0, 3, _FILES + 1])
def test_an_interrupted_encoding_goes_on(tree, tmp_path, count):
    with pytest.raises(KeyboardInterrupt):
        load(tree, tmp_path / "cut", progress=StopAfter(count))
    shards = {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("shards/[a-z]*")
    }
    assert count <= len(shards) <= count + 1
    for name in ("whole", "cut"):
        load(tree, tmp_path / name)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_shards_that_are_done_are_kept(tree, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        load(tree, tmp_path, progress=StopAfter(3))
    written = []
    write_shard = cache_module.write_shard

    def recorded(segmenter, keep_tokens, fingerprint, job):
        written.append(job[0].name)
        write_shard(segmenter, keep_tokens, fingerprint, job)

    monkeypatch.setattr(cache_module, "write_shard", recorded)
    load(tree, tmp_path)
    assert "train-000000" not in written
    assert written[-3:] == ["train-000005", "dev-000000", "test-000000"]


class Slow(Progress):
    """Holds the encoding until another process of ours has come to wait for it."""

    def __init__(self):
        self.begun, self.waited = threading.Event(), threading.Event()
        self.tracked = 0

    def track(self, items, label, total=None):
        self.tracked += 1
        self.begun.set()
        assert self.waited.wait(60)
        return iter(items)

    def say(self, line):
        if line.startswith("waiting for another process to write corpus-"):
            self.waited.set()


def test_only_one_encodes_and_the_others_wait(tree, tmp_path):
    progress = Slow()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(load, tree, tmp_path, progress=progress)
        assert progress.begun.wait(60)
        second = pool.submit(load, tree, tmp_path, progress=progress)
        prints = [each.result().fingerprint() for each in (first, second)]
    assert prints[0] == prints[1]
    assert progress.tracked == 1


def test_errors_of_workers_name_file_and_line(tree, tmp_path):
    with (tmp_path / "train4.jsonl").open("a") as file:
        file.write('{"text": 5}\n')
    with pytest.raises(CorpusError, match=r"train4\.jsonl:9: text: ") as caught:
        load(tree, tmp_path, 2)
    assert caught.value.line == 9


def test_a_cache_that_does_not_fit_is_refused(tree, tmp_path):
    load(tree, tmp_path)
    with pytest.raises(ConfigError, match=r"model\.word_width: is 50"):
        load(tree, tmp_path, model={"word_width": 50})


def test_a_cache_that_is_no_folder_is_refused(tree, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(FileExistsError, match="cache"):
        load(tree, tmp_path)
