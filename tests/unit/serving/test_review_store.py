"""A decision is on the disk before it is acknowledged, and rests on what its author saw."""

import sqlite3

import pytest

from kakehashi.errors import FolderError
from kakehashi.sentence import Mention, Sentence, Token
from kakehashi.serving.review_store import (
    ConflictError,
    Decision,
    ReviewStore,
    Suggestion,
    agreement,
)

TEXT = "Jon saw Oslo"
TOKENS = (Token("Jon", 0, 3), Token("saw", 4, 7), Token("Oslo", 8, 12))
OSLO = Mention(8, 12, "LOC", "Oslo", 0.9)
JON = Mention(0, 3, "PER", "Jon")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.sqlite"


@pytest.fixture
def store(path):
    store = ReviewStore(path, "sum")
    sentences = [Sentence(TEXT, (OSLO,), TOKENS, id=str(n)) for n in range(4)]
    store.fill("batch", [Suggestion(s, hidden=n == 3) for n, s in enumerate(sentences)])
    yield store
    store.close()


def test_a_batch_is_there_when_it_is_opened_again(store, path):
    store.close()
    again = ReviewStore(path, "sum")
    assert not again.is_new
    first, *_, last = again.sentences()
    assert (first.state, first.sentence.mentions, first.machine) == ("predicted", (OSLO,), (OSLO,))
    assert (last.state, last.sentence.mentions, last.machine) == ("unseen", (), (OSLO,))
    assert first.sentence.tokens == TOKENS
    again.close()


def test_decisions_have_their_author_and_the_machine_keeps_its_own(store, path):
    store.decide([Decision(1, 1, "reviewed", (JON, OSLO)), Decision(2, 1, "rejected", ())], "Mio")
    with sqlite3.connect(path) as other:  # another connection sees it at once
        rows = other.execute("SELECT number, state, who FROM decisions").fetchall()
    other.close()
    assert rows == [(1, "reviewed", "Mio"), (2, "rejected", "Mio")]
    (first,) = store.sentences([1])
    assert [m[:3] for m in first.sentence.mentions] == [(0, 3, "PER"), (8, 12, "LOC")]
    assert (first.machine, first.version, first.who) == ((OSLO,), 2, "Mio")


def test_what_rests_on_an_older_version_changes_nothing(store):
    store.decide([Decision(2, 1, "flagged", ())], "Mio")
    with pytest.raises(ConflictError) as conflict:
        store.decide([Decision(1, 1, "reviewed", ()), Decision(2, 1, "reviewed", ())], "Ren")
    assert conflict.value.numbers == (2,)
    assert [s.state for s in store.sentences()] == ["predicted", "flagged", "predicted", "unseen"]


def test_a_full_disk_stores_nothing_and_breaks_nothing(store):
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    many = tuple(Mention(8, 12, "LOC" * 9, "Oslo") for _ in range(999))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.decide([Decision(1, 1, "reviewed", many)], "Mio")
    store._database.execute("PRAGMA max_page_count = 10000")
    assert {s.version for s in store.sentences()} == {1}
    store.decide([Decision(1, 1, "reviewed", ())], "Mio")
    assert store.sentences([1])[0].state == "reviewed"


def test_what_cannot_be_used_is_refused_in_words(store, path):
    store.decide([Decision(1, 1, "reviewed", ())], "Mio")
    store.close()
    whole = path.read_bytes()
    with pytest.raises(FolderError, match="another batch, batch; choose another --out"):
        ReviewStore(path, "other sum")
    for damaged in (whole[: len(whole) // 2], b"no database" * 99, whole[:50]):
        path.write_bytes(damaged)
        with pytest.raises(FolderError, match="restore a copy"):
            ReviewStore(path, "sum")
    path.write_bytes(whole)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(FolderError, match="newer kakehashi"):
        ReviewStore(path, "sum")


def test_agreement_tells_what_suggestions_bias(store):
    shown = Decision(1, 1, "reviewed", (OSLO,)), Decision(2, 1, "reviewed", (JON, OSLO))
    store.decide([*shown, Decision(4, 1, "reviewed", (JON,))], "Mio")
    found = agreement(store.sentences())
    assert found["suggestions shown"] == {"sentences": 2, "mentions": 3, "f1": 80.0}
    assert found["suggestions hidden"] == {"sentences": 1, "mentions": 1, "f1": 0.0}
