"""A decision is on the disk before it is acknowledged, and rests on what its author saw."""

import itertools
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


_NUMBERS = itertools.count()


def act():
    """Return a name that no other act has."""
    return f"act {next(_NUMBERS)}"


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
    store.decide(
        [Decision(1, 1, "reviewed", (JON, OSLO)), Decision(2, 1, "rejected", ())], "Mio", act()
    )
    with sqlite3.connect(path) as other:  # another connection sees it at once
        rows = other.execute("SELECT number, state, who FROM decisions").fetchall()
    other.close()
    assert rows == [(1, "reviewed", "Mio"), (2, "rejected", "Mio")]
    (first,) = store.sentences([1])
    assert [m[:3] for m in first.sentence.mentions] == [(0, 3, "PER"), (8, 12, "LOC")]
    assert (first.machine, first.version, first.who) == ((OSLO,), 2, "Mio")


def test_what_rests_on_an_older_version_changes_nothing(store):
    store.decide([Decision(2, 1, "flagged", ())], "Mio", act())
    with pytest.raises(ConflictError) as conflict:
        store.decide([Decision(1, 1, "reviewed", ()), Decision(2, 1, "reviewed", ())], "Ren", act())
    assert conflict.value.numbers == (2,)
    assert [s.state for s in store.sentences()] == ["predicted", "flagged", "predicted", "unseen"]


def test_a_full_disk_stores_nothing_and_breaks_nothing(store):
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    many = tuple(Mention(8, 12, "LOC" * 9, "Oslo") for _ in range(999))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.decide([Decision(1, 1, "reviewed", many)], "Mio", act())
    store._database.execute("PRAGMA max_page_count = 10000")
    assert {s.version for s in store.sentences()} == {1}
    store.decide([Decision(1, 1, "reviewed", ())], "Mio", act())
    assert store.sentences([1])[0].state == "reviewed"


def test_what_cannot_be_used_is_refused_in_words(store, path):
    store.decide([Decision(1, 1, "reviewed", ())], "Mio", act())
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
    store.decide([*shown, Decision(4, 1, "reviewed", (JON,))], "Mio", act())
    found = agreement(store.sentences())
    assert found["suggestions shown"] == {"sentences": 2, "mentions": 3, "f1": 80.0}
    assert found["suggestions hidden"] == {"sentences": 1, "mentions": 1, "f1": 0.0}


def decide(store, number, state, mentions=(), who="Mio", name=None):
    (now,) = store.sentences([number])
    store.decide([Decision(number, now.version, state, mentions)], who, name or act())


def states(store):
    return [each.state for each in store.sentences()]


def test_undo_goes_back_act_by_act_also_when_opened_again(store, path):
    decide(store, 1, "reviewed", (JON,))
    decide(store, 1, "flagged", (JON, OSLO))
    both = [Decision(2, 1, "reviewed", ()), Decision(4, 1, "reviewed", (OSLO,))]
    store.decide(both, "Mio", act())
    store.close()
    again = ReviewStore(path, "sum")
    assert again.undo("Mio", act()).numbers == [2, 4]
    assert states(again) == ["flagged", "predicted", "predicted", "unseen"]
    assert again.undo("Mio", act()).numbers == [1]
    assert again.sentences([1])[0].sentence.mentions == (JON,)
    decide(again, 3, "rejected")
    assert [again.undo("Mio", act()).numbers for _ in range(3)] == [[3], [1], []]
    first, second, _, last = again.sentences()
    assert states(again) == ["predicted", "predicted", "predicted", "unseen"]
    assert (first.sentence.mentions, last.sentence.mentions) == ((OSLO,), ())
    assert (first.version, second.version) == (5, 3)  # of which each is a decision that is kept
    again.close()


def test_undo_leaves_what_others_decided(store):
    store.decide([Decision(n, 1, "reviewed", ()) for n in (1, 2)], "Mio", act())
    decide(store, 2, "flagged", who="Ren")
    undone = store.undo("Mio", act())
    assert (undone.numbers, undone.n_kept) == ([1], 1)
    assert states(store)[:2] == ["predicted", "flagged"]
    assert store.undo("Ren", act()).numbers == [2]
    assert states(store)[:2] == ["predicted", "reviewed"]


def test_what_is_sent_again_is_done_once(store):
    for _ in range(2):
        store.decide([Decision(1, 1, "reviewed", ())], "Mio", "one")
    decide(store, 2, "reviewed")
    assert [store.undo("Mio", "two").numbers for _ in range(2)] == [[2], [2]]
    assert states(store)[:2] == ["reviewed", "predicted"]
    assert [s.version for s in store.sentences()] == [2, 3, 1, 1]


def test_a_store_of_an_earlier_version_goes_on(store, path):
    decide(store, 1, "reviewed")
    decide(store, 2, "reviewed")
    store._database.execute("DROP INDEX decisions_by_act")
    for column in ("act", "undone"):
        store._database.execute(f"ALTER TABLE decisions DROP COLUMN {column}")
    store._database.execute("PRAGMA user_version = 1")
    store.close()
    again = ReviewStore(path, "sum")
    assert [again.undo("Mio", act()).numbers for _ in range(3)] == [[2], [1], []]
    again.close()
