import os

import pytest

from kakehashi.files import write_atomically, write_folder, write_json


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, "old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "a"
    write_atomically(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail) if call == "fsync" else monkeypatch.setattr(
        type(path), "replace", fail
    )
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_comes_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    write_folder(folder, lambda place: write_json(place / "a.json", {"x": "日本"}))

    def fill_half(place):
        write_json(place / "a.json", {})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(folder, fill_half)
    assert "日本" in (folder / "a.json").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
