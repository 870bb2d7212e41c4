"""From a corpus to a model, to a better one by transfer, and through interruptions."""

import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.config.teaching import TransferSettings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.errors import ConfigError, DivergenceError, RunError
from kakehashi.files import sha256_of
from kakehashi.model.folder import load_model
from kakehashi.progress import Progress
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.scoring.compare import known_values, score_by_overlap
from kakehashi.scoring.score import score_sentences
from kakehashi.training.distributed import ProcessGroup
from kakehashi.training.run import load_result
from kakehashi.training.train import train


@pytest.fixture(scope="session")
def english(settings, tmp_path_factory):
    return train(settings("en"), tmp_path_factory.mktemp("runs") / "english")


@pytest.fixture(scope="session")
def japanese(settings, english, tmp_path_factory):
    transfer = TransferSettings(source=str(english), groups=("char", "dense"))
    lifted = settings("ja").model_copy(update={"transfer": transfer})
    return train(lifted, tmp_path_factory.mktemp("runs") / "japanese")


def weights(folder):
    return sha256_of(Path(folder) / "model" / "weights.safetensors")


def test_a_small_corpus_is_learnt_and_the_result_says_how(english):
    result = load_result(english)
    assert result["test"]["f1"] > 95
    assert result["test"]["gold"] > 30
    assert set(result["test"]["types"]) == {"LOC", "PER"}
    signature = result["test"]["signature"]
    for part in ("conlleval", "sentences:40", "corpus:small-en", "select:dev", "seed:1", "text:"):
        assert part in signature
    assert result["transfer"] is None
    assert result["corpus"]["train"]["sentences"] == 120
    assert result["machine"]["threads"] == 1
    scores = [epoch["dev"] for epoch in result["epochs"]]
    chosen = {"by": "dev", "epoch": scores.index(max(scores)) + 1}
    updates = result["epochs"][-1]["updates"]
    end = {"updates": updates, "stopped_by": "epochs", "rising": True}  # for min_updates
    assert result["selection"] == chosen | end
    assert updates == 6 * result["epochs"][0]["updates"] < 300
    assert result["dev"]["f1"] == pytest.approx(max(scores))
    counts = pq.read_table(english / "counts.parquet")
    assert counts.num_rows == 40
    for column in ("gold", "predicted", "correct"):
        assert counts.schema.field(column).type == pa.int32()
        assert sum(counts[column].to_pylist()) == result["test"][column]


def test_the_run_folder_holds_what_it_should(japanese, world):
    names = {path.name for path in japanese.iterdir()}
    files = "config.json counts.parquet epochs.jsonl log.txt predictions.jsonl result.json"
    assert names == {*files.split(), "transfer.json", "model"}
    plan = json.loads((japanese / "transfer.json").read_text())
    assert plan["groups"] == ["char", "dense"]
    assert load_result(japanese)["transfer"] == plan
    assert len((japanese / "epochs.jsonl").read_text().splitlines()) == 6
    found = read_jsonl(japanese / "predictions.jsonl")
    score = score_sentences(read_jsonl(world / "ja-test.jsonl"), found)
    assert score.f1 == pytest.approx(load_result(japanese)["test"]["f1"])


def test_a_result_scores_seen_and_unseen_values_apart(tree, world, tmp_path):
    """As `evaluate --train` does, here from the files of the corpora and of the run."""
    few = tree("ja", epochs=20, learning_rate=0.05)
    few["corpus"] |= {"train_size": 5}
    settings = settings_from_tree(few)
    result = load_result(train(settings, tmp_path / "run"))
    gold, found = (
        read_jsonl(world / "ja-test.jsonl"),
        read_jsonl(tmp_path / "run/predictions.jsonl"),
    )
    known = known_values(load_corpora(settings.corpus).train)
    values = score_by_overlap(gold, found, known)
    assert result["test"]["values"] == {name: count.to_dict() for name, count in values.items()}
    for part in ("dev", "test"):
        seen, unseen = (result[part]["values"][name] for name in ("seen", "unseen"))
        assert min(seen["gold"], unseen["gold"], seen["correct"]) > 0
        for column in ("gold", "predicted", "correct"):
            assert seen[column] + unseen[column] == result[part][column]


def test_the_recognizer_gives_exact_offsets_and_does_not_depend_on_the_company(japanese, world):
    recognizer = Recognizer.load(japanese)
    text = "　佐藤葵は大阪に住む。"
    mentions = recognizer(text)
    assert [(m.text, m.type) for m in mentions] == [("佐藤葵", "PER"), ("大阪", "LOC")]
    for mention in mentions:
        assert text[mention.start : mention.end] == mention.text
        assert 0 < mention.probability <= 1
    texts = [sentence.text for sentence in read_jsonl(world / "ja-test.jsonl")]
    together = [sentence.mentions for sentence in recognizer.recognize(texts)]
    for text, mentions in zip(texts, together, strict=True):
        alone = recognizer(text)
        assert [m[:4] for m in alone] == [m[:4] for m in mentions]
        assert [m.probability for m in alone] == pytest.approx([m.probability for m in mentions])


@pytest.mark.parametrize("text", ["", " ", "\n", "a" * 5000, "\ud800", "👩‍👩‍👧", "ｶﾞｷﾞ㈱"])
def test_the_recognizer_takes_any_text(japanese, text):
    for mention in Recognizer.load(japanese)(text):
        assert text[mention.start : mention.end] == mention.text


def test_the_seed_decides_every_byte(english, settings, tmp_path):
    again = train(settings("en"), tmp_path / "again")
    assert weights(again) == weights(english)
    times = {"epochs": load_result(again)["epochs"]}
    assert load_result(again) == load_result(english) | times
    other = train(settings("en", seed=0), tmp_path / "other")
    assert weights(other) != weights(english)


def files_of(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_a_finished_run_that_would_give_the_same_again_is_left_as_it_is(english, settings, told):
    before = files_of(english)
    assert train(settings("en"), english, told) == english
    assert told.lines == [f"{english} is finished already; remove it to train again"]
    assert files_of(english) == before


def test_what_a_kill_after_the_result_has_left_goes(english, settings, tmp_path):
    shutil.copytree(english, tmp_path / "run")
    for name in ("checkpoint", ".checkpoint.tmp", ".checkpoint.123.tmp", ".lock"):
        (tmp_path / "run" / name).write_bytes(b"x")
    train(settings("en"), tmp_path / "run")
    assert files_of(tmp_path / "run") == files_of(english)


def test_a_finished_run_is_never_clobbered(english, settings, world, tmp_path):
    before = files_of(english)
    with pytest.raises(RunError, match="holds a finished run with other settings"):
        train(settings("en", seed=2), english)
    corpus = tmp_path / "en-train.jsonl"
    corpus.write_bytes((world / "en-train.jsonl").read_bytes())
    (source,) = settings("en").corpus.train
    parts = settings("en").corpus.model_copy(
        update={"train": (source.model_copy(update={"path": str(corpus)}),)}
    )
    moved = settings("en", epochs=1).model_copy(update={"corpus": parts})
    train(moved, tmp_path / "run")
    with corpus.open("a") as file:
        file.write(json.dumps({"text": "One more ."}) + "\n")
    with pytest.raises(RunError, match="holds a finished run with other corpora, vectors or so"):
        train(moved, tmp_path / "run")
    assert files_of(english) == before


@pytest.mark.parametrize("leftover", [None, ".config.json.tmp", ".gitkeep"])
def test_a_folder_without_anything_of_a_run_is_taken(settings, tmp_path, leftover):
    (tmp_path / "run").mkdir()
    if leftover:
        (tmp_path / "run" / leftover).touch()
    train(settings("en", epochs=1), tmp_path / "run")
    assert (tmp_path / "run/result.json").exists()
    assert not (tmp_path / "run/.config.json.tmp").exists()


def test_two_trainings_cannot_share_a_folder(settings, tmp_path):
    """The second comes while the first is in its epoch."""

    class Second(Progress):
        refused = None

        def say(self, line):
            if line.startswith("epoch 1/") and self.refused is None:
                with pytest.raises(RunError, match="another process trains in it") as caught:
                    train(settings("en", epochs=2), tmp_path / "run")
                self.refused = caught.value

    second = Second()
    train(settings("en", epochs=2), tmp_path / "run", second)
    assert second.refused is not None
    assert len((tmp_path / "run/log.txt").read_text().splitlines()) == 2


def test_an_epoch_that_a_kill_left_out_of_the_record_comes_back(settings, tmp_path, stop_at):
    with pytest.raises(KeyboardInterrupt):
        train(settings("en"), tmp_path / "run", stop_at("epoch 4/"))
    record = tmp_path / "run/epochs.jsonl"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:2]))
    train(settings("en"), tmp_path / "run")
    numbers = [json.loads(line)["number"] for line in record.read_text().splitlines()]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert load_result(tmp_path / "run")["epochs"][2]["number"] == 3


def without_dev(settings, **training):
    made = settings("en", **training)
    corpus = made.corpus.model_dump(mode="json") | {"dev": []}
    return settings_from_tree(made.model_dump(mode="json") | {"corpus": corpus})


def test_without_development_sentences_the_last_epoch_is_kept_if_asked(settings, tmp_path):
    with pytest.raises(ConfigError, match=r"corpus.dev is needed.*training.select to 'last'"):
        without_dev(settings)
    train(without_dev(settings, select="last", epochs=3), tmp_path / "run")
    result = load_result(tmp_path / "run")
    end = {"updates": result["epochs"][-1]["updates"], "stopped_by": "epochs", "rising": None}
    assert result["selection"] == {"by": "last", "epoch": 3} | end
    assert result["dev"] is None
    assert [epoch["dev"] for epoch in result["epochs"]] == [None, None, None]
    assert result["test"]["f1"] > 0


def test_no_epoch_is_chosen_by_the_f1_of_nothing(settings, tmp_path):
    made = settings("en").model_dump(mode="json")
    parts, nothing = made["corpus"], tmp_path / "nothing.jsonl"
    nothing.write_text('{"text": "Nothing new ."}\n')
    unnamed = [{"format": "jsonl", "path": str(nothing)}]
    whole = {"all": parts["train"], "split": {"train": 80, "test": 40}}
    for corpus, select, problem in (
        (whole, "dev", "corpus.dev: has no sentence, so no epoch"),
        (parts | {"dev": unnamed}, "dev", "corpus.dev: has no sentence with an entity, so"),
        (parts | {"test": []}, "best-test", "corpus.test: has no sentence, so"),
    ):
        tree = made | {"corpus": corpus, "training": made["training"] | {"select": select}}
        with pytest.raises(ConfigError, match=problem):
            train(settings_from_tree(tree), tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_divergence_is_an_error_and_the_best_model_so_far_stays(settings, tmp_path, monkeypatch):
    loss_of, batches = ProcessGroup.loss, []

    def explode(self, tagger, batch):
        batches.append(batch)
        return loss_of(self, tagger, batch) * (1 if len(batches) < 30 else float("inf"))

    monkeypatch.setattr(ProcessGroup, "loss", explode)
    with pytest.raises(DivergenceError, match=r"diverged: the loss is (inf|nan).*learning_rate"):
        train(settings("en"), tmp_path / "run")
    epochs = [json.loads(line) for line in (tmp_path / "run/epochs.jsonl").read_text().splitlines()]
    assert 0 < len(epochs) < 6
    assert not (tmp_path / "run/result.json").exists()
    assert load_model(tmp_path / "run").tagger.dense.weight.isfinite().all()


def test_what_is_no_run_is_left_alone(settings, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is no run of ours"):
        train(settings("en"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("epoch", [1, 2, 4, 6])
def test_an_interrupted_run_ends_as_if_it_had_not_been(english, settings, tmp_path, epoch, stop_at):
    """The stop comes when an epoch is over but before its checkpoint: the epoch is run again."""
    with pytest.raises(KeyboardInterrupt):
        train(settings("en"), tmp_path / "run", stop_at(f"epoch {epoch}/"))
    assert not (tmp_path / "run" / "result.json").exists()
    assert (tmp_path / "run" / "model" / "SHA256SUMS").exists()
    train(settings("en"), tmp_path / "run")
    assert weights(tmp_path / "run") == weights(english)
    assert load_result(tmp_path / "run")["test"] == load_result(english)["test"]


def test_patience_stops_when_f1_has_risen_no_more(settings, tmp_path, told):
    length = {"epochs": None, "patience": 2, "min_updates": 0, "score_every": 15}
    result = load_result(train(settings("en", **length), tmp_path / "run", told))
    epochs = map(json.loads, (tmp_path / "run/epochs.jsonl").read_text().splitlines())
    scores = [(epoch["number"], epoch["dev"]) for epoch in epochs]
    # About ten updates an epoch: each second one is scored.
    assert [dev is None for _, dev in scores] == [True, False] * (len(scores) // 2)
    best = max(dev for _, dev in scores if dev is not None)
    chosen = next(number for number, dev in scores if dev == best)
    assert chosen == result["selection"]["epoch"] == len(scores) - 4
    assert (result["selection"]["stopped_by"], result["selection"]["rising"]) == ("patience", False)
    assert result["dev"]["f1"] == pytest.approx(best)
    assert not [line for line in told.lines if line.startswith("warning")]


@pytest.mark.parametrize(
    ("length", "warning"),
    [
        ({"epochs": 1}, None),  # as was asked for
        ({"epochs": None, "max_epochs": 2}, "after epoch 2; raise training.max_epochs"),
        ({"epochs": 1, "select": "last"}, None),
        ({"epochs": 3, "patience": 1, "min_updates": 0, "learning_rate": 1e-9}, None),
    ],
)
def test_a_run_that_may_not_have_learnt_all_it_could_is_warned_of(
    settings, tmp_path, told, length, warning
):
    train(settings("en", **length), tmp_path / "run", told)
    expected = [f"warning: F1 may still have been rising {warning}"] if warning else []
    assert [line for line in told.lines if line.startswith("warning")] == expected


class StopInside(Progress):
    """Interrupts after some batches of the first epoch."""

    def track(self, items, description, total=None):
        for number, item in enumerate(items):
            if number == 3 and description == "epoch 1":
                raise KeyboardInterrupt
            yield item


def test_an_interrupted_run_can_be_finished_with_what_it_has(settings, tmp_path, stop_at, told):
    with pytest.raises(KeyboardInterrupt):
        train(settings("en"), tmp_path / "run", stop_at("epoch 4/"))
    folder = train(settings("en"), tmp_path / "run", told, finish=True)
    result = load_result(folder)
    assert (len(result["epochs"]), result["selection"]["stopped_by"]) == (3, "finish")
    assert result["selection"]["rising"]
    assert result["selection"]["updates"] == result["epochs"][-1]["updates"]
    assert result["dev"]["f1"] == pytest.approx(max(epoch["dev"] for epoch in result["epochs"]))
    shorter = train(settings("en", epochs=3), tmp_path / "shorter")
    assert weights(shorter) == weights(folder)
    before = files_of(folder)
    train(settings("en"), folder, finish=True)
    assert files_of(folder) == before


def test_a_run_without_an_epoch_is_finished_after_its_first(settings, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(settings("en"), tmp_path / "run", StopInside(), save_every=0)
    result = load_result(train(settings("en"), tmp_path / "run", finish=True))
    assert (len(result["epochs"]), result["selection"]["stopped_by"]) == (1, "finish")
    whole = train(settings("en", epochs=1), tmp_path / "whole")
    assert weights(whole) == weights(tmp_path / "run")


def test_where_there_is_no_checkpoint_there_is_nothing_to_finish(settings, tmp_path):
    with pytest.raises(RunError, match=r"has no checkpoint of an interrupted run; .* --finish"):
        train(settings("en"), tmp_path / "new", finish=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        train(settings("en"), tmp_path / "run", StopInside())
    with pytest.raises(RunError, match="has no checkpoint of an interrupted run"):
        train(settings("en"), tmp_path / "run", finish=True)


@pytest.fixture
def strange(tree, tmp_path):
    """Settings; no set has a name of another, and only its vector tells a person from a place."""
    random_, vectors = random.Random(1), []
    for part, count in {"train": 40, "dev": 20, "test": 30}.items():
        lines = []
        for number in range(count):
            kind, name = ("PER", "LOC")[number % 2], "".join(random_.choices("aeioukstn", k=6))
            mention = {"start": 6, "end": 12, "type": kind}
            lines.append(json.dumps({"text": f"I saw {name} .", "mentions": [mention]}) + "\n")
            numbers = [random_.gauss(1 if kind == "PER" else -1, 0.3) for _ in range(4)]
            vectors.append(" ".join([name.title(), *(f"{x:.3f}" for x in numbers)]) + "\n")
        (tmp_path / f"{part}.jsonl").write_text("".join(lines))
    random_.shuffle(vectors)
    (tmp_path / "names.vec").write_text("".join(vectors))

    def make(parts=("train", "dev", "test"), **more):
        settings = tree("en", epochs=8)
        del settings["model"]["word_width"]
        paths = {part: str(tmp_path / f"{part}.jsonl") for part in parts}
        settings["corpus"] = {part: [{"format": "jsonl", "path": paths[part]}] for part in parts}
        settings["vectors"] = {"path": str(tmp_path / "names.vec")} | more
        return settings_from_tree(settings)

    return make


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_a_test_set_is_new_text(strange, run, tmp_path, precision):
    """Named in the config while training or not: the same weights, and to the digit the same F1."""
    known = train(strange(precision=precision), tmp_path / "known")
    unknown = train(strange(("train", "dev"), precision=precision), tmp_path / "unknown")
    assert weights(known) == weights(unknown)
    assert files_of(known / "model") == files_of(unknown / "model")
    test = tmp_path / "test.jsonl"
    write_jsonl(tmp_path / "found.jsonl", Recognizer.load(unknown).annotate(read_jsonl(test)))
    done = run("evaluate", test, tmp_path / "found.jsonl", "--json")
    score, result = json.loads(done.stdout), load_result(known)["test"]
    names = ("f1", "precision", "recall", "gold", "predicted", "correct", "types")
    assert {name: score[name] for name in names} == {name: result[name] for name in names}
    assert load_result(unknown)["test"] is None
    # It would be no feat if test were like training.
    words = load_model(known).tagger.words
    assert len(words.strings) == words.n_seen + 20 + 30
    assert result["f1"] > 90
    without = load_result(train(strange(extra_words="none"), tmp_path / "without"))
    assert without["test"]["f1"] < 75
