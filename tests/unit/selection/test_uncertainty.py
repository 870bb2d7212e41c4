import math
from pathlib import Path

import numpy as np
import pytest

from kakehashi.runtime.recognizer import Recognizer
from kakehashi.selection.uncertainty import score_uncertainty
from kakehashi.sentence import Sentence

MODEL = Path(__file__).parents[2] / "golden/models"
TEXTS = ["wake me up at seven", "", "play some jazz by miles davis please", "tomorrow", "wake me"]


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load(MODEL / "en", precision="float32")


def test_scores_are_of_each_sentence_alone(recognizer):
    found = list(score_uncertainty(recognizer, map(Sentence, TEXTS)))
    assert {each.sentence.text for each in found} == set(TEXTS) - {""}
    for each in found:
        (_, offsets, emissions, _) = next(recognizer.emissions([Sentence(each.sentence.text)]))
        shares = np.exp(emissions - emissions.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        best, n = shares.max(axis=1), offsets[-1]
        assert each.mnlp == pytest.approx(-np.log(best).sum() / n, abs=1e-5)
        mentions = recognizer(each.sentence.text)
        assert [m[:4] for m in each.sentence.mentions] == [m[:4] for m in mentions]
        expected = [m.probability for m in mentions]
        assert [m.probability for m in each.sentence.mentions] == pytest.approx(expected, abs=1e-5)
        outside = sum(
            1 - p for p, row in zip(shares[:, 0], shares, strict=True) if row[0] == row.max()
        )
        assert each.span == pytest.approx((sum(1 - p for p in expected) + outside) / n, abs=1e-5)
        assert math.isfinite(each.span)


def test_a_model_of_another_language_reads_text_as_a_config_has_it(recognizer):
    japanese = Recognizer.load(MODEL / "ja").model
    text = "明日の朝七時に東京の天気を教えて"
    (alone,) = recognizer.recognize([text])
    assert len(alone.tokens) == 1
    other = recognizer.for_text(japanese.text, japanese.settings)
    (cut,) = other.recognize([text])
    assert [token.text for token in cut.tokens][:3] == ["明日", "の", "朝"]
    assert other.model.settings.char_view == "romaji"
    assert other.model.weights is recognizer.model.weights
    assert recognizer.model.settings.char_view == "original"
