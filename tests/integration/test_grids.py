"""Real grids on a small world: real processes, real signals, a real Ray of two nodes."""

import json
import random
import shutil
import signal
import time

import pytest

from kakehashi.experiments.grid import read_grid
from kakehashi.experiments.store import load_results

EPOCHS = 12
KILLS = 5
RUN = ("experiment", "run", "grid.toml")


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def write_grid(path, **tables):
    grid = {
        "name": path.stem,
        "seeds": [1, 2],
        "config": "ja.json",
        "source": "en",
        "sources": {"en": {"config": "en.json"}},
        "axes": {"recognizer": {"no transfer": {}, "transfer": {"groups": ["char", "dense"]}}},
        "report": {"rows": "recognizer", "baseline": {"recognizer": "no transfer"}},
    }
    lines = (f"{key} = {toml(value)}\n" for key, value in (grid | tables).items())
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def folder(tree, tmp_path):
    """A folder with a grid file and its two configs."""

    def make(epochs):
        for language in ("en", "ja"):
            text = json.dumps(tree(language, epochs=epochs))
            (tmp_path / f"{language}.json").write_text(text)
        write_grid(tmp_path / "grid.toml")
        return tmp_path

    return make


@pytest.fixture
def experiment(run):
    """Run a verb in a folder: the exit status, what it printed, what it said."""

    def experiment(folder, *arguments, verb="run"):
        done = run("experiment", verb, "grid.toml", *arguments, cwd=folder)
        return done.returncode, done.stdout, done.stderr

    return experiment


def finished(root):
    return {file.parent.name: file.stat().st_mtime_ns for file in root.glob("*/result.json")}


def test_a_widened_grid_runs_only_what_is_new(experiment, folder):
    folder = folder(epochs=2)
    root = folder / "runs/cells"
    status, out, err = experiment(folder)
    assert (status, out) == (0, "runs/cells/grid.parquet\n"), err
    assert len(err.splitlines()) == 5
    before = finished(root)
    write_grid(folder / "grid.toml", seeds=[1, 2, 3], title="A comment more")
    status, _, err = experiment(folder, "--workers", "2")
    assert status == 0
    expected = ["no transfer · seed 3", "transfer · seed 3"]
    assert sorted(line.split("  ")[1].split(":")[0] for line in err.splitlines()) == expected
    assert before.items() <= finished(root).items()
    results = load_results(read_grid(folder / "grid.toml"), root)
    assert [cell.axes["seed"] for cell in results.runs] == ["1", "2", "3"] * 2
    for cell in results.runs:
        assert cell.counts.sum(axis=0).tolist() == [
            cell.result["test"][name] for name in ("gold", "predicted", "correct")
        ]


def test_plan_and_status_say_what_there_is(experiment, folder):
    folder = folder(epochs=2)
    status, out, err = experiment(folder, "--workers", "2", verb="plan")
    assert (status, err.count("timing a short training")) == (0, 2)
    assert "4 combinations, 4 runs: 0 finished, 4 runs and 1 source model to run" in out
    assert out.splitlines()[-1] == "Expected: 1 min with --workers 2"
    assert not list(folder.glob("runs/cells/*/result.json"))
    assert experiment(folder, "--only", "recognizer=no transfer", "--only", "seed=1")[0] == 0
    status, out, _ = experiment(folder, "--json", verb="status")
    report = json.loads(out)
    assert (report["cells"], report["finished"]) == (4, 1)
    assert report["missing"][0] == "en"
    assert "1/2" in experiment(folder, verb="status")[1]
    # A table of what is finished, with no word of what is not, nor of a baseline left out.
    _, out, _ = experiment(
        folder, "--only", "seed=1", "--only", "recognizer=no transfer", verb="table"
    )
    assert "1/1" in out
    assert "of 4 runs" not in out
    # What has been timed by a whole run needs no probe.
    _, _, err = experiment(folder, "--only", "recognizer=no transfer", verb="plan")
    assert err == ""


def test_a_changed_corpus_is_named_and_either_choice_works(experiment, folder):
    folder = folder(epochs=1)
    config = json.loads((folder / "ja.json").read_text())
    own = shutil.copy(config["corpus"]["train"][0]["path"], folder / "own.jsonl")
    config["corpus"]["train"][0]["path"] = str(own)
    (folder / "ja.json").write_text(json.dumps(config))
    only = ("--only", "recognizer=no transfer", "--only", "seed=1")
    assert experiment(folder, *only)[0] == 0
    with own.open("a") as file:
        file.write('{"text": "new"}\n')
    for verb in ("plan", "run"):
        status, out, err = experiment(folder, *only, verb=verb)
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert f"changed after 1 runs: {own}; choose --changed run, or" in err
    status, out, err = experiment(folder, *only, "--changed", "keep")
    assert (status, out, err) == (0, "runs/cells/grid.parquet\n", "")
    (folder / "runs/cells/kept.json").unlink()
    (folder / "runs/cells/grid.parquet").unlink()
    status, _, err = experiment(folder, *only, "--changed", "run")
    assert (status, len(err.splitlines())) == (0, 1)


def test_a_failing_run_lets_the_others_go_on(experiment, folder):
    folder = folder(epochs=2)
    config = json.loads((folder / "ja.json").read_text())
    (folder / "empty.jsonl").write_text("")
    config["corpus"]["train"][0]["path"] = str(folder / "empty.jsonl")
    (folder / "empty.json").write_text(json.dumps(config))
    axis = {"good": {}, "bad": {"config": "empty.json"}}
    write_grid(folder / "grid.toml", axes={"recognizer": axis}, report={"rows": "recognizer"})
    status, out, err = experiment(folder, "--workers", "2")
    assert status == 2
    assert [line.split(":")[1] for line in out.splitlines()] == [" bad · seed 1", " bad · seed 2"]
    assert "2 of 4 runs failed" in err.splitlines()[-1]
    assert len(finished(folder / "runs/cells")) == 2


def test_ctrl_c_stops_it_and_the_same_command_goes_on(start, experiment, folder):
    folder = folder(epochs=EPOCHS)
    process = start(*RUN, "--workers", 2, cwd=folder)
    while not list(folder.glob("runs/cells/*/epochs.jsonl")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert experiment(folder, "--workers", "2")[0] == 0


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(start, experiment, folder):
    folder = folder(epochs=EPOCHS)
    began = time.perf_counter()
    assert experiment(folder, "--workers", "2")[0] == 0
    whole = time.perf_counter() - began
    root = folder / "runs/cells"
    expected = (root / "grid.parquet").read_bytes()
    random_, kills = random.Random(11), 0
    while kills < KILLS:  # a grid that ends between two kills is followed by another
        shutil.rmtree(root)
        process, done = None, {}
        while process is None or process.returncode != 0:
            process = start(*RUN, "--workers", 2, cwd=folder)
            if kills < KILLS:
                time.sleep(random_.random() * whole)
                kills += process.poll() is None
                process.kill()
            _, err = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), err
            now = finished(root)
            assert done.items() <= now.items()  # what was finished was not touched again
            done = now
        assert (root / "grid.parquet").read_bytes() == expected
        for cell in done:
            assert len((root / cell / "epochs.jsonl").read_text().splitlines()) == EPOCHS


@pytest.mark.slow
def test_ray_gives_the_same_table(experiment, start, folder, cluster):
    folder = folder(epochs=2)
    assert experiment(folder, "--root", "here", "--workers", "2")[0] == 0
    ray = start(*RUN, "--root", "there", "--executor", "ray", "--address", cluster, cwd=folder)
    _, err = ray.communicate()
    assert ray.returncode == 0, err
    there = (folder / "there/grid.parquet").read_bytes()
    assert there == (folder / "here/grid.parquet").read_bytes()


def test_a_dead_ray_address_is_one_line(run, folder):
    dead = ("--executor", "ray", "--address", "127.0.0.1:9")
    done = run(*RUN, *dead, cwd=folder(epochs=1))
    done.refused("--address: there is no Ray cluster at 127.0.0.1:9")
