import json

import pytest

from kakehashi.config.sources import TextSource
from kakehashi.training.curriculum import plan_curriculum


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "raw.txt").write_text("to Bonn\n\nto Rome\n")
    (tmp_path / "some.jsonl").write_text('{"text": "to Oslo"}\n')
    part = [{"format": "jsonl", "path": str(tmp_path / "some.jsonl")}]

    def plan(teacher="kakehashi", english_epochs=None, **corpus):
        english = {"train": part, "dev": part}
        for name, parts in (("en", english), ("ja", {"dev": part, **corpus})):
            tree = {"name": name, "corpus": parts, "training": {"seed": 3}}
            (tmp_path / f"{name}.json").write_text(json.dumps(tree))
        texts = [TextSource(path=str(tmp_path / "raw.txt"))]
        configs = (tmp_path / "ja.json", tmp_path / "en.json")
        steps = plan_curriculum(*configs, texts, tmp_path / "out", teacher, english_epochs)
        return {step.folder.name: step for step in steps}

    plan.part = part
    return plan


def test_with_gold_the_teacher_learns_it_too(plan):
    steps = plan(train=plan.part)
    assert list(steps) == ["english", "teacher", "student"]
    student, teacher = steps["student"].settings, steps["teacher"].settings
    english = str(steps["english"].folder)
    assert (student.transfer.source, teacher.transfer.source) == (english, english)
    assert student.teach.teachers == (str(steps["teacher"].folder),)
    assert (student.training.select, student.training.seed) == ("dev", 3)
    assert (steps["student"].n_gold, steps["student"].n_unlabeled) == (1, 2)
    assert teacher.teach is None


@pytest.mark.parametrize("corpus", ["none", "sampled to none"])
def test_without_gold_the_english_one_teaches(plan, corpus):
    steps = plan(**({} if corpus == "none" else {"train": plan.part, "train_size": 0}))
    assert list(steps) == ["english", "student"]
    student = steps["student"].settings
    assert student.teach.teachers == (str(steps["english"].folder),)
    assert student.training.select == "teacher"
    assert steps["student"].n_gold == 0


@pytest.mark.parametrize("corpus", ["none", "sampled to none"])
def test_without_gold_a_teacher_on_an_encoder_reads_the_text_as_the_target_does(plan, corpus):
    own = {} if corpus == "none" else {"train": plan.part, "train_size": 0}
    steps = plan("encoder", **own)
    assert list(steps) == ["english-teacher", "teacher", "english", "student"]
    teacher, student = steps["teacher"].settings, steps["student"].settings
    assert teacher.transfer.source == str(steps["english-teacher"].folder)
    assert teacher.corpus.train_size == steps["teacher"].n_gold == 0
    texts = student.teach.unlabeled if corpus == "none" else student.corpus.train
    assert teacher.corpus.train == texts
    assert student.teach.teachers == (str(steps["teacher"].folder),)


def test_only_a_teacher_on_an_encoder_sees_english_so_often(plan):
    for often in (None, 1):
        steps = plan("encoder", often, train=plan.part)
        assert list(steps) == ["english-teacher", "teacher", "english", "student"]
        settings = {name: step.settings.training for name, step in steps.items()}
        assert settings["english-teacher"].epochs == often
        assert settings["english-teacher"].seed == 3
        assert settings["english-teacher"].max_epochs == 8
        others = [settings[name].epochs for name in ("teacher", "english", "student")]
        assert others == [None, None, None]
