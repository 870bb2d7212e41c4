"""Calibration of a model that was trained on generated utterances."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kakehashi.config.sources import AssistantSource
from kakehashi.corpora.formats import read_source
from kakehashi.errors import ConfigError, ModelError
from kakehashi.runtime.calibration import Observed, calibrate, calibrate_model
from kakehashi.runtime.checked_folder import (
    model_fingerprint,
    read_calibration,
    write_calibration,
)
from kakehashi.runtime.model_folder import read_model, write_model
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.scoring.reliability import measure_reliability
from kakehashi.sentence import Mention, Sentence

MODEL = Path(__file__).parents[2] / "golden/models/en"


@pytest.fixture(scope="module")
def dev():
    source = AssistantSource(language="en", utterances=300, partition="dev")
    return list(read_source(source))


@pytest.fixture(scope="module")
def observed(dev):
    return Observed(Recognizer.load(MODEL, precision="float32"), dev)


@pytest.fixture(scope="module")
def calibration(observed):
    return calibrate(observed)


@pytest.fixture
def model(tmp_path):
    shutil.copytree(MODEL, tmp_path / "model")
    return tmp_path / "model"


def test_mentions_observed_are_those_that_are_found(observed, dev):
    recognizer = Recognizer.load(MODEL, precision="float32")
    found = list(recognizer.annotate(dev))
    probabilities = [m.probability for sentence in found for m in sentence.mentions]
    assert sorted(observed.probabilities(1.0)) == pytest.approx(sorted(probabilities))
    pairs = zip(dev, found, strict=True)
    n_right = sum(len({m[:3] for m in a.mentions} & {m[:3] for m in b.mentions}) for a, b in pairs)
    assert observed.correct.sum() == n_right
    assert observed.n_gold == sum(len(sentence.mentions) for sentence in dev)


def test_the_temperature_is_the_most_likely_and_lessens_the_error(observed, calibration):
    best = observed.loss(calibration.temperature)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2):
        assert best <= observed.loss(factor * calibration.temperature)
    assert calibration.error_after < calibration.error_before
    assert calibration.mentions == len(observed.correct) == len(observed.types)
    by_type = observed.reliability_by_type(1.0)
    assert all(each.mentions >= 100 for each in by_type.values())


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_calibrated_model_finds_the_same_with_other_probabilities(
    model, dev, calibration, precision
):
    before = list(Recognizer.load(model, precision=precision).annotate(dev))
    write_calibration(model, calibration)
    recognizer = Recognizer.load(model, precision=precision)
    assert recognizer.decoder.temperature == calibration.temperature
    after = list(recognizer.annotate(dev))
    changed = 0
    for old, new in zip(before, after, strict=True):
        assert [m[:4] for m in old.mentions] == [m[:4] for m in new.mentions]
        changed += old.mentions != new.mentions
    assert changed > 100


def test_a_calibration_is_a_checked_part_of_the_folder(model, calibration):
    bare, uncalibrated = model_fingerprint(model), model_fingerprint(model, calibrated=False)
    assert bare == uncalibrated
    assert read_calibration(model) is None
    write_calibration(model, calibration)
    write_calibration(model, calibration)  # in place of the first
    assert model_fingerprint(model) != bare
    assert model_fingerprint(model, calibrated=False) == bare
    loaded = read_model(model)
    assert loaded.calibration == calibration
    write_model(model.with_name("again"), loaded)
    assert read_model(model.with_name("again")).calibration == calibration
    write_model(model.with_name("bare"), replace(loaded, calibration=None))
    assert read_model(model.with_name("bare")).calibration is None
    path = model / "calibration.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"0.", b"1."))
    with pytest.raises(ModelError, match=r"calibration\.json is damaged"):
        read_model(model)
    path.unlink()
    with pytest.raises(ModelError, match="damaged"):
        read_model(model)


def test_too_few_mentions_calibrate_nothing(model, dev, told):
    recognizer = Recognizer.load(model, precision="float32")
    few = Observed(recognizer, dev[:20])
    with pytest.raises(ConfigError, match=r"^dev.jsonl: the model finds \d+ mentions, and 200 are"):
        calibrate(few, "dev.jsonl")
    for some in (dev[:20], []):
        assert calibrate_model(model, recognizer, some, told) is None
    assert not (model / "calibration.json").exists()
    assert calibrate_model(model, recognizer, dev, told) == read_calibration(model)
    assert recognizer.decoder.temperature == read_calibration(model).temperature
    assert told.lines[0].startswith("temperature ")


def test_what_is_always_right_or_wrong_has_the_temperature_at_the_end(observed):
    for right, temperature in ((True, 0.1), (False, 10.0)):
        sure = Observed.__new__(Observed)
        vars(sure).update(vars(observed), correct=np.full(len(observed.correct), right))
        assert calibrate(sure).temperature == pytest.approx(temperature, rel=0.01)


def test_a_mention_that_no_tokens_equal_is_never_right():
    text = "set an alarm for nine"
    gold = Sentence(text, (Mention(17, 20, "time", "nin"),))
    found = Observed(Recognizer.load(MODEL, precision="float32"), [gold])
    assert found.n_gold == 1
    assert not found.correct.any()


def test_reliability_by_hand():
    found = measure_reliability(np.array([0.9, 0.5, 0.7]), np.array([True, False, True]), 4)
    assert found.error == pytest.approx(abs(0.7 - 2 / 3))
    assert found.brier == pytest.approx((0.01 + 0.25 + 0.09) / 3)
    assert found.risk == pytest.approx((0 + 0 + 1 / 3) / 3)
    kept = {cut.probability: (cut.kept, cut.precision, cut.recall) for cut in found.cut_offs}
    assert kept[0.0] == (3, pytest.approx(2 / 3), 0.5)
    assert kept[0.7] == (2, 1.0, 0.5)
    assert kept[0.95] == (0, None, 0.0)
    nothing = measure_reliability(np.zeros(0), np.zeros(0, np.bool_), 0)
    assert (nothing.error, nothing.brier, nothing.bins) == (0, 0, ())
    assert nothing.cut_offs[0].recall is None
