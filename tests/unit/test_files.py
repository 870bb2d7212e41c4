import multiprocessing
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from kakehashi.files import (
    lock,
    replacing_file,
    replacing_folder,
    sweep,
    write_atomically,
    write_json,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def in_a_child(work, *arguments):
    """Run a function in a forked process, and tell how that ends."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode


def killed(_):
    os.kill(os.getpid(), signal.SIGKILL)


def half_write(path):
    with replacing_file(path) as temporary:
        temporary.write_text("half")
        killed(path)


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, "old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "a"
    write_atomically(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail) if call == "fsync" else monkeypatch.setattr(
        type(path), "replace", fail
    )
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(path, "new")
    monkeypatch.undo()
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_link_is_followed_and_a_device_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "null").symlink_to(os.devnull)
    write_atomically(tmp_path / "null", "new")
    assert Path(os.devnull).is_char_device()
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*full'"):
        write_atomically(tmp_path / "full", "new")


def test_a_folder_comes_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    with replacing_folder(folder) as place:
        write_json(place / "a.json", {"x": "日本"})
    with suppress(KeyboardInterrupt), replacing_folder(folder) as place:
        write_json(place / "a.json", {})
        raise KeyboardInterrupt
    assert "日本" in (folder / "a.json").read_text(encoding="utf-8")
    assert names(tmp_path) == ["model"]


def test_a_folder_whose_successor_cannot_take_its_place_comes_back(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    with replacing_folder(folder) as place:
        (place / "a").write_text("old")
    rename = Path.rename

    def fail(path, target):
        if path.suffix == ".tmp":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with (
        pytest.raises(OSError, match=r"Input/output error: '.*model'"),
        replacing_folder(folder) as place,
    ):
        (place / "a").write_text("new")
    monkeypatch.undo()
    assert (folder / "a").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_what_a_killed_writer_leaves_is_one_file_that_the_next_write_replaces(tmp_path):
    path = tmp_path / "a"
    for _ in range(3):
        assert in_a_child(half_write, path) == -signal.SIGKILL
    assert len(names(tmp_path)) <= 2
    write_atomically(path, "new")
    assert names(tmp_path) == ["a"]


def test_sweeping_removes_what_the_dead_have_left_and_nothing_else(tmp_path):
    def half_a_folder(path):
        with replacing_folder(path) as place:
            (place / "x").write_text("half")
            killed(place)

    kept = [".gitkeep", ".notes.txt", "a.tmp", "b"]
    for name in (*kept, ".checkpoint.4711.tmp", ".c.tmp"):
        (tmp_path / name).write_text(name)
    assert in_a_child(half_a_folder, tmp_path / "model") == -signal.SIGKILL
    sweep(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_sweeping_brings_back_a_folder_whose_successor_never_came(tmp_path):
    folder = tmp_path / "model"
    with replacing_folder(folder) as place:
        (place / "a").write_text("old")
    folder.rename(tmp_path / ".model.old")  # where a kill between two renames leaves it
    sweep(tmp_path)
    assert (folder / "a").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_sweeping_leaves_what_is_being_written(tmp_path):
    with replacing_file(tmp_path / "a") as place:
        place.write_text("half")
        sweep(tmp_path)
        place.write_text(place.read_text() + " and half")
    assert (tmp_path / "a").read_text() == "half and half"


def test_a_lock_is_one_process_s_and_free_when_that_is_dead(tmp_path):
    path, waited = tmp_path / "lock", []
    with lock(path, wait=False) as mine, lock(path, wait=False) as also:
        assert (mine, also) == (True, False)
    assert names(tmp_path) == []

    def die_with_it(path):
        with lock(path):
            killed(path)

    assert in_a_child(die_with_it, path) == -signal.SIGKILL
    assert names(tmp_path) == ["lock"]
    with lock(path, waiting=lambda: waited.append(1)) as mine:
        assert mine
    assert (names(tmp_path), waited) == ([], [])


def count_up(path):
    for _ in range(200):
        with lock(path.with_name("lock")):
            path.write_text(str(int(path.read_text()) + 1))


def test_those_who_wait_for_a_lock_that_is_removed_wait_for_the_next(tmp_path):
    path = tmp_path / "n"
    path.write_text("0")
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=count_up, args=(path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert path.read_text() == "800"
    assert names(tmp_path) == ["n"]
