"""What is being reviewed, in SQLite: a decision is on the disk before it is acknowledged.

Each sentence has a version, and each decision names the one that it is about, so that two tabs or
two annotators cannot overwrite each other. All decisions are kept, with who made them and when.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from kakehashi.errors import FolderError
from kakehashi.sentence import Mention, Sentence, Token

State = Literal["unseen", "predicted", "reviewed", "rejected", "flagged"]
"""``unseen``: nothing was suggested; ``predicted``: the machine's mentions wait for a decision."""
STATES: tuple[State, ...] = get_args(State)

# What brings a database from one version to the next; its `user_version` is their number.
_MIGRATIONS = (
    (
        "CREATE TABLE batch (sha256 TEXT NOT NULL, name TEXT NOT NULL)",
        "CREATE TABLE sentences (number INTEGER PRIMARY KEY, text TEXT NOT NULL, id TEXT NOT NULL,"
        " section TEXT NOT NULL, tokens TEXT NOT NULL, machine TEXT NOT NULL, hidden INTEGER NOT"
        " NULL, state TEXT NOT NULL, mentions TEXT NOT NULL, version INTEGER NOT NULL,"
        " selection TEXT NOT NULL)",
        "CREATE TABLE decisions (id INTEGER PRIMARY KEY, number INTEGER NOT NULL REFERENCES"
        " sentences, version INTEGER NOT NULL, state TEXT NOT NULL, mentions TEXT NOT NULL,"
        " who TEXT NOT NULL, at TEXT NOT NULL)",
        "CREATE INDEX decisions_of ON decisions (number, version)",
    ),
    (  # what was decided together, and whether it was undone, or is itself an undo
        "ALTER TABLE decisions ADD COLUMN act TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE decisions ADD COLUMN undone INTEGER NOT NULL DEFAULT 0",
        "UPDATE decisions SET act = id",
        "CREATE INDEX decisions_by_act ON decisions (act)",
    ),
)


@dataclass(frozen=True)
class Suggestion:
    """A sentence to review: its tokens, what the machine found, and whether that is hidden.

    ``selection`` is why `kakehashi suggest` chose it, and comes out as it went in.
    """

    sentence: Sentence
    hidden: bool
    selection: object = None


@dataclass(frozen=True)
class Decision:
    """What somebody made of version ``version`` of a sentence; mentions have no probability."""

    number: int
    version: int
    state: State
    mentions: tuple[Mention, ...]


@dataclass(frozen=True)
class Reviewed:
    """A sentence as it stands; ``sentence`` has its mentions of now, ``machine`` the suggested."""

    number: int
    sentence: Sentence
    machine: tuple[Mention, ...]
    hidden: bool
    state: State
    version: int
    selection: object
    who: str = ""
    at: str = ""


@dataclass(frozen=True)
class Undone:
    """What an undo did: sentences that are as before, and how many are not.

    Those that somebody has changed since stay as they are.
    """

    numbers: Sequence[int]
    n_kept: int


class ConflictError(Exception):
    """Sentences were changed since the version that a decision is about; nothing was stored."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__("somebody else has changed the sentence meanwhile")
        self.numbers = tuple(numbers)


@dataclass
class ReviewStore:
    """One database, used by one thread at a time.

    Args:
        path: Of the database, which is created if need be.
        sha256: Of the batch. `FolderError` if the database has another one, is damaged, or was
            written by a newer version.
    """

    path: Path
    sha256: str
    _database: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        try:
            self._database = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=10
            )
            self._prepare()
        except sqlite3.DatabaseError as error:
            problem = f"cannot be used as the store of reviews ({error}); restore a copy of it"
            raise FolderError(self.path, f"{problem}, or choose another --out") from None

    def _prepare(self) -> None:
        run = self._database.execute
        (version,) = run("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            problem = f"was written by a newer kakehashi (version {version} of stores, and this one"
            problem += f" knows {len(_MIGRATIONS)}); upgrade, or choose another --out"
            raise FolderError(self.path, problem)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        (state,) = run("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(" ".join(state.split()))
        with self._transaction():
            for statement in (s for step in _MIGRATIONS[version:] for s in step):
                run(statement)
            run(f"PRAGMA user_version = {len(_MIGRATIONS)}")
        found = run("SELECT sha256, name FROM batch").fetchone()
        if found is not None and found[0] != self.sha256:
            problem = f"holds reviews of another batch, {found[1]}; choose another --out"
            raise FolderError(self.path, problem)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @property
    def is_new(self) -> bool:
        """Whether it holds no batch yet."""
        return self._database.execute("SELECT 1 FROM batch").fetchone() is None

    def fill(self, name: str, suggestions: Sequence[Suggestion]) -> None:
        """Store a batch to review, whole or not at all."""
        with self._transaction():
            self._database.execute("INSERT INTO batch VALUES (?, ?)", (self.sha256, name))
            self._database.executemany(
                "INSERT INTO sentences VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                (
                    (
                        number,
                        each.sentence.text,
                        each.sentence.id,
                        each.sentence.group,
                        json.dumps([(t.start, t.end) for t in each.sentence.tokens or ()]),
                        machine := json.dumps(
                            [
                                (m.start, m.end, m.type, m.probability)
                                for m in each.sentence.mentions
                            ]
                        ),
                        each.hidden,
                        "unseen" if each.hidden else "predicted",
                        "[]" if each.hidden else machine,
                        json.dumps(each.selection),
                    )
                    for number, each in enumerate(suggestions, 1)
                ),
            )

    def decide(self, decisions: Sequence[Decision], who: str, act: str) -> None:
        """Store decisions, all or none; they are on the disk when this returns.

        `ConflictError` if a sentence has another version; `sqlite3.OperationalError` if it cannot
        be written, as on a full disk.

        Args:
            decisions: About sentences that differ.
            who: Decides.
            act: A name for what is undone together. A decision that is stored under it is not
                stored again, so that what was never acknowledged can be sent once more.
        """
        with self._transaction():
            known = "SELECT number, version - 1 FROM decisions WHERE act = ?"
            stored = set(self._database.execute(known, (act,)))
            stale = []
            for each in decisions:
                mentions = json.dumps([(m.start, m.end, m.type, None) for m in each.mentions])
                content = (each.state, mentions)
                if (each.number, each.version) not in stored and not self._write(
                    each.number, each.version, content, who, act
                ):
                    stale.append(each.number)
            if stale:
                raise ConflictError(stale)

    def undo(self, who: str, act: str) -> Undone:
        """Take back somebody's last act that stands; on the disk when this returns.

        A sentence gets what it had before, as a new version. ``act`` is a name for this undo; one
        that is stored already changes nothing more. Raises as `decide`.
        """
        run = self._database.execute
        with self._transaction():
            if again := run("SELECT number FROM decisions WHERE act = ?", (act,)).fetchall():
                return Undone([number for (number,) in again], 0)
            last = run(
                "SELECT act FROM decisions WHERE who = ? AND NOT undone ORDER BY id DESC LIMIT 1",
                (who,),
            ).fetchone()
            if last is None:
                return Undone([], 0)
            run("UPDATE decisions SET undone = 1 WHERE act = ?", last)
            before = run(
                "SELECT s.number, s.version, coalesce(b.state, iif(hidden, 'unseen', 'predicted')),"
                " coalesce(b.mentions, iif(hidden, '[]', machine)), EXISTS (SELECT 1 FROM decisions"
                " WHERE number = s.number AND version > d.version AND NOT undone)"
                " FROM decisions d JOIN sentences s ON s.number = d.number"
                " LEFT JOIN decisions b ON b.number = d.number AND b.version = d.version - 1"
                " WHERE d.act = ? ORDER BY s.number",
                last,
            ).fetchall()
            restored = [row for row in before if not row[4]]
            for number, version, *content, _ in restored:
                self._write(number, version, content, who, act, undone=True)
        return Undone([row[0] for row in restored], len(before) - len(restored))

    def _write(
        self, number: int, version: int, content: Sequence[str], who: str, act: str,
        *, undone: bool = False,
    ) -> bool:  # fmt: skip
        """Give a sentence state and mentions (JSON) if it has this version, and whether it had."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        changed = self._database.execute(
            "UPDATE sentences SET state = ?, mentions = ?, version = version + 1"
            " WHERE number = ? AND version = ?",
            (*content, number, version),
        )
        self._database.execute(
            "INSERT INTO decisions (number, version, state, mentions, who, at, act, undone)"
            " SELECT number, version, state, mentions, ?, ?, ?, ? FROM sentences WHERE number = ?",
            (who, at, act, undone, number),
        )
        return changed.rowcount > 0

    def sentences(self, numbers: Sequence[int] | None = None) -> list[Reviewed]:
        """Return all sentences in order, or those of some numbers, as they stand."""
        chosen = None if numbers is None else json.dumps(list(numbers))
        rows = self._database.execute(
            "SELECT s.number, text, s.id, section, tokens, machine, hidden, s.state, s.mentions,"
            " s.version, selection, coalesce(who, ''), coalesce(at, '') FROM sentences s"
            " LEFT JOIN decisions d ON d.number = s.number AND d.version = s.version"
            " WHERE ?1 IS NULL OR s.number IN (SELECT value FROM json_each(?1)) ORDER BY s.number",
            (chosen,),
        )
        return [_reviewed(*row) for row in rows]

    def close(self) -> None:
        """Write what SQLite has beside the database into it."""
        self._database.close()


def _reviewed(
    number: int, text: str, id: str, group: str, tokens: str, machine: str, hidden: int,
    state: State, mentions: str, version: int, selection: str, who: str, at: str,
) -> Reviewed:  # fmt: skip
    cut = tuple(Token(text[start:end], start, end) for start, end in json.loads(tokens))
    sentence = Sentence(text, _mentions(text, mentions), cut, id, group)
    found = _mentions(text, machine)
    why = json.loads(selection)
    return Reviewed(number, sentence, found, bool(hidden), state, version, why, who, at)


def _mentions(text: str, stored: str) -> tuple[Mention, ...]:
    return tuple(
        Mention(start, end, kind, text[start:end], probability)
        for start, end, kind, probability in json.loads(stored)
    )


def agreement(sentences: Sequence[Reviewed]) -> Mapping[str, Mapping[str, object]]:
    """Compare the machine's mentions with the reviewed ones, where it showed them and where not.

    What annotators accept because they see it shows as a difference between the two F1.
    """
    found: dict[str, Mapping[str, object]] = {}
    for name, hidden in (("suggestions shown", False), ("suggestions hidden", True)):
        part = [s for s in sentences if s.state == "reviewed" and s.hidden is hidden]
        machine = [{m[:3] for m in s.machine} for s in part]
        reviewed = [{m[:3] for m in s.sentence.mentions} for s in part]
        n_both = sum(len(a & b) for a, b in zip(machine, reviewed, strict=True))
        n_all = sum(map(len, machine)) + sum(map(len, reviewed))
        f1 = round(200 * n_both / n_all, 2) if n_all else None
        found[name] = {"sentences": len(part), "mentions": sum(map(len, reviewed)), "f1": f1}
    return found
