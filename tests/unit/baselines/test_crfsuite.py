from dataclasses import replace

import numpy as np
import pytest

from kakehashi.baselines import crfsuite
from kakehashi.baselines.crfsuite import CRFsuite, shape, token_features
from kakehashi.corpora.assistant import generate
from kakehashi.corpora.corpus import segmented
from kakehashi.progress import Progress
from kakehashi.scoring.score import score_spans
from kakehashi.sentence import sentence_from_forms
from kakehashi.tags import tags_from_spans
from kakehashi.text.segment import load_segmenter

DEFAULTS = {"c2": 0.1, "c1": 0, "feature.minfreq": 0}


class Lines(Progress):
    def __init__(self):
        self.said = []

    def say(self, line):
        self.said.append(line)


@pytest.fixture(scope="module")
def parts():
    found = list(segmented(generate("de", 160), load_segmenter("words")))
    return found[:60], found[60:]


@pytest.fixture(scope="module")
def tuned(parts):
    baseline, lines = CRFsuite(), Lines()
    baseline.fit(*parts, lines)
    return baseline, lines.said


def without_f1(tried):
    return [{name: each[name] for name in DEFAULTS} for each in tried]


def test_it_keeps_the_parameters_and_the_model_that_are_best_on_dev(parts, tuned):
    (baseline, said), dev = tuned, parts[1]
    best = max(baseline.tried, key=lambda each: each["dev"])
    assert baseline.chosen == {name: best[name] for name in DEFAULTS}
    gold = [sentence.project() for sentence in dev]
    score = score_spans([x.spans for x in gold], baseline.tag(dev), [x.lost for x in gold])
    assert score.f1 == best["dev"] > baseline.tried[0]["dev"]
    last = baseline.tried[-1]
    assert len(said) == len(baseline.tried)
    assert said[-1].startswith(f"c2 {last['c2']}, c1 {last['c1']}, feature.minfreq ")
    assert said[-1].endswith(f": F1 on dev {last['dev']:.2f}")


def test_each_parameter_moves_as_long_as_f1_rises(tuned):
    tried = tuned[0].tried
    assert without_f1(tried[:2]) == [DEFAULTS, DEFAULTS | {"c2": 0.03}]
    assert {name for name in DEFAULTS if len({each[name] for each in tried}) > 1} == set(DEFAULTS)
    assert len({tuple(each.values()) for each in tried}) == len(tried) <= 9


def test_the_models_of_one_trainer_are_those_of_trainers_of_their_own(parts, tuned, monkeypatch):
    monkeypatch.setattr(crfsuite, "_DEFAULTS", tuned[0].chosen)
    alone = CRFsuite()
    alone.fit(parts[0], ())
    assert alone.model == tuned[0].model


@pytest.mark.parametrize("dev", [(), [sentence_from_forms(["no", "entity"])]])
def test_without_entities_in_dev_the_defaults_stand(parts, dev):
    baseline = CRFsuite()
    baseline.fit(parts[0], dev)
    assert baseline.tag(parts[1]) != [()] * len(parts[1])
    assert (baseline.chosen, baseline.tried) == (DEFAULTS, [])


def test_where_a_training_is_costly_less_is_chosen(parts, monkeypatch):
    baseline = CRFsuite()
    monkeypatch.setattr(crfsuite, "_COST_OF_ALL", 0)
    baseline.fit(*parts)
    assert len(baseline.tried) > 1
    assert {(each["c1"], each["feature.minfreq"]) for each in baseline.tried} == {(0, 0)}
    monkeypatch.setattr(crfsuite, "_COST_OF_C2", 0)
    baseline.fit(*parts)
    assert (baseline.chosen, baseline.tried) == (DEFAULTS, [])


def features_of(forms):
    return [[feature.decode() for feature in token] for token in token_features(forms)]


def test_all_features_of_a_token_in_its_sentence():
    assert features_of(["Ôsaka", "へ", "42"])[1] == [
        *("-2:edge", "-1:w=Ôsaka", "-1:s=Xx", "+0:w=へ", "+0:s=h", "+0:l=へ", "+0:p=へ", "+0:e=へ"),
        *("+0:c=へ", "+1:w=42", "+1:s=d", "+2:edge", "-1:w=Ôsaka へ", "-1:s=Xx h", "+0:w=へ 42"),
        "+0:s=h d",
    ]


def test_affixes_have_up_to_four_characters_and_pieces_come_once():
    (token,) = features_of(["Banana"])
    assert [feature for feature in token if feature[:5] in ("+0:l=", "+0:p=", "+0:e=")] == [
        "+0:l=banana",
        *("+0:p=b", "+0:p=ba", "+0:p=ban", "+0:p=bana"),
        *("+0:e=a", "+0:e=na", "+0:e=ana", "+0:e=nana"),
    ]
    pieces = [feature.removeprefix("+0:c=") for feature in token if feature.startswith("+0:c=")]
    assert pieces == ["b", "a", "n", "ba", "an", "na"]


def test_neighbours_are_seen_up_to_two_tokens_away():
    first, *_, last = features_of(list("abcd"))
    assert {"-2:edge", "-1:edge", "+1:w=b", "+2:w=c"} < set(first)
    assert not any("w=d" in feature for feature in first)
    assert {"-2:w=b", "-1:w=c", "+1:edge", "+2:edge"} < set(last)
    assert features_of([]) == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        *(("東京タワー", "ck"), ("ｶﾞｷﾞ", "k"), ("佐々木さん", "ch"), ("iPhone15", "xXxd")),
        *(("１２，３４５円", "d，dc"), ("...", "."), ("日曜日の\n\n午後", "ch\nc")),
    ],
)
def test_shapes(form, expected):
    assert shape(form) == expected


def test_marginals_add_up_and_agree_with_the_tags(parts, tuned):
    baseline, dev = tuned[0], parts[1][:10]
    agreeing = total = 0
    for sentence, shares in zip(dev, baseline.marginals(dev), strict=True):
        assert shares.shape == (len(sentence.tokens), len(baseline.tags))
        assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)), abs=1e-4)
        (spans,) = baseline.tag([sentence])
        tags = tags_from_spans(spans, len(sentence.tokens))
        best = [baseline.tags[column] for column in shares.argmax(axis=1)]
        agreeing += sum(map(str.__eq__, tags, best))
        total += len(tags)
    assert agreeing / total > 0.9


def test_where_in_a_word_a_character_stands_is_a_feature():
    def features(*readings):
        bare = sentence_from_forms(["北", "京", "的"], joiner="")
        pairs = zip(bare.tokens, readings, strict=True)
        tokens = tuple(token._replace(reading=reading) for token, reading in pairs)
        return [
            {each.decode() for each in f} for f in crfsuite._items(replace(bare, tokens=tokens))
        ]

    plain, marked = features("běi", "jīng", "de"), features("⟨běi", "jīng⟩", "⟨de⟩")
    added = [more - less for more, less in zip(marked, plain, strict=True)]
    assert {"+0:m=⟨", "+1:m=⟩", "+2:m=⟨⟩", "-1:m=", "+0:m=⟨ ⟩", "+0:wm=北 ⟨"} <= added[0]
    assert all(less < more for more, less in zip(marked, plain, strict=True))
    assert plain == features("", "", "")
