import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.corpus import load_corpora, segmented
from kakehashi.corpora.jsonl import write_jsonl
from kakehashi.data import cache as store_module
from kakehashi.data.cache import Store
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


def store(tree, tmp_path, processes=1, progress=None, **changes):
    settings = settings_from_tree(tree | changes)
    return Store(tmp_path / "cache", settings, progress or Progress(), processes)


def in_memory(tree, **changes):
    settings = settings_from_tree(tree | changes)
    corpora, segmenter = load_corpora(settings.corpus), load_segmenter("words")
    train, dev, test = (
        segmented(corpus, segmenter) for corpus in (corpora.train, corpora.dev, corpora.test)
    )
    return prepare(train, dev, test, settings.model, settings.vectors)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vectors": None},
        {"model": {"scheme": "iobes", "ngram": 3}},
        {"vectors": "all"},
    ],
)
def test_the_store_equals_preparation_in_memory(tree, tmp_path, changes):
    if changes.get("vectors") == "all":
        changes = {"vectors": {**tree["vectors"], "extra_words": "all"}}
    ours, theirs = store(tree, tmp_path, **changes).prepared(), in_memory(tree, **changes)
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


def test_training_data_are_views_of_files(tree, tmp_path):
    data = store(tree, tmp_path).prepared()
    arrays = [data.train.forms, data.train.offsets, data.train.tags, data.features.ngrams]
    assert not any(array.flags.owndata or array.flags.writeable for array in arrays)
    assert data.train.tag_ids(data.tagset) is data.train.tags


def test_test_sentences_come_segmented(tree, tmp_path):
    texts = [
        [token.text for token in each.tokens] for each in store(tree, tmp_path).test_sentences()
    ]
    assert texts == [["In", "Rome9", "Ann", "met", "Bob", "."], ["Nothing", "new"]]


def test_any_number_of_processes_writes_the_same_bytes(tree, tmp_path):
    one = contents(store(tree, tmp_path / "one", 1).corpus.parent)
    two = contents(store(tree, tmp_path / "two", 2).corpus.parent)
    assert one == two


def test_what_is_there_is_not_written_again(tree, tmp_path, monkeypatch):
    first = store(tree, tmp_path)
    monkeypatch.setattr(store_module, "map_in_order", None)
    assert store(tree, tmp_path, training={"seed": 5}).features == first.features
    other = store(tree, tmp_path, model={"char_view": "romaji"})
    assert (other.corpus, other.features != first.features) == (first.corpus, True)


def test_a_changed_corpus_is_encoded_anew(tree, tmp_path):
    first = store(tree, tmp_path)
    write_jsonl(tmp_path / "test.jsonl", [at_token(8)])
    second = store(tree, tmp_path)
    assert first.corpus != second.corpus
    assert len(second.prepared().test) == 1
    (tmp_path / "vectors.txt").write_text("in 1 1\n")
    third = store(tree, tmp_path)
    assert (third.corpus, third.features != second.features) == (second.corpus, True)


@pytest.mark.parametrize("name", ["train", "forms", "features"])
def test_a_truncated_store_is_refused(tree, tmp_path, name):
    whole = store(tree, tmp_path)
    (path,) = whole.corpus.parent.rglob(f"{name}.arrow")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusError, match=r"truncated .*; remove the folder .*-[0-9a-f]{16} "):
        # Forms are read when the features are made.
        store(tree, tmp_path, model={"ngram": 3} if name == "forms" else {}).prepared()


def test_a_foreign_store_is_refused(tree, tmp_path):
    ours = store(tree, tmp_path)
    theirs = store(tree, tmp_path, text={"segmenter": "whitespace"})
    (ours.corpus / "train.arrow").write_bytes((theirs.corpus / "train.arrow").read_bytes())
    with pytest.raises(CorpusError, match="was not made of these corpora"):
        store(tree, tmp_path).prepared()


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
        store(tree, tmp_path / "cut", progress=StopAfter(count))
    shards = {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("shards/*.arrow")
    }
    assert count <= len(shards) <= count + 1
    whole = store(tree, tmp_path / "whole")
    resumed = store(tree, tmp_path / "cut")
    assert contents(resumed.corpus) == contents(whole.corpus)
    assert contents(resumed.features) == contents(whole.features)


def test_shards_that_are_done_are_kept(tree, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        store(tree, tmp_path, progress=StopAfter(3))
    written = []
    write_shard = store_module.write_shard

    def recorded(segmenter, keep_tokens, fingerprint, job):
        written.append(job[0].name)
        write_shard(segmenter, keep_tokens, fingerprint, job)

    monkeypatch.setattr(store_module, "write_shard", recorded)
    store(tree, tmp_path)
    assert "train-000000.arrow" not in written
    assert written[-3:] == ["train-000005.arrow", "dev-000000.arrow", "test-000000.arrow"]


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
        first = pool.submit(store, tree, tmp_path, progress=progress)
        assert progress.begun.wait(60)
        second = pool.submit(store, tree, tmp_path, progress=progress)
        prints = [each.result().prepared().fingerprint() for each in (first, second)]
    assert prints[0] == prints[1]
    assert progress.tracked == 1


def test_errors_of_workers_name_file_and_line(tree, tmp_path):
    with (tmp_path / "train4.jsonl").open("a") as file:
        file.write('{"text": 5}\n')
    with pytest.raises(CorpusError, match=r"train4\.jsonl:9: text: ") as caught:
        store(tree, tmp_path, 2)
    assert caught.value.line == 9


def test_a_width_that_is_not_the_vectors_is_refused(tree, tmp_path):
    store(tree, tmp_path)
    with pytest.raises(ConfigError, match=r"model\.word_width: is 50"):
        store(tree, tmp_path, model={"word_width": 50}).prepared()


def test_a_cache_that_is_no_folder_is_refused(tree, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(FileExistsError, match="cache"):
        store(tree, tmp_path)
