from pathlib import Path

from kakehashi.config.reading import data_path, missing_hint


def test_relative_paths_are_taken_from_the_data_folder(monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", "/data")

    assert data_path("a/b.txt") == Path("/data/a/b.txt")
    assert data_path(Path("/elsewhere/b.txt")) == Path("/elsewhere/b.txt")


def test_without_a_data_folder_paths_stay_as_they_are(monkeypatch):
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)

    assert data_path("a/b.txt") == Path("a/b.txt")


def test_an_empty_data_folder_is_none(monkeypatch):
    monkeypatch.setenv("KAKEHASHI_DATA", "")

    assert data_path("a.txt") == Path("a.txt")


def test_the_hint_says_where_relative_paths_are_taken_from(monkeypatch):
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    assert "KAKEHASHI_DATA is not set" in missing_hint("a.txt")
    assert missing_hint("/a.txt") == ""

    monkeypatch.setenv("KAKEHASHI_DATA", "/data")
    assert "KAKEHASHI_DATA=/data" in missing_hint("a.txt")
